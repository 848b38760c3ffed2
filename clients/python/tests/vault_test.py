"""Vault against a real vaultd: every operation, exact values, refusals, checked reads, threads, fork, reconnecting."""
import datetime
import enum
import logging
import math
import os
import pickle
import random
import struct
import sys
import threading
import time
import unittest
import uuid

import setup_paths

setup_paths.need("cryptography")

from support.vaultd_process import VaultdProcess
from vault999 import (ForeignProcess, HashMismatch, InvalidArgument, NotFound, Query, Seal, SealIdConflict, TooLarge,
                      Unavailable, Vault, VaultError, Verdict, errors, offline)


def setUpModule():
    global vaultd
    vaultd = VaultdProcess()
    unittest.addModuleCleanup(vaultd.remove)
    vaultd.start()


class VaultCase(unittest.TestCase):
    def setUp(self):
        self.vault = Vault(vaultd.requests)
        self.addCleanup(self.vault.close)
        self.session = f"s-{uuid.uuid4()}"

    def seal(self, verdict="SEAL", data=None, **more):
        return self.vault.seal(self.session, "tester", verdict, {"n": 1} if data is None else data, **more)


class Sealing(VaultCase):
    def test_a_receipt(self):
        receipt = self.seal()
        self.assertEqual(self.session, receipt.session_id)
        self.assertEqual(receipt["sequence"], receipt.sequence)
        self.assertFalse(receipt.duplicate)
        self.assertEqual(offline.data_hash(receipt.data_salt, {"n": 1}), receipt.data_hash)
        self.assertEqual(offline.entry_hash(receipt), receipt.entry_hash)
        self.assertEqual(receipt, pickle.loads(pickle.dumps(receipt)))
        with self.assertRaisesRegex(AttributeError, "no member 'leaf_index'"):
            receipt.leaf_index
        with self.assertRaises(AttributeError):
            receipt.sequence = 3

    def test_a_seal_id_makes_it_safe_to_repeat(self):
        seal_id = uuid.uuid4()
        first = self.seal(seal_id=seal_id)
        again = self.seal(seal_id=str(seal_id).upper())
        self.assertEqual((first.sequence, True), (again.sequence, again.duplicate))
        with self.assertRaises(SealIdConflict) as caught:
            self.seal(data={"n": 2}, seal_id=seal_id)
        self.assertEqual(("seal_id_conflict", False), (caught.exception.code, caught.exception.retryable))

    def test_a_signed_receipt_proves_itself(self):
        receipt = self.seal(data={"x": 1.5}, sign=True)
        vkey = self.vault.checkpoint().vkey
        self.assertEqual(receipt.tree_size, offline.check_receipt(receipt, vkey, {"x": 1.5}).tree_size)
        with self.assertRaises(offline.CheckFailed):
            offline.check_receipt(receipt, vkey, {"x": 2})

    def test_verdicts(self):
        for verdict in Verdict:
            self.assertEqual(verdict.value, self.seal(verdict).verdict)
        self.assertEqual("888_HOLD", str(Verdict.HOLD_888))

    def test_a_batch_is_all_or_nothing(self):
        receipts = self.vault.seal_batch([Seal(self.session, "tester", "SEAL", {"n": n}) for n in range(5)])
        self.assertEqual(list(range(receipts[0].sequence, receipts[0].sequence + 5)), [one.sequence for one in receipts])
        with self.assertRaises(InvalidArgument) as caught:
            self.vault.seal_batch([Seal(self.session, "tester", "SEAL", {}), Seal(self.session, "tester", "NO", {})])
        self.assertEqual("seals[1].verdict", caught.exception.field)
        self.assertEqual(5, len(list(self.vault.read_session(self.session))))

    def test_refusals_name_the_member(self):
        class Odd:
            pass

        for data, field in (({"a": [1, {2}]}, "seal.seal_data.a[1]"), ({"a": Odd()}, "seal.seal_data.a"), ([], "seal.seal_data"),
                            ({"a": 2**64}, "seal.seal_data.a"), ({"a": "\ud800"}, "seal.seal_data.a"),
                            ({"a": b"x"}, "seal.seal_data.a"), ({"a": math.nan}, "seal.seal_data.a"),
                            ({"a": "\0"}, "seal.seal_data.a"), ({"a": datetime.datetime.now()}, "seal.seal_data.a")):
            with self.assertRaises(InvalidArgument) as caught:
                self.seal(data=data)
            self.assertEqual(field, caught.exception.field)
        deep = {}
        for _ in range(2000):
            deep = {"a": deep}
        with self.assertRaises(InvalidArgument):
            self.seal(data=deep)
        with self.assertRaises(InvalidArgument) as caught:
            self.vault.seal("\ud800", "tester", "SEAL", {})
        self.assertEqual("seal.session_id", caught.exception.field)
        with self.assertRaises(TooLarge):
            self.seal(data={"a": "x" * (2 << 20)})
        with self.assertRaises(VaultError) as caught:
            self.vault.seal("vaultd/x", "tester", "SEAL", {})
        self.assertIsInstance(caught.exception, errors.Forbidden)
        self.assertIsInstance(caught.exception, PermissionError)

    def test_values_are_exact(self):
        class Colour(str, enum.Enum):
            RED = "red"

        data = {"big": 2**64 - 1, "small": -(2**63), "clock": 1767225600123456789, "e": 1e30, "tenth": 0.1, "tiny": 5e-324,
                "é": "🔒\u2028\x01", "deep": [[{}], ()], "enum": Colour.RED, "yes": True, "none": None, "float": 2.0**60}
        entry = self.vault.read(self.seal(data=data).sequence)
        self.assertEqual(offline.canonical_text(data), offline.canonical_text(entry.seal_data))
        for name in ("big", "small", "clock"):
            self.assertIs(int, type(entry.seal_data[name]))
            self.assertEqual(data[name], entry.seal_data[name])
        self.assertIs(float, type(entry.seal_data["e"]))
        self.assertEqual((1e30, 0.1, 5e-324), (entry.seal_data["e"], entry.seal_data["tenth"], entry.seal_data["tiny"]))

    def test_vaultd_and_python_hash_the_same_bytes(self):
        seed = time.time_ns()
        chance = random.Random(seed)

        def value(depth):
            kind = chance.randrange(9 if depth < 4 else 6)
            if kind == 0:
                return chance.choice([None, True, False])
            if kind == 1:
                return chance.randint(-(2**63), 2**64 - 1)
            if kind in (2, 3):
                bits = struct.unpack("<d", chance.randbytes(8))[0]
                return bits if math.isfinite(bits) and abs(bits) < 1e200 and abs(bits) > 1e-200 else chance.random()
            if kind in (4, 5):
                return "".join(chr(chance.choice([chance.randint(1, 0xff), chance.randint(0xe000, 0x10ffff)])) for _ in range(chance.randrange(5)))
            if kind == 6:
                return [value(depth + 1) for _ in range(chance.randrange(4))]
            return {"".join(chr(chance.choice([0x61, 0xe9, 0xfb33, 0x1f600])) for _ in range(3)): value(depth + 1)
                    for _ in range(chance.randrange(5))}

        payloads = [{"v": value(0)} for _ in range(300)]
        seals = [Seal(self.session, "tester", "SEAL", payload) for payload in payloads]
        for payload, receipt in zip(payloads, self.vault.seal_many(seals)):
            self.assertEqual(offline.data_hash(receipt.data_salt, payload), receipt.data_hash, (seed, payload))
        # And what comes back fits its hashes: read_session() checks.
        self.assertEqual(300, len(list(self.vault.read_session(self.session))))


class SealingMany(VaultCase):
    def seals(self, count, **changed):
        return [{"session_id": self.session, "authority": "tester", "verdict": "SEAL", "seal_data": {"n": n}, **changed}
                for n in range(count)]

    def test_receipts_come_in_order(self):
        taken = 0

        def source():
            nonlocal taken
            for one in self.seals(5000):
                taken += 1
                yield one

        for n, receipt in enumerate(self.vault.seal_many(source())):
            self.assertEqual(offline.data_hash(receipt.data_salt, {"n": n}), receipt.data_hash)
            self.assertLessEqual(taken - n, 2000, "it takes no more than it may have under way")
        self.assertEqual(4999, n)
        self.assertEqual([n for n in range(5000)], [one.seal_data["n"] for one in self.vault.read_session(self.session)])

    def test_each_seal_stands_for_itself(self):
        seals = self.seals(1000)
        seals[3]["verdict"] = "NO"
        seals[500]["seal_data"] = {"x": {1, 2}}
        seals[700]["seal_data"] = {"x": 2.0**0.5, "y": b"z"}
        seals[999]["sealid"] = "x"
        outcomes = list(self.vault.seal_many(seals, return_exceptions=True))
        refused = {n: one.field for n, one in enumerate(outcomes) if isinstance(one, VaultError)}
        self.assertEqual({3: "seal.verdict", 500: "seal.seal_data.x", 700: "seal.seal_data.y", 999: "seal.sealid"}, refused)
        self.assertEqual([3, 500, 700, 999], [one.index for one in outcomes if isinstance(one, VaultError)])
        self.assertEqual(996, len(list(self.vault.read_session(self.session))))

    def test_a_refusal_raises_where_it_stands(self):
        seals = self.seals(10)
        seals[6]["verdict"] = "NO"
        got = []
        with self.assertRaises(InvalidArgument) as caught:
            for receipt in self.vault.seal_many(seals):
                got.append(receipt)
        self.assertEqual((6, 6), (len(got), caught.exception.index))

    def test_a_second_run_seals_nothing_twice(self):
        seals = [{**one, "seal_id": str(uuid.uuid4())} for one in self.seals(600)]
        first = list(self.vault.seal_many(seals[:300]))
        again = list(self.vault.seal_many(seals))
        self.assertEqual([True] * 300 + [False] * 300, [one.duplicate for one in again])
        self.assertEqual([one.sequence for one in first], [one.sequence for one in again[:300]])

    def test_a_conflict_hurts_nobody_else(self):
        seal_id = str(uuid.uuid4())
        self.seal(data={"other": 1}, seal_id=seal_id)
        seals = self.seals(50)
        seals[20]["seal_id"] = seal_id
        outcomes = list(self.vault.seal_many(seals, return_exceptions=True))
        self.assertIsInstance(outcomes[20], SealIdConflict)
        self.assertEqual(49, sum(not isinstance(one, VaultError) for one in outcomes))

    def test_signed(self):
        vkey = self.vault.checkpoint().vkey
        for receipt in self.vault.seal_many(self.seals(20), sign=True):
            offline.check_receipt(receipt, vkey)

    def test_large_ones_are_sent_in_smaller_batches(self):
        seals = self.seals(40, seal_data={"x": "y" * 300_000})
        self.assertEqual(40, len(list(self.vault.seal_many(seals))))

    def test_nothing_at_all(self):
        self.assertEqual([], list(self.vault.seal_many([])))
        with self.assertLogs("vault999", logging.ERROR) as logged:
            self.vault.seal_many(self.seals(1))
        self.assertIn("never iterated", logged.output[0])


class Reading(VaultCase):
    def test_read(self):
        receipt = self.seal()
        for entry in (self.vault.read(receipt.sequence), self.vault.read_by_seal_id(receipt.seal_id),
                      self.vault.read_by_seal_id(receipt.seal_id.upper()), next(self.vault.read_session(self.session))):
            self.assertEqual((receipt.entry_hash, {"n": 1}), (entry.entry_hash, entry.seal_data))
        with self.assertRaises(NotFound):
            self.vault.read(10**9)
        with self.assertRaises(LookupError):
            self.vault.read_by_seal_id(uuid.uuid4())
        with self.assertRaises(InvalidArgument):
            self.vault.read(-1)

    def test_iterators_page_by_themselves(self):
        list(self.vault.seal_many([Seal(self.session, "tester", "SEAL" if n % 2 else "VOID", {"n": n}) for n in range(55)]))
        for size in (1, 7, 55, 1000, None):
            self.assertEqual(list(range(55)), [one.seal_data["n"] for one in self.vault.read_session(self.session, page_size=size)])
        newest = [one.sequence for one in self.vault.list(page_size=10)]
        self.assertEqual(list(range(self.vault.head().sequence, 0, -1)), newest)
        oldest = [one.sequence for one in self.vault.list(order="asc", page_size=100, cursor=10)]
        self.assertEqual(newest[::-1][10:], oldest)
        void = list(self.vault.query(verdict=Verdict.VOID, session_id=self.session, page_size=5))
        self.assertEqual(list(range(54, -1, -2)), [one.seal_data["n"] for one in void])
        page = self.vault.query_page(Query(session_id=self.session), limit=50)
        self.assertEqual(50, len(page.entries))
        self.assertEqual(5, len(self.vault.query_page(Query(session_id=self.session), cursor=page.next_cursor).entries))
        self.assertEqual(3, len(self.vault.list_page(limit=3).entries))

    def test_times(self):
        first, second = self.seal(), self.seal()
        when = datetime.datetime.fromisoformat(second.timestamp[:-1] + "+00:00")
        elsewhere = when.astimezone(datetime.timezone(datetime.timedelta(hours=8)))
        for instant in (when, elsewhere, second.timestamp, elsewhere.isoformat(), when.replace(tzinfo=None)):
            found = [one.sequence for one in self.vault.query(session_id=self.session, since=instant)]
            self.assertEqual([second.sequence] if first.timestamp != second.timestamp else [second.sequence, first.sequence], found)
            self.assertNotIn(second.sequence, [one.sequence for one in self.vault.query(session_id=self.session, until=instant)])
        with self.assertRaises(InvalidArgument) as caught:
            list(self.vault.query(since="yesterday"))
        self.assertEqual("from", caught.exception.field)

    def test_at_least(self):
        receipt = self.seal()
        self.assertEqual(receipt.sequence, self.vault.head(at_least=receipt.sequence).sequence)
        self.assertGreaterEqual(self.vault.checkpoint(at_least=receipt.sequence).tree_size, receipt.sequence)


class Proving(VaultCase):
    def test_proof_and_consistency(self):
        first = self.seal(sign=True)
        receipts = list(self.vault.seal_many([Seal(self.session, "tester", "SEAL", {"n": n}) for n in range(20)]))
        old, vkey = offline.check_checkpoint(first.checkpoint, self.vault.checkpoint().vkey), self.vault.checkpoint().vkey
        entry = self.vault.read(receipts[5].sequence)
        proof = self.vault.proof(entry.sequence)
        if proof.checkpoint is not None:
            offline.check_proof(entry, proof, vkey)
        answer = self.vault.consistency(old.tree_size, proof.tree_size)
        offline.check_consistency(answer.first, answer.second, old.root, bytes.fromhex(answer.second_root),
                                  [bytes.fromhex(one) for one in answer.proof])
        self.assertEqual(proof.merkle_root, answer.second_root)
        with self.assertRaises(NotFound):
            self.vault.proof(10**9)

    def test_verify(self):
        self.seal()
        told = []
        result = self.vault.verify(progress=lambda checked, total: told.append((checked, total)))
        self.assertTrue(result.valid)
        self.assertEqual((1, result.checked, None), (result["from"], result.to, result.reason))
        self.assertEqual(2, self.vault.verify(1, 2).checked)

    def test_head_and_status(self):
        receipt = self.seal()
        self.assertEqual(receipt.entry_hash, self.vault.head(at_least=receipt.sequence).entry_hash)
        status = self.vault.status()
        self.assertEqual(("writer", True), (status.role, status.ready))
        self.assertIn("at_least", status.features)

    def test_a_proof_file_for_vaultctl(self):
        receipt = self.seal(sign=True)
        entry = self.vault.read(receipt.sequence)
        file = offline.ProofFile(receipt.leaf_index, [bytes.fromhex(one) for one in receipt.proof], receipt.checkpoint,
                                 offline.leaf_data(entry))
        vkey = self.vault.checkpoint().vkey
        offline.check_proof_file(file.format(), vkey, entry)
        (vaultd.directory / "x.tlog-proof").write_text(file.format(), encoding="utf-8")
        checked = vaultd.ctl("check-proof", str(vaultd.directory / "x.tlog-proof"), "--vkey", vkey)
        self.assertEqual(0, checked.returncode, checked.stderr)


class Life(VaultCase):
    def test_threads_share_a_vault(self):
        failed, barrier = [], threading.Barrier(8)

        def work(number):
            try:
                barrier.wait()
                for n in range(25):
                    receipt = self.seal(data={"thread": number, "n": n})
                    if self.vault.read(receipt.sequence).seal_data != {"thread": number, "n": n}:
                        failed.append((number, n))
            except Exception as error:  # noqa: BLE001
                failed.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failed)
        self.assertEqual(200, len(list(self.vault.read_session(self.session))))

    def test_a_child_after_fork_has_its_own_connection(self):
        self.seal()
        stream = self.vault.seal_many([Seal(self.session, "tester", "SEAL", {"n": n}) for n in range(2000)])
        next(stream)
        entries = self.vault.list(order="asc", page_size=1)  # reads for itself, in the child as in the parent
        first = next(entries)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                self.seal(data={"child": True})
                self.assertEqual(first.sequence + 1, next(entries).sequence)
                try:
                    list(stream)
                except ForeignProcess:
                    code = 0
            finally:
                os._exit(code)
        self.assertEqual(0, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        self.assertEqual(first.sequence + 1, next(entries).sequence)
        self.assertEqual(1999, len(list(stream)))
        self.seal()
        self.assertEqual(2003, len(list(self.vault.read_session(self.session))))

    def test_closed(self):
        self.seal()
        self.vault.close()
        self.vault.close()
        with self.assertRaisesRegex(Unavailable, "closed"):
            self.seal()

    def test_close_ends_a_call_in_another_thread(self):
        vault = Vault("ipc:///nonexistent/requests", connect_timeout=60, timeout=60)
        ended = []

        def work():
            try:
                vault.head()
            except Unavailable as error:
                ended.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        while not vault._links:
            time.sleep(0.01)
        vault.close()
        thread.join(20)
        self.assertEqual(1, len(ended))

    def test_nobody_there(self):
        begun = time.monotonic()
        with Vault("ipc:///nonexistent/requests", connect_timeout=0.2) as vault, self.assertRaises(Unavailable) as caught:
            vault.head()
        self.assertLess(time.monotonic() - begun, 10)
        self.assertIn("No such file", str(caught.exception))
        with Vault("tcp://127.0.0.1:1", connect_timeout=0.2) as vault, self.assertRaisesRegex(Unavailable, "refused"):
            vault.head()
        for endpoint in ("localhost:9990", "/run/x", "http://x"):
            with self.assertRaisesRegex(InvalidArgument, "begins with ipc"):
                Vault(endpoint)
        for endpoint in ("postgresql://u:s3cret@h/db", "u:s3cret@h", "tcp://u:s3cret@h:5432"):
            with self.assertRaises(InvalidArgument) as caught:
                Vault(endpoint)
            self.assertNotIn("s3cret", str(caught.exception))

    def test_errors_survive_pickling(self):
        for error in (InvalidArgument("a", "b"), errors.Forbidden("a", "b"), errors.DeadlineExceeded("a"),
                      HashMismatch("a", "b", {"x": 1})):
            copy = pickle.loads(pickle.dumps(error))
            self.assertEqual((type(error), str(error), error.field), (type(copy), str(copy), copy.field))


class Tampered(unittest.TestCase):
    """Has its own vaultd, because changes there are permanent."""

    def test_a_read_says_what_does_not_fit(self):
        with VaultdProcess() as other, Vault(other.requests) as vault:
            list(vault.seal_many([Seal("s", "tester", "SEAL", {"n": n}) for n in range(6)]))
            other.sql("ALTER TABLE vault_ledger DISABLE TRIGGER ALL;"
                      "UPDATE vault_ledger SET verdict = 'VOID' WHERE sequence = 2;"
                      "UPDATE vault_ledger SET seal_data = '{\"n\": 77}' WHERE sequence = 4;"
                      "UPDATE vault_ledger SET data_hash = encode(sha256(data_salt || '{\"n\":5}'::bytea), 'hex'),"
                      " seal_data = NULL, data_salt = NULL WHERE sequence = 6;")
            # If the payload is there, vaultd stores no data_hash; the entry's own hash shows the change.
            for sequence, field in ((2, "entry.entry_hash"), (4, "entry.entry_hash"), (6, "entry.seal_data")):
                with self.assertRaises(HashMismatch) as caught:
                    vault.read(sequence)
                self.assertEqual((field, sequence, "internal"), (caught.exception.field, caught.exception.entry["sequence"],
                                                                 caught.exception.code))
            vault.read(3)
            with self.assertRaises(HashMismatch) as caught:
                list(vault.list(order="asc"))
            self.assertEqual("entries[1].entry_hash", caught.exception.field)
            with self.assertRaises(HashMismatch):
                list(vault.query(verdict="VOID"))
            with self.assertRaises(HashMismatch):
                list(vault.read_session("s"))
            with Vault(other.requests, check_hashes=False) as looking:
                self.assertEqual("VOID", looking.read(2).verdict)
            result = vault.verify()
            self.assertEqual((False, 2, "entry_hash_mismatch"), (result.valid, result.first_invalid_sequence, result.reason))


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
