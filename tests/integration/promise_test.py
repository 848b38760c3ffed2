"""Whatever was signed or acknowledged is a promise: two vaultds, and a database that is replaced by a lagging copy.

The copy takes the other's place under its name, like a promoted replica: connections end, and the next ones lead to it.
"""
import pathlib
import shutil
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from integration.outage_test import Asker, seal  # noqa: E402
from support.replicated_postgres import Server  # noqa: E402
from support.vaultd_process import VaultdProcess, make_directory  # noqa: E402


class SwappableServer(Server):
    """A server whose database `vault` can be copied and swapped under running vaultds."""

    def close_database(self, name):
        self.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false;"
                 f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'", "postgres")
        until = time.monotonic() + 10
        while self.sql(f"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}'", "postgres"):
            assert time.monotonic() < until
            time.sleep(0.05)

    def copy(self):
        """Like a replica that receives nothing from now on."""
        self.close_database("vault")
        self.sql("CREATE DATABASE lagging TEMPLATE vault", "postgres")
        self.sql("ALTER DATABASE vault ALLOW_CONNECTIONS true", "postgres")

    def promote(self):
        """The copy takes the place of `vault`, which becomes `former`."""
        self.close_database("vault")
        self.sql("ALTER DATABASE vault RENAME TO former; ALTER DATABASE lagging RENAME TO vault;", "postgres")


class ServedVaultd(VaultdProcess):
    """A vaultd on an external server."""

    def __init__(self, url, *arguments):
        super().__init__(*arguments)
        self.url = url

    def command(self):
        command = super().command()
        at = command.index("--embedded")
        command[at:at + 2] = ["--database", self.url]
        return command


class PromiseTest(unittest.TestCase):
    def setUp(self):
        directory = make_directory("vault-promise-")
        directory.chmod(0o777)
        self.addCleanup(shutil.rmtree, directory, True)
        self.server = SwappableServer(directory / "p")
        self.server.create()
        self.addCleanup(self.server.stop, "immediate")
        self.a = ServedVaultd(self.server.url)
        self.addCleanup(self.a.remove)
        self.a.start()
        self.ask_a = Asker(self.a.requests)
        self.b = ServedVaultd(self.server.url, "--signing-key", str(self.a.state / "signing.pem"))
        self.addCleanup(self.b.remove)
        self.ask_b = Asker(self.b.requests)

    def seal_signed(self, asker, count):
        for number in range(count):
            receipt = asker.result("seal", seal=seal(number), sign=True)
        return receipt

    def checkpoint(self, vaultd):
        return (vaultd.state / "checkpoint").read_text()

    def remembered_size(self, vaultd):
        """The size of the checkpoint in its state directory; None while there is none."""
        try:
            return int(self.checkpoint(vaultd).split("\n")[1])
        except FileNotFoundError:
            return None

    def until(self, condition, timeout_s=40):
        end = time.monotonic() + timeout_s
        while not condition():
            self.assertLess(time.monotonic(), end, "waited in vain")
            time.sleep(0.05)

    def test_who_comes_back_to_another_history_keeps_its_own_and_tells_the_one_that_could_not_know(self):
        self.seal_signed(self.ask_a, 3)
        self.server.copy()
        self.ask_a.wait(lambda status: status["ready"])
        self.seal_signed(self.ask_a, 4)
        own = self.checkpoint(self.a)
        self.a.kill()
        self.server.promote()
        self.b.start()
        self.seal_signed(self.ask_b, 9)
        self.assertGreater(self.ask_b.result("checkpoint")["tree_size"], 7)
        self.a.start(wait=False)
        status = self.ask_a.wait(lambda s: "split" in s["alerts"])
        self.assertFalse(status["ready"])
        self.assertEqual(self.checkpoint(self.a), own)
        self.assertEqual(len(list((self.a.state / "contradictions").glob("*.note"))), 1)
        self.assertEqual(self.server.sql("SELECT tree_size FROM vault_contradiction"), [["7"]])
        # The other one hears of it, and signs no more.
        status = self.ask_b.wait(lambda s: "split" in s["alerts"] and not s["ready"])
        self.assertEqual(self.ask_b.ask("seal", seal=seal(99))["error"]["code"], "unavailable")
        size = int(self.server.sql("SELECT head_sequence FROM vault_head")[0][0])
        self.b.stop()
        time.sleep(4)  # the lease runs out
        self.assertFalse(self.ask_a.ask("status")["result"]["ready"], "nobody takes over with this memory")
        self.a.stop()
        # The way out, restarted once more in between.
        key = self.a.directory / "new.pem"
        self.assertEqual(self.a.ctl("keygen", "--name", "new.example/log", "-o", str(key)).returncode, 0)
        self.a.arguments = ["--accept-rollback", str(size), "--origin", "new.example/log", "--signing-key", str(key)]
        self.a.start()
        self.a.restart()
        entry = self.ask_a.result("read", sequence=size + 1)["entry"]
        self.assertEqual(entry["seal_data"]["accepted_sequence"], size)
        self.assertEqual([one["tree_size"] for one in entry["seal_data"]["contradicted"]], [7])
        self.assertIn(own, [one["note"] for one in entry["seal_data"]["contradicted"]])
        self.assertEqual(self.ask_a.result("seal", seal=seal(100))["sequence"], size + 2)
        self.assertTrue(self.ask_a.result("verify")["valid"])
        self.assertEqual(self.ask_a.ask("status")["result"]["alerts"], [])
        # The other one, with the old key, is told so by name; with the new one it becomes a standby.
        self.b.arguments = ["--signing-key", str(key)]
        self.b.start(wait=False)
        self.ask_b.wait(lambda s: s["role"] == "standby" and s["sequence"] == size + 2)

    def test_the_one_that_knows_says_so_while_it_runs_and_the_standby_does_not_go_on(self):
        self.b.start(wait=False)
        self.ask_b.wait(lambda status: status["role"] == "standby")
        self.seal_signed(self.ask_a, 3)
        self.until(lambda: self.remembered_size(self.b) == 3)
        # From here on, the other one learns nothing: what it remembers fits the copy.
        self.b.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.b.process.send_signal, signal.SIGCONT)
        self.server.copy()
        self.ask_a.wait(lambda status: status["ready"])
        self.seal_signed(self.ask_a, 4)
        self.assertEqual(self.remembered_size(self.a), 7)
        self.assertEqual(self.remembered_size(self.b), 3)
        self.server.promote()
        self.ask_a.wait(lambda s: "rollback" in s["alerts"])
        self.until(lambda: self.server.sql("SELECT tree_size FROM vault_contradiction") == [["7"]])
        self.assertEqual(self.remembered_size(self.b), 3)
        # Its lease and the writer's have expired; only the report in the database keeps it from writing.
        self.b.process.send_signal(signal.SIGCONT)
        self.ask_b.wait(lambda s: "rollback" in s["alerts"])
        until = time.monotonic() + 6
        while time.monotonic() < until:
            for asker in (self.ask_a, self.ask_b):
                self.assertFalse(asker.ask("status")["result"]["ready"])
            time.sleep(0.2)
        self.assertEqual(self.server.sql("SELECT head_sequence FROM vault_head"), [["3"]])

    def test_a_receipt_that_nobody_has_signed_yet_is_remembered(self):
        self.a.stop()
        self.a.arguments = ["--checkpoint-interval", "60s"]
        self.a.start()
        first = [self.ask_a.result("seal", seal=seal(number)) for number in range(3)]
        self.server.copy()
        self.ask_a.wait(lambda status: status["ready"])
        lost = [self.ask_a.result("seal", seal=seal(number)) for number in range(3, 5)]
        self.assertEqual([r["sequence"] for r in first + lost], [1, 2, 3, 4, 5])
        self.server.promote()
        status = self.ask_a.wait(lambda s: "rollback" in s["alerts"])
        self.assertFalse(status["ready"])
        self.assertEqual(self.ask_a.ask("seal", seal=seal(9))["error"]["code"], "unavailable")
        # Nor does a new process on the same state directory.
        self.a.kill()
        self.a.start(wait=False)
        self.ask_a.wait(lambda s: "rollback" in s["alerts"])
        self.assertEqual(self.server.sql("SELECT head_sequence FROM vault_head"), [["3"]])


if __name__ == "__main__":
    unittest.main()
