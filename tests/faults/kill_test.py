"""vaultd is killed at random moments, under load: on an external server, and with its own PostgreSQL."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import EmbeddedVaultd, main  # noqa: E402


def kill_again_and_again(run, vaultd, truth, rounds, what, where):
    for _ in run.turns(rounds):
        run.wait_a_little(0.1, 0.8)
        vaultd.kill()
        twice = run.random.random() < 0.3
        if twice:
            vaultd.start(wait=False)
            run.wait_a_little(0.0, 0.4)
            vaultd.kill()
        began = time.monotonic()
        vaultd.start(wait=False).wait_ready()
        run.note(what, time.monotonic() - began)
        truth.compare()
        run.survived(f"killed{', and again on its way up' if twice else ''}, {where}")


def body(run):
    embedded_rounds = max(1, run.rounds // 5)
    server = run.server()
    vaultd = run.vaultd(server.url)
    truth = run.truth(server.sql, [vaultd], allowed=())
    kill_again_and_again(run, vaultd, truth, run.rounds - embedded_rounds, "ready_after_kill", "on a server")
    run.done(truth)
    own = run.keep(EmbeddedVaultd(run.new_directory("e"))).start()
    truth = run.truth(own.sql, [own])
    kill_again_and_again(run, own, truth, embedded_rounds, "ready_after_kill_embedded", "embedded")
    run.require("ready_after_kill", 3)
    run.require("ready_after_kill_embedded", 3)


main("kill", body, short=10, soak=500)
