"""Spool: every seal for which append() has returned is in the ledger exactly once, whatever dies."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
import zlib
from unittest import mock

import setup_paths

from support.vaultd_process import VaultdProcess, clean_environment
from vault999 import ForeignProcess, InvalidArgument, Seal, Spool, SpoolFull, SpoolLocked, TooLarge, Unavailable, Vault
from vault999 import _spool_files

WAIT_S = 60
PRODUCER = """
import sys
from vault999 import Spool, Vault
spool = Spool(sys.argv[1], Vault(sys.argv[2]))
n = 0
while True:
    print(spool.append("killed", "tester", "SEAL", {"n": n}), flush=True)
    n += 1
"""


def setUpModule():
    global vaultd
    vaultd = VaultdProcess()
    unittest.addModuleCleanup(vaultd.remove)
    vaultd.start()


class SpoolCase(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vault999-spool-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.vault = Vault(vaultd.requests)
        self.away = Vault("ipc:///nonexistent/requests", connect_timeout=0.1, timeout=0.1)
        self.addCleanup(self.vault.close)
        self.addCleanup(self.away.close)
        self.session = f"s-{uuid.uuid4()}"

    def spool(self, vault=None, **more):
        spool = Spool(self.directory / "spool", vault or self.vault, **more)
        self.addCleanup(spool.close, 0)
        return spool

    def append(self, spool, count, begin=0):
        return [spool.append(self.session, "tester", "SEAL", {"n": n}) for n in range(begin, begin + count)]

    def sealed(self):
        return [entry.seal_data["n"] for entry in self.vault.read_session(self.session)]


class Sealing(SpoolCase):
    def test_it_is_sealed_in_order_and_dropped(self):
        receipts = []
        spool = self.spool(on_receipt=lambda seal, receipt: receipts.append((seal["seal_id"], receipt.seal_id)))
        ids = self.append(spool, 20)
        ids += spool.append_many([Seal(self.session, "tester", "SEAL", {"n": n}) for n in range(20, 500)])
        self.assertTrue(spool.flush(WAIT_S))
        self.assertEqual((0, list(range(500))), (spool.pending, self.sealed()))
        self.assertEqual([(one, one) for one in ids], receipts)
        spool.close()
        self.assertEqual([0], [path.stat().st_size for path in (self.directory / "spool").glob("*.spool")])

    def test_what_was_kept_while_vaultd_was_away(self):
        spool = self.spool(self.away)
        self.append(spool, 10)
        self.assertEqual(10, spool.pending)
        self.assertFalse(spool.flush(0.05))
        spool.close(0)
        again = self.spool()
        self.append(again, 5, 10)
        self.assertTrue(again.flush(WAIT_S))
        self.assertEqual(list(range(15)), self.sealed())

    def test_vaultd_restarts(self):
        with VaultdProcess() as other, Vault(other.requests, timeout=1) as vault:
            spool = self.spool(vault)
            self.append(spool, 50)
            other.kill()
            self.append(spool, 50, 50)
            other.start()
            self.append(spool, 50, 100)
            self.assertTrue(spool.flush(WAIT_S))
            with Vault(other.requests) as fresh:
                self.assertEqual(list(range(150)), [entry.seal_data["n"] for entry in fresh.read_session(self.session)])

    def test_many_segments_and_many_threads(self):
        with mock.patch.object(_spool_files, "SEGMENT_BYTES", 2000):
            spool = self.spool(self.away)
            threads = [threading.Thread(target=self.append, args=(spool, 50, 50 * number)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertGreater(len(list((self.directory / "spool").glob("*.spool"))), 10)
            spool.close(0)
            again = self.spool()
            self.assertEqual(400, again.pending)
            self.assertTrue(again.flush(WAIT_S))
            self.assertEqual(list(range(400)), sorted(self.sealed()))
            self.assertLessEqual(len(list((self.directory / "spool").glob("*.spool"))), 2)


class Refusing(SpoolCase):
    def test_what_cannot_be_sealed_is_refused_at_once(self):
        spool = self.spool(self.away)
        for arguments, field in (((self.session, "t", "NO", {}), "verdict"), (("", "t", "SEAL", {}), "session_id"),
                                 ((self.session, "a\n", "SEAL", {}), "authority"), ((self.session, "t", "SEAL", {"a": {1}}), "seal_data.a"),
                                 ((self.session, None, "SEAL", {}), "authority"), ((self.session, "t", "SEAL", [1]), "seal_data")):
            with self.assertRaises(InvalidArgument) as caught:
                spool.append(*arguments)
            self.assertEqual("seals[0]." + field, caught.exception.field)
        with self.assertRaises(InvalidArgument):
            spool.append(self.session, "t", "SEAL", {}, seal_id="x")
        with self.assertRaises(InvalidArgument):
            spool.append_many([{"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {}, "sealid": "x"}])
        with self.assertRaises(TooLarge):
            spool.append(self.session, "t", "SEAL", {"a": "x" * (1 << 20)})
        self.assertEqual(0, spool.pending)

    def test_what_vaultd_refuses_is_kept_aside(self):
        seal_id = str(uuid.uuid4())
        self.vault.seal(self.session, "tester", "SEAL", {"n": -1}, seal_id=seal_id)
        refused = []
        spool = self.spool(on_refused=lambda seal, error: refused.append((seal["seal_id"], error.code)))
        with self.assertLogs("vault999", "ERROR"):
            self.append(spool, 3)
            spool.append(self.session, "tester", "SEAL", {"n": 99}, seal_id=seal_id)
            self.append(spool, 3, 3)
            self.assertTrue(spool.flush(WAIT_S))
        self.assertEqual([-1, 0, 1, 2, 3, 4, 5], self.sealed())
        self.assertEqual([(seal_id, "seal_id_conflict")], refused)
        line = json.loads((self.directory / "spool" / "refused.ndjson").read_text())
        self.assertEqual(({"n": 99}, "seal_id_conflict"), (line["seal"]["seal_data"], line["code"]))

    def test_it_is_bounded(self):
        spool = self.spool(self.away, max_bytes=2000)
        with self.assertRaises(SpoolFull):
            self.append(spool, 1000)
        kept = spool.pending
        spool.close(0)
        again = self.spool(max_bytes=2000)
        self.assertTrue(again.flush(WAIT_S))
        self.append(again, 1, 5000)  # there is room again
        self.assertTrue(again.flush(WAIT_S))
        self.assertEqual(list(range(kept)) + [5000], self.sealed())

    def test_two_on_one_spool(self):
        self.spool()
        with self.assertRaises(SpoolLocked):
            Spool(self.directory / "spool", self.vault)
        code = ("import sys\nfrom vault999 import Spool, SpoolLocked, Vault\ntry:\n    Spool(sys.argv[1], Vault('ipc:///x'))\n"
                "except SpoolLocked as error:\n    print(error)")
        ran = subprocess.run([sys.executable, "-c", code, str(self.directory / "spool")], capture_output=True, text=True, timeout=60,
                             env={**clean_environment(), **setup_paths.child_environment()})
        self.assertIn(f"in use by process {os.getpid()}", ran.stdout, ran.stderr)

    def test_a_child_after_fork_is_refused(self):
        spool = self.spool()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                spool.append(self.session, "tester", "SEAL", {})
            except ForeignProcess:
                code = 0
            finally:
                os._exit(code)
        self.assertEqual(0, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        self.append(spool, 1)
        self.assertTrue(spool.flush(WAIT_S))

    def test_closed(self):
        spool = self.spool()
        spool.close()
        spool.close()
        with self.assertRaises(Unavailable):
            self.append(spool, 1)


class Crashes(SpoolCase):
    def test_kill_minus_nine_loses_nothing(self):
        for _ in range(3):
            producer = subprocess.Popen([sys.executable, "-c", PRODUCER, str(self.directory / "spool"), vaultd.requests],
                                        stdout=subprocess.PIPE, text=True,
                                        env={**clean_environment(), **setup_paths.child_environment()})
            told = [producer.stdout.readline().strip() for _ in range(40)]
            producer.send_signal(signal.SIGKILL)
            told += [line.strip() for line in producer.stdout.read().splitlines()]
            producer.wait()
            producer.stdout.close()
            told = [one for one in told if len(one) == 36]
            with Spool(self.directory / "spool", self.vault) as spool:
                self.assertTrue(spool.flush(WAIT_S))
            for seal_id in told:
                self.vault.read_by_seal_id(seal_id)
        entries = [entry.seal_id for entry in self.vault.read_session("killed")]
        self.assertEqual(len(entries), len(set(entries)))

    def segment(self, count):
        spool = self.spool(self.away)
        self.append(spool, count)
        spool.close(0)
        return max((self.directory / "spool").glob("*.spool"), key=lambda path: path.stat().st_size)

    def test_a_torn_end_is_cut_off(self):
        for cut in (1, 5, 60):
            path = self.segment(5)
            with open(path, "r+b") as file:
                file.truncate(path.stat().st_size - cut)
            with self.assertLogs("vault999", "ERROR"):
                spool = self.spool()
            self.assertTrue(spool.flush(WAIT_S))
            spool.close()
            self.assertEqual([0, 1, 2, 3], self.sealed())
            self.session = f"s-{uuid.uuid4()}"

    def test_zeros_at_the_end_are_no_record(self):
        path = self.segment(3)
        with open(path, "ab") as file:
            file.write(bytes(500))
        spool = self.spool()
        self.assertTrue(spool.flush(WAIT_S))
        self.assertEqual([0, 1, 2], self.sealed())

    def test_damage_is_kept_aside_and_told(self):
        path = self.segment(5)
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
        with self.assertLogs("vault999", "ERROR") as logged:
            spool = self.spool()
        self.assertTrue(spool.flush(WAIT_S))
        self.assertEqual([0, 1], self.sealed())
        aside, = (self.directory / "spool").glob("*.damaged")
        self.assertIn(str(aside), logged.output[0])
        self.assertTrue(bytes(raw).endswith(aside.read_bytes()))

    def test_a_disk_that_cannot_fsync(self):
        spool = self.spool(self.away)
        self.append(spool, 1)
        with mock.patch("os.fsync", side_effect=OSError(5, "Input/output error")), self.assertRaises(OSError):
            self.append(spool, 1, 1)
        with self.assertRaisesRegex(OSError, "until it is opened again"):
            self.append(spool, 1, 2)

    def test_a_full_disk(self):
        spool = self.spool(self.away)
        self.append(spool, 2)
        real, calls = os.pwrite, []

        def half(fd, data, offset):
            calls.append(len(data))
            if len(calls) == 1:
                return real(fd, data[:len(data) // 2], offset)
            raise OSError(28, "No space left on device")

        with mock.patch("os.pwrite", half), self.assertRaises(OSError):
            self.append(spool, 1, 77)
        self.append(spool, 2, 2)
        spool.close(0)
        again = self.spool()
        self.assertTrue(again.flush(WAIT_S))
        self.assertEqual([0, 1, 2, 3], self.sealed())

    def test_the_record_format(self):
        raw = self.segment(1).read_bytes()
        length, checksum = int.from_bytes(raw[:4], "big"), int.from_bytes(raw[4:8], "big")
        self.assertEqual((len(raw) - 8, checksum), (length, zlib.crc32(raw[8:])))


class Callbacks(SpoolCase):
    def test_a_callback_that_fails_does_not_end_the_sending(self):
        failed = threading.Event()

        def once(seal, receipt):
            if not failed.is_set():
                failed.set()
                raise ValueError("mine")

        spool = self.spool(on_receipt=once)
        with self.assertLogs("vault999", "ERROR"):
            self.append(spool, 3)
            deadline = time.monotonic() + WAIT_S
            while not failed.is_set():
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            self.assertTrue(spool.flush(WAIT_S))
        self.assertEqual([0, 1, 2], self.sealed())


if __name__ == "__main__":
    unittest.main()
