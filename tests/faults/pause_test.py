"""A writer that is stopped for longer than its lease and its other timeouts, beside a standby: the other one takes
over, and the sleeper wakes up fenced.

It sends nothing of its own after the takeover: no receipt, no checkpoint, no event.
"""
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import main  # noqa: E402
from support.fault_load import ask  # noqa: E402
from support.ledger_reading import open_note  # noqa: E402

# Longer than the lease and the timeouts that are set here, which are 30 and 60 s by default. In a soak, one in five is
# longer than those, too, and than the 30 s that a writer waits for an answer of its database, which cannot be
# configured.
# than those, too, and than the 30 s that a writer waits for an answer of its database, which nothing sets.
TIMEOUTS = ("--request-timeout", "3s", "--database-idle-timeout", "2s")
ASLEEP_S, LONG_ASLEEP_S = 5, 65


def asleep_s(run, number):
    return LONG_ASLEEP_S if run.soaking and number % 5 == 4 else ASLEEP_S


def body(run):
    server = run.server()
    one = run.vaultd(server.url, *TIMEOUTS)
    other = run.vaultd(server.url, *TIMEOUTS, key=one.state / "signing.pem", wait=False)
    other.wait_for(lambda status: status["role"] == "standby")
    truth = run.truth(server.sql, [one, other], allowed=("database", "readers", "fenced"))
    truth.learn_vkey()
    for number in run.turns():
        run.wait_a_little(0.3, 1.2)
        sleeper = truth.writer()
        awake = other if sleeper is one else one
        follower = truth.followers[truth.vaultds.index(sleeper)]
        epoch = awake.status()["writer_epoch"]
        sleeper.signal(signal.SIGSTOP)
        began = time.monotonic()
        awake.wait_ready()
        run.note("takeover", time.monotonic() - began)
        size = int(server.sql("SELECT head_sequence FROM vault_head")[0][0])
        taken_at = awake.status()["writer_epoch"]
        if taken_at <= epoch:
            raise AssertionError(f"the epoch was {epoch} and is {taken_at}")
        events, notes = len(follower.entries), len(follower.notes)
        truth.load.wait_receipts(20)
        time.sleep(max(0, asleep_s(run, number) - (time.monotonic() - began)))
        sleeper.signal(signal.SIGCONT)
        sleeper.wait_for(lambda status: status["role"] == "standby")
        asked = ask(sleeper.requests, "seal", seal={"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {}})
        if asked["ok"] or asked["error"]["code"] != "unavailable":
            raise AssertionError(f"the one that was fenced answers {asked}")
        late = [sequence for sequence, _, _ in follower.entries[events:] if sequence > size]
        signed = [open_note(note, truth.vkey)[0] for note, _ in follower.notes[notes:]]
        if late or [one for one in signed if one > size]:
            raise AssertionError(f"the sleeper told of {late} and signed {signed} after the takeover at {size}")
        truth.compare()
        run.survived(f"asleep for {asleep_s(run, number)} s")
    run.require("takeover", 5)


main("pause", body, short=3, soak=50)
