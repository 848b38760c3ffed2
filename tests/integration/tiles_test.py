"""Operations `tile` and `entry_bundle`: byte for byte the files of an archive, and nothing that no checkpoint covers."""
import json
import pathlib
import shutil
import sys
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.vaultd_process import VaultdProcess, make_directory  # noqa: E402

VAULTD = VaultdProcess()


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()


def index_of(parts):
    number = 0
    for part in parts:
        number = number * 1000 + int(part.lstrip("x"))
    return number


class TilesTest(unittest.TestCase):
    def ask(self, op, **arguments):
        with zmq.Context.instance().socket(zmq.REQ) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(VAULTD.requests)
            socket.send(msgpack.packb({"v": 1, "op": op, **arguments}))
            self.assertTrue(socket.poll(60_000), op)
            return msgpack.unpackb(socket.recv())

    def code(self, op, **arguments):
        reply = self.ask(op, **arguments)
        return "ok" if reply["ok"] else reply["error"]["code"]

    def question(self, path):
        """The request for the archive's file `path` (tile/<level>/<index…>[.p/<width>])."""
        name, _, width = path.partition(".p/")
        _, level, *parts = name.split("/")
        question = {"index": index_of(parts), "width": int(width or 256)}
        return ("entry_bundle", question) if level == "entries" else ("tile", {"level": int(level), **question})

    def test_they_are_the_files_of_an_archive(self):
        directory = make_directory("vault-tiles-")
        self.addCleanup(shutil.rmtree, directory)
        for size, more in ((1, 1), (255, 254), (256, 1), (257, 1), (1_030, 773)):
            ledger.seal_many(VAULTD, more)
            archive = directory / str(size)
            answer = VAULTD.ctl("archive", "--out", str(archive), "--no-payloads")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            files = [path for path in (archive / "tile").rglob("*") if path.is_file()]
            self.assertGreater(len(files), 1)
            for file in files:
                op, question = self.question(file.relative_to(archive).as_posix())
                with self.subTest(op, **question, size=size):
                    result = self.ask(op, **question)["result"]
                    self.assertEqual(result["hashes" if op == "tile" else "bundle"], file.read_bytes())
        whole = self.ask("tile", level=0, index=0)["result"]["hashes"]
        self.assertEqual(self.ask("tile", level=0, index=0, width=7)["result"]["hashes"], whole[:7 * 32])

    def test_what_no_checkpoint_covers(self):
        ledger.seal_many(VAULTD, 3)
        size = json.loads(VAULTD.ctl("checkpoint", "--json").stdout)["tree_size"]
        full, rest = divmod(size, 256)
        for op, level in (("tile", {"level": 0}), ("entry_bundle", {})):
            self.assertEqual(self.code(op, index=full, width=rest, **level), "ok")
            self.assertEqual(self.code(op, index=full, width=rest + 1, **level), "not_found")
            self.assertEqual(self.code(op, index=full, **level), "not_found")
            self.assertEqual(self.code(op, index=full + 1, width=1, **level), "not_found")
            self.assertEqual(self.code(op, index=2**63 - 1, **level), "not_found")
        for level in (3, 7, 8, 63):
            self.assertEqual(self.code("tile", level=level, index=0, width=1), "not_found")

    def test_status_tells_of_seals(self):
        ledger.seal_many(VAULTD, 12)
        until = time.monotonic() + 30
        while (status := self.ask("status")["result"])["sealed"]["888_HOLD"] < 2:  # told some times a second
            self.assertLess(time.monotonic(), until, status)
        self.assertIn("tile", status["features"])
        for name in ("commit_seconds", "batch_seals", "queue_wait_seconds"):
            histogram = status["histograms"][name]
            self.assertEqual(len(histogram["counts"]), len(histogram["bounds"]) + 1)
            self.assertEqual(histogram["counts"], sorted(histogram["counts"]))
            self.assertGreater(histogram["counts"][-1], 0)
            self.assertGreater(histogram["sum"], 0)
        self.assertLess(status["histograms"]["queue_wait_seconds"]["sum"], 1_000)
        self.assertGreaterEqual(status["gauges"]["checkpoint_age_seconds"], 0)


class DamagedTest(unittest.TestCase):
    """A tampered row is in no bundle."""

    def test_a_changed_row(self):
        with VaultdProcess() as vaultd:
            ledger.seal_many(vaultd, 5)
            vaultd.sql("ALTER TABLE vault_ledger DISABLE TRIGGER USER;"
                       "UPDATE vault_ledger SET authority = 'somebody' WHERE sequence = 3")
            with zmq.Context.instance().socket(zmq.REQ) as socket:
                socket.setsockopt(zmq.LINGER, 0)
                socket.connect(vaultd.requests)
                socket.send(msgpack.packb({"v": 1, "op": "entry_bundle", "index": 0, "width": 5}))
                error = msgpack.unpackb(socket.recv())["error"]
            self.assertEqual(error["code"], "internal")
            self.assertIn("entry 3", error["message"])


if __name__ == "__main__":
    unittest.main()
