"""A database that refuses for reasons that are no seal's fault: somebody's constraint or trigger, a commit that fails
again and again, guards that are removed. One alert, a reason, no ingest dropped, and all by itself once it is over.
"""
import pathlib
import sys
import threading
import time
import unittest
import uuid

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess  # noqa: E402


def seal(seal_id=None):
    return {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_id": seal_id or str(uuid.uuid4()), "seal_data": {}}


class RefusalsTest(unittest.TestCase):
    def setUp(self):
        self.vaultd = VaultdProcess().start()
        self.addCleanup(self.vaultd.remove)
        self.assertTrue(self.ask("seal", seal=seal())["ok"])

    def ask(self, op, timeout_ms=20_000, **members):
        with zmq.Context.instance().socket(zmq.REQ) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
            socket.connect(self.vaultd.requests)
            socket.send(msgpack.packb({"v": 1, "id": 1, "op": op, **members}))
            return msgpack.unpackb(socket.recv())

    def status(self):
        return self.ask("status")["result"]

    def wait(self, condition, what, seconds=40):
        until = time.monotonic() + seconds
        while not condition(self.status()):
            self.assertLess(time.monotonic(), until, f"{what}: {self.status()}\n{self.vaultd.log_tail()}")
            time.sleep(0.05)

    def push(self, seals):
        with zmq.Context.instance().socket(zmq.PUSH) as socket:
            socket.setsockopt(zmq.LINGER, 5_000)
            socket.connect(self.vaultd.ingest)
            for one in seals:
                socket.send(msgpack.packb({"v": 1, "op": "seal", "seal": one}))

    def count(self, seals):
        ids = ", ".join(f"'{one['seal_id']}'" for one in seals)
        return int(self.vaultd.sql(f"SELECT count(*) FROM vault_ledger WHERE seal_id IN ({ids})")[0][0])

    def sealing_refused_for(self, reason):
        until = time.monotonic() + 20
        while True:
            reply = self.ask("seal", seal=seal())
            self.assertFalse(reply["ok"], reply)
            if reply["error"]["code"] == "unavailable" and reason in reply["error"]["message"]:
                return
            self.assertLess(time.monotonic(), until, reply)
            time.sleep(0.05)

    def test_a_constraint_that_refuses_everything_costs_no_seal_of_ingest(self):
        epoch = self.status()["writer_epoch"]
        self.vaultd.sql("ALTER TABLE vault_ledger ADD CONSTRAINT never CHECK (false) NOT VALID")
        pushed = [seal() for _ in range(5)]
        self.push(pushed)
        self.wait(lambda status: status["alerts"] == ["database"] and not status["ready"], "no alert")
        self.sealing_refused_for("never")
        for _ in range(20):
            self.assertEqual((self.status()["alerts"], self.status()["ready"]), (["database"], False))
            time.sleep(0.05)
        self.vaultd.sql("ALTER TABLE vault_ledger DROP CONSTRAINT never")
        self.wait(lambda status: status["ready"] and not status["alerts"], "it does not go on")
        self.wait(lambda _: self.count(pushed) == 5, "seals of ingest are gone")
        self.assertEqual(self.status()["writer_epoch"], epoch, "nobody had to take the lease again")
        self.assertTrue(self.ask("verify")["result"]["valid"])

    def test_one_lone_seal_of_ingest_waits_for_another(self):
        self.vaultd.sql("ALTER TABLE vault_ledger ADD CONSTRAINT never CHECK (false) NOT VALID")
        pushed = [seal()]
        self.push(pushed)
        time.sleep(1)
        self.vaultd.sql("ALTER TABLE vault_ledger DROP CONSTRAINT never")
        self.assertTrue(self.ask("seal", seal=seal())["ok"])
        self.wait(lambda _: self.count(pushed) == 1, "a seal of ingest is gone")

    def test_commits_that_fail_at_their_end_wait_with_a_reason(self):
        self.vaultd.sql(
            "CREATE FUNCTION nope() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today' "
            "USING ERRCODE = '53100'; END $$; CREATE CONSTRAINT TRIGGER nope AFTER UPDATE ON vault_head DEFERRABLE "
            "INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.head_sequence <> OLD.head_sequence) EXECUTE FUNCTION nope()")
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(self.ask("seal", 40_000, seal=seal())))
        waiting.start()
        self.wait(lambda status: "database" in status["alerts"] and not status["ready"], "no alert")
        waiting.join(20)
        self.assertEqual([one["error"]["code"] for one in answers], ["unavailable"], "it heard nothing, or something else")
        self.assertIn("not today", answers[0]["error"]["message"])
        lines, epoch = self.log_lines(), self.status()["writer_epoch"]
        until = time.monotonic() + 8
        while time.monotonic() < until:
            self.ask("seal", seal=seal())
            time.sleep(0.1)
        # 30 epochs and 90 lines were seen.
        self.assertLess(self.status()["writer_epoch"] - epoch, 25)
        self.assertLess(self.log_lines() - lines, 30, self.vaultd.log_tail())
        self.vaultd.sql("DROP TRIGGER nope ON vault_head")
        self.wait(lambda _: self.ask("seal", seal=seal())["ok"], "it does not go on")
        self.wait(lambda status: status["ready"] and not status["alerts"], "it does not go on")

    def log_lines(self):
        return self.vaultd.log_path.read_text(errors="replace").count("\n")

    def triggers(self, table, how):
        self.vaultd.sql(f"DO $$ DECLARE name text; BEGIN FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = "
                        f"'{table}'::regclass AND NOT tgisinternal LOOP EXECUTE format('ALTER TABLE {table} {how} "
                        "TRIGGER %I', name); END LOOP; END $$")

    def test_a_guard_that_is_taken_away_under_a_writer_is_told_and_its_return_too(self):
        self.triggers("vault_ledger", "DISABLE")
        self.wait(lambda status: "tamper" in status["alerts"], "nobody is told")
        self.triggers("vault_ledger", "ENABLE ALWAYS")
        self.wait(lambda status: "tamper" not in status["alerts"], "it stays")

    def test_a_planted_checkpoint_that_is_gone_again_is_no_alert_for_ever(self):
        status = self.status()
        origin = self.vaultd.sql("SELECT origin FROM vault_origin ORDER BY ordinal DESC LIMIT 1")[0][0]
        size = status["sequence"] + 1
        self.vaultd.sql(f"INSERT INTO vault_checkpoint (origin, tree_size, root, note) VALUES ('{origin}', {size}, "
                        f"'{'ab' * 32}', 'junk')")
        self.assertTrue(self.ask("seal", seal=seal())["ok"])
        self.wait(lambda status: "tamper" in status["alerts"], "nobody is told")
        self.triggers("vault_checkpoint", "DISABLE")
        self.vaultd.sql(f"DELETE FROM vault_checkpoint WHERE tree_size = {size}")
        self.triggers("vault_checkpoint", "ENABLE ALWAYS")

        def over(status):
            self.ask("seal", seal=seal())
            return "tamper" not in status["alerts"]
        self.wait(over, "it stays")
        self.assertTrue(self.ask("verify")["result"]["valid"])


if __name__ == "__main__":
    unittest.main()
