"""Feed: every entry once and in order, from any sequence on, whatever happens to events, subscriber and vaultd."""
import asyncio
import threading
import unittest
import uuid

import setup_paths  # noqa: F401

from support.vaultd_process import VaultdProcess
from vault999 import AsyncFeed, AsyncVault, Feed, HashMismatch, Seal, Vault
from vault999.feed import FeedPosition
from vault999.records import Entry, Event

WAIT_S = 60


def seals(count, session="s"):
    return [Seal(session, "tester", "SEAL", {"n": n}) for n in range(count)]


class Position(unittest.TestCase):
    def event(self, sequence, topic="entry.SEAL", **more):
        return Event({"topic": topic, "sequence": sequence, **more})

    def test_an_event_without_payload_is_a_reason_to_look(self):
        position = FeedPosition(5)
        position.found([], None)
        self.assertFalse(position.look)
        position.take(self.event(5))
        self.assertFalse(position.look)
        position.take(self.event(6))
        self.assertEqual((True, 6), (position.look, position.target))
        position.found([], None)
        self.assertTrue(position.look, "a page that is older than the event")
        position.found([Entry({"sequence": 6}), Entry({"sequence": 7})], None)
        self.assertEqual((False, 7, [6, 7]), (position.look, position.last, [one.sequence for one in position.ready]))
        position.take(self.event(7, "heartbeat"))
        self.assertFalse(position.look)
        position.take(self.event(9, "heartbeat"))
        self.assertTrue(position.look)

    def test_an_event_whose_hash_does_not_fit_is_not_believed(self):
        position = FeedPosition(5)
        position.found([], None)
        position.take(self.event(6, seal_data={"n": 1}, data_salt="00" * 16))
        self.assertEqual((True, 0), (position.look, len(position.ready)))


class Feeds(unittest.TestCase):
    def setUp(self):
        self.server = VaultdProcess(*self.arguments)
        self.addCleanup(self.server.remove)
        self.server.start()
        self.vault = Vault(self.server.requests)
        self.addCleanup(self.vault.close)

    def feed(self, **more):
        feed = Feed(self.vault, events=self.server.events, **more)
        self.addCleanup(feed.close)
        return feed

    def take(self, feed, count):
        found = []
        for _ in range(count):
            entry = feed.next(WAIT_S)
            self.assertIsNotNone(entry, f"nothing after {found[-1:]}")
            found.append(entry)
        self.assertEqual(list(range(found[0].sequence, found[0].sequence + count)), [one.sequence for one in found])
        return found


class Plain(Feeds):
    arguments = ()

    def test_from_the_beginning_and_as_it_comes(self):
        list(self.vault.seal_many(seals(1500)))
        feed = self.feed()
        self.assertEqual({"n": 0}, self.take(feed, 1500)[0].seal_data)
        list(self.vault.seal_many(seals(300)))
        self.assertEqual(1800, self.take(feed, 300)[-1].sequence)
        self.assertIsNone(feed.next(0.1))
        resumed = self.feed(after=1790)
        self.assertEqual(1791, self.take(resumed, 10)[0].sequence)
        onward = self.feed(after=None)
        self.assertIsNone(onward.next(0.1))
        self.vault.seal("s", "tester", "SEAL", {"new": 1})
        self.assertEqual(1801, self.take(onward, 1)[0].sequence)
        # vaultd goes away, is restarted, and seals more.
        self.server.kill()
        self.server.start()
        list(self.vault.seal_many(seals(200)))
        self.assertEqual(2001, self.take(feed, 201)[-1].sequence)
        # No events at all: it reads the ledger by itself.
        deaf = Feed(self.vault, events="ipc:///nonexistent/events", after=2000)
        self.addCleanup(deaf.close)
        self.take(deaf, 1)
        with self.assertLogs("vault999", "WARNING"):
            self.vault.seal("s", "tester", "SEAL", {"new": 2})
            self.assertEqual(2002, self.take(deaf, 1)[0].sequence)

    def test_while_it_is_being_written(self):
        feed, done = self.feed(), threading.Event()

        def write():
            with Vault(self.server.requests) as vault:
                list(vault.seal_many(seals(5000)))
            done.set()

        thread = threading.Thread(target=write)
        thread.start()
        entries = self.take(feed, 5000)
        thread.join()
        self.assertEqual(list(range(5000)), [one.seal_data["n"] for one in entries])

    def test_async(self):
        session = f"s-{uuid.uuid4()}"

        async def run():
            async with AsyncVault(self.server.requests) as vault, AsyncFeed(vault, events=self.server.events) as feed:
                for one in seals(10, session):
                    await vault.seal(one.session_id, one.authority, one.verdict, one.seal_data)
                first = [await asyncio.wait_for(feed.__anext__(), WAIT_S) for _ in range(10)]
                sealing = asyncio.gather(*(vault.seal(session, "tester", "SEAL", {"n": n}) for n in range(500)))
                second = [await asyncio.wait_for(feed.__anext__(), WAIT_S) for _ in range(500)]
                await sealing
                return [entry.sequence for entry in first + second]

        self.assertEqual(list(range(1, 511)), asyncio.run(run()))

    def test_tampering_is_not_handed_out(self):
        list(self.vault.seal_many(seals(5)))
        self.server.sql("ALTER TABLE vault_ledger DISABLE TRIGGER ALL; UPDATE vault_ledger SET verdict = 'VOID' WHERE sequence = 4")
        with self.assertRaises(HashMismatch):
            self.take(self.feed(), 5)


class WithPayloads(Feeds):
    arguments = ("--publish-payloads",)

    def test_events_are_enough(self):
        feed = self.feed()
        self.assertIsNone(feed.next(0.5))
        list(self.vault.seal_many(seals(50)))
        asked = self.vault.status().counters
        entries = self.take(feed, 50)
        self.assertEqual(list(range(50)), [one.seal_data["n"] for one in entries])
        self.assertEqual(entries[7].entry_hash, self.vault.read(8).entry_hash)
        self.assertIsNotNone(asked)


if __name__ == "__main__":
    unittest.main()
