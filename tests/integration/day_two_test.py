"""docs/day-two.md, followed from beginning to end: its commands, in its words, against PostgreSQL servers of its own.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import json
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.guide_machine import GuideMachine  # noqa: E402
from support.vaultd_process import free_ports  # noqa: E402

PAGE = "docs/day-two.md"
MACHINE = GuideMachine(PAGE)
PAGE_BYTES = 8_192  # of PostgreSQL's files


def setUpModule():
    unittest.addModuleCleanup(MACHINE.remove)
    MACHINE.start()
    MACHINE.cluster.sql("CREATE ROLE dbadmin LOGIN CREATEROLE CREATEDB PASSWORD 'ADMIN-SECRET'")
    passwords = {"dbadmin": "ADMIN", "vault_owner": "OWNER", "vault_check": "CHECK"}
    MACHINE.write("home/.pgpass", "".join(f"*:*:*:{role}:{word}-SECRET\n" for role, word in passwords.items()), 0o600)
    MACHINE.write("etc/vaultd/db-ca.pem", (MACHINE.cluster.data / "server.crt").read_text())


def seal(count, database="vault"):
    """Seals this many; waits until a checkpoint that covers them is stored."""
    lines = "".join(json.dumps({"session_id": f"s-{i % 3}", "authority": "tester", "verdict": "SEAL",
                                "seal_data": {"n": i}}) + "\n" for i in range(count))
    MACHINE.sh("vaultctl seal --batch --json > /dev/null", stdin=lines)
    head = status()["sequence"]
    until = time.monotonic() + 20
    while MACHINE.cluster.sql("SELECT max(tree_size) FROM vault_checkpoint", database) != [[str(head)]]:
        assert time.monotonic() < until, "no checkpoint of the head was stored"
        time.sleep(0.05)
    return head


def status():
    return json.loads(MACHINE.sh("vaultctl status --json"))


def wait_for_alert(kind, seconds=40):
    until = time.monotonic() + seconds
    while kind not in status()["alerts"]:
        assert time.monotonic() < until, f"{status()}\n{MACHINE.log_tail()}"
        time.sleep(0.1)


class DayTwo(unittest.TestCase):
    """One story in steps: each builds on the previous ones."""

    moment = ""

    def says(self, script, *words, code=0):
        """Runs vaultctl and the like; the words must be in its output."""
        said = MACHINE.sh(script, code)
        for word in words:
            self.assertIn(word, said, script)
        return said

    def test_01_deploy(self):
        MACHINE.follow("deploy-roles")
        said = MACHINE.follow("deploy-migrate")
        self.assertIn("applied 1 ledger", said)
        MACHINE.follow("deploy-start")
        self.assertTrue(status()["ready"], MACHINE.log_tail())
        self.assertEqual(0o600, (MACHINE.root / "etc/vaultd/database.env").stat().st_mode & 0o777)
        self.assertEqual([["vaultd", "t"]], MACHINE.cluster.sql(
            "SELECT DISTINCT usename, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = 'vault'"))

    def test_02_verify_a_deployment(self):
        said = MACHINE.follow("verify-deployment", "verify-status")
        self.assertEqual(3, said.count("\nVALID "), said)
        MACHINE.follow("verify-kept")

    def test_03_back_up(self):
        self.assertEqual(61, seal(60))
        MACHINE.sh("vaultctl checkpoint -o at-61.checkpoint && vaultctl proof 7 -o 7-at-61.tlog-proof")
        MACHINE.follow("backup-archive", "backup-dump")
        MACHINE.follow("backup-wal")
        self.assertEqual(71, seal(10))
        time.sleep(0.1)
        DayTwo.moment = MACHINE.cluster.sql("SELECT clock_timestamp()")[0][0]
        time.sleep(0.1)
        self.assertEqual(81, seal(10))
        MACHINE.sh("vaultctl checkpoint -o at-81.checkpoint && vaultctl proof 7 -o 7-at-81.tlog-proof && "
                   "vaultctl proof 70 -o 70.tlog-proof && cp log.vkey old.vkey")

    def test_04_a_migration_that_failed(self):
        MACHINE.cluster.sql("CREATE DATABASE trial OWNER vault_owner")
        MACHINE.more = {"/vault?": "/trial?"}
        nothing_changed = "was rolled back, nothing has changed: "
        up = MACHINE.here('vaultctl migrate up --database "postgresql://ROLE@db.example.org:5432/trial"')
        self.says(up.replace("ROLE", "vault_check"), nothing_changed, "permission denied for schema public", code=4)
        self.assertIn(" no ", MACHINE.follow("failed-look"))
        MACHINE.cluster.sql("CREATE TABLE vault_meta ()", "trial")
        self.says(up.replace("ROLE", "vault_owner"), nothing_changed, 'relation "vault_meta" already exists', code=4)
        self.assertIn(" no ", MACHINE.follow("failed-look"))
        MACHINE.cluster.sql("DROP TABLE vault_meta", "trial")
        self.says(up.replace("5432", "1").replace(f"localhost:{MACHINE.cluster.port}", "localhost:1"), "cannot connect",
                  code=3)

        with subprocess.Popen(["psql", "-d", "trial", "-qAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=MACHINE.environment()) as holder:
            holder.stdin.write("BEGIN; SELECT pg_backend_pid() FROM pg_advisory_xact_lock(999000999);\n")
            holder.stdin.flush()
            pid = holder.stdout.readline().strip()
            with subprocess.Popen(["bash", "-c", "exec " + up.replace("ROLE", "vault_owner")],
                                  env=MACHINE.environment(), stdout=subprocess.DEVNULL) as waiting:
                until = time.monotonic() + 20
                while pid not in (said := MACHINE.follow("failed-blocked")):
                    self.assertLess(time.monotonic(), until, said)
                waiting.kill()
            holder.stdin.close()
        self.assertIn(" no ", MACHINE.follow("failed-look"))
        self.says(up.replace("ROLE", "vault_owner"), "applied 1 ledger")

    def test_05_a_vaultd_that_is_too_old(self):
        MACHINE.more = {}
        MACHINE.cluster.sql("INSERT INTO vault_schema (version, name) VALUES (5, 'of a later release')", "vault")
        self.says("systemctl restart vaultd", "exit code 2", code=1)
        self.assertIn("the database's schema is at version 5, newer than 4", MACHINE.log_tail())
        MACHINE.cluster.sql("DELETE FROM vault_schema WHERE version = 5", "vault")
        self.says("systemctl start vaultd")
        self.assertEqual(81, status()["sequence"])

    def test_05a_a_row_in_the_way(self):
        """The row takes the place of the next entry; vaultd's role may insert it."""
        MACHINE.cluster.sql("INSERT INTO vault_ledger SELECT 82, session_id, gen_random_uuid(), timestamp, authority, verdict, "
                            "seal_data, data_salt, data_hash, entry_hash, prev_hash, merkle_root FROM vault_ledger "
                            "WHERE sequence = 81", "vault")
        wait_for_alert("tamper")
        self.assertIn("sequence=82 finding=stray_row", MACHINE.log_tail())
        self.assertEqual("DELETE 1", MACHINE.follow("row-in-the-way").splitlines()[2])
        until = time.monotonic() + 40
        while (now := status())["alerts"] or not now["ready"]:
            self.assertLess(time.monotonic(), until, f"{now}\n{MACHINE.log_tail()}")
            time.sleep(0.1)
        self.assertEqual(81, now["sequence"])
        self.says(MACHINE.here('vaultctl verify --database "postgresql://vault_check@db.example.org:5432/vault"'),
                  "VALID  entries 1 to 81")

    def test_06_tampering(self):
        MACHINE.cluster.sql("ALTER TABLE vault_ledger DISABLE TRIGGER USER;"
                            "UPDATE vault_ledger SET seal_data = '{\"n\": 1000}' WHERE sequence = 42;"
                            "ALTER TABLE vault_ledger ENABLE ALWAYS TRIGGER vault_insert_only;"
                            "ALTER TABLE vault_ledger ENABLE ALWAYS TRIGGER vault_insert_only_row", "vault")
        wait_for_alert("tamper")
        self.assertIn("alert raised kind=tamper sequence=42 finding=entry_hash_mismatch", MACHINE.log_tail())
        said = MACHINE.follow("tamper-name", code=1)
        for line in ('alerts ["tamper"]',
                     '{"valid":false,"first_invalid_sequence":42,"reason":"entry_hash_mismatch","checked":41,'):
            self.assertIn(line, " ".join(said.split()))
            self.assertIn(line, " ".join(MACHINE.page.split()))
        MACHINE.follow("tamper-evidence")
        self.assertIn('{"n": 1000}', (MACHINE.root / "home/evidence/row.txt").read_text())
        self.assertEqual(82, status()["sequence"])
        self.assertEqual("", MACHINE.sh("sha256sum --quiet -c evidence.sha256"))
        self.says(f"vaultctl archive --out {MACHINE.root}/srv/archive", "entry 42 does not verify",
                  "stays at 61 entries", code=1)

    def test_07_compare_with_the_archive(self):
        said = MACHINE.follow("tamper-compare")
        self.assertIn("\n42c42\n", said)
        self.assertEqual(2, said.count("\n< ") + said.count("\n> "), said)

    def test_08_a_dump_is_restored(self):
        self.assertIn("VALID  entries 1 to 61", MACHINE.follow("restore-dump"))

    def test_09_a_moment_is_restored(self):
        MACHINE.sh("sudo -u postgres psql -qc 'SELECT pg_switch_wal()'")
        MACHINE.more = {"2026-11-25 03:10:00.000000+00": DayTwo.moment}
        self.assertIn("recovery stopping before commit", MACHINE.follow("pitr-recover"))
        said = MACHINE.follow("pitr-look")
        self.assertIn("           71 | ", said)
        self.assertIn("VALID  entries 1 to 71", said)
        self.assertIn("VALID  entries 1 to 71", MACHINE.follow("pitr-take"))
        # And as far as there is WAL, with the tampering in it.
        MACHINE.more = {"recovery_target_time = '$TARGET'\n": "", "/srv/pitr/back": "/srv/pitr/all"}
        self.assertIn("last completed transaction", MACHINE.follow("pitr-recover"))
        said = MACHINE.follow("pitr-look", code=1)
        self.assertIn("           82 | ", said)
        self.assertIn("INVALID  at sequence 42", said)
        MACHINE.as_postgres(f"pg_ctl -w -s -D {MACHINE.root}/srv/pitr/all -m immediate stop")

    def test_10_an_archive_is_restored_and_is_behind(self):
        MACHINE.more = {}
        self.assertIn("VALID  entries 1 to 61", MACHINE.follow("restore-archive"))
        MACHINE.follow("restore-switch")
        wait_for_alert("rollback")
        said = " ".join(MACHINE.follow("rollback-look").split())
        self.assertIn('ready no sequence 61 alerts ["rollback"]', said)
        self.assertIn(said, " ".join(MACHINE.page.split()))
        self.says("vaultctl read --sequence 7", "s-")
        self.says("vaultctl seal --session s --authority a --verdict SEAL --data {}", "unavailable", code=3)

    def test_11_the_newer_database_comes_back(self):
        """Writing resumes by itself, as the page says; then the story continues without it."""
        environment = (MACHINE.root / "etc/vaultd/database.env").read_text()
        MACHINE.write("etc/vaultd/database.env", environment.replace("/vault_2?", "/vault?"), 0o600)
        self.says("systemctl restart vaultd")
        self.assertTrue(status()["ready"], MACHINE.log_tail())
        MACHINE.write("etc/vaultd/database.env", environment, 0o600)
        self.says("systemctl restart vaultd")
        wait_for_alert("rollback")

    def test_12_the_loss_is_accepted(self):
        said = MACHINE.follow("rollback-accept")
        for word in ("vaultd/rollback", "888_HOLD", '"accepted_sequence":61', '"lost_tree_size":82', "org/audit-2"):
            self.assertIn(word, said)
        self.assertTrue(status()["ready"], MACHINE.log_tail())
        self.assertNotIn("accept_rollback", (MACHINE.root / "etc/vaultd/vaultd.toml").read_text())
        MACHINE.sh("systemctl restart vaultd")
        self.assertEqual([], status()["alerts"])
        self.says("vaultctl verify", "VALID  entries 1 to 62")

    def test_13_what_old_proofs_are_worth(self):
        for proof in ("7-at-61", "7-at-81", "70"):
            self.says(f"vaultctl check-proof {proof}.tlog-proof --vkey old.vkey", "VALID")
            self.says(f"vaultctl check-proof {proof}.tlog-proof --vkey log-2.vkey", "INVALID", code=1)
        def verify(size, word, code):
            for more in ("", MACHINE.here(' --database "postgresql://vault_check@db.example.org:5432/vault_2"')):
                self.says(f"vaultctl verify --checkpoint at-{size}.checkpoint --vkey old.vkey{more}", word, code=code)

        verify(61, "VALID", 0)
        verify(81, "truncated", 1)
        self.assertEqual(102, seal(40, "vault_2"))
        verify(61, "VALID", 0)
        verify(81, "checkpoint_mismatch", 1)
        self.assertIn("VALID", MACHINE.follow("rollback-proof"))

    def test_14_the_signing_key(self):
        MACHINE.more = {"/vault?$TLS": "/vault_2?$TLS"}
        MACHINE.sh("cp log-2.vkey log.vkey")
        self.assertIn("VALID  entries 1 to 103", MACHINE.follow("rotate-signing"))
        self.assertIn("VALID", MACHINE.follow("rotate-check"))
        self.says("cat last-of-the-old.checkpoint", "example.org/audit-2\n102\n")
        self.says("vaultctl read --sequence 103", '"accepted_sequence":102,', '"lost_tree_size":102,')
        MACHINE.sh("systemctl restart vaultd")
        self.assertEqual([], status()["alerts"])

    def test_15_curve_keys(self):
        port = free_ports(1)[0]
        MACHINE.more = {"vault.example.org:9990": f"127.0.0.1:{port}"}
        toml = (MACHINE.root / "etc/vaultd/vaultd.toml").read_text()
        toml = toml.replace("/requests\"]", f'/requests", "tcp://127.0.0.1:{port}"]')
        keys = MACHINE.root / "etc/vaultd/keys"
        MACHINE.write("etc/vaultd/vaultd.toml", f'{toml}curve_server_key = "{keys}/server/secret.toml"\n'
                                                f'curve_clients = "{keys}/clients"\n')
        MACHINE.sh(f"""
            mkdir {keys}/clients
            vaultctl keygen --curve -o {keys}/server && vaultctl keygen --curve -o old-keys
            sed -n /^public_key/p {keys}/server/public.toml > old-keys/server.toml
            sed -n /^public_key/p old-keys/public.toml > {keys}/clients/ana.toml
            echo 'roles = ["reader"]' >> {keys}/clients/ana.toml
            systemctl restart vaultd""")
        head = f"vaultctl --timeout 1s --endpoint tcp://127.0.0.1:{port} --key-dir "
        self.says(head + "old-keys head", "103")
        self.assertIn("103", MACHINE.follow("rotate-client"))
        time.sleep(1.5)
        self.says(head + "old-keys head", code=4)
        self.assertIn("103", MACHINE.follow("rotate-server"))
        MACHINE.sh("cp -r new-keys stale-keys && cp old-keys/server.toml stale-keys/")
        self.says(head + "stale-keys head", code=3)

    def test_16_the_password_of_the_database(self):
        MACHINE.follow("rotate-password")
        self.assertTrue(status()["ready"], MACHINE.log_tail())

    def test_17_into_another_server(self):
        """Here, this is the same one again."""
        MACHINE.more = {"/vault?": "/vault_2?"}
        self.assertIn("VALID  entries 1 to 103", MACHINE.follow("upgrade-major"))
        self.assertEqual(104, seal(1, "vault_16"))

    def test_18_how_large_it_is(self):
        MACHINE.more = {"/vault?": "/vault_16?"}
        self.assertRegex(MACHINE.follow("size-now"), r"\n +104 \| ")
        said = MACHINE.follow("size-freeze")
        self.assertRegex(said, r"vault_ledger \| +[0-9]\n")
        MACHINE.sh("for i in $(seq 40); do vaultctl verify > /dev/null & done; wait")
        connections = int(MACHINE.cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'vaultd'")[0][0])
        self.assertIn(connections, (5, 6, 7))

    def break_pages(self, file, blocks):
        """Like a bad disk, while vaultd is stopped."""
        MACHINE.sh("systemctl stop vaultd")
        MACHINE.cluster.stop()
        with open(file, "r+b") as handle:
            for block in blocks:
                handle.seek(block * PAGE_BYTES + 4_000)
                handle.write(b"corrupted")
        MACHINE.cluster.start()
        MACHINE.sh("systemctl start vaultd")

    def test_19_a_corrupted_page(self):
        """PostgreSQL cannot read it; the auditor reports that. What the writer builds on is elsewhere."""
        seal(600, "vault_16")
        MACHINE.cluster.sql("CHECKPOINT", "vault_16")
        relation = MACHINE.cluster.sql("SELECT pg_relation_filepath('vault_ledger')", "vault_16")[0][0]
        file = MACHINE.cluster.data / relation
        self.break_pages(file, [0])
        wait_for_alert("audit")
        self.assertIn("invalid page in block 0", MACHINE.log_tail())
        self.says(MACHINE.here('vaultctl verify --database "postgresql://vault_check@db.example.org:5432/vault_16"'),
                  "invalid page in block 0", code=4)
        self.assertTrue(status()["ready"], MACHINE.log_tail())
        self.break_pages(file, range(file.stat().st_size // PAGE_BYTES))
        wait_for_alert("unreadable")
        self.assertNotIn("tamper", status()["alerts"])
        self.assertFalse(status()["ready"])
        self.assertIn("invalid page in block", status()["database"]["detail"])

    def test_20_nothing_on_the_page_was_left_out(self):
        self.assertEqual(set(), set(MACHINE.blocks) - MACHINE.followed)


if __name__ == "__main__":
    unittest.main()
