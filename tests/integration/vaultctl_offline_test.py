"""vaultctl's offline commands: no daemon, no database. Run by CTest with VAULT_BIN_DIR."""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VECTORS_DIR, clean_environment, program  # noqa: E402

VECTORS = json.loads((VECTORS_DIR / "entries.json").read_text(encoding="utf-8"))
VKEY = VECTORS["vkey"]
EMPTY_SALT = "0102030405060708090a0b0c0d0e0f10"


def run(*arguments, stdin="", environment=None):
    return subprocess.run([program("vaultctl"), *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          timeout=60, check=False, env={**clean_environment(), **(environment or {})})


def entry_text(number):
    """Entry `number` of the vectors as the text of an entry map; the payload's own text is kept as it stands."""
    vector = VECTORS["entries"][number - 1]
    members = dict(vector["entry"])
    for name in ("data_hash", "entry_hash", "merkle_root"):
        members[name] = vector[name]
    text = json.dumps(members, ensure_ascii=False)
    return text[:-1] + ', "seal_data": ' + vector["seal_data_canonical"] + "}"


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vaultctl-test-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def expect(self, code, answer):
        self.assertEqual(answer.returncode, code, f"stdout: {answer.stdout}\nstderr: {answer.stderr}")
        return answer

    def one_document(self, answer):
        """--json: one document on stdout, nothing on stderr."""
        self.assertEqual(answer.stderr, "")
        return json.loads(answer.stdout)


class Usage(Case):
    def test_wrong_usage_is_exit_2(self):
        for arguments in ([], ["frobnicate"], ["seal", "--frobnicate"], ["read", "--sequence", "x"],
                          ["read", "--sequence", "010x"], ["read", "--sequence", "0"], ["read"],
                          ["read", "--sequence", "1", "--session", "s"], ["read", "--seal-id", "no-uuid"],
                          ["list", "--limit", "0"], ["list", "--limit", "1001"], ["list", "--order", "sideways"],
                          ["query", "--verdict", "MAYBE"], ["query", "--from", "someday"], ["proof"],
                          ["proof", "0"], ["consistency", "5", "3"], ["check-proof"], ["watch", "--endpoint", "tcp://h:1"],
                          ["verify", "--from", "3", "--to", "2"], ["verify", "--checkpoint", "x"],
                          ["keygen", "-o", "x"], ["keygen", "--curve", "--name", "n", "-o", "x"],
                          ["migrate", "sideways"], ["migrate", "up"], ["migrate", "down", "--database", "x"],
                          ["status", "--timeout", "soon"], ["seal", "--data", "{}"],
                          ["seal", "--batch", "--session", "s"], ["export", "--from", "2", "--to", "1"]):
            with self.subTest(arguments):
                answer = self.expect(2, run(*arguments))
                self.assertEqual(answer.stdout, "")
                self.assertNotEqual(answer.stderr, "")
                error = self.one_document(self.expect(2, run(*arguments, "--json")))
                self.assertEqual((error["code"], error["retryable"]), ("invalid_argument", False))
                self.assertTrue(error["message"])

    def test_a_seal_that_breaks_the_rules_is_exit_2_without_a_daemon(self):
        good = {"--session": "s", "--authority": "a", "--verdict": "SEAL", "--data": "{}"}
        for flag, value in (("--session", "a\nb"), ("--session", "s" * 257), ("--verdict", "seal"), ("--data", "[]"),
                            ("--data", '{"a":1,"a":2}'), ("--data", '{"a":18446744073709551617}'),
                            ("--data", '{"a":"\\u0000"}'), ("--seal-id", "1234")):
            with self.subTest(flag=flag, value=value):
                arguments = [part for pair in {**good, flag: value}.items() for part in pair]
                error = self.one_document(self.expect(2, run("seal", *arguments, "--json")))
                self.assertEqual(error["code"], "invalid_argument")
                self.assertTrue(error["field"])

    def test_payload_over_the_hard_limit_is_too_large(self):
        data = self.file("big.json", json.dumps({"a": "x" * (17 << 20)}))
        answer = run("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data-file", data, "--json")
        self.assertEqual(self.one_document(self.expect(2, answer))["code"], "too_large")

    def test_nobody_listens(self):
        for arguments in (["status"], ["head"], ["seal", "--session", "s", "--authority", "a", "--verdict", "SEAL",
                                                 "--data", "{}"]):
            answer = self.expect(3, run(*arguments, "--endpoint", f"ipc://{self.directory}/none"))
            self.assertIn("does not answer", answer.stderr)
        error = self.one_document(self.expect(3, run("--json", "status", "--timeout", "200ms",
                                                     environment={"VAULT_ENDPOINT": f"ipc://{self.directory}/none"})))
        self.assertEqual((error["code"], error["retryable"]), ("unavailable", True))

    def test_nobody_listens_on_tcp(self):
        answer = run("--json", "--endpoint", "tcp://127.0.0.1:1", "--timeout", "0.3", "head")
        self.assertEqual(self.one_document(self.expect(3, answer))["code"], "unavailable")

    def test_a_database_that_is_not_there(self):
        for arguments in (["migrate", "status"], ["verify"]):
            answer = run(*arguments, "--database", f"host={self.directory} dbname=none connect_timeout=2", "--json")
            self.assertEqual(self.one_document(self.expect(3, answer))["code"], "unavailable")

    def test_help_and_version(self):
        self.assertIn("vaultctl", self.expect(0, run("--version")).stdout)
        commands = ("seal read list query head status verify proof check-proof check-receipt consistency checkpoint "
                    "watch export canonicalize keygen migrate").split()
        overview = self.expect(0, run("--help")).stdout
        for command in commands:
            self.assertIn(f"  {command} ", overview)
            self.assertIn(f"vaultctl {command}" if command != "canonicalize" else "Example",
                          self.expect(0, run(command, "--help")).stdout)


class Canonicalize(Case):
    def test_documents_of_every_kind(self):
        lines = ['{ "b": 1.0, "a": [1e30, -0, 0.1, null] }', '"\\u00e9\\n"', "18446744073709551615",
                 "-9223372036854775808", "[]", "1152921504606846976", "1.152921504606847e18"]
        wanted = ['{"a":[1e+30,0,0.1,null],"b":1}', '"é\\n"', "18446744073709551615", "-9223372036854775808", "[]",
                  "1152921504606846976", "1152921504606847000"]
        answer = self.expect(0, run("canonicalize", stdin="\n".join(lines)))
        self.assertEqual(answer.stdout.splitlines(), wanted)
        self.assertEqual(self.one_document(run("canonicalize", "--json", stdin="\n".join(lines))), {"canonical": wanted})

    def test_the_payloads_of_the_vectors(self):
        text = "\n".join(vector["seal_data_canonical"] for vector in VECTORS["entries"])
        self.assertEqual(self.expect(0, run("canonicalize", stdin=text)).stdout, text + "\n")

    def test_a_bad_line_is_named(self):
        answer = self.expect(2, run("canonicalize", stdin='{"a":1}\n{"a":1,"a":2}\n[2]\n{\n'))
        self.assertEqual(answer.stdout.splitlines(), ['{"a":1}', "[2]"])
        self.assertIn("line 2", answer.stderr)
        self.assertIn("line 4", answer.stderr)
        error = self.one_document(self.expect(2, run("canonicalize", "--json", stdin='1\n{"a":nan}\n')))
        self.assertEqual(error["code"], "invalid_argument")
        self.assertIn("line 2", error["message"])


class CheckProof(Case):
    def setUp(self):
        super().setUp()
        self.text = VECTORS["tlog_proof_sequence_2"]
        self.proof = self.file("2.tlog-proof", self.text)

    def check(self, code, proof, *arguments, vkey=VKEY):
        answer = self.expect(code, run("check-proof", proof, "--vkey", vkey, *arguments, "--json"))
        return self.one_document(answer)

    def refused(self, proof, *arguments, vkey=VKEY):
        result = self.check(1, proof, *arguments, vkey=vkey)
        self.assertIs(result["valid"], False)
        return result["reason"]

    def test_the_vectors_proof(self):
        self.assertIn("VALID", self.expect(0, run("check-proof", self.proof, "--vkey", VKEY)).stdout)
        result = self.check(0, self.proof)
        vector = VECTORS["entries"][1]
        self.assertEqual((result["valid"], result["sequence"], result["entry_hash"], result["tree_size"]),
                         (True, 2, vector["entry_hash"], 3))

    def test_the_key_from_a_file(self):
        self.check(0, self.proof, vkey=str(self.file("log.vkey", VKEY + "\n")))

    def test_every_flipped_byte_is_noticed(self):
        raw = self.text.encode()
        for at in range(0, len(raw), 7):
            bad = self.directory / "bad"
            bad.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:])
            with self.subTest(at=at):
                self.refused(bad)

    def test_truncated_and_empty(self):
        self.refused(self.file("short", self.text[:-20]))
        self.refused(self.file("empty", ""))

    def test_wrong_key(self):
        other = json.loads(self.expect(0, run("keygen", "--name", "vectors.example/ledger", "-o",
                                              self.directory / "other.pem", "--json")).stdout)["vkey"]
        self.refused(self.proof, vkey=other)

    def test_a_key_that_is_none_is_wrong_usage(self):
        for vkey in ("nonsense", VKEY[:-4], VKEY.replace("a2fd", "a2fe")):
            self.assertEqual(self.check(2, self.proof, vkey=vkey)["code"], "invalid_argument")

    def test_a_file_that_is_not_there_is_wrong_usage(self):
        self.assertEqual(self.check(2, self.directory / "none")["code"], "invalid_argument")

    def test_with_the_entry(self):
        entry = self.file("entry.json", entry_text(2))
        self.assertEqual(self.check(0, self.proof, "--entry", entry)["payload"], "checked")
        wrapped = self.file("wrapped.json", '{"entry":' + entry_text(2) + "}\n")
        self.check(0, self.proof, "--entry", wrapped)

    def test_with_another_entry(self):
        self.refused(self.proof, "--entry", self.file("entry.json", entry_text(1)))
        self.refused(self.proof, "--entry", self.file("entry.json", entry_text(3)))

    def test_each_member_of_the_entry_is_checked(self):
        changes = {"session_id": "other", "seal_id": "00197000-0000-0700-0800-00000000000f", "sequence": 3,
                   "timestamp": "2026-02-02T00:00:00.000008Z", "authority": "x", "verdict": "SEAL",
                   "data_salt": "00" * 16, "data_hash": "00" * 32, "entry_hash": "00" * 32, "prev_hash": "00" * 32,
                   "merkle_root": "00" * 32, "seal_data": {"a": 1}}
        for name, value in changes.items():
            with self.subTest(name):
                members = json.loads(entry_text(2))
                self.assertIn(name, members)
                members[name] = value
                self.refused(self.proof, "--entry", self.file("entry.json", json.dumps(members)))

    def test_the_entry_without_what_can_be_recomputed(self):
        members = json.loads(entry_text(2))
        for name in ("data_hash", "entry_hash", "merkle_root"):
            del members[name]
        self.check(0, self.proof, "--entry", self.file("entry.json", json.dumps(members)))
        del members["data_salt"]
        self.refused(self.proof, "--entry", self.file("entry.json", json.dumps(members)))

    def test_an_entry_without_its_payload(self):
        members = json.loads(entry_text(2))
        for salt in (None, members["data_salt"]):
            members["seal_data"], members["data_salt"] = None, salt
            self.refused(self.proof, "--entry", self.file("entry.json", json.dumps(members)))

    def test_what_a_careless_parser_would_let_pass(self):
        text = entry_text(2)
        for bad in (text.replace('"sequence": 2', '"sequence": 9, "sequence": 2'),
                    text.replace('"seal_data": {}', '"seal_data": {"a":1}, "seal_data": {}'),
                    text + "x", text[:-1], text.replace('"sequence": 2', '"sequence": 2.0'), "[]", ""):
            self.assertNotEqual(bad, text)
            self.refused(self.proof, "--entry", self.file("entry.json", bad))

    def test_a_proof_without_its_leaf_needs_the_entry(self):
        bare = self.file("bare", "".join(line for line in self.text.splitlines(True) if not line.startswith("extra ")))
        self.refused(bare)
        self.check(0, bare, "--entry", self.file("entry.json", entry_text(2)))

    def test_numbers_of_the_first_entry_are_exact(self):
        """A proof of entry 1, whose payload has integers beyond 2^53, made here by hand."""
        leaves = [bytes.fromhex(vector["entry_hash"]) for vector in VECTORS["entries"]]
        self.assertEqual(node(node(leaves[0], leaves[1]), leaves[2]).hex(), VECTORS["entries"][2]["merkle_root"])
        lines = ["c2sp.org/tlog-proof@v1",
                 "extra " + base64.b64encode(VECTORS["entries"][0]["leaf_data"].encode()).decode(), "index 0",
                 base64.b64encode(leaves[1]).decode(), base64.b64encode(leaves[2]).decode(), "", VECTORS["checkpoint"]]
        proof = self.file("1.tlog-proof", "\n".join(lines))
        good = entry_text(1)
        self.check(0, proof, "--entry", self.file("entry.json", good))
        for old, new in (("18446744073709551615", "18446744073709551616"), ("18446744073709551615", "1.8446744073709552e19"),
                         ("1767225600123456789", "1767225600123456768"), ("1152921504606847000", "1152921504606846976"),
                         ("0.1", "0.10000000000000002")):
            self.assertIn(old, good)
            self.refused(proof, "--entry", self.file("entry.json", good.replace(old, new, 1)))
        same = good.replace("1e+21", "1000000000000000000000.0").replace('"z":0', '"z":-0.0')
        self.assertNotEqual(same, good)
        self.check(0, proof, "--entry", self.file("entry.json", same))


class CheckReceipt(Case):
    def receipt(self, **changes):
        vector = VECTORS["entries"][1]
        leaves = [item["entry_hash"] for item in VECTORS["entries"]]
        members = {**vector["entry"], "data_hash": vector["data_hash"], "entry_hash": vector["entry_hash"],
                   "merkle_root": vector["merkle_root"], "duplicate": False, "leaf_index": 1, "tree_size": 3,
                   "proof": [leaves[0], leaves[2]], "checkpoint": VECTORS["checkpoint"]}
        members.update(changes)
        return self.file("receipt.json", json.dumps({key: value for key, value in members.items() if value != ""}))

    def check(self, code, receipt, *arguments):
        return self.one_document(self.expect(code, run("check-receipt", receipt, "--vkey", VKEY, *arguments, "--json")))

    def test_receipt_and_payload(self):
        self.assertEqual(self.check(0, self.receipt())["sequence"], 2)
        self.assertEqual(self.check(0, self.receipt(), "--data-file", self.file("d", " { } "))["payload"], "checked")
        self.assertIs(self.check(1, self.receipt(), "--data-file", self.file("d", '{"a":1}'))["valid"], False)
        self.check(1, self.receipt(), "--data-file", self.file("d", '{"a":1,"a":1}'))

    def test_each_member_is_checked(self):
        for name, value in {"sequence": 3, "session_id": "x", "authority": "x", "verdict": "SEAL", "leaf_index": 0,
                            "tree_size": 4, "timestamp": "2026-02-02T00:00:00.000008Z", "data_hash": "00" * 32,
                            "entry_hash": "00" * 32, "prev_hash": "00" * 32, "merkle_root": "00" * 32, "proof": [],
                            "seal_id": "00197000-0000-0700-0800-00000000000f", "checkpoint": "x"}.items():
            with self.subTest(name):
                self.assertIs(self.check(1, self.receipt(**{name: value}))["valid"], False)
                self.assertIs(self.check(1, self.receipt(**{name: ""}))["valid"], False)  # missing

    def test_the_salt_matters_with_the_payload(self):
        data = self.file("d", "{}")
        self.check(1, self.receipt(data_salt="00" * 16), "--data-file", data)
        self.check(1, self.receipt(data_salt=""), "--data-file", data)

    def test_not_signed(self):
        receipt = self.receipt(proof="", checkpoint="", leaf_index="", tree_size="")
        self.assertIn("not signed", self.check(1, receipt)["reason"])

    def test_not_json(self):
        self.check(1, self.file("r", "receipt"))


class Keygen(Case):
    def test_signing_key(self):
        path = self.directory / "key.pem"
        answer = self.expect(0, run("keygen", "--name", "example.org/audit", "-o", path))
        name, key_id, key = answer.stdout.strip().split("+", 2)
        raw = base64.b64decode(key, validate=True)
        self.assertEqual((name, len(raw), raw[0]), ("example.org/audit", 33, 1))
        self.assertEqual(hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8], key_id)
        self.assertTrue(path.read_text().startswith("-----BEGIN PRIVATE KEY-----"))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        before = path.read_bytes()
        self.expect(2, run("keygen", "--name", "example.org/audit", "-o", path))
        self.assertEqual(path.read_bytes(), before)

    def test_a_name_that_is_none(self):
        for name in ("a b", "a+b", "x" * 256, "é"):
            self.expect(2, run("keygen", "--name", name, "-o", self.directory / "key.pem"))
            self.assertFalse((self.directory / "key.pem").exists())

    def test_curve(self):
        keys = self.directory / "keys"
        public = self.expect(0, run("keygen", "--curve", "-o", keys)).stdout.strip()
        self.assertEqual(len(public), 40)
        secret = (keys / "secret.toml").read_text()
        self.assertEqual(stat.S_IMODE((keys / "secret.toml").stat().st_mode), 0o600)
        self.assertIn(f'public_key = "{public}"', secret)
        self.assertIn("secret_key = ", secret)
        self.assertIn(f'public_key = "{public}"', (keys / "public.toml").read_text())
        self.assertNotIn("secret_key", (keys / "public.toml").read_text())
        self.expect(2, run("keygen", "--curve", "-o", keys))
        self.assertEqual((keys / "secret.toml").read_text(), secret)

    def test_a_key_directory_that_lacks_the_servers_key(self):
        keys = self.directory / "keys"
        self.expect(0, run("keygen", "--curve", "-o", keys))
        self.expect(0, run("keygen", "--curve", "-o", keys / "below/and/below"))  # parents are made
        error = self.one_document(self.expect(2, run("head", "--endpoint", "tcp://127.0.0.1:1", "--key-dir", keys, "--json")))
        self.assertIn("server.toml", error["message"])


class Seal(Case):
    def test_batch_needs_a_readable_file(self):
        self.expect(2, run("seal", "--batch", self.directory / "none"))
        self.expect(2, run("seal", "--batch", self.directory))

    def test_full_disk_is_no_success(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w", encoding="utf-8") as full:
            answer = subprocess.run([program("vaultctl"), "canonicalize"], input="1\n", text=True, stdout=full,
                                    stderr=subprocess.PIPE, timeout=60, check=False, env=clean_environment())
        self.assertEqual(answer.returncode, 1)


if __name__ == "__main__":
    unittest.main()
