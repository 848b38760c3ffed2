"""docs/distributed.md, "A hundred ledgers on one server": its commands, in its words, for three.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import json
import pathlib
import re
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.guide_machine import GuideMachine  # noqa: E402
from support.vaultd_process import SOURCE_DIR, program  # noqa: E402

PAGE = "docs/distributed.md"
NAMES = ("first", "second", "third")

# Starts an instance like vaultd@.service; started means READY.
SYSTEMCTL = """#!/bin/bash
set -u
case "$*" in
  "enable --now vaultd@"*)
    name=${3#vaultd@}
    mkdir -p @ROOT@/run/vaultd/$name @ROOT@/var/lib/vaultd/$name
    for socket in requests ingest events; do set -- "$@" --$socket ipc://@ROOT@/run/vaultd/$name/$socket; done
    shift 3
    timeout -k 5 250 vaultd --config @ROOT@/etc/vaultd/$name.toml --state-dir @ROOT@/var/lib/vaultd/$name "$@" \\
      > @ROOT@/$name.log 2>&1 < /dev/null &
    echo $! > @ROOT@/$name.pid
    for _ in $(seq 1200); do
      grep -q "vaultd: ready" @ROOT@/$name.log && exit 0
      kill -0 "$(cat @ROOT@/$name.pid)" 2> /dev/null || { cat @ROOT@/$name.log >&2; exit 1; }
      sleep 0.05
    done
    exit 1 ;;
  "stop vaultd") for file in @ROOT@/*.pid; do [ -e "$file" ] && kill -TERM "$(cat "$file")"; done; exit 0 ;;
  *) echo "no such stand-in: systemctl $*" >&2; exit 64 ;;
esac
"""

# There is no user vaultd here.
INSTALL = """#!/bin/bash
for word in "$@"; do case $word in --owner=vaultd | --group=vaultd) ;; *) kept+=("$word") ;; esac; done
exec /usr/bin/install "${kept[@]}"
"""


class ManyLedgers(unittest.TestCase):
    def test_the_guide(self):
        machine = GuideMachine(PAGE)
        self.addCleanup(machine.remove)
        machine.start()
        machine.cluster.sql("CREATE DATABASE vault")
        for name, text in (("systemctl", SYSTEMCTL), ("install", INSTALL)):
            machine.write(f"bin/{name}", text.replace("@ROOT@", str(machine.root)), 0o755)
        shutil.copy(program("vaultctl"), machine.root / "bin/vaultctl")  # where PostgreSQL's user can enter
        page = (SOURCE_DIR / PAGE).read_text(encoding="utf-8")
        machine.write("home/role.sql", re.search(r"^```sql role\n(.*?)^```$", page, re.MULTILINE | re.DOTALL).group(1))
        machine.sh(machine.here(machine.blocks["ledgers"]))
        for name in NAMES:
            self.assertEqual((machine.root / f"etc/vaultd/{name}.toml").stat().st_mode & 0o777, 0o600)
            there = f"export VAULT_ENDPOINT=ipc://{machine.root}/run/vaultd/{name}/requests; "
            machine.sh(there + "vaultctl seal --session s --authority a --verdict SEAL --data '{}' --sign > /dev/null")
            status = json.loads(machine.sh(there + "vaultctl status --json"))
            self.assertEqual((status["role"], status["sequence"], status["alerts"]), ("writer", 1, []))
        users = machine.cluster.sql("SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'vaultd%' "
                                    "ORDER BY 1", "vault")
        self.assertEqual(users, [[f"vault_{name}"] for name in NAMES])


if __name__ == "__main__":
    unittest.main()
