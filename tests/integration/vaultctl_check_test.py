"""vaultctl check: files of evidence, whatever they are, without vaultd. Run by CTest with VAULT_BIN_DIR."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from vaultctl_offline_test import VECTORS, VKEY, Case, entry_text, run  # noqa: E402
from support.vaultd_process import clean_environment, program  # noqa: E402

MEMBERS = ("session_id", "authority", "verdict", "timestamp", "seal_id")


class Check(Case):
    def setUp(self):
        super().setUp()
        self.proof = self.file("2.tlog-proof", VECTORS["tlog_proof_sequence_2"])
        vector = VECTORS["entries"][1]
        leaves = [item["entry_hash"] for item in VECTORS["entries"]]
        self.members = {**vector["entry"], **{name: vector[name] for name in ("data_hash", "entry_hash", "merkle_root")},
                        "duplicate": False}
        self.receipt = self.file("receipt.json", json.dumps({
            **self.members, "leaf_index": 1, "tree_size": 3, "proof": [leaves[0], leaves[2]],
            "checkpoint": VECTORS["checkpoint"]}))
        self.checkpoint = self.file("log.checkpoint", VECTORS["checkpoint"])
        self.entry = self.file("entry.json", '{"entry":' + entry_text(2) + "}\n")
        self.payload = self.file("payload.json", " {  }\n")

    def check(self, code, *files, vkey=VKEY):
        document = self.one_document(self.expect(code, run("check", *files, "--vkey", vkey, "--json")))
        if code in (0, 1):
            self.assertIs(document["valid"], code == 0)
        return {pathlib.Path(one["file"]).name: one for one in document.get("files", [])}

    def reason(self, file, *more):
        return self.check(1, file, *more)[file.name]["reason"]

    def test_it_finds_out_what_a_file_is(self):
        found = self.check(0, self.proof, self.receipt, self.checkpoint)
        self.assertEqual({name: one["kind"] for name, one in found.items()},
                         {"2.tlog-proof": "proof", "receipt.json": "receipt", "log.checkpoint": "checkpoint"})
        for name in ("2.tlog-proof", "receipt.json"):
            one = found[name]
            self.assertEqual([one[member] for member in MEMBERS], [self.members[member] for member in MEMBERS])
            self.assertEqual((one["valid"], one["sequence"]), (True, 2))
            self.assertIn("not checked", one["payload"])

    def test_people_see_what_is_proven(self):
        for command in ("check", "check-proof"):
            shown = self.expect(0, run(command, self.proof, "--vkey", VKEY)).stdout
            for text in ("VALID", self.members["session_id"], self.members["authority"], self.members["timestamp"],
                         self.members["verdict"] + " ("):
                self.assertIn(text, shown)

    def test_what_belongs_together_is_checked_together(self):
        self.assertEqual(self.check(0, self.entry, self.proof)["2.tlog-proof"]["payload"], "checked")
        self.assertEqual(self.check(0, self.receipt, self.payload)["receipt.json"]["payload"], "checked")
        self.payload.write_text('{"a":1}')
        found = self.check(1, self.receipt, self.payload)
        self.assertEqual([found[name]["valid"] for name in ("receipt.json", "payload.json")], [True, False])
        self.entry.write_text(entry_text(2).replace('"seal_data": {}', '"seal_data": {"a":1}'))
        self.assertIn("data_hash", self.reason(self.proof, self.entry))

    def test_what_proves_nothing(self):
        self.assertIn("give its proof too", self.reason(self.entry))
        self.assertIn("give its proof too", self.reason(self.entry, self.receipt))
        self.assertIn("neither a receipt", self.reason(self.payload))
        self.assertIn("not signed", self.reason(self.file("unsigned.json", json.dumps(self.members))))
        self.assertIn("give its proof too", self.reason(self.file("1.json", entry_text(1)), self.proof))
        other = VKEY[:-4] + "AAAA"
        self.check(2, self.proof, vkey=other)

    def test_what_happened_on_the_way_is_named(self):
        for good in (self.proof, self.checkpoint):
            mailed = self.directory / "mailed"
            mailed.write_bytes(good.read_bytes().replace(b"\n", b"\r\n"))
            self.assertIn("CRLF", self.reason(mailed))
            cut = self.directory / "cut"
            cut.write_bytes(good.read_bytes()[:-1])
            if "kind" in (one := self.check(1, cut)["cut"]) and one["kind"] != "unknown":
                self.assertIn("last line end", one["reason"])
        for command, file in (("check-proof", self.receipt), ("check-receipt", self.proof)):
            said = self.one_document(self.expect(1, run(command, file, "--vkey", VKEY, "--json")))["reason"]
            self.assertRegex(said, "this is a (receipt|proof), not a .*vaultctl check")

    def test_a_file_or_a_key_that_is_not_there(self):
        found = self.check(2, self.directory / "none", self.proof)
        self.assertEqual([found["none"]["valid"], found["2.tlog-proof"]["valid"]], [None, True])
        error = self.one_document(self.expect(2, run("check", self.proof, "--vkey", "nope.vkey", "--json")))
        self.assertIn("there is no file", error["message"])
        secret = run("check", self.proof, "--vkey", "postgresql://u:s3cret@h/db", "--json")
        self.assertNotIn("s3cret", secret.stdout + secret.stderr)

    def run_as_nobody(self, *arguments):
        """For whom files of mode 0 are closed; for root they never are."""
        self.directory.chmod(0o755)
        tool = self.directory / "vaultctl"
        if not tool.exists():
            shutil.copy(program("vaultctl"), tool)  # the build directory may be closed to others
        user = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
        return subprocess.run([tool, *map(str, arguments), "--vkey", VKEY, "--json"], capture_output=True, text=True,
                              timeout=60, check=False, env=clean_environment(), **user)

    def test_what_may_not_be_read_is_no_answer(self):
        archive = self.directory / "archive"
        archive.mkdir(0)
        for file in (self.proof, self.receipt, self.checkpoint):
            file.chmod(0)
        for command, path in (("check", self.proof), ("check", self.checkpoint), ("check", archive),
                              ("check-proof", self.proof), ("check-receipt", self.receipt), ("check-archive", archive)):
            answer = self.one_document(self.expect(4, self.run_as_nobody(command, path)))
            self.assertIn("Permission denied", answer["message"] if "message" in answer else answer["files"][0]["reason"])
            self.assertIn(answer.get("code"), (None, "forbidden"))
        archive.chmod(0o755)
        (archive / "checkpoint").write_text(VECTORS["checkpoint"])
        (archive / "checkpoint").chmod(0)
        for command in ("check", "check-archive"):
            answer = self.expect(4, self.run_as_nobody(command, archive))
            self.assertIn("checkpoint cannot be read: Permission denied", answer.stdout)
            self.assertNotIn('"valid":false', answer.stdout)

    def test_a_file_that_is_no_evidence(self):
        vkey = self.file("log.vkey", VKEY + "\n")
        packed = self.directory / "archive.tgz"
        packed.write_bytes(b"\x1f\x8b\x08" + bytes(20))
        for file, words in ((vkey, "looks like a verifier key"), (packed, "looks like a packed file")):
            found = self.check(2, file, self.proof)
            self.assertEqual([found[name]["valid"] for name in (file.name, "2.tlog-proof")], [None, True])
            self.assertIn(words, found[file.name]["reason"])
        for command in ("check-proof", "check-receipt"):
            answer = self.one_document(self.expect(2, run(command, vkey, "--vkey", VKEY, "--json")))
            self.assertIn("looks like a verifier key", answer["message"])
        self.receipt.write_text("{}")
        self.check(1, vkey, self.receipt)  # what is wrong for certain goes first

    def test_an_archive_that_is_none(self):
        self.assertIs(self.check(1, self.directory, self.proof)[self.directory.name]["valid"], False)


if __name__ == "__main__":
    unittest.main()
