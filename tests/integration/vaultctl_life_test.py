"""vaultctl while vaultd comes and goes: events, outages, CURVE keys. Run by CTest with VAULT_BIN_DIR."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultctl_case import VaultctlCase, start_with_five_entries  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, free_ports, make_directory, program  # noqa: E402

# One vaultd for all cases; a case that stops it starts it again.
VAULTD = VaultdProcess("--origin", "example.org/test")


def setUpModule():
    start_with_five_entries(Case)


class Case(VaultctlCase):
    vaultd = VAULTD


class Watch(Case):
    def watch(self, *arguments):
        process = subprocess.Popen([program("vaultctl"), "watch", "--json", *arguments], stdout=subprocess.PIPE,
                                   text=True, env={**clean_environment(), "VAULT_ENDPOINT": self.vaultd.requests,
                                                   "VAULT_EVENTS": self.vaultd.events})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def until_it_listens(self, process):
        """A heartbeat comes every second; the first one shows that the subscription stands."""
        line = json.loads(process.stdout.readline())
        self.assertEqual(line["topic"], "heartbeat")

    def test_entries_in_order(self):
        process = self.watch("--topic", "heartbeat", "--topic", "entry.")
        self.until_it_listens(process)
        receipts = self.seals(["SEAL", "VOID", "SUNSET"] * 20, session="watched")
        seen = []
        while len(seen) < len(receipts):
            event = json.loads(process.stdout.readline())
            if event["event"] == "entry":
                self.assertEqual(event["topic"], "entry." + event["verdict"])
                self.assertNotIn("data_salt", event)
                seen.append(event["sequence"])
        self.assertEqual(seen, sorted(receipt["sequence"] for receipt in receipts))

    def test_topics_and_count(self):
        process = self.watch("--topic", "entry.VOID", "--topic", "heartbeat", "--count", "2")
        self.until_it_listens(process)
        self.seals(["SEAL", "SEAL"])
        events = [json.loads(line)["topic"] for line in process.stdout]
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(len(events), 1)
        self.assertIn(events[0], ("heartbeat", "entry.VOID"))

    def test_interrupt_is_a_clean_end(self):
        process = self.watch()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 0)

    def test_entries_of_a_pause_are_filled_in(self):
        """While the watcher is stopped, vaultd is restarted: events of that time are gone, the entries are not."""
        process = self.watch("--topic", "heartbeat", "--topic", "entry.")
        self.until_it_listens(process)
        first = self.seal()["sequence"]
        while True:
            if json.loads(process.stdout.readline())["event"] == "entry":
                break
        process.send_signal(signal.SIGSTOP)
        missed = self.seals(["SEAL"] * 3)
        self.vaultd.restart()
        process.send_signal(signal.SIGCONT)
        last = self.seal()["sequence"]
        seen = []
        while not seen or seen[-1] < last:
            event = json.loads(process.stdout.readline())
            if event["event"] == "entry":
                seen.append(event["sequence"])
        self.assertEqual(seen, list(range(first + 1, last + 1)))
        self.assertEqual(len(seen), len(missed) + 1)


class Outage(Case):
    def test_stopped_and_started_again(self):
        head = self.head()
        self.assertEqual(self.vaultd.stop(), 0)
        self.assertEqual(self.json(3, "head", "--timeout", "500ms")["code"], "unavailable")
        self.assertIn("does not answer", self.ctl(3, "list").stderr)
        answer = self.ctl(3, "seal", "--batch", stdin="{}\n")
        self.assertEqual(answer.stdout, "")
        self.vaultd.start()
        self.assertEqual(self.head(), head)
        self.ctl(0, "verify")

    def test_killed_and_started_again(self):
        receipt = self.seal()
        self.vaultd.kill()
        self.vaultd.start()
        self.assertEqual(self.json(0, "read", "--sequence", receipt["sequence"])["entry"]["entry_hash"],
                         receipt["entry_hash"])

    def test_a_batch_lives_through_a_restart(self):
        """Requests in flight are lost with the daemon; they are sent again under the same seal_id."""
        lines = [json.dumps({"session_id": "through", "authority": "a", "verdict": "SEAL", "seal_data": {"n": n}})
                 for n in range(4000)]
        path = self.file("seals", "\n".join(lines))
        out = self.directory / "out"
        with open(out, "w", encoding="utf-8") as stdout:
            process = subprocess.Popen([program("vaultctl"), "seal", "--batch", str(path), "--timeout", "60s"],
                                       stdout=stdout, stderr=subprocess.DEVNULL,
                                       env={**clean_environment(), "VAULT_ENDPOINT": self.vaultd.requests})
            until = time.monotonic() + 60
            while os.path.getsize(out) == 0 and time.monotonic() < until:
                time.sleep(0.01)
            self.vaultd.restart()
            self.assertEqual(process.wait(150), 0)
        receipts = [json.loads(line) for line in out.read_text().splitlines()]
        self.assertEqual(len(receipts), 4000)
        self.assertEqual(len({receipt["sequence"] for receipt in receipts}), 4000)


class Curve(unittest.TestCase):
    """Keys as `keygen --curve` makes them, for vaultd and for its peers."""

    @classmethod
    def setUpClass(cls):
        cls.directory = make_directory()
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        clients = cls.directory / "clients"
        clients.mkdir()
        server_key = cls.keys("server")
        for name, roles in (("both", ["producer", "reader"]), ("producer", ["producer"]), ("stranger", None)):
            public = cls.keys(name)
            (cls.directory / name / "server.toml").write_text(f'public_key = "{server_key}"\n')
            if roles is not None:
                (clients / f"{name}.toml").write_text(f'public_key = "{public}"\nroles = {json.dumps(roles)}\n')
        cls.requests, cls.events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
        cls.vaultd = VaultdProcess("--requests", cls.requests, "--events", cls.events,
                                   environment={"VAULT_CURVE_SERVER_KEY": str(cls.directory / "server/secret.toml"),
                                                "VAULT_CURVE_CLIENTS": str(clients)})
        cls.addClassCleanup(cls.vaultd.remove)
        cls.vaultd.start()

    @classmethod
    def keys(cls, name):
        return subprocess.run([program("vaultctl"), "keygen", "--curve", "-o", cls.directory / name], check=True,
                              capture_output=True, text=True, timeout=60).stdout.strip()

    def ctl(self, code, name, *arguments):
        answer = self.vaultd.ctl("--endpoint", self.requests, "--events", self.events, "--key-dir",
                                 str(self.directory / name), *arguments, "--json")
        self.assertEqual(answer.returncode, code, f"{arguments}\nstdout: {answer.stdout}\nstderr: {answer.stderr}")
        return json.loads(answer.stdout.splitlines()[0])

    def test_roles(self):
        seal = ["seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}"]
        receipt = self.ctl(0, "both", *seal)
        self.assertEqual(self.ctl(0, "both", "read", "--seal-id", receipt["seal_id"])["entry"]["sequence"],
                         receipt["sequence"])
        self.ctl(0, "producer", *seal)
        self.assertEqual(self.ctl(1, "producer", "head")["code"], "forbidden")

    def test_a_stranger_is_not_let_in(self):
        self.assertEqual(self.ctl(4, "stranger", "head")["code"], "forbidden")

    def test_watch(self):
        self.assertEqual(self.ctl(0, "both", "watch", "--topic", "heartbeat", "--count", "1")["event"], "heartbeat")


if __name__ == "__main__":
    unittest.main()
