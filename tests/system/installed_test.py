"""The package on a separate machine, booted with systemd: docs/install.md from beginning to end, crashes, upgrade,
removal, purge. Skipped, with a reason, if no such machine can be made.

Run by CTest, which makes the package first; by hand: ctest --test-dir build/dev -R installed
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import debian_tree  # noqa: E402
from debian_package import dependencies, package  # noqa: E402

SOURCE = pathlib.Path(os.environ.get("VAULT_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
BLOCK = re.compile(r"^```sh (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SKIPPED = 77


class Installed(unittest.TestCase):
    """One story in steps: each builds on the previous ones."""

    machine: debian_tree.Machine

    @classmethod
    def setUpClass(cls):
        page = (SOURCE / "docs" / "install.md").read_text(encoding="utf-8")
        cls.blocks = dict(BLOCK.findall(page))
        cls.todo = list(cls.blocks)
        cls.machine.sh("useradd --create-home --shell /bin/bash ana")
        cls.machine.sh("echo 'ana ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ana")
        shutil.copy(package(), cls.machine.root / "home/ana")

    def follow(self, *names, user="ana"):
        """Follows the page, in one login."""
        for name in names:
            self.assertEqual(name, self.todo.pop(0), "the order of the page")
        return self.machine.sh("".join(self.blocks[name] for name in names), user=user, timeout=300)

    def running(self):
        """How many processes are vaultd."""
        return self.machine.sh("cat /proc/[0-9]*/comm 2>/dev/null || true").split().count("vaultd")

    def ctl(self, arguments):
        return self.machine.sh(f"vaultctl {arguments}")

    def assert_whole(self, unit="vaultd", endpoint="ipc:///run/vaultd/requests"):
        """It is back, has everything it had, and accepts more."""
        self.machine.wait_until(lambda: self.machine.unit(unit, "ActiveState") == "active", f"{unit} is active", 60)
        ctl = f"--endpoint {endpoint}"
        self.ctl(f"{ctl} seal --session s --authority test --verdict SEAL --data '{{}}'")
        self.ctl(f"{ctl} verify")

    def test_01_installing_starts_nothing(self):
        said = self.follow("install")
        self.assertIn("man vault999", said)
        self.assertEqual(["inactive", "disabled"], self.machine.unit("vaultd", "ActiveState", "UnitFileState"))
        self.assertEqual(0, self.running())
        self.assertEqual("", self.machine.sh("find /etc/systemd/system -name 'vault*'"))
        self.assertEqual("/etc/vaultd/vaultd.toml 600 vaultd:vaultd\n/etc/vaultd/keys 700 vaultd:vaultd\n"
                         "/var/lib/vaultd 700 vaultd:vaultd\n/run/vaultd 750 vaultd:vaultd",
                         self.machine.sh("stat -c '%n %a %U:%G' /etc/vaultd/vaultd.toml /etc/vaultd/keys /var/lib/vaultd "
                                         "/run/vaultd"))

    def test_02_units_are_well_formed(self):
        names = self.machine.sh("dpkg -L vault999 | sed -n 's,^/lib/systemd/system/,,p'").replace("@.", "@x.").split()
        self.assertLessEqual({"vaultd.service", "vaultd@x.service"}, set(names))
        self.assertEqual("", self.machine.sh(f"systemd-analyze verify --man=no {' '.join(names)}"))
        self.machine.sh("systemd-analyze security --threshold=15 vaultd.service vaultd@x.service")

    def test_03_unconfigured_it_says_what_is_missing(self):
        self.assertNotEqual(0, self.machine.run(["systemctl", "start", "vaultd"]).returncode)
        self.assertEqual(["2", "0"], self.machine.unit("vaultd", "ExecMainStatus", "NRestarts"))
        self.assertIn("set database", self.machine.sh("journalctl -u vaultd -o cat"))
        self.machine.sh("systemctl reset-failed vaultd")

    def test_04_from_a_url_to_a_running_vaultd(self):
        self.follow("database")
        self.machine.sh(self.blocks["configure"], user="ana")
        self.assertNotEqual(0, self.machine.run(["systemctl", "start", "vaultd"]).returncode)
        told = self.machine.sh("journalctl -u vaultd -o cat")
        self.assertIn("run: vaultctl migrate up", told)
        self.assertNotIn("tamper", told)
        said = self.follow("configure", "start", "group")
        self.assertIn('database = "postgresql:///vault"', said)
        self.assertIn("writer", said)
        # Those who may talk to vaultd may not read how vaultd talks to the database, even after an edit.
        self.assertNotEqual(0, self.machine.run(["runuser", "-u", "ana", "--", "cat", "/etc/vaultd/vaultd.toml"]).returncode)
        self.assertEqual(["active", "enabled"], self.machine.unit("vaultd", "ActiveState", "UnitFileState"))

    def test_05_it_reloads(self):
        pid = self.machine.unit("vaultd", "MainPID")
        self.machine.sh("sed -i 's/^#log_level = .*/log_level = \"debug\"/' /etc/vaultd/vaultd.toml; systemctl reload vaultd")
        self.machine.wait_until(lambda: "settings reloaded" in self.machine.sh("journalctl -u vaultd -o cat"), "settings are read")
        self.assertEqual([pid, "active"], self.machine.unit("vaultd", "MainPID", "ActiveState"))

    def test_06_to_a_checked_proof(self):
        self.follow("seal", "prove", "check", "verify")
        changed = "sed 's/9f3c2ab/9f3c2ac/' entry.json > changed.json"
        said = self.machine.sh(f"{changed}; vaultctl check-proof 1.tlog-proof --vkey log.vkey --entry changed.json && exit 5 || "
                               "[ $? -eq 1 ]", user="ana")
        self.assertIn("INVALID", said)

    def test_07_killed_it_comes_back(self):
        pid = self.machine.unit("vaultd", "MainPID")
        self.machine.sh(f"kill -KILL {pid}")
        self.machine.wait_until(lambda: self.machine.unit("vaultd", "NRestarts") == "1", "systemd restarts vaultd")
        self.assert_whole()
        self.assertNotEqual(pid, self.machine.unit("vaultd", "MainPID"))

    def test_08_stopped_dead_the_watchdog_fires(self):
        pid = self.machine.unit("vaultd", "MainPID")
        self.machine.sh(f"kill -STOP {pid}")
        self.machine.wait_until(lambda: self.machine.unit("vaultd", "NRestarts") == "2", "the watchdog fires", 90)
        self.assertIn("Watchdog timeout", self.machine.sh("journalctl -u vaultd -o cat"))
        self.assert_whole()
        self.assertNotEqual(pid, self.machine.unit("vaultd", "MainPID"))

    def test_09_a_second_ledger_beside_it(self):
        self.machine.sh(self.blocks["instance"], user="ana", timeout=300)
        self.todo.remove("instance")
        self.assertEqual([], self.todo, "blocks of the page that nobody tried")
        self.assert_whole("vaultd@second", "ipc:///run/vaultd/second/requests")
        # The sockets of one are below the directory of the other.
        self.machine.sh("systemctl stop vaultd")
        self.assert_whole("vaultd@second", "ipc:///run/vaultd/second/requests")
        self.machine.sh("systemctl start vaultd")
        self.assert_whole()

    def test_10_upgrading_and_going_back_keep_data_and_keys(self):
        self.machine.sh("echo secret > /etc/vaultd/keys/mine; echo 'readers = 2' >> /etc/vaultd/vaultd.toml")
        before = self.kept()
        pids = [self.machine.unit(unit, "MainPID") for unit in ("vaultd", "vaultd@second")]
        self.machine.sh("dpkg-deb -R /home/ana/vault999_*.deb /tmp/next; "
                        "sed -i 's/^Version: .*/&.1/' /tmp/next/DEBIAN/control; dpkg-deb -b /tmp/next /tmp/next.deb")
        # The second command is that of docs/day-two.md.
        for install in ("apt-get install /tmp/next.deb",
                        "apt-get install -y --allow-downgrades /home/ana/vault999_*.deb"):
            self.machine.sh(install, timeout=300)
            self.assertEqual(before, self.kept())
            self.assertIn("readers = 2", self.machine.sh("cat /etc/vaultd/vaultd.toml"))
            for i, unit in enumerate(("vaultd", "vaultd@second")):
                self.assertEqual("active", self.machine.unit(unit, "ActiveState"))
                self.assertNotEqual(pids[i], self.machine.unit(unit, "MainPID"), f"{unit} runs the old program")
                pids[i] = self.machine.unit(unit, "MainPID")
            self.assert_whole()
            self.assert_whole("vaultd@second", "ipc:///run/vaultd/second/requests")

    def test_11_what_was_stopped_stays_so(self):
        self.machine.sh("systemctl stop vaultd@second; dpkg -i /tmp/next.deb")
        self.assertEqual("inactive", self.machine.unit("vaultd@second", "ActiveState"))
        self.assertEqual("active", self.machine.unit("vaultd", "ActiveState"))
        self.machine.sh("systemctl start vaultd@second")

    def test_12_removed_and_installed_again(self):
        before = self.kept()
        self.assertEqual(2, self.running())
        self.machine.sh("apt-get remove vault999")
        self.assertEqual(0, self.running())
        self.machine.sh("dpkg -i /tmp/next.deb")
        self.assertEqual(0, self.running())
        self.assertEqual(before, self.kept())
        self.machine.sh("systemctl start vaultd vaultd@second")
        self.assert_whole()
        self.assert_whole("vaultd@second", "ipc:///run/vaultd/second/requests")

    def test_13_purging_leaves_keys_and_databases(self):
        before = self.kept()
        rows = "runuser -u postgres -- psql -X -A -t -d vault -c 'SELECT count(*), max(entry_hash) FROM vault_ledger'"
        self.machine.sh("systemctl stop vaultd")
        written = self.machine.sh(rows)
        said = self.machine.sh("dpkg --purge vault999")
        self.assertIn("/var/lib/vaultd is left alone", said)
        self.assertEqual(before, self.kept())
        self.assertEqual(written, self.machine.sh(rows))
        self.machine.sh("test -d /var/lib/vaultd/second/postgres/data; test ! -e /etc/vaultd/vaultd.toml")
        self.assertEqual("", self.machine.sh("find /etc/systemd/system /usr/lib/systemd /usr/bin -name 'vault*'"))
        self.assertEqual(0, self.running())

    def test_14_nothing_failed_meanwhile(self):
        self.assertEqual("", self.machine.sh("systemctl list-units --failed --plain --no-legend"))

    def kept(self):
        return self.machine.sh("sha256sum /var/lib/vaultd/signing.pem /var/lib/vaultd/second/signing.pem "
                               "/etc/vaultd/keys/mine /etc/vaultd/second.toml")


def main():
    try:
        debian_tree.require_means()
        tree = debian_tree.make_tree([*dependencies(package()), "postgresql"])
        with debian_tree.Machine(tree) as Installed.machine:
            return 0 if unittest.main(exit=False, failfast=True, verbosity=2).result.wasSuccessful() else 1
    except debian_tree.Unavailable as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]}: {error.stdout}{error.stderr}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
