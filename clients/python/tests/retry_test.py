"""Retries of the client: against vaultds that die and return, and a ROUTER with scripted answers."""
import asyncio
import os
import signal
import tempfile
import threading
import time
import unittest
import uuid

import msgpack
import setup_paths  # noqa: F401
import zmq

from support.vaultd_process import VaultdProcess
from vault999 import AsyncVault, Busy, DeadlineExceeded, InvalidArgument, Seal, Unavailable, Vault, VaultError

RECEIPT = {"sequence": 1}


class FakeVaultd:
    """A ROUTER on a thread: `answers` are its answers to one request after the other; None: no answer."""

    def __init__(self, case, answers, endpoint=None):
        self.directory = tempfile.TemporaryDirectory()
        self.endpoint = endpoint or f"ipc://{self.directory.name}/requests"
        self.heard, self.answers, self.ended = [], list(answers), threading.Event()
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(self.endpoint)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        case.addCleanup(self.stop)

    def run(self):
        while not self.ended.is_set():
            if not self.socket.poll(20):
                continue
            *envelope, frame = self.socket.recv_multipart()
            request = msgpack.unpackb(frame)
            self.heard.append(request)
            answer = self.answers.pop(0) if self.answers else {"ok": True, "result": RECEIPT}
            for one in answer if isinstance(answer, list) else [answer]:
                if one is not None:
                    self.socket.send_multipart([*envelope, msgpack.packb({"v": 1, "id": request["id"], **one})])

    def stop(self):
        if self.ended.is_set():
            return
        self.ended.set()
        self.thread.join()
        self.socket.close(0)
        self.context.term()
        self.directory.cleanup()


def error(code, retryable=True, **more):
    return {"ok": False, "error": {"code": code, "message": "so it is", "retryable": retryable, **more}}


class Answers(unittest.TestCase):
    def test_the_same_seal_id_in_every_attempt(self):
        fake = FakeVaultd(self, [error("busy"), error("unavailable"), error("deadline_exceeded"), error("later", True)])
        with Vault(fake.endpoint) as vault:
            self.assertEqual(1, vault.seal("s", "a", "SEAL", {}).sequence)
        self.assertEqual(5, len(fake.heard))
        self.assertEqual(1, len({request["seal"]["seal_id"] for request in fake.heard}))
        self.assertEqual(36, len(fake.heard[0]["seal"]["seal_id"]))
        self.assertEqual("7", fake.heard[0]["seal"]["seal_id"][14])

    def test_the_last_error_is_raised(self):
        fake = FakeVaultd(self, [error("busy")] * 100)
        with Vault(fake.endpoint, timeout=0.5) as vault, self.assertRaises(Busy):
            vault.head()
        self.assertGreater(len(fake.heard), 1)

    def test_a_refusal_is_not_tried_again(self):
        fake = FakeVaultd(self, [error("invalid_argument", False, field="seal.verdict")])
        with Vault(fake.endpoint) as vault, self.assertRaises(InvalidArgument) as caught:
            vault.seal("s", "a", "SEAL", {})
        self.assertEqual(("seal.verdict", 1), (caught.exception.field, len(fake.heard)))

    def test_no_answer(self):
        fake = FakeVaultd(self, [None] * 10)
        with Vault(fake.endpoint, timeout=0.3) as vault:
            with self.assertRaises(DeadlineExceeded):
                vault.head()
            with self.assertRaises(TimeoutError):
                vault.status()

    def test_late_and_foreign_replies_are_dropped(self):
        fake = FakeVaultd(self, [[{"id": 77, "ok": True, "result": {"sequence": 9}}, {"ok": True, "result": {"sequence": 2}}]])
        with Vault(fake.endpoint) as vault:
            self.assertEqual(2, vault.head().sequence)

    def test_a_verification_is_not_late_while_it_is_heard_of(self):
        progress = [{"progress": {"checked": n, "total": 3}} for n in range(3)]

        class Slow(FakeVaultd):
            def run(self):
                self.socket.poll()
                *envelope, frame = self.socket.recv_multipart()
                request = msgpack.unpackb(frame)
                for one in [*progress, {"ok": True, "result": {"valid": True}}]:
                    time.sleep(0.3)
                    self.socket.send_multipart([*envelope, msgpack.packb({"v": 1, "id": request["id"], **one})])

        fake, told = Slow(self, []), []
        with Vault(fake.endpoint, timeout=0.6) as vault:
            self.assertTrue(vault.verify(progress=lambda *one: told.append(one)).valid)
        self.assertEqual([(0, 3), (1, 3), (2, 3)], told)

    def test_seal_many_keeps_trying(self):
        def receipts(count):
            return {"ok": True, "result": {"receipts": [{"sequence": n} for n in range(count)]}}

        fake = FakeVaultd(self, [error("busy"), error("unavailable"), receipts(10)])
        seals = [Seal("s", "a", "SEAL", {"n": n}) for n in range(10)]
        with Vault(fake.endpoint) as vault:
            self.assertEqual(list(range(10)), [one.sequence for one in vault.seal_many(seals)])
        self.assertEqual(1, len({tuple(seal["seal_id"] for seal in request["seals"]) for request in fake.heard}))
        fake = FakeVaultd(self, [error("busy")] * 100)
        with Vault(fake.endpoint, timeout=0.4) as vault:
            outcomes = list(vault.seal_many(seals, return_exceptions=True))
        self.assertEqual([Busy] * 10, [type(one) for one in outcomes])
        fake = FakeVaultd(self, [None] * 100)
        with Vault(fake.endpoint, timeout=0.4) as vault, self.assertRaises(DeadlineExceeded):
            list(vault.seal_many(seals))

    def test_async_the_same(self):
        fake = FakeVaultd(self, [error("busy"), None, error("internal", False)])

        async def run():
            async with AsyncVault(fake.endpoint, timeout=0.5) as vault:
                with self.assertRaises(DeadlineExceeded):
                    await vault.seal("s", "a", "SEAL", {})
                with self.assertRaises(VaultError):
                    await vault.head()
                self.assertEqual(1, (await vault.head()).sequence)

        asyncio.run(run())
        self.assertEqual(fake.heard[0], fake.heard[1])


class Restarts(unittest.TestCase):
    """Producers continue while vaultd is killed and restarted: every seal is in the ledger exactly once."""

    def test_killed_under_load(self):
        with VaultdProcess() as vaultd:
            stop, receipts, failed = threading.Event(), [], []

            def one_by_one(vault, number):
                try:
                    n = 0
                    while not stop.is_set():
                        receipts.append(vault.seal(f"single-{number}", "tester", "SEAL", {"n": n}, seal_id=uuid.uuid4()))
                        n += 1
                except Exception as problem:  # noqa: BLE001
                    failed.append(problem)

            def many(vault):
                def source():
                    n = 0
                    while not stop.is_set() and n < 200_000:
                        yield Seal("many", "tester", "SEAL", {"n": n}, uuid.uuid4())
                        n += 1
                try:
                    receipts.extend(vault.seal_many(source()))
                except Exception as problem:  # noqa: BLE001
                    failed.append(problem)

            async def async_many():
                async with AsyncVault(vaultd.requests, timeout=120) as vault:
                    async def worker(number):
                        n = 0
                        while not stop.is_set():
                            receipts.append(await vault.seal(f"async-{number}", "tester", "SEAL", {"n": n}))
                            n += 1
                    await asyncio.gather(*(worker(number) for number in range(20)))

            def async_thread():
                try:
                    asyncio.run(async_many())
                except Exception as problem:  # noqa: BLE001
                    failed.append(problem)

            with Vault(vaultd.requests, timeout=120) as vault:
                threads = [threading.Thread(target=one_by_one, args=(vault, number)) for number in range(3)]
                threads += [threading.Thread(target=many, args=(vault,)), threading.Thread(target=async_thread)]
                for thread in threads:
                    thread.start()
                for kill in (vaultd.kill, vaultd.stop, vaultd.kill):
                    seen = len(receipts)
                    while len(receipts) < seen + 50 and not failed:
                        time.sleep(0.02)
                    kill()
                    vaultd.start()
                stop.set()
                for thread in threads:
                    thread.join(150)
                    self.assertFalse(thread.is_alive(), "a producer hangs")
                self.assertEqual([], failed)
                entries = {entry.sequence: entry.entry_hash for entry in vault.list(page_size=1000)}
                self.assertEqual(len(receipts), len(entries))
                self.assertEqual({one.sequence: one.entry_hash for one in receipts}, entries)
                self.assertTrue(vault.verify().valid)

    def test_a_stopped_vaultd_is_deadline_exceeded_and_then_goes_on(self):
        with VaultdProcess() as vaultd, Vault(vaultd.requests, timeout=1) as vault:
            vault.head()
            os.kill(vaultd.process.pid, signal.SIGSTOP)
            try:
                with self.assertRaises((DeadlineExceeded, Unavailable)):
                    vault.seal("s", "a", "SEAL", {})
            finally:
                os.kill(vaultd.process.pid, signal.SIGCONT)
            deadline = time.monotonic() + 60
            while True:
                try:
                    vault.seal("s", "a", "SEAL", {})
                    break
                except VaultError:
                    self.assertLess(time.monotonic(), deadline)


if __name__ == "__main__":
    unittest.main()
