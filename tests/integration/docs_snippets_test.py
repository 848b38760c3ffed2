"""Runs the Python of docs/ledger-format.md and compares it with the test vectors: what the page says is true.

Blocks that begin with ```python test share one namespace, in the order of the page. Run by CTest; by hand: python3
tests/integration/docs_snippets_test.py
"""
import base64
import hashlib
import json
import os
import pathlib
import re
import struct
import sys
import unittest

ROOT = pathlib.Path(os.environ.get("VAULT_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
VECTORS = pathlib.Path(os.environ.setdefault("VAULT_VECTORS_DIR", str(ROOT / "tests" / "vectors")))
BLOCK = re.compile(r"^```python test\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_blocks(page):
    """The namespace that the page's blocks leave behind. Line numbers in a traceback are those of the page."""
    text = page.read_text(encoding="utf-8")
    namespace = {}
    blocks = 0
    for match in BLOCK.finditer(text):
        blocks += 1
        padding = "\n" * text.count("\n", 0, match.start(1))
        exec(compile(padding + match.group(1), str(page), "exec"), namespace)
    if blocks == 0:
        raise AssertionError(f"{page} holds no ```python test block")
    return namespace


def read(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def unbase64(text):
    return base64.b64decode(text, validate=True)


class LedgerFormat(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page = type("Page", (), {k: staticmethod(v) if callable(v) else v
                                     for k, v in run_blocks(ROOT / "docs" / "ledger-format.md").items()})

    def test_canonical_text_of_the_jcs_vectors(self):
        inputs = sorted((VECTORS / "jcs").glob("*.input.json"))
        self.assertGreaterEqual(len(inputs), 4)
        for path in inputs:
            expected = path.with_name(path.name.replace(".input.", ".output.")).read_text(encoding="utf-8")
            value = self.page.read_json(path.read_text(encoding="utf-8"))
            self.assertEqual(expected, self.page.canonical(value), path.name)

    def test_numbers_are_laid_out_as_ecmascript_does(self):
        # RFC 8785, appendix B.
        for bits, text in (
            (0x0000000000000000, "0"), (0x8000000000000000, "0"), (0x0000000000000001, "5e-324"),
            (0x8000000000000001, "-5e-324"), (0x7FEFFFFFFFFFFFFF, "1.7976931348623157e+308"),
            (0x4340000000000000, "9007199254740992"), (0xC340000000000000, "-9007199254740992"),
            (0x4430000000000000, "295147905179352830000"), (0x44B52D02C7E14AF5, "9.999999999999997e+22"),
            (0x44B52D02C7E14AF6, "1e+23"), (0x444B1AE4D6E2EF4E, "999999999999999700000"),
            (0x444B1AE4D6E2EF50, "1e+21"), (0x3EB0C6F7A0B5ED8C, "9.999999999999997e-7"),
            (0x3EB0C6F7A0B5ED8D, "0.000001"), (0x41B3DE4355555554, "333333333.33333325"),
            (0xBECBF647612F3696, "-0.0000033333333333333333"),
        ):
            self.assertEqual(text, self.page.number(struct.unpack(">d", struct.pack(">Q", bits))[0]))

    def test_inclusion(self):
        good = bad = 0
        for case in read("merkle/proofs.json")["inclusion"]:
            proof = [unbase64(hash) for hash in case["proof"] or []]
            try:
                root = self.page.root_from_inclusion(
                    unbase64(case["leafHash"] or ""), case["leafIdx"], case["treeSize"], proof)
                holds = root == unbase64(case["root"] or "")
            except ValueError:
                holds = False
            self.assertEqual(not case["wantErr"], holds, case["file"])
            good, bad = good + holds, bad + (not holds)
        self.assertGreater(min(good, bad), 3)

    def test_consistency(self):
        good = bad = 0
        for case in read("merkle/proofs.json")["consistency"]:
            proof = [unbase64(hash) for hash in case["proof"] or []]
            if case["size1"] == 0 and case["size2"] > 0:
                continue  # nothing to prove: whether that is an error is a matter of taste
            holds = self.page.check_consistency(
                case["size1"], case["size2"], unbase64(case["root1"] or ""), unbase64(case["root2"] or ""), proof)
            self.assertEqual(not case["wantErr"], holds, case["file"])
            good, bad = good + holds, bad + (not holds)
        self.assertGreater(min(good, bad), 3)

    def test_checkpoint_of_another_log(self):
        log = read("tlog.json")
        size, root = self.page.check_checkpoint(log["checkpoint"], log["log_vkey"])
        leaves = [self.page.hash_leaf(leaf.encode()) for leaf in log["leaf_data"]]
        self.assertEqual((15, root), (size, self.page.merkle_root(leaves)))
        proof = [unbase64(hash) for hash in log["inclusion_index_2"]]
        self.assertEqual(root, self.page.root_from_inclusion(leaves[2], 2, 15, proof))
        for first in (7, 8):
            case = log[f"consistency_{first}_15"]
            proof = [unbase64(hash) for hash in case["proof"]]
            self.assertTrue(self.page.check_consistency(first, 15, unbase64(case[f"root{first}"]), root, proof))

    def test_bundle_of_another_log(self):
        log = read("tlog.json")
        leaves = [leaf.encode() for leaf in log["leaf_data"]]
        content = self.page.bundle(leaves, ">H")
        self.assertEqual(log["entry_bundle_sha256"], hashlib.sha256(content).hexdigest())
        self.assertEqual(leaves, self.page.split_bundle(content, ">H"))
        self.assertEqual([b"", b"x"], self.page.split_bundle(self.page.bundle([b"", b"x"], ">I"), ">I"))

    def test_a_changed_proof_file_is_refused(self):
        vectors = read("entries.json")
        proof, vkey = vectors["tlog_proof_sequence_2"], vectors["vkey"]
        self.assertEqual(2, self.page.check_proof_file(proof, vkey)["sequence"])
        for changed in (
            proof.replace("index 1", "index 0"),
            proof.replace("SApXX9NPjgAE", "SApXX9NPjgAF"),  # a hash of the proof
            proof.replace("VOIDIn0=", "U0VBTCJ9"),
            proof.replace("\n3\nZ6LL", "\n4\nZ6LL"),  # signed for another size
            proof.replace("ov2JjnZwdOCB", "ov2JjnZwdOCC"),  # the signature
        ):
            if changed == proof:
                continue
            with self.assertRaises(ValueError):
                self.page.check_proof_file(changed, vkey)

    def test_signed_receipt(self):
        vectors, page = read("entries.json"), self.page
        entry = page.entries[1]
        receipt = {name: value for name, value in entry.items() if name != "seal_data"}
        leaves = [bytes.fromhex(e["entry_hash"]) for e in page.entries]
        receipt.update(leaf_index=1, tree_size=3, checkpoint=vectors["checkpoint"],
                       proof=[leaves[0].hex(), leaves[2].hex()])
        self.assertTrue(page.check_signed_receipt(receipt, vectors["vkey"], {}))
        self.assertFalse(page.check_signed_receipt(receipt, vectors["vkey"], {"other": 1}))
        self.assertFalse(page.check_signed_receipt(dict(receipt, authority="other"), vectors["vkey"]))

    def test_verification_names_the_first_bad_entry(self):
        entries, verify = self.page.entries, self.page.verify_entries
        self.assertEqual((2, "sequence_gap"), verify([entries[0], entries[2]]))
        for name, value, reason in (
            ("session_id", "other", "entry_hash_mismatch"), ("seal_data", {"a": 1}, "entry_hash_mismatch"),
            ("data_salt", "00" * 16, "entry_hash_mismatch"), ("prev_hash", "00" * 32, "entry_hash_mismatch"),
            ("timestamp", "2026-02-01T00:00:00.000000Z", "entry_hash_mismatch"),
            ("entry_hash", "00" * 32, "entry_hash_mismatch"), ("merkle_root", "00" * 32, "merkle_root_mismatch"),
        ):
            self.assertEqual((2, reason), verify([entries[0], dict(entries[1], **{name: value}), entries[2]]), name)


if __name__ == "__main__":
    sys.exit(unittest.main())
