"""The log as an operator needs it: where things are, what happened, and each event once."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess, clean_environment, make_directory, program  # noqa: E402

PATIENCE_S = 60
SEAL = {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {"secret": "payload-9f3c"}}


class LogTest(unittest.TestCase):
    def setUp(self):
        self.directory = make_directory()
        self.addCleanup(shutil.rmtree, self.directory)
        self.config = self.directory / "vaultd.toml"
        self.config.write_text('log_format = "json"\nreaders = 2\n')
        self.vaultd = VaultdProcess("--config", str(self.config))
        self.addCleanup(self.vaultd.remove)
        self.vaultd.start()

    def lines(self, **members):
        """The lines that have these members."""
        # The embedded PostgreSQL's tools write to the same file.
        all_lines = [json.loads(line) for line in self.vaultd.log_path.read_text().splitlines() if line.startswith("{")]
        return [line for line in all_lines if all(line.get(name) == value for name, value in members.items())]

    def wait_for(self, count=1, **members):
        until = time.monotonic() + PATIENCE_S
        while len(found := self.lines(**members)) < count:
            self.assertLess(time.monotonic(), until, f"{members} in\n{self.vaultd.log_tail()}")
            time.sleep(0.1)
        return found

    def reload(self, text):
        self.config.write_text(text)
        before = len(self.lines(event="settings_reloaded"))
        self.vaultd.process.send_signal(signal.SIGHUP)
        return self.wait_for(before + 1, event="settings_reloaded")[-1]

    def test_the_first_line(self):
        first = self.lines()[0]
        self.assertEqual((first["event"], first["pid"], first["config"]),
                         ("starting", self.vaultd.process.pid, str(self.config)))
        self.assertEqual(first["requests"], self.vaultd.requests)
        self.assertIn(str(self.vaultd.data), first["database"])
        self.assertIn("version", first)
        self.assertIsInstance(self.lines(event="lease_taken")[0]["epoch"], int)
        self.assertEqual([line["as"] for line in self.lines(event="ready")], ["writer"])

    def test_sighup_says_what_changed_and_what_needs_a_restart(self):
        told = self.reload('log_format = "json"\nlog_level = "debug"\nreaders = 2\n')
        self.assertEqual((told["changed"], told["log_level"]), ("log_level", "debug"))
        self.assertEqual(self.lines(message="these settings take effect only after a restart"), [])
        told = self.reload('log_format = "json"\nlog_level = "debug"\nreaders = 5\nqueue_seals = 1000\n')
        self.assertEqual(told["changed"], "queue_seals")
        self.assertEqual(self.wait_for(message="these settings take effect only after a restart")[0]["settings"], "readers")
        told = self.reload('log_format = "json"\nlog_level = "warning"\nreaders = 2\nqueue_seals = 1000\n')
        self.assertEqual(told["changed"], "log_level", "said before the log becomes quieter")
        told = self.reload('log_format = "json"\nlog_level = "info"\nreaders = 2\nqueue_seals = 1000\n')
        self.assertEqual(told["changed"], "log_level", "said after it has become louder")

    def test_a_request_can_be_followed(self):
        context = zmq.Context()
        self.addCleanup(context.destroy, 0)
        socket = context.socket(zmq.REQ)
        socket.setsockopt(zmq.RCVTIMEO, 1000 * PATIENCE_S)
        socket.connect(self.vaultd.requests)
        self.assertEqual(self.lines(level="debug"), [])
        self.reload('log_format = "json"\nlog_level = "debug"\nreaders = 2\n')
        socket.send(msgpack.packb({"v": 1, "id": "order-77", "x-trace": "4bf92f35", "op": "seal", "seal": SEAL}))
        sequence = msgpack.unpackb(socket.recv())["result"]["sequence"]
        request = self.wait_for(message="request", id="order-77")[0]
        self.assertEqual(request["trace"], "4bf92f35")
        ticket = self.wait_for(message="accepted", id="order-77")[0]["ticket"]
        self.assertEqual(request["ticket"], ticket)
        batch = next(line for line in self.wait_for(message="batch") if str(ticket) in line["tickets"].split(","))
        self.assertLessEqual(batch["first"], sequence)
        self.assertGreaterEqual(batch["last"], sequence)
        self.wait_for(message="committed", first=batch["first"], last=batch["last"])
        self.wait_for(message="answered", ticket=ticket, id="order-77")
        self.assertNotIn("payload-9f3c", self.vaultd.log_path.read_text())

    def test_trace_tells_what_comes_by_itself(self):
        self.reload('log_format = "json"\nlog_level = "debug"\nreaders = 2\n')
        self.assertEqual(self.vaultd.ctl("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}",
                                         "--sign").returncode, 0)
        time.sleep(1.5)  # a renewal a second
        self.assertEqual(self.lines(level="trace"), [])
        self.reload('log_format = "json"\nlog_level = "trace"\nreaders = 2\n')
        self.assertEqual(self.vaultd.ctl("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}",
                                         "--sign").returncode, 0)
        self.wait_for(message="lease renewed", epoch=1)
        signed = self.wait_for(message="checkpoint signed", size=2)[0]
        self.assertRegex(signed["root"], "^[0-9a-f]{64}$")
        self.wait_for(message="checkpoint stored", size=2)
        self.wait_for(message="verified", entries=2)


class Preflight(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vaultd = VaultdProcess()
        cls.addClassCleanup(cls.vaultd.remove)
        cls.vaultd.start()
        assert cls.vaultd.ctl("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}",
                              "--sign").returncode == 0
        cls.vaultd.sql("CREATE ROLE nobody1 LOGIN")
        cls.vaultd.sql("CREATE ROLE reader1 LOGIN IN ROLE vault_reader")

    def preflight(self, code, *arguments, environment=None):
        directory = make_directory()
        self.addCleanup(shutil.rmtree, directory)
        flags = [word for name in ("requests", "ingest", "events") for word in (f"--{name}", f"ipc://{directory}/{name}")]
        answer = subprocess.run([program("vaultd"), "--preflight", "--state-dir", str(self.vaultd.state), *flags,
                                 *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60,
                                env={**clean_environment(), **(environment or {})})
        self.assertEqual(answer.returncode, code, answer.stdout + answer.stderr)
        self.assertEqual(os.listdir(directory), [])
        return answer.stdout

    def test_what_fits(self):
        epoch = self.vaultd.sql("SELECT writer_epoch FROM vault_head")
        config = self.vaultd.directory / "some.toml"
        config.write_text("\nreaders = 2\n")
        said = self.preflight(0, "--config", config, environment={"VAULT_DATABASE": self.vaultd.database_url()})
        self.assertIn(f"readers = 2  # {config}:2\n", said)
        self.assertIn("  # VAULT_DATABASE\n", said)
        self.assertIn(f'state_dir = "{self.vaultd.state}"  # --state-dir\n', said)
        for line in ("ok    sockets", "ok    signing key", "ok    rights in the database", "ok    key of this ledger",
                     "ready to start"):
            self.assertIn(line + "\n", said)
        self.assertEqual(self.vaultd.sql("SELECT writer_epoch FROM vault_head"), epoch)

    def test_another_key(self):
        key = self.vaultd.directory / "other.pem"
        subprocess.run([program("vaultctl"), "keygen", "--name", "example.org/other", "-o", key], check=True, timeout=60,
                       capture_output=True, env=clean_environment())
        said = self.preflight(2, "--database", self.vaultd.database_url(), "--signing-key", key)
        self.assertIn("FAIL  key of this ledger: signing_key: this ledger is signed with the key", said)

    def test_everything_that_is_wrong_is_told(self):
        (self.vaultd.directory / "a-file").touch()
        said = self.preflight(4, "--database", "host=/nowhere dbname=x", "--signing-key", "/nowhere/key.pem",
                              "--state-dir", self.vaultd.directory / "a-file/state")
        self.assertEqual(said.count("FAIL  "), 3, said)
        for word in ("signing_key", "state_dir", "FAIL  database"):
            self.assertIn(word, said)

    def test_a_role_without_rights(self):
        said = self.preflight(4, "--database", self.vaultd.database_url().replace("user=vault", "user=nobody1"))
        self.assertIn("permission denied", said)
        said = self.preflight(4, "--database", self.vaultd.database_url().replace("user=vault", "user=reader1"))
        self.assertRegex(said, "FAIL  rights in the database: .* may not .* vault_writer")

    def test_a_role_that_may_not_migrate(self):
        self.vaultd.sql("CREATE DATABASE empty1")
        url = self.vaultd.database_url().replace("user=vault", "user=nobody1").replace("dbname=vault", "dbname=empty1")
        said = self.preflight(4, "--database", url, "--migrate")
        self.assertIn("will be migrated", said)
        self.assertRegex(said, "FAIL  rights in the database: the role nobody1 may not create tables in schema public")
        start = subprocess.run([program("vaultd"), "--database", url, "--migrate", "--state-dir",
                                self.vaultd.directory / "other-state",
                                *(word for name in ("requests", "ingest", "events")
                                  for word in (f"--{name}", f"ipc://{self.vaultd.directory}/other-{name}"))],
                               capture_output=True, text=True, check=False, timeout=60, env=clean_environment())
        self.assertEqual(start.returncode, 4, start.stderr)
        self.assertIn("permission denied for schema public", start.stderr)
        self.assertIn("give vaultd's role the rights", start.stderr)
        self.assertNotIn("tamper", start.stderr)

    def test_a_server_that_does_not_fit_is_not_migrated(self):
        self.vaultd.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
        url = self.vaultd.database_url().replace("dbname=vault", "dbname=latin")
        said = self.preflight(2, "--database", url, "--migrate")
        self.assertIn("FAIL  database", said)
        self.assertIn("LATIN1", said)
        self.assertNotIn("will be migrated", said)

    def test_no_password(self):
        said = self.preflight(1, "--database", "postgresql://u:s3cret@127.0.0.1:1/db")
        self.assertNotIn("s3cret", said)
        self.assertIn("postgresql://u@127.0.0.1:1/db", said)
        self.assertIn("a start would wait for the database", said)

    def test_check_config_tells_all(self):
        answer = subprocess.run([program("vaultd"), "--check-config", "--database", "postgresql:///x", "--signing-key",
                                 "/nowhere/key.pem", "--socket-group", "no-such-group"], capture_output=True, text=True,
                                check=False, timeout=60, env=clean_environment())
        self.assertEqual(answer.returncode, 2)
        self.assertIn("no-such-group", answer.stderr)
        self.assertIn("/nowhere/key.pem", answer.stderr)


if __name__ == "__main__":
    unittest.main()
