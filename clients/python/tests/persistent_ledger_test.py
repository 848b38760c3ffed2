"""The old Python ledger's names and shapes: what callers of either name read, the two checks of the old deployment
guide, the emergency mode, and the filesystem vault."""
import asyncio
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import uuid
from unittest import mock

import setup_paths

setup_paths.need("cryptography")

from support.legacy_vault import SAMPLE, copy_sample
from support.vaultd_process import VaultdProcess, clean_environment, program
from vault999 import SealIdConflict, Unavailable, offline
from vault999.persistent_ledger import (LegacyVaultReader, PersistentLedger, PersistentVaultLedger, get_ledger, get_vault_ledger,
                                        migrate_legacy_to_postgres)

# Word for word from the guide, except for the import.
SEAL_ONE = """
import asyncio
from vault999.persistent_ledger import get_ledger

async def test():
    ledger = get_ledger()
    await ledger.initialize()
    entry = await ledger.append_entry('test', 'deploy', 'SEAL', {'test': True})
    print(f'Sealed: #{entry.sequence}')

asyncio.run(test())
"""
VERIFY = """
import asyncio
from vault999.persistent_ledger import get_ledger

async def verify():
    ledger = get_ledger()
    await ledger.initialize()
    result = await ledger.verify_chain()
    print(f'Valid: {result["valid"]}, Entries: {result["entry_count"]}')

asyncio.run(verify())
"""
KEYS = {"sequence", "sequence_number", "session_id", "seal_id", "timestamp", "authority", "verdict", "seal_data", "entry_hash",
        "prev_hash", "merkle_root", "vault_backend"}


def setUpModule():
    global vaultd
    vaultd = VaultdProcess()
    unittest.addModuleCleanup(vaultd.remove)
    vaultd.start()


class Guide(unittest.TestCase):
    def run_check(self, code, server):
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False,
                             env={**clean_environment(), **setup_paths.child_environment(), "VAULT_ENDPOINT": server.requests})
        self.assertEqual(0, ran.returncode, ran.stderr)
        return ran.stdout

    def test_the_two_checks(self):
        with VaultdProcess() as fresh:
            self.assertEqual("Sealed: #1\n", self.run_check(SEAL_ONE, fresh))
            self.assertEqual("Sealed: #2\n", self.run_check(SEAL_ONE, fresh))
            self.assertEqual("Valid: True, Entries: 2\n", self.run_check(VERIFY, fresh))


class LedgerCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.environment = mock.patch.dict(os.environ, {"VAULT_ENDPOINT": vaultd.requests})
        self.environment.start()
        self.addCleanup(self.environment.stop)
        self.ledger = PersistentLedger()
        self.session = f"s-{uuid.uuid4()}"

    async def asyncTearDown(self):
        await self.ledger.close()


class Entries(LedgerCase):
    async def test_both_names(self):
        self.assertIs(PersistentLedger, PersistentVaultLedger)
        self.assertIs(get_ledger(), get_vault_ledger())
        await self.ledger.initialize()
        await self.ledger.connect()
        first = await self.ledger.append_entry(self.session, "deploy-bot", "SEAL", {"n": 1})
        seal_id = uuid.uuid4()
        second = await self.ledger.append(session_id=self.session, verdict="HOLD_888", seal_data={"n": 2}, authority="bo",
                                          seal_id=seal_id)
        self.assertEqual((first.sequence + 1, "888_HOLD", str(seal_id)), (second.sequence, second.verdict, second.seal_id))
        again = await self.ledger.append(self.session, "888_HOLD", {"n": 2}, "bo", seal_id)
        self.assertEqual(second.sequence, again.sequence)
        with self.assertRaises(SealIdConflict):
            await self.ledger.append(self.session, "VOID", {"n": 2}, "bo", seal_id)
        with self.assertRaises(ValueError):
            await self.ledger.append_entry(self.session, "deploy-bot", "NO", {})

    async def test_attributes_are_keys(self):
        data = {"n": 1, "tuple": (1, 2), 3: "three", "f": 1.5, "big": 2**63}
        sealed = await self.ledger.append_entry(self.session, "deploy-bot", "SEAL", data)
        read = await self.ledger.get_entry_by_sequence(sealed.sequence)
        for entry in (sealed, read):
            self.assertLessEqual(KEYS, set(entry))
            for key in KEYS:
                self.assertEqual(entry[key], getattr(entry, key))
            self.assertEqual({"n": 1, "tuple": [1, 2], "3": "three", "f": 1.5, "big": 2**63}, entry.seal_data)
            self.assertEqual("postgres", entry.vault_backend)
            self.assertEqual(entry.sequence, entry.sequence_number)
            self.assertEqual(dict(entry), entry.to_dict())
            when = datetime.datetime.fromisoformat(entry.timestamp)
            self.assertEqual((datetime.timedelta(0), entry.timestamp), (when.utcoffset(), when.isoformat()))
        self.assertEqual(sealed, read)
        json.dumps(read)

    async def test_reading(self):
        made = [await self.ledger.append_entry(self.session, "a", "VOID" if n % 2 else "SUNSET", {"n": n}) for n in range(7)]
        self.assertEqual(made, await self.ledger.get_entries_by_session(self.session))
        self.assertEqual([], await self.ledger.get_entries_by_session("nobody"))
        for sequence in (10**9, 0, -1, 2**70):
            self.assertIsNone(await self.ledger.get_entry_by_sequence(sequence))
            self.assertIsNone(await self.ledger.get_merkle_proof(sequence))

    async def test_pages(self):
        made = [await self.ledger.append_entry(self.session, "a", "SUNSET", {"n": n}) for n in range(7)]
        page = await self.ledger.list_entries(limit=3)
        self.assertEqual(made[:3:-1], page["entries"])
        self.assertEqual((made[4].sequence, True), (page["next_cursor"], page["has_more"]))
        page = await self.ledger.list_entries(page["next_cursor"], 4)
        self.assertEqual(made[3::-1], page["entries"])
        everything, cursor = [], None
        while True:
            page = await self.ledger.list_entries(cursor=cursor, limit=2)
            everything += [entry.sequence for entry in page["entries"]]
            cursor = page["next_cursor"]
            self.assertEqual(page["has_more"], cursor is not None)
            if not page["has_more"]:
                break
        self.assertEqual(list(range(made[-1].sequence, 0, -1)), everything)
        for cursor in (0, 1, -5):
            self.assertEqual({"entries": [], "next_cursor": None, "has_more": False}, await self.ledger.list_entries(cursor=cursor))
        self.assertEqual(1, len((await self.ledger.list_entries(limit=-3))["entries"]))
        self.assertEqual(len(everything), len((await self.ledger.list_entries(limit=10**6))["entries"]))

    async def test_exactly_one_page_has_no_more(self):
        for n in range(3):
            await self.ledger.append_entry(self.session, "a", "PARTIAL", {"n": n})
        page = await self.ledger.query_by_verdict("PARTIAL", limit=3)
        self.assertEqual((3, None, False), (len(page["entries"]), page["next_cursor"], page["has_more"]))

    async def test_query(self):
        made = [await self.ledger.append_entry(self.session, "a", "SABAR", {"n": n}) for n in range(5)]
        times = [datetime.datetime.fromisoformat(entry.timestamp) for entry in made]
        for start, end in ((times[1], times[3]), (made[1].timestamp, made[3].timestamp),
                           (times[1].replace(tzinfo=None), times[3].replace(tzinfo=None))):
            page = await self.ledger.query_by_verdict("SABAR", start_time=start, end_time=end)
            numbers = [entry.seal_data["n"] for entry in page["entries"]]
            self.assertEqual([3, 2, 1], [n for n in numbers if times[n] not in (times[0], times[4])], "both ends count")
        page = await self.ledger.query_by_verdict("SABAR", limit=2)
        self.assertEqual([4, 3], [entry.seal_data["n"] for entry in page["entries"]])
        page = await self.ledger.query_by_verdict("SABAR", cursor=page["next_cursor"], limit=100)
        self.assertEqual([2, 1, 0], [entry.seal_data["n"] for entry in page["entries"]])
        self.assertFalse(page["has_more"])

    async def test_verify_and_proof(self):
        entry = await self.ledger.append_entry(self.session, "a", "SEAL", {})
        result = await self.ledger.verify_chain()
        self.assertEqual((True, entry.sequence, entry.sequence, entry.sequence, entry.merkle_root),
                         tuple(result[key] for key in ("valid", "entries", "entry_count", "checked_count", "merkle_root")))
        proof = await self.ledger.get_merkle_proof(entry.sequence)
        node = offline.hash_leaf(proof["leaf_data"].encode())
        self.assertEqual(entry.entry_hash, node.hex())
        for step in proof["proof"]:
            other = bytes.fromhex(step["hash"])
            node = offline.hash_node(other, node) if step["position"] == "left" else offline.hash_node(node, other)
        self.assertEqual(proof["root"], node.hex())
        self.assertEqual(entry.sequence - 1, proof["leaf_index"])
        checkpoint = offline.check_checkpoint(proof["checkpoint"], proof["vkey"])
        self.assertEqual((proof["tree_size"], proof["root"]), (checkpoint.tree_size, checkpoint.root.hex()))

    async def test_concurrent_appends_make_one_chain(self):
        made = await asyncio.gather(*(self.ledger.append_entry(self.session, "a", "SEAL", {"n": n}) for n in range(50)))
        chain = sorted(made, key=lambda entry: entry.sequence)
        for before, after in zip(chain, chain[1:]):
            self.assertEqual(before.entry_hash, after.prev_hash)

    async def test_a_dsn_and_an_endpoint(self):
        with self.assertLogs("vault999", "WARNING"):
            ledger = PersistentLedger("postgresql://u:secret@h/db")
        await ledger.initialize()
        await ledger.close()
        with mock.patch.dict(os.environ, {"VAULT_ENDPOINT": "ipc:///nonexistent"}):
            ledger = PersistentLedger(vaultd.requests)
            await ledger.initialize()
            await ledger.close()
            await ledger.initialize()
            await ledger.close()


class Tampered(unittest.TestCase):
    def test_verify_says_where(self):
        with VaultdProcess() as other, mock.patch.dict(os.environ, {"VAULT_ENDPOINT": other.requests}):
            async def run():
                ledger = PersistentLedger()
                for n in range(3):
                    await ledger.append_entry("s", "a", "SEAL", {"n": n})
                other.sql("ALTER TABLE vault_ledger DISABLE TRIGGER ALL; UPDATE vault_ledger SET authority = 'b' WHERE sequence = 2")
                result = await ledger.verify_chain()
                await ledger.close()
                return result

            self.assertEqual({"valid": False, "first_invalid_seq": 2, "reason": "entry_hash_mismatch", "checked_count": 1},
                             asyncio.run(run()))


class Emergency(unittest.TestCase):
    def test_the_same_calls_without_a_database(self):
        class EmergencyVaultd(VaultdProcess):
            def command(self):
                return [program("vaultd"), "--legacy-dir", str(self.directory / "VAULT999"), "--requests", self.requests,
                        "--ingest", self.ingest, "--events", self.events]

        async def run():
            ledger = PersistentLedger()
            await ledger.initialize()
            made = [await ledger.append_entry("s", "a", "SEAL", {"n": n}) for n in range(3)]
            self.assertEqual(("legacy", None, None), (made[0].vault_backend, made[0].sequence, made[0].entry_hash))
            self.assertEqual(made, await ledger.get_entries_by_session("s"))
            page = await ledger.list_entries(limit=2)
            self.assertEqual([2, 1], [entry.seal_data["n"] for entry in page["entries"]])
            page = await ledger.list_entries(page["next_cursor"])
            self.assertEqual([0], [entry.seal_data["n"] for entry in page["entries"]])
            for call in (ledger.verify_chain(), ledger.get_merkle_proof(1)):
                with self.assertRaisesRegex(Unavailable, "emergency mode"):
                    await call
            await ledger.close()

        with EmergencyVaultd(environment={"VAULT_BACKEND": "legacy"}) as emergency:
            with mock.patch.dict(os.environ, {"VAULT_ENDPOINT": emergency.requests, "VAULT_BACKEND": "legacy"}):
                asyncio.run(run())


class Legacy(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vault999-legacy-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.vault = copy_sample(self.directory)

    def test_reader(self):
        before = sorted((path, path.read_bytes() if path.is_file() else b"") for path in self.vault.rglob("*"))
        reader = LegacyVaultReader(str(self.vault))
        entries = reader.list_session_jsons(limit=1000)
        self.assertGreater(len(entries), 10)
        times = [entry["_legacy_mtime"] for entry in entries]
        self.assertEqual(sorted(times, reverse=True), times)
        self.assertEqual(3, len(reader.list_session_jsons(limit=3)))
        one = reader.read_session_json("sess-2026-01-01")
        self.assertEqual("sess-2026-01-01", one["session_id"])
        for name in ("nobody", "../../ledger", "truncated", "array", ""):
            self.assertIsNone(reader.read_session_json(name))
        stats = reader.get_legacy_stats()
        self.assertEqual(str(self.vault), stats["legacy_base_path"])
        self.assertEqual(len(list((self.vault / "BBB_LEDGER/entries").glob("*.json"))), stats["session_json_count"])
        self.assertGreater(stats["refusal_jsonl_entries"], 0)
        line = json.loads((SAMPLE / "BBB_LEDGER/refusal_audit.jsonl").read_text().splitlines()[0])
        found = reader.read_refusal_jsonl(line["session_id"])
        self.assertEqual(line["session_id"], found[0]["session_id"])
        self.assertEqual(before, sorted((path, path.read_bytes() if path.is_file() else b"") for path in self.vault.rglob("*")))
        self.assertEqual([], LegacyVaultReader(self.directory / "none").list_session_jsons())

    def test_migration_and_vaultctl_agree(self):
        """Whichever runs second finds everything there, with the same content."""
        with VaultdProcess() as other, mock.patch.dict(os.environ, {"VAULT_ENDPOINT": other.requests}):
            async def migrate(**more):
                try:
                    return await migrate_legacy_to_postgres(LegacyVaultReader(self.vault), **more)
                finally:
                    await get_ledger().close()

            dry = asyncio.run(migrate())
            self.assertTrue(dry["dry_run"])
            self.assertEqual(0, json.loads(other.ctl("head", "--json").stdout)["sequence"])
            told = json.loads(other.ctl("legacy", "import", str(self.vault), "--dry-run", "--json").stdout)
            stats = asyncio.run(migrate(dry_run=False))
            self.assertEqual(len(told["problems"]), len(stats["errors"]), (told["problems"], stats["errors"]))
            self.assertEqual(dry["errors"], stats["errors"])
            found = sum(value for key, value in stats.items() if key.endswith("_found"))
            self.assertEqual(found, sum(value for key, value in stats.items() if key.endswith("_migrated")))
            self.assertEqual(found, json.loads(other.ctl("head", "--json").stdout)["sequence"])
            self.assertEqual(0, stats["already_there"])
            again = asyncio.run(migrate(dry_run=False))
            self.assertEqual(found, again["already_there"])
            imported = other.ctl("legacy", "import", str(self.vault), "--json")
            self.assertEqual(found, json.loads(other.ctl("head", "--json").stdout)["sequence"], imported.stdout)
            problems = json.loads(imported.stdout)["problems"]
            self.assertEqual(len(told["problems"]), len(problems), problems)
            self.assertNotIn("seal_id_conflict", imported.stdout)


if __name__ == "__main__":
    unittest.main()
