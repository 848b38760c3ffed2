"""Alerts that no other test with real processes sees on the events socket: `fenced`, `configuration`, `emergency_damage`."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from integration.emergency_mode_test import EmergencyProcess  # noqa: E402
from integration.outage_test import Asker, seal  # noqa: E402
from support.fault_load import Follower  # noqa: E402
from support.vaultd_process import VaultdProcess  # noqa: E402


class ToldAlerts(unittest.TestCase):
    def follow(self, vaultd):
        follower = Follower(vaultd.events)
        self.addCleanup(follower.stop)
        follower.start()
        self.until(lambda: follower.events > 0, "no heartbeat")
        return follower

    def until(self, condition, what, seconds=40):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.05)

    def told(self, follower, kind, raised=True):
        self.until(lambda: any(one[:2] == (kind, raised) for one in follower.alerts), f"{kind}: {follower.alerts}")

    def test_fenced_by_whoever_edits_the_head_until_something_is_sealed_again(self):
        with VaultdProcess() as vaultd:
            asker, follower = Asker(vaultd.requests), self.follow(vaultd)
            asker.result("seal", seal=seal(1))
            vaultd.sql("UPDATE vault_head SET writer_epoch = writer_epoch + 5")
            asker.ask("seal", seal=seal(2))
            self.told(follower, "fenced")
            self.until(lambda: asker.ask("seal", seal=seal(3))["ok"], "nothing is sealed again")
            self.told(follower, "fenced", raised=False)
            self.assertNotIn("fenced", asker.result("status")["alerts"])

    def test_configuration_before_a_vaultd_ends_whose_key_is_not_the_databases_any_more(self):
        with VaultdProcess() as vaultd:
            asker, follower = Asker(vaultd.requests), self.follow(vaultd)
            asker.result("seal", seal=seal(1), sign=True)
            vkey = vaultd.ctl("keygen", "--name", "other.example/log", "-o", str(vaultd.directory / "other.pem")).stdout.strip()
            vaultd.sql("ALTER TABLE vault_origin DISABLE TRIGGER USER;"
                       f"UPDATE vault_origin SET vkey = '{vkey}';"
                       "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vaultd%'")
            self.assertEqual(vaultd.process.wait(60), 2, vaultd.log_tail())
            self.told(follower, "configuration")

    def test_emergency_damage_for_a_file_that_cannot_be_read(self):
        source = EmergencyProcess("unused")
        self.addCleanup(source.remove)
        source.vault = source.directory / "V"
        source.start()
        asker, follower = Asker(source.requests), self.follow(source)
        damaged = asker.result("seal", seal={**seal(1), "seal_id": "01890a5d-ac96-774b-bcce-b302099a8057"})["seal_id"]
        path, = (source.vault / "BBB_LEDGER" / "entries").glob(f"*{damaged}*")
        path.write_bytes(path.read_bytes()[:20])
        source.stop()  # what it has in memory is intact
        heard = follower.events
        source.start()
        self.until(lambda: follower.events > heard, "no events of the second run")
        self.assertEqual(asker.result("list")["entries"], [])
        self.told(follower, "emergency_damage")
        # And where it is asked for by its seal_id alone.
        source.stop()
        heard, before = follower.events, len(follower.alerts)
        source.start()
        self.until(lambda: follower.events > heard, "no events of the third run")
        self.assertEqual(asker.ask("read", seal_id=damaged)["error"]["code"], "internal")
        self.until(lambda: any(one[:2] == ("emergency_damage", True) for one in follower.alerts[before:]), "not told")


if __name__ == "__main__":
    unittest.main()
