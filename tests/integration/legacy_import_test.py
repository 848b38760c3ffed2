"""vaultctl legacy: reading and importing filesystem vaults, against a real vaultd. Run by CTest with VAULT_BIN_DIR."""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import legacy_vault  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, make_directory, program  # noqa: E402

# A queue smaller than what arrives in one round, so that a pipelined import meets `busy`.
VAULTD = VaultdProcess("--queue-seals", "40")
SAMPLE_PROBLEMS = [("BBB_LEDGER/entries/array.json", 1), ("BBB_LEDGER/entries/empty.json", 1),
                   ("BBB_LEDGER/entries/notutf8.json", 1), ("BBB_LEDGER/entries/truncated.json", 1),
                   ("BBB_LEDGER/refusal_audit.jsonl", 5), ("ledger.jsonl", 6)]
SAMPLE_KINDS = {"session": 16, "markdown": 3, "refusal": 7, "ledger": 7, "emergency": 0}


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()


def places(problems):
    return sorted((one["file"], one["line"]) for one in problems)


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = make_directory("vault-legacy-")
        self.addCleanup(shutil.rmtree, self.directory)

    def legacy(self, code, *arguments, environment=None):
        answer = VAULTD.ctl("legacy", *map(str, arguments), environment=environment)
        self.assertEqual(answer.returncode, code, f"{arguments}\nstdout: {answer.stdout}\nstderr: {answer.stderr}")
        return answer

    def json(self, code, *arguments, **more):
        answer = self.legacy(code, *arguments, "--json", **more)
        self.assertEqual(answer.stderr, "")
        return json.loads(answer.stdout)

    @staticmethod
    def head():
        return json.loads(VAULTD.ctl("head", "--json").stdout)["sequence"]

    @staticmethod
    def ledger(session_prefix=""):
        """Every imported entry of the ledger, by seal_id. A duplicate is an error."""
        out, more = {}, []
        while more is not None:
            answer = VAULTD.ctl("query", "--authority", "legacy_migration", "--order", "asc", "--limit", "1000", "--json",
                                *more)
            page = json.loads(answer.stdout)
            assert answer.returncode == 0, answer
            for entry in page["entries"]:
                if entry["session_id"].startswith(session_prefix):
                    assert entry["seal_id"] not in out
                    out[entry["seal_id"]] = entry
            more = None if page["next_cursor"] is None else ["--cursor", str(page["next_cursor"])]
        return out


class Sample(Case):
    def test_import_twice_is_import_once(self):
        vault = legacy_vault.copy_sample(self.directory)
        before = legacy_vault.fingerprint(vault)
        dry = self.json(1, "import", vault, "--dry-run", environment={"VAULT_ENDPOINT": "ipc:///nowhere"})
        self.assertEqual((dry["dry_run"], dry["records"], dry["kinds"]), (True, 33, SAMPLE_KINDS))
        self.assertEqual((dry["raw"], dry["hash_invalid"]), (2, 1))
        self.assertEqual(places(dry["problems"]), SAMPLE_PROBLEMS)
        head = self.head()
        first = self.json(1, "import", vault)
        self.assertEqual((first["imported"], first["duplicates"], first["complete"]), (33, 0, True))
        self.assertEqual(first["problems"], dry["problems"])
        expected = legacy_vault.expected_seals(legacy_vault.SAMPLE)  # reading the copy would touch it
        sealed = {seal_id: entry for seal_id, entry in self.ledger().items() if seal_id in expected}
        self.assertEqual(self.head(), head + 33)
        self.assertEqual({seal_id: {name: entry[name] for name in expected[seal_id]}
                          for seal_id, entry in sealed.items()}, expected)
        self.assertEqual(sum(not entry["seal_data"].get("legacy_hash_valid", True) for entry in sealed.values()), 1)

        again = self.json(1, "import", vault)
        self.assertEqual((again["imported"], again["duplicates"]), (0, 33))
        self.assertEqual(self.head(), head + 33)
        self.assertEqual(legacy_vault.fingerprint(vault), before, "importing changed the directory")

    def test_for_people(self):
        vault = legacy_vault.copy_sample(self.directory)
        before = legacy_vault.fingerprint(vault)
        answer = self.legacy(0, "stats", vault)
        self.assertRegex(answer.stdout, r"session +16\n")
        for file, line in SAMPLE_PROBLEMS:
            self.assertIn(f"{file}:{line}: ", answer.stderr)
        answer = self.legacy(1, "import", vault, "--dry-run")
        self.assertIn("33 records would be sealed", answer.stdout)
        answer = self.legacy(0, "list", vault, "--limit", "2")
        self.assertEqual(len(answer.stdout.splitlines()), 3)
        self.assertIn("31 more", answer.stderr)
        answer = self.legacy(0, "read", vault, "--session", "cool-5")
        self.assertIn("WRONG", answer.stdout)
        self.assertEqual(legacy_vault.fingerprint(vault), before)

    def test_reading(self):
        vault = legacy_vault.copy_sample(self.directory)
        stats = self.json(0, "stats", vault)
        self.assertEqual((stats["records"], stats["kinds"]), (33, SAMPLE_KINDS))
        self.assertEqual(places(stats["problems"]), SAMPLE_PROBLEMS)
        self.assertEqual(stats["mapped_verdicts"], [{"from": "HOLD_888", "to": "888_HOLD", "records": 2},
                                                    {"from": "VOID_REFUSAL", "to": "VOID", "records": 7}])
        listed = self.json(0, "list", vault)["records"]
        times = [record["time"] for record in listed]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertEqual({record["seal_id"] for record in listed}, set(legacy_vault.expected_seals(vault)))
        self.assertEqual([record["line"] for record in self.json(0, "read", vault, "--session", "refuse-01")["records"]],
                         [3, 4])
        record = self.json(0, "read", vault, "--session", "3f2b9c1e-7a10-4c55-9d52-6b8a0e6f0009")["records"][0]
        self.assertEqual(record["seal_data"]["legacy_data"]["telemetry"]["big"], 9007199254740991)
        self.assertEqual(self.json(1, "read", vault, "--session", "nobody")["code"], "not_found")

    def test_wrong_directories(self):
        (self.directory / "VAULT999").mkdir()
        for directory, word in ((self.directory / "missing", "No such file"), (self.directory, "is not a filesystem vault"),
                                (__file__, "Not a directory")):
            for action in ("stats", "list", "import"):
                error = self.json(2, action, directory)
                self.assertIn(word, error["message"])
        self.assertIn("VAULT999 meant", self.json(2, "stats", self.directory)["message"])


class Breakage(Case):
    def vault(self, files):
        vault = self.directory / "V"
        for name, content in files.items():
            path = vault / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return vault

    def test_every_broken_file_is_reported_with_file_line_and_reason(self):
        inside = "BBB_LEDGER/entries/"
        broken = {
            "cut.json": (b'{"session_id": "x",\n\n"payl', 3, "too early"),
            "bom.json": (b"\xef\xbb\xbf{}", 1, "byte order mark"),
            "utf16.json": ('{"a": 1}'.encode("utf-16"), 1, "UTF-8"),
            "latin1.json": (b'{\n"a":\n"caf\xe9"}', 3, "UTF-8"),
            "empty.json": (b"", 1, "empty"),
            "blank.json": (b" \n\n ", 1, "empty"),
            "array.json": (b"\n[1]", 2, "object"),
            "text.json": (b'"text"', 1, "object"),
            "nan.json": (b'{"a": NaN}', 1, "JSON"),
            "two.json": (b"{}\n{}", 2, "JSON"),
            "nul.json": (b'{"a": "\x00"}', 1, "JSON"),
            "huge.json": (b'{"a": "' + b"x" * (17 << 20) + b'"}', None, "larger"),
            "emergency.json": (b'{"backend":"legacy","seal_id":"no"}', 1, "emergency"),
            "latin1.md": (b"# Session Seal: a\n\xe9\n", 2, "UTF-8"),
        }
        files = {inside + name: content for name, (content, _, _) in broken.items()}
        files["ledger.jsonl"] = b""
        vault = self.vault(files)
        (vault / inside / "link.json").symlink_to("/etc/hostname")
        (vault / inside / "dangling.md").symlink_to("nowhere")
        (vault / inside / "directory.json").mkdir()
        os.mkfifo(vault / inside / "fifo.json")
        os.symlink("/tmp", vault / "BBB_LEDGER" / "refusal_audit.jsonl")
        expected = {inside + name: (line, reason) for name, (_, line, reason) in broken.items()}
        for name, reason in (("link.json", "link"), ("dangling.md", "link"), ("directory.json", "regular"),
                             ("fifo.json", "regular")):
            expected[inside + name] = (None, reason)
        expected["BBB_LEDGER/refusal_audit.jsonl"] = (None, "link")
        legacy_vault.age(vault)
        before = legacy_vault.fingerprint(vault)
        for action, code in (("stats", 0), ("import", 1)):
            answer = self.json(code, action, vault)
            self.assertEqual(answer["records"], 0)
            told = {one["file"]: (one["line"], one["reason"]) for one in answer["problems"]}
            self.assertEqual(set(told), set(expected))
            for file, (line, reason) in expected.items():
                self.assertEqual(told[file][0], line, (file, told[file]))
                self.assertIn(reason, told[file][1], file)
        self.assertEqual(legacy_vault.fingerprint(vault), before)

    def test_lines(self):
        good = {"session_id": "line-crlf", "verdict": "VOID_REFUSAL"}
        one, two = json.dumps(good).encode(), json.dumps({**good, "n": 1}).encode()
        huge = b'{"x": "' + b"y" * (17 << 20) + b'"}'
        lines = [one + b"\r", b"", b"  \t\r", two, one, b"not json", huge, b"[1]", b'"s"', b'{"a": "\xff"}',
                 b"\xef\xbb\xbf{}", two, b'{"session_id": "line-last"}']
        vault = self.vault({"BBB_LEDGER/refusal_audit.jsonl": b"\n".join(lines)})
        answer = self.json(1, "import", vault)
        self.assertEqual(answer["imported"], 3)
        self.assertEqual([one["line"] for one in answer["problems"]], [5, 6, 7, 8, 9, 10, 11, 12])
        self.assertIn("identical to line 1", answer["problems"][0]["reason"])
        self.assertIn("identical to line 4", answer["problems"][-1]["reason"])
        # A line's bytes exclude its line end, \r\n too.
        self.assertIn(legacy_vault.seal_id("BBB_LEDGER/refusal_audit.jsonl", one), self.ledger("line-"))

    def test_good_but_odd(self):
        inside = "BBB_LEDGER/entries/"
        vault = self.vault({
            inside + "odd-twice.json": b'{"session_id": "no", "session_id": "odd-twice"}',
            inside + "odd-big.json": b'{"session_id": "odd-big", "n": 1e400, "m": 340282366920938463463374607431768211456}',
            inside + "odd-exact.json": b'{"session_id": "odd-exact", "n": 18446744073709551615, "x": 1e+2}',
            inside + "odd-nul.json": b'{"session_id": "odd-nul", "q": "\\u0000"}',
            inside + "odd-lone.json": b'{"session_id": "odd-lone", "q": "\\ud83d"}',
            inside + "odd-stem.json": b'{"session_id": 5, "verdict": "maybe"}',
            inside + "odd-crlf.json": b'{\r\n"session_id": "odd-crlf"\r\n}\r\n',
            inside + "notes.txt": b"left alone", "README": b"left alone", "BBB_LEDGER/other.db": b"left alone",
            inside + ".hidden.json": b"left alone"})
        answer = self.json(0, "import", vault)
        self.assertEqual((answer["imported"], answer["raw"], answer["problems"]), (7, 4, []))
        self.assertEqual(answer["ignored"], ["BBB_LEDGER/entries/.hidden.json", "BBB_LEDGER/entries/notes.txt",
                                             "BBB_LEDGER/other.db", "README"])
        sealed = {entry["session_id"]: entry for entry in self.ledger("odd-").values()}
        for name in ("twice", "big", "nul", "lone"):
            self.assertIn("legacy_raw", sealed[f"odd-{name}"]["seal_data"], name)
        self.assertEqual(sealed["odd-exact"]["seal_data"]["legacy_data"]["n"], 2**64 - 1)
        self.assertEqual((sealed["odd-stem"]["verdict"], sealed["odd-stem"]["seal_data"]["legacy_verdict"]),
                         ("SEAL", "maybe"))

    @unittest.skipUnless(os.geteuid() == 0, "another user is needed who may not read")
    def test_unreadable(self):
        vault = self.vault({"ledger.jsonl": b"{}\n", "BBB_LEDGER/entries/shut.json": b"{}",
                            "BBB_LEDGER/entries/open.json": b'{"session_id": "s"}'})
        (vault / "ledger.jsonl").chmod(0)
        (vault / "BBB_LEDGER" / "entries" / "shut.json").chmod(0)
        tool = self.directory / "vaultctl"
        shutil.copy(program("vaultctl"), tool)  # the build directory may be closed to others
        answer = subprocess.run([tool, "legacy", "stats", vault, "--json"], capture_output=True, text=True, timeout=60,
                                check=False, env=clean_environment(), user=65534, group=65534)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        stats = json.loads(answer.stdout)
        self.assertEqual(stats["records"], 1)
        self.assertEqual(places(stats["problems"]), [("BBB_LEDGER/entries/shut.json", None), ("ledger.jsonl", None)])
        self.assertIn("Permission denied", stats["problems"][0]["reason"])

    def test_too_large_for_this_vaultd(self):
        record = json.dumps({"session_id": "large", "x": "y" * (2 << 20)}).encode()
        vault = self.vault({"BBB_LEDGER/entries/large.json": record,
                            "BBB_LEDGER/entries/small.json": b'{"session_id": "large-not"}'})
        answer = self.json(1, "import", vault)
        self.assertEqual(answer["imported"], 1)
        self.assertEqual([one["file"] for one in answer["problems"]], ["BBB_LEDGER/entries/large.json"])
        self.assertIn("max_seal_bytes", answer["problems"][0]["reason"])


class PythonHashes(Case):
    """entry_hash of anything that Python's json.dumps may have written."""

    def value(self, source, depth):
        kind = source.randrange(9 if depth < 4 else 6)
        if kind == 0:
            return source.choice([None, True, False])
        if kind == 1:
            return source.choice([0, -1, 10**40, -(10**19), 2**53 + 1, source.randrange(10**6)])
        if kind == 2:
            return source.choice([0.1, -0.0, 1e-7, 1e16, 1e22, 1.5e300, 5e-324, source.random()])
        if kind <= 5:
            return self.text(source)
        if kind == 6:
            return [self.value(source, depth + 1) for _ in range(source.randrange(4))]
        return {self.text(source): self.value(source, depth + 1) for _ in range(source.randrange(5))}

    @staticmethod
    def text(source):
        alphabet = 'aZ "\\/\b\f\n\r\t\x00\x1f\x7f\x80é€ﬀ\uffff\udfff🔒\U0010ffff'
        return "".join(source.choice(alphabet) for _ in range(source.randrange(6)))

    def test_random_records(self):
        seed = random.randrange(2**32)
        source = random.Random(seed)
        vault = self.directory / "V"
        vault.mkdir()
        lines = []
        for number in range(2_000):
            record = {"number": number, **{f"m{self.text(source)}": self.value(source, 0) for _ in range(4)}}
            record["entry_hash"] = legacy_vault.python_hash(record)
            shuffled = list(record.items())
            source.shuffle(shuffled)
            # The same as other programs may have written it: without escapes, other separators. A lone surrogate has no
            # UTF-8 form and stays an escape.
            # UTF-8 form and stays an escape.
            separators = source.choice([(",", ":"), (" ,  ", " : ")])
            text = json.dumps(dict(shuffled), ensure_ascii=False, separators=separators)
            lines.append("".join(f"\\u{ord(c):04x}" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text))
        (vault / "ledger.jsonl").write_text("\n".join(lines), encoding="utf-8")
        stats = self.json(0, "stats", vault)
        self.assertEqual((stats["records"], stats["hash_invalid"], stats["problems"]), (2_000, 0, []), f"seed {seed}")
        edited = [line.replace(f'"number":{number}', f'"number":{number + 1}')
                  .replace(f'"number" : {number}', f'"number" : {number + 1}') for number, line in enumerate(lines)]
        (vault / "ledger.jsonl").write_text("\n".join(edited), encoding="utf-8")
        self.assertEqual(self.json(0, "stats", vault)["hash_invalid"], 2_000, f"seed {seed}")


class Interrupted(Case):
    RECORDS = 2_000 + 2 * 2_500

    def start_import(self, vault):
        return subprocess.Popen([program("vaultctl"), "legacy", "import", str(vault)], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL,
                                env={**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests})

    def test_killed_in_the_middle_and_run_again_is_once(self):
        seed = random.randrange(2**32)
        source = random.Random(seed)
        vault = legacy_vault.make_large(self.directory, f"killed{seed}", 2_000, 2_500)
        legacy_vault.age(vault)
        before = legacy_vault.fingerprint(vault)
        parts, longest_s = [], 0.1
        for times in range(1, 31):
            process = self.start_import(vault)
            time.sleep(source.uniform(0.03, longest_s))
            process.send_signal(signal.SIGKILL)
            process.wait()
            parts.append(len(self.ledger(f"killed{seed}")))
            if parts[-1] == 0:
                longest_s *= 1.3  # others run beside it
            if times >= 6 and any(0 < part < self.RECORDS for part in parts):
                break
        self.assertTrue(any(0 < part < self.RECORDS for part in parts), f"no kill hit the middle: {parts}")
        last = self.json(0, "import", vault)
        self.assertEqual(last["imported"] + last["duplicates"], self.RECORDS, f"seed {seed}, {parts}")
        self.assertGreaterEqual(last["duplicates"], parts[-1])
        self.assertEqual(len(self.ledger(f"killed{seed}")), self.RECORDS)
        self.assertEqual(legacy_vault.fingerprint(vault), before)
        self.assertTrue(json.loads(VAULTD.ctl("verify", "--json").stdout)["valid"])
        # The queue of 40 was overrun, and nobody noticed.
        self.assertGreater(json.loads(VAULTD.ctl("status", "--json").stdout)["counters"].get("busy", 0), 0)

    def test_vaultd_that_goes_away(self):
        vault = legacy_vault.make_large(self.directory, "away", 2_000, 2_500)
        before = self.head()
        process = subprocess.Popen([program("vaultctl"), "--timeout", "2s", "legacy", "import", str(vault)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests})
        until = time.monotonic() + 30
        while self.head() == before and time.monotonic() < until:
            pass
        VAULTD.kill()
        _, told = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, told)
        self.assertIn("run the same command again", told)
        answer = self.legacy(3, "import", vault)
        self.assertIn("run the same command again", answer.stderr)
        VAULTD.start()
        part = len(self.ledger("away"))
        self.assertTrue(0 < part < self.RECORDS, part)
        last = self.json(0, "import", vault)
        self.assertEqual((last["imported"], last["duplicates"]), (self.RECORDS - part, part))


if __name__ == "__main__":
    unittest.main()
