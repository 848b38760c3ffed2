"""Shared by the tests of vaultctl: commands against the vaultd under test, and a directory for files."""
import json
import pathlib
import shutil
import tempfile
import unittest

# Numbers of every kind, and names that need sorting.
PAYLOAD_TEXT = ('{"z":-0.0,"big":18446744073709551615,"clock":1767225600123456789,"small":-9223372036854775808,'
                '"float":1.152921504606847e18,"one":1.0,"e":1e+30,"tenth":0.1,"text":"naïve \\u2028 \\u0001 🔒",'
                '"k\\ufb33":1,"k\\ud83d\\ude00":2,"deep":[[[{}]]]}')
RECEIPT_MEMBERS = {"sequence", "seal_id", "session_id", "verdict", "authority", "timestamp", "entry_hash", "prev_hash",
                   "merkle_root", "data_hash", "data_salt", "duplicate"}
ENTRY_MEMBERS = (RECEIPT_MEMBERS - {"duplicate"}) | {"seal_data"}


class VaultctlCase(unittest.TestCase):
    vaultd = None  # a running VaultdProcess

    @classmethod
    def seals(cls, verdicts, session="s-0"):
        lines = [json.dumps({"session_id": session, "authority": "tester", "verdict": verdict, "seal_data": {"n": n}})
                 for n, verdict in enumerate(verdicts)]
        answer = cls.vaultd.ctl("seal", "--batch", stdin="\n".join(lines))
        assert answer.returncode == 0, answer.stderr
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vaultctl-test-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def ctl(self, code, *arguments, stdin=None):
        answer = self.vaultd.ctl(*map(str, arguments), stdin=stdin)
        self.assertEqual(answer.returncode, code, f"{arguments}\nstdout: {answer.stdout}\nstderr: {answer.stderr}")
        return answer

    def json(self, code, *arguments, stdin=None):
        answer = self.ctl(code, *arguments, "--json", stdin=stdin)
        self.assertEqual(answer.stderr, "")
        return json.loads(answer.stdout)

    @staticmethod
    def lines(answer):
        """The lines of NDJSON; str.splitlines() would also split at U+2028."""
        return answer.stdout.removesuffix("\n").split("\n")

    def seal(self, *more, session="s-1", data=PAYLOAD_TEXT):
        return self.json(0, "seal", "--session", session, "--authority", "tester", "--verdict", "SEAL", "--data", data,
                         *more)

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def vkey(self):
        return self.ctl(0, "checkpoint", "--vkey").stdout.strip()

    def head(self):
        return self.json(0, "head")


def start_with_five_entries(case):
    """For setUpModule(): starts the vaultd of these cases, and seals entries 1 to 5."""
    unittest.addModuleCleanup(case.vaultd.remove)
    case.vaultd.start()
    case.seals(["SEAL", "VOID", "SEAL", "888_HOLD", "PARTIAL"])
