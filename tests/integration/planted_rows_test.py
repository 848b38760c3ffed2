"""Rows in the place of the writer's next ones, and renamed indexes, with real processes.

Somebody who may write to the database plants an entry or a tile ahead of the ledger: nothing is sealed on top of it,
nothing received is lost, and sealing resumes once the row is gone.
"""
import pathlib
import sys
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess  # noqa: E402

PATIENCE_S = 60


class PlantedRows(unittest.TestCase):
    def setUp(self):
        # No auditor, which finds planted rows too: here the writer must.
        self.vaultd = VaultdProcess("--audit-rate", "0", "--lease-timeout", "1s")
        self.addCleanup(self.vaultd.remove)
        self.vaultd.start()
        self.context = zmq.Context.instance()
        self.requests = self.connect(zmq.DEALER, self.vaultd.requests)
        self.ingest = self.connect(zmq.PUSH, self.vaultd.ingest)

    def connect(self, kind, endpoint):
        connected = self.context.socket(kind)
        self.addCleanup(connected.close)
        connected.setsockopt(zmq.LINGER, 0)
        connected.setsockopt(zmq.RCVTIMEO, PATIENCE_S * 1_000)
        connected.setsockopt(zmq.SNDTIMEO, PATIENCE_S * 1_000)
        connected.connect(endpoint)
        return connected

    def ask(self, op, **arguments):
        self.requests.send(msgpack.packb({"v": 1, "id": 1, "op": op, **arguments}))
        return msgpack.unpackb(self.requests.recv())

    def result(self, op, **arguments):
        reply = self.ask(op, **arguments)
        self.assertTrue(reply["ok"], reply.get("error"))
        return reply["result"]

    def wait(self, condition, what):
        """Waits until `condition(status)` holds; returns the status."""
        until = time.monotonic() + PATIENCE_S
        while not condition(status := self.result("status")):
            self.assertLess(time.monotonic(), until, f"{what}: {status['alerts']} {status['ready']}\n{self.vaultd.log_tail()}")
            time.sleep(0.05)
        return status

    def seal_to(self, sequence):
        count = sequence - self.result("head")["sequence"]
        self.result("seal_batch", seals=[self.content(n) for n in range(count)])

    @staticmethod
    def content(number, **more):
        return {"session_id": "s", "authority": "tester", "verdict": "SEAL", "seal_data": {"n": number}, **more}

    def remove(self, table, condition):
        self.vaultd.sql(f"BEGIN; ALTER TABLE {table} DISABLE TRIGGER ALL; DELETE FROM {table} WHERE {condition};"
                        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER vault_insert_only;"
                        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER vault_insert_only_row; COMMIT;")

    def find_and_go_on(self, table, condition):
        """An already planted row is found by the first of two seals on ingest, and both are sealed when it is gone."""
        before = self.result("head")["sequence"]
        for number in (1, 2):
            self.ingest.send(msgpack.packb({"v": 1, "id": number, "op": "seal", "seal": self.content(number, session_id="ingest")}))
        status = self.wait(lambda status: "tamper" in status["alerts"] and not status["ready"], "the row is found")
        self.assertEqual(status["sequence"], before)
        self.remove(table, condition)
        self.wait(lambda status: status["ready"] and status["sequence"] == before + 2 and not status["alerts"],
                  "both are sealed, and the alert is over")
        entries = self.result("read", session_id="ingest")["entries"]
        self.assertEqual([entry["seal_data"] for entry in entries], [{"n": 1}, {"n": 2}])
        answer = self.vaultd.ctl("verify", "--json")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def test_an_entry_ahead_of_the_head(self):
        self.seal_to(3)
        self.vaultd.sql("INSERT INTO vault_ledger SELECT 4, session_id, gen_random_uuid(), timestamp, authority, verdict, "
                        "seal_data, data_salt, data_hash, entry_hash, prev_hash, merkle_root FROM vault_ledger "
                        "WHERE sequence = 3")
        self.find_and_go_on("vault_ledger", "sequence = 4")

    def test_a_tile_ahead_of_the_head(self):
        self.seal_to(255)
        self.vaultd.sql("INSERT INTO vault_tile (level, index, hashes, root) "
                        "VALUES (0, 0, decode(repeat('ab', 8192), 'hex'), decode(repeat('ab', 32), 'hex'))")
        self.find_and_go_on("vault_tile", "level = 0 AND index = 0")

    def test_a_duplicate_is_one_whatever_its_index_is_called(self):
        """The vaultd that has sealed it remembers; after the restart, only the index reveals it."""
        receipts = [self.result("seal", seal=self.content(n, seal_id=f"01890a5d-ac96-774b-bcce-b302099a805{n}"))
                    for n in range(3)]
        self.vaultd.sql("ALTER INDEX vault_ledger_seal_id_key RENAME TO by_seal_id")
        self.vaultd.restart()
        again = self.result("seal", seal=self.content(1, seal_id="01890a5d-ac96-774b-bcce-b302099a8051"))
        self.assertEqual((again["sequence"], again["duplicate"]), (receipts[1]["sequence"], True))
        status = self.result("status")
        self.assertEqual((status["alerts"], status["ready"], status["sequence"]), ([], True, 3))


if __name__ == "__main__":
    unittest.main()
