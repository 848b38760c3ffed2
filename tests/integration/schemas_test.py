"""Three ledgers in three schemas of one database: each has its own vaultd, head, key and history, and none sees another.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.vaultd_process import SOURCE_DIR, VaultdProcess, clean_environment, make_directory, program  # noqa: E402

HOST = VaultdProcess()  # its PostgreSQL holds the databases
SEALED = {"first": 3, "second": 300, "third": 1}


def setUpModule():
    unittest.addModuleCleanup(HOST.remove)
    HOST.start()


def ctl(code, *arguments):
    answer = subprocess.run([program("vaultctl"), *map(str, arguments)], capture_output=True, text=True, timeout=120,
                            env=clean_environment(), check=False)
    assert answer.returncode == code, f"{arguments}: {answer.returncode}\n{answer.stdout}\n{answer.stderr}"
    return answer


def seal(vaultd, count):
    line = json.dumps({"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {"n": 1}})
    answer = vaultd.ctl("seal", "--batch", "--json", stdin="\n".join([line] * count))
    assert answer.returncode == 0, answer.stderr


class RoleOfItsOwn(unittest.TestCase):
    def test_a_role_of_its_own_reaches_one_ledger_alone(self):
        """With the rights that docs/distributed.md gives it."""
        page = (SOURCE_DIR / "docs" / "distributed.md").read_text(encoding="utf-8")
        rights = re.search(r"^```sql role\n(.*?)^```$", page, re.MULTILINE | re.DOTALL).group(1)
        rights = rights.replace(':"ledger"', "first").replace(':"role"', "vault_first")
        url = ledger.create_database(HOST, "roles")
        for schema in ("first", "second"):
            ctl(0, "migrate", "up", "--database", url, "--schema", schema)
        ledger.ask(url, "CREATE ROLE vault_first LOGIN;\n" + rights)
        as_role = re.sub(r"\buser=\S+", "user=vault_first", url)
        self.assertEqual(ledger.ask(as_role, "SELECT current_user"), [["vault_first"]])
        vaultd = ledger.OtherVaultd(as_role, "--schema", "first")
        self.addCleanup(vaultd.remove)
        for form in ("statement", "function"):
            ledger.ask(url, f"ALTER ROLE vault_first SET vault.append_form = '{form}'")
            vaultd.start()
            seal(vaultd, 300)
            self.assertEqual(vaultd.ctl("verify").returncode, 0)
            self.assertEqual(json.loads(vaultd.ctl("status", "--json").stdout)["alerts"], [])
            vaultd.stop()
        self.assertEqual(ledger.ask(url, "SELECT head_sequence FROM first.vault_head"), [["600"]])
        for sql in ("SELECT * FROM second.vault_head", "UPDATE first.vault_ledger SET authority = 'x'",
                    "ALTER TABLE first.vault_ledger DISABLE TRIGGER ALL"):
            with self.subTest(sql), self.assertRaises(AssertionError):
                ledger.ask(as_role, sql)
        # The right is missing, not the ledger.
        answer = subprocess.run([program("vaultctl"), "verify", "--database", as_role, "--schema", "second"],
                                capture_output=True, text=True, timeout=120, env=clean_environment(), check=False)
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("USAGE", answer.stderr)


class ThreeLedgers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.url = ledger.create_database(HOST, "shared")
        cls.vaultds = {}
        for name, count in SEALED.items():
            vaultd = ledger.OtherVaultd(cls.url, "--schema", name, "--migrate")
            cls.addClassCleanup(vaultd.remove)
            vaultd.start()
            seal(vaultd, count)
            cls.vaultds[name] = vaultd

    def in_schema(self, name, sql):
        return ledger.ask(self.url, f"SET search_path = {name};\n{sql}")

    def test_each_has_its_own_history(self):
        status = {name: json.loads(vaultd.ctl("status", "--json").stdout) for name, vaultd in self.vaultds.items()}
        for name, count in SEALED.items():
            self.assertEqual((status[name]["head"]["sequence"] if "head" in status[name] else
                              status[name]["sequence"]), count)
            self.assertEqual(status[name]["alerts"], [])
            self.assertEqual(status[name]["role"], "writer")
            self.assertEqual(self.in_schema(name, "SELECT max(sequence) FROM vault_ledger"), [[str(count)]])
        self.assertEqual(len({one["ledger_id"] for one in status.values()}), 3)
        self.assertEqual(len({one["vkey"] for one in status.values()}), 3)

    def test_nothing_is_outside_of_the_schemas(self):
        self.assertEqual(ledger.ask(self.url, "SELECT DISTINCT relnamespace::regnamespace FROM pg_class "
                                              "WHERE relname LIKE 'vault\\_%' ORDER BY 1"),
                         [[name] for name in sorted(SEALED)])
        self.assertEqual(ledger.ask(self.url, "SELECT DISTINCT pronamespace::regnamespace FROM pg_proc "
                                              "WHERE proname LIKE 'vault\\_%' ORDER BY 1"),
                         [[name] for name in sorted(SEALED)])

    def test_each_is_verified_and_migrated_by_itself(self):
        for name, count in SEALED.items():
            self.assertEqual(self.vaultds[name].ctl("verify").returncode, 0)
            answer = json.loads(ctl(0, "verify", "--database", self.url, "--schema", name, "--json").stdout)
            self.assertEqual((answer["valid"], answer["checked"]), (True, count))
            listed = json.loads(ctl(0, "migrate", "status", "--database", self.url, "--schema", name, "--json").stdout)
            self.assertNotIn("false", json.dumps(listed))
        ctl(2, "verify", "--database", self.url, "--schema", "No Such")
        self.assertIn("schema", ctl(3, "verify", "--database", self.url).stderr)  # public holds none

    def test_names_that_stand_in_public_are_not_ours(self):
        ledger.ask(self.url, "CREATE TABLE public.vault_head (id int); CREATE FUNCTION public.unnest(bigint[]) "
                             "RETURNS SETOF bigint LANGUAGE sql AS 'SELECT 1 / 0::bigint';")
        self.addCleanup(ledger.ask, self.url, "DROP TABLE public.vault_head; DROP FUNCTION public.unnest(bigint[])")
        vaultd = self.vaultds["third"]
        vaultd.restart()
        self.assertEqual(vaultd.ctl("list").returncode, 0)
        self.assertEqual(vaultd.ctl("query", "--authority", "a").returncode, 0)
        self.assertEqual(vaultd.ctl("verify").returncode, 0)

    def test_a_ledger_moves_into_a_schema_of_another_database(self):
        directory = make_directory("vault-schemas-")
        self.addCleanup(shutil.rmtree, directory)
        source = self.vaultds["second"]
        vkey = ledger.vkey_of(source)
        answer = json.loads(source.ctl("archive", "--out", str(directory / "a"), "--json").stdout)
        straight = json.loads(ctl(0, "archive", "--out", directory / "b", "--database", self.url, "--schema", "second",
                                  "--json").stdout)
        self.assertLessEqual(straight["tree_size"], answer["tree_size"])
        target = ledger.create_database(HOST, "target")
        restored = json.loads(ctl(0, "restore", "--from", directory / "a", "--vkey", vkey, "--database", target,
                                  "--schema", "moved", "--json").stdout)
        self.assertEqual((restored["restored"], restored["migrated"]), (SEALED["second"], True))
        after = ledger.OtherVaultd(target, "--schema", "moved", "--signing-key", str(source.state / "signing.pem"))
        self.addCleanup(after.remove)
        after.start()
        seal(after, 2)
        self.assertEqual(ledger.vkey_of(after), vkey)
        self.assertEqual(ledger.head(after), SEALED["second"] + 2)

    def test_a_name_that_is_none_stops_the_start(self):
        for name in ("", "No", "pg_x", "a b", "1a", 'a"b', "x" * 64):
            vaultd = ledger.OtherVaultd(self.url, "--schema", name)
            self.addCleanup(vaultd.remove)
            answer = subprocess.run([*vaultd.command(), "--check-config"], capture_output=True, text=True, timeout=60,
                                    env=clean_environment(), check=False)
            self.assertEqual(answer.returncode, 2, name)
            self.assertIn("schema", answer.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
