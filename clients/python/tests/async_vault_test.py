"""AsyncVault against a real vaultd: the operations, thousands at once, changing event loops."""
import asyncio
import os
import threading
import time
import unittest
import uuid

import setup_paths

setup_paths.need("cryptography")

from support.vaultd_process import VaultdProcess
from vault999 import (AsyncVault, ForeignProcess, InvalidArgument, NotFound, Query, Seal, Unavailable, VaultError, offline)


def setUpModule():
    global vaultd
    vaultd = VaultdProcess()
    unittest.addModuleCleanup(vaultd.remove)
    vaultd.start()


class AsyncVaultTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.vault = AsyncVault(vaultd.requests)
        self.session = f"s-{uuid.uuid4()}"

    async def asyncTearDown(self):
        await self.vault.close()

    def seals(self, count):
        return [Seal(self.session, "tester", "SEAL", {"n": n}) for n in range(count)]

    async def test_operations(self):
        receipt = await self.vault.seal(self.session, "tester", "SEAL", {"n": 1}, sign=True)
        checkpoint = await self.vault.checkpoint()
        offline.check_receipt(receipt, checkpoint.vkey, {"n": 1})
        self.assertEqual({"n": 1}, (await self.vault.read(receipt.sequence)).seal_data)
        self.assertEqual(receipt.sequence, (await self.vault.read_by_seal_id(receipt.seal_id)).sequence)
        with self.assertRaises(NotFound):
            await self.vault.read(10**9)
        with self.assertRaises(InvalidArgument):
            await self.vault.seal(self.session, "tester", "NO", {})
        receipts = await self.vault.seal_batch(self.seals(3))
        self.assertEqual(3, len(receipts))
        self.assertEqual(4, len([one async for one in self.vault.read_session(self.session, page_size=2)]))
        self.assertEqual(4, len([one async for one in self.vault.query(session_id=self.session, page_size=1)]))
        head = await self.vault.head(at_least=receipts[-1].sequence)
        self.assertEqual(head.sequence, len([one async for one in self.vault.list(page_size=10)]))
        self.assertEqual(2, len((await self.vault.list_page(limit=2)).entries))
        self.assertEqual(2, len((await self.vault.query_page(Query(session_id=self.session), limit=2)).entries))
        self.assertTrue((await self.vault.verify()).valid)
        self.assertEqual(receipt.sequence, (await self.vault.proof(receipt.sequence)).sequence)
        self.assertEqual(1, (await self.vault.consistency(1)).first)
        self.assertEqual("writer", (await self.vault.status()).role)

    async def test_thousands_at_once(self):
        receipts = await asyncio.gather(*(self.vault.seal(self.session, "tester", "SEAL", {"n": n}) for n in range(2000)))
        for n, receipt in enumerate(receipts):
            self.assertEqual(offline.data_hash(receipt.data_salt, {"n": n}), receipt.data_hash)
        self.assertEqual(2000, len({receipt.sequence for receipt in receipts}))

    async def test_seal_many(self):
        n = -1
        async for receipt in self.vault.seal_many(self.seals(3000)):
            n += 1
            self.assertEqual(offline.data_hash(receipt.data_salt, {"n": n}), receipt.data_hash)
        self.assertEqual(2999, n)
        seals = self.seals(300)
        seals[200] = Seal(self.session, "tester", "NO", {})
        outcomes = [one async for one in self.vault.seal_many(seals, return_exceptions=True)]
        self.assertEqual([200], [n for n, one in enumerate(outcomes) if isinstance(one, VaultError)])

    async def test_other_tasks_run_meanwhile(self):
        longest, ended = 0.0, False

        async def watch():
            nonlocal longest
            while not ended:
                begun = time.monotonic()
                await asyncio.sleep(0.005)
                longest = max(longest, time.monotonic() - begun)

        watching = asyncio.create_task(watch())
        async for _ in self.vault.seal_many(self.seals(5000)):
            pass
        ended = True
        await watching
        self.assertLess(longest, 5)

    async def test_a_cancelled_call_leaves_nothing_behind(self):
        task = asyncio.create_task(self.vault.verify())
        await asyncio.sleep(0)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual("writer", (await self.vault.status()).role)
        self.assertEqual({}, self.vault._shared._waiters)

    async def test_a_cancellation_is_not_lost_as_the_connection_comes(self):
        await self.vault.head()  # there is a connection
        link = self.vault._shared
        for turns in range(4):
            link.news.clear()
            task = asyncio.create_task(link.wait_news(5))
            await asyncio.sleep(0.01)
            link.news.set()
            for _ in range(turns):
                await asyncio.sleep(0)
            if task.done():
                break
            task.cancel()
            with self.assertRaises(asyncio.CancelledError, msg=f"after {turns} turns"):
                await task

    async def test_closed(self):
        await self.vault.head()
        await self.vault.close()
        with self.assertRaisesRegex(Unavailable, "closed"):
            await self.vault.head()

    async def test_nobody_there(self):
        async with AsyncVault("ipc:///nonexistent/requests", connect_timeout=0.2) as vault:
            with self.assertRaisesRegex(Unavailable, "No such file"):
                await vault.head()

    async def test_another_loop_is_refused_by_name(self):
        await self.vault.head()
        caught = []

        def elsewhere():
            try:
                asyncio.run(self.vault.head())
            except ForeignProcess as error:
                caught.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        await asyncio.get_running_loop().run_in_executor(None, thread.join)
        self.assertEqual(1, len(caught))


class Loops(unittest.TestCase):
    def test_one_loop_after_the_other(self):
        vault = AsyncVault(vaultd.requests)
        for _ in range(3):
            self.assertTrue(asyncio.run(vault.status()).ready)
        asyncio.run(vault.close())

    def test_a_child_after_fork_is_refused_by_name(self):
        vault = AsyncVault(vaultd.requests)
        asyncio.run(vault.head())
        child = os.fork()
        if child == 0:
            code = 1
            try:
                asyncio.run(vault.head())
            except ForeignProcess:
                code = 0
            finally:
                os._exit(code)
        self.assertEqual(0, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        asyncio.run(vault.close())


if __name__ == "__main__":
    unittest.main()
