"""vault999.offline against the test vectors: canonical text, hashes, proofs, notes, proof files, receipts."""
import base64
import builtins
import hashlib
import json
import math
import re
import struct
import unittest
from unittest import mock

import setup_paths

setup_paths.need("cryptography")

from vault999 import offline
from vault999.errors import CheckFailed, InvalidArgument, TooLarge
from vault999.offline import json_text, merkle, notes, paths
from vault999.offline.canonical import canonical_text, number_text


def load(name):
    return json.loads((setup_paths.VECTORS / name).read_text(encoding="utf-8"))


VECTORS = load("entries.json")


def ledger():
    found = []
    for vector in VECTORS["entries"]:
        found.append({**vector["entry"], "seal_data": offline.parse_json(vector["seal_data_canonical"]),
                      "data_hash": vector["data_hash"], "entry_hash": vector["entry_hash"],
                      "merkle_root": vector["merkle_root"]})
    return found


class Canonical(unittest.TestCase):
    def test_jcs_vectors(self):
        for name in ("arrays", "french", "structures", "values"):
            text = (setup_paths.VECTORS / "jcs" / f"{name}.input.json").read_bytes()
            wanted = (setup_paths.VECTORS / "jcs" / f"{name}.output.json").read_text(encoding="utf-8").rstrip("\n")
            self.assertEqual(wanted, offline.canonicalize(text, object_only=False), name)

    def test_numbers_of_the_jcs_generator(self):
        """cyberphone/json-canonicalization describes how to generate them, and gives the hash of the printed lines."""
        source = (setup_paths.SOURCE_DIR / "tests/unit/ledger/canonical_json_test.cpp").read_text(encoding="utf-8")
        fixed = [int(one, 16) for one in re.findall(r"\b0x[0-9a-f]{16}\b", source[source.index("fixed_numbers[]"):
                                                                                 source.index("};", source.index("fixed_numbers[]"))])]

        def numbers():
            yield from fixed
            yield from range(0x0010000000000000, 0x0010000000000000 + 2000)
            block = bytes(32)
            while True:
                block = hashlib.sha256(block).digest()
                yield from struct.unpack("<4Q", block)

        digest, count, wanted = hashlib.sha256(), 0, load("tlog.json")["jcs_numbers"]
        for bits in numbers():
            value = struct.unpack(">d", struct.pack(">Q", bits))[0]
            if count >= len(fixed) + 2000 and (value == 0 or not math.isfinite(value)):
                continue
            digest.update(f"{bits:x},{number_text(value)}\n".encode())
            count += 1
            if count == 1000:
                self.assertEqual(wanted["sha256_first_1000_lines"], digest.hexdigest())
            if count == 10_000:
                self.assertEqual(wanted["sha256_first_10000_lines"], digest.hexdigest())
                return

    def test_numbers(self):
        for value, text in ((0.0, "0"), (-0.0, "0"), (1.0, "1"), (0.1, "0.1"), (1e21, "1e+21"), (1e20, "100000000000000000000"),
                            (1e-6, "0.000001"), (1e-7, "1e-7"), (1.5e-7, "1.5e-7"), (123456.789, "123456.789"),
                            (5e-324, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
                            (2.0**60, "1152921504606847000"), (2.0**53, "9007199254740992"), (-1e22, "-1e+22"),
                            (9007199254740993e3, "9007199254740993000"), (0.00001234, "0.00001234")):
            self.assertEqual(text, number_text(value))
            self.assertEqual(value, float(text))
        for value in (math.nan, math.inf, -math.inf):
            with self.assertRaises(ValueError):
                number_text(value)

    def test_integers_are_exact(self):
        self.assertEqual('{"a":18446744073709551615,"b":-9223372036854775808}',
                         canonical_text({"b": -(2**63), "a": 2**64 - 1}))

    def test_names_sort_by_utf16(self):
        self.assertEqual('{"k":0,"k\U0001f600":1,"kﬁ":2}', canonical_text({"kﬁ": 2, "k\U0001f600": 1, "k": 0}))

    def test_escapes(self):
        self.assertEqual('"\\b\\t\\n\\f\\r\\"\\\\\\u0001/\x7f\u2028é"', canonical_text("\b\t\n\f\r\"\\\x01/\x7f\u2028é"))


class Payload(unittest.TestCase):
    def refuses(self, value, field, kind=InvalidArgument, **more):
        with self.assertRaises(kind) as caught:
            offline.check_payload(value, **more)
        self.assertEqual(field, caught.exception.field)

    def test_what_has_no_json_form_is_named(self):
        self.refuses({"a": [1, {"b": {1, 2}}]}, "seal_data.a[1].b")
        self.refuses({"a": b"x"}, "seal_data.a")
        self.refuses({"a": {1: 2}}, "seal_data.a")
        self.refuses({"a": math.nan}, "seal_data.a")
        self.refuses({"a": 2**64}, "seal_data.a")
        self.refuses({"a": -(2**63) - 1}, "seal_data.a")
        self.refuses({"a": "\0"}, "seal_data.a")
        self.refuses({"a.b": "\ud800"}, 'seal_data["a.b"]')
        self.refuses({"\ud800": 1}, "seal_data")
        self.refuses([], "seal_data")

    def test_limits(self):
        deep = {}
        for _ in range(63):
            deep = {"a": deep}
        self.assertEqual('{"a":' * 63 + "{}" + "}" * 63, offline.check_payload(deep))
        self.refuses({"a": deep}, "seal_data" + ".a" * 64)
        self.refuses({"a": "x" * 100}, "seal_data", TooLarge, bytes_max=100)
        self.refuses({"a": [5e-324] * 20}, "seal_data", TooLarge, bytes_max=300)
        self.assertEqual('{"a":"é"}', offline.check_payload({"a": "é"}, bytes_max=10))
        self.refuses({"a": "é"}, "seal_data", TooLarge, bytes_max=9)

    def test_paths(self):
        self.assertEqual("a.b[3]", paths.element(paths.member("a", "b"), 3))
        self.assertEqual('a["x y"]', paths.member("a", "x y"))
        self.assertEqual("a." + "x" * 64 + "…", paths.member("a", "x" * 65))


class JsonText(unittest.TestCase):
    def refuses(self, text, field, kind=InvalidArgument):
        with self.assertRaises(kind) as caught:
            offline.parse_json(text)
        self.assertEqual(field, caught.exception.field, text)

    def test_refusals(self):
        self.refuses('{"a":1,"a":2}', "seal_data.a")
        self.refuses('{"a":[18446744073709551616]}', "seal_data.a[0]")
        self.refuses('{"a":1e400}', "seal_data.a")
        self.refuses('{"a":"\\ud800"}', "seal_data.a")
        self.refuses('{"a":"\\u0000"}', "seal_data.a")
        self.refuses(b'{"a":"\xff"}', "seal_data.a")
        self.refuses('{"a":NaN}', "seal_data.a")
        self.refuses('{"a":01}', "seal_data")
        self.refuses('{"a":1.}', "seal_data.a")
        self.refuses('{"a":1} x', "seal_data")
        self.refuses("[" * 65, "seal_data")
        self.refuses("", "seal_data")

    def test_values(self):
        self.assertEqual({"a": [1, -1.5, True, None, "\U0001f600/"]},
                         offline.parse_json('{"a":[1,-1.5,true,null,"\\ud83d\\ude00\\/"]}'))
        self.assertIsInstance(offline.parse_json('{"a":1.0}')["a"], float)
        self.assertEqual(2**64 - 1, offline.parse_json('{"a":18446744073709551615}')["a"])
        self.assertIsNone(json_text.refusal_of("[1e-400, 100000000000000000000]"))

    def test_what_comes_from_the_database_is_read_without_refusals(self):
        self.assertEqual(1e30, offline.parse_json('{"a":1000000000000000019884624838656}', stored=True)["a"])


class Entries(unittest.TestCase):
    def test_vectors(self):
        for vector, entry in zip(VECTORS["entries"], ledger()):
            self.assertEqual(vector["seal_data_canonical"], canonical_text(entry["seal_data"]))
            self.assertEqual(vector["data_hash"], offline.data_hash(entry["data_salt"], entry["seal_data"]))
            self.assertEqual(vector["leaf_data"].encode(), offline.leaf_data(entry))
            self.assertEqual(vector["entry_hash"], offline.entry_hash(entry))
            envelope = offline.parse_leaf_data(offline.leaf_data(entry))
            self.assertEqual(entry["sequence"], envelope["sequence"])
        self.assertIsNone(offline.verify_entries(ledger()))

    def test_every_change_is_found(self):
        for name, value, faults in (
                ("verdict", "SUNSET", ["entry_hash"]), ("seal_data", {"x": 1}, ["data_hash"]),
                ("data_salt", "00" * 16, ["data_hash"]), ("data_hash", "0" * 64, ["data_hash", "entry_hash"]),
                ("authority", "x", ["entry_hash"]), ("session_id", "x", ["entry_hash"]), ("sequence", 7, ["entry_hash"]),
                ("timestamp", "2026-02-02T00:00:00.000001Z", ["entry_hash"]), ("prev_hash", "1" * 64, ["entry_hash"]),
                ("entry_hash", "1" * 64, ["entry_hash"]), ("seal_data", None, ["data_hash"]), ("authority", None, ["entry_hash"]),
                ("timestamp", "yesterday", ["entry_hash"])):
            self.assertEqual(faults, offline.entry_faults({**ledger()[0], name: value}), (name, value))
        taken = {**ledger()[0], "seal_data": None, "data_salt": None}
        self.assertEqual(["seal_data"], offline.entry_faults(taken))
        self.assertEqual(["entry_hash", "seal_data"], offline.entry_faults({**taken, "data_hash": "0" * 64}))
        self.assertEqual([], offline.entry_faults({"backend": "legacy", "seal_data": {}}))

    def test_verification_names_the_first(self):
        one, two, three = ledger()
        self.assertEqual((2, "sequence_gap"), offline.verify_entries([one, three]))
        self.assertEqual((2, "entry_hash_mismatch"), offline.verify_entries([one, {**two, "verdict": "SEAL"}, three]))
        other = {**two, "prev_hash": "1" * 64}
        other["entry_hash"] = offline.entry_hash(other)
        self.assertEqual((2, "prev_hash_mismatch"), offline.verify_entries([one, other, three]))
        self.assertEqual((3, "merkle_root_mismatch"), offline.verify_entries([one, two, {**three, "merkle_root": "0" * 64}]))
        self.assertEqual((1, "erasure_unexplained"), offline.verify_entries([{**one, "seal_data": None, "data_salt": None}]))

    def test_neighbours_are_linked(self):
        one, two, _ = ledger()
        other = {**two, "prev_hash": "1" * 64}
        other["entry_hash"] = offline.entry_hash(other)
        for order in ((one, two), (two, one)):
            checker = offline.HashChecker()
            self.assertEqual([[], []], [checker.faults(entry) for entry in order])
        for order in ((one, other), (other, one)):
            checker = offline.HashChecker()
            self.assertEqual([[], ["prev_hash"]], [checker.faults(entry) for entry in order])


class Merkle(unittest.TestCase):
    def test_vectors(self):
        vectors = load("merkle/proofs.json")
        raw = lambda text: base64.b64decode(text or "")
        for case in vectors["inclusion"]:
            proof = [raw(one) for one in case["proof"] or []]
            held = holds(offline.check_inclusion, raw(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, raw(case["root"]))
            self.assertEqual(not case["wantErr"], held, case)
        for case in vectors["consistency"]:
            proof = [raw(one) for one in case["proof"] or []]
            held = holds(offline.check_consistency, case["size1"], case["size2"], raw(case["root1"]), raw(case["root2"]), proof)
            self.assertEqual(not case["wantErr"], held, case)
        self.assertGreater(len(vectors["inclusion"]) + len(vectors["consistency"]), 100)

    def test_tlog_vectors(self):
        vectors = load("tlog.json")
        leaves = [offline.hash_leaf(leaf.encode()) for leaf in vectors["leaf_data"]]
        checkpoint = offline.check_checkpoint(vectors["checkpoint"], vectors["log_vkey"])
        self.assertEqual((15, offline.root_of(leaves)), (checkpoint.tree_size, checkpoint.root))
        proof = [base64.b64decode(one) for one in vectors["inclusion_index_2"]]
        offline.check_inclusion(leaves[2], 2, 15, proof, checkpoint.root)
        for first in (7, 8):
            case = vectors[f"consistency_{first}_15"]
            offline.check_consistency(first, 15, base64.b64decode(case[f"root{first}"]), checkpoint.root,
                                      [base64.b64decode(one) for one in case["proof"]])
        file = offline.ProofFile(2, proof, vectors["checkpoint"], b"three")
        self.assertEqual(file, offline.ProofFile.parse(file.format()))
        plain = offline.ProofFile(2, proof, vectors["checkpoint"]).format()
        self.assertIn(vectors["tlog_proof_index_2_sha256"],
                      [hashlib.sha256(text.encode()).hexdigest() for text in (plain, file.format())])

    def test_sides(self):
        for size in range(1, 40):
            leaves = [bytes([n]) * 32 for n in range(size)]
            for index in range(size):
                proof = naive_proof(leaves, index)
                self.assertEqual(len(proof), len(merkle.sides(index, size)))
                self.assertEqual(offline.root_of(leaves), offline.root_from_inclusion(leaves[index], index, size, proof))


def naive_proof(leaves, index):
    """RFC 9162 section 2.1.3.1, literally."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return naive_proof(leaves[:split], index) + [offline.root_of(leaves[split:])]
    return naive_proof(leaves[split:], index - split) + [offline.root_of(leaves[:split])]


def holds(check, *arguments):
    try:
        check(*arguments)
    except CheckFailed:
        return False
    return True


class Notes(unittest.TestCase):
    def fails(self, text, call, *arguments):
        with self.assertRaisesRegex(CheckFailed, text):
            call(*arguments)

    def test_the_checkpoint_of_the_vectors(self):
        checkpoint = offline.check_checkpoint(VECTORS["checkpoint"], VECTORS["vkey"] + "\n")
        self.assertEqual((3, VECTORS["entries"][2]["merkle_root"]), (checkpoint.tree_size, checkpoint.root.hex()))

    def test_what_is_no_checkpoint_of_this_key(self):
        note, vkey = VECTORS["checkpoint"], VECTORS["vkey"]
        self.fails("does not verify", offline.check_checkpoint, note.replace("\n3\n", "\n4\n"), vkey)
        self.fails("no signature by", offline.check_checkpoint, note, load("tlog.json")["log_vkey"])
        self.fails("CRLF", offline.check_checkpoint, note.replace("\n", "\r\n"), vkey)
        self.fails("no newline", offline.check_checkpoint, note[:-1], vkey)
        self.fails("no empty line", offline.check_checkpoint, note.replace("\n\n", "\n"), vkey)
        self.fails("not a signature line", offline.check_checkpoint, note + "x\n", vkey)
        self.fails("form", offline.check_checkpoint, note, "nope")
        self.fails("ID does not fit", offline.check_checkpoint, note, vkey.replace("a2fd898e", "a2fd898f"))
        self.fails("line 2", notes.parse_checkpoint, "a\n03\n" + "A" * 43 + "=\n")
        self.fails("line 3", notes.parse_checkpoint, "a\n0\n" + "A" * 43 + "=\n")
        self.fails("line 3", notes.parse_checkpoint, "a\n3\n" + "A" * 42 + "B=\n")

    def test_a_witness(self):
        vectors = load("tlog.json")
        key = offline.VerifierKey.parse(vectors["witness_vkey"])
        self.assertEqual(vectors["witness_vkey"], str(key))
        self.assertEqual(vectors["witness_time"], offline.verify_note(offline.parse_note(vectors["checkpoint"]), key))
        self.fails("type 1", offline.check_checkpoint, vectors["checkpoint"], vectors["witness_vkey"])

    def test_without_cryptography_it_says_so(self):
        real = builtins.__import__

        def without(name, *more):
            if name.startswith("cryptography"):
                raise ImportError(name)
            return real(name, *more)

        with mock.patch.object(builtins, "__import__", without), self.assertRaises(offline.MissingCryptography):
            offline.check_checkpoint(VECTORS["checkpoint"], VECTORS["vkey"])


class ProofFiles(unittest.TestCase):
    def test_the_file_of_the_vectors(self):
        text, vkey, entry = VECTORS["tlog_proof_sequence_2"], VECTORS["vkey"], ledger()[1]
        self.assertEqual(text, offline.ProofFile.parse(text).format())
        self.assertEqual("VOID", offline.check_proof_file(text, vkey)["verdict"])
        offline.check_proof_file(text, vkey, entry)
        offline.check_proof_file(text, vkey, {"entry": entry})
        for changed in ({**entry, "verdict": "SEAL"}, {**entry, "seal_data": {"x": 1}}, {**entry, "data_salt": None}, ledger()[0]):
            with self.assertRaises(CheckFailed):
                offline.check_proof_file(text, vkey, changed)

    def test_every_byte_counts(self):
        text, vkey = VECTORS["tlog_proof_sequence_2"], VECTORS["vkey"]
        for at in range(len(text)):
            changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]
            self.assertFalse(holds(offline.check_proof_file, changed, vkey), changed[max(0, at - 20):at + 20])
        self.assertFalse(holds(offline.check_proof_file, text.replace("index 1", "index 0"), vkey))


class Receipts(unittest.TestCase):
    def setUp(self):
        file = offline.ProofFile.parse(VECTORS["tlog_proof_sequence_2"])
        self.payload = ledger()[1]["seal_data"]
        self.receipt = {**ledger()[1], "duplicate": False, "leaf_index": 1, "tree_size": 3,
                        "proof": [one.hex() for one in file.proof], "checkpoint": file.checkpoint}
        del self.receipt["seal_data"]

    def test_a_good_one(self):
        self.assertEqual(3, offline.check_receipt(self.receipt, VECTORS["vkey"], self.payload).tree_size)
        offline.check_proof(ledger()[1], self.receipt, VECTORS["vkey"])

    def test_the_payload_of_an_entry_counts(self):
        for change, field in (({"seal_data": {"x": 1}}, "data_hash"), ({"seal_data": None, "data_salt": None}, "seal_data"),
                              ({"seal_data": None}, "data_hash")):
            with self.assertRaises(CheckFailed) as caught:
                offline.check_proof({**ledger()[1], **change}, self.receipt, VECTORS["vkey"])
            self.assertEqual(field, caught.exception.field)

    def test_changed_ones(self):
        for name, value, field in (("verdict", "SEAL", "entry_hash"), ("leaf_index", 0, "leaf_index"),
                                   ("tree_size", 4, "tree_size"), ("proof", None, "proof"), ("proof", ["x"], "proof"),
                                   ("proof", [], ""), ("sequence", 3, "leaf_index"), ("sequence", "2", "sequence")):
            with self.assertRaises(CheckFailed) as caught:
                offline.check_receipt({**self.receipt, name: value}, VECTORS["vkey"])
            self.assertEqual(field, caught.exception.field, name)
        with self.assertRaises(CheckFailed) as caught:
            offline.check_receipt(self.receipt, VECTORS["vkey"], {"x": 1})
        self.assertEqual("data_hash", caught.exception.field)


if __name__ == "__main__":
    unittest.main()
