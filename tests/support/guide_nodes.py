"""Nodes for following docs/distributed.md on: each has /etc, /var/lib, /run and so on below a directory of its own, an address
of loopback, and stand-ins for apt-get, sudo, systemctl.

    nodes = GuideNodes("docs/distributed.md", 3)
    nodes[0].follow("cluster-etcd")     # the block ```sh cluster-etcd, with this node's paths, address and ports
    nodes[0].sh("vaultctl status")      # anything else
    nodes.remove()

What the page says in terms of paths, addresses, ports and of time-outs is replaced by what is here; nothing else is.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from support.guide_machine import BLOCK, SUDO, postgres_programs
from support.vaultd_process import BIN_DIR, SOURCE_DIR, clean_environment, free_ports, make_directory

LIMIT_S = 580  # for what a stand-in leaves running if the test is killed
PORTS = ("2379", "2380", "5432", "8008")

# The packages are installed already; their names must be right.
APT_GET = """#!/bin/bash
for word in "$@"; do
  case $word in
    install | -y) ;;
    *) dpkg-query -W -f '${Status}' "$word" | grep -q ' installed$' || { echo "no package $word here" >&2; exit 100; } ;;
  esac
done
"""

# Like the packages' units. "Started" means READY only for vaultd.
SYSTEMCTL = """#!/bin/bash
set -u
pid_of() { echo @ROOT@/$1.pid; }
stop() {
  [ -e "$(pid_of "$1")" ] || return 0
  kill -TERM "$(cat "$(pid_of "$1")")" 2> /dev/null
  while kill -0 "$(cat "$(pid_of "$1")")" 2> /dev/null; do sleep 0.05; done
  rm "$(pid_of "$1")"
}
launch() {
  touch @ROOT@/$1.log
  name=$1; shift
  timeout -k 5 @LIMIT@ "$@" >> @ROOT@/$name.log 2>&1 < /dev/null &
  echo $! > "$(pid_of "$name")"
}
start() {
  case $1 in
    etcd) set -a; . @ROOT@/etc/default/etcd; set +a; launch etcd etcd ;;
    patroni) HOME=@ROOT@/var/lib/postgresql launch patroni sudo -u postgres patroni @ROOT@/etc/patroni/config.yml ;;
    vaultd)
      for file in $(sed -n 's/^EnvironmentFile=//p' @ROOT@/etc/systemd/system/vaultd.service.d/*.conf); do
        set -a; . "$file"; set +a
      done
      launch vaultd vaultd --config @ROOT@/etc/vaultd/vaultd.toml
      for _ in $(seq 1200); do
        grep -q "vaultd: ready" @ROOT@/vaultd.log && return 0
        kill -0 "$(cat @ROOT@/vaultd.pid)" 2> /dev/null || { cat @ROOT@/vaultd.log >&2; return 1; }
        sleep 0.05
      done
      return 1 ;;
  esac
}
case "$*" in
  "enable etcd" | "enable patroni" | daemon-reload) ;;
  "--no-block restart etcd") stop etcd; start etcd ;;
  "restart patroni") stop patroni; start patroni ;;
  "enable --now vaultd") start vaultd ;;
  *) echo "no such stand-in: systemctl $*" >&2; exit 64 ;;
esac
"""


def missing():
    """The first program the page needs that is not installed here; None if nothing is missing."""
    return next((name for name in ("etcd", "patroni", "patronictl") if shutil.which(name) is None), None)


class GuideNodes(list):
    def __init__(self, page, count):
        self.blocks = dict(BLOCK.findall((SOURCE_DIR / page).read_text(encoding="utf-8")))
        self.followed = set()
        self.directory = make_directory("vault-nodes-")
        self.addresses = [f"127.0.0.{2 + number}" for number in range(count)]
        self.ports = dict(zip(PORTS, self.common_ports(len(PORTS))))
        super().__init__(GuideNode(self, number) for number in range(count))

    def common_ports(self, count):
        """Ports that are free on all of the addresses."""
        found = []
        for port in free_ports(20 * count, self.addresses[0]):
            try:
                for address in self.addresses[1:]:
                    with socket.socket() as one:
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        one.bind((address, port))
            except OSError:
                continue
            found.append(port)
        return [str(port) for port in found[:count]]

    def remove(self):
        for name in ("vaultd", "patroni", "etcd"):
            for node in self:
                node.end(name)
        shutil.rmtree(self.directory, ignore_errors=True)


class GuideNode:
    def __init__(self, nodes, number):
        self.nodes, self.number = nodes, number
        self.root = nodes.directory / str(number)
        for name in ("bin", "home", "etc/default", "etc/patroni", "etc/postgresql-common", "etc/vaultd", "etc/systemd/system",
                     "run/vaultd", "run/postgresql", "var/lib/etcd", "var/lib/vaultd", "var/lib/postgresql/15"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for name in ("run/postgresql", "var/lib/postgresql", "var/lib/postgresql/15"):
            (self.root / name).chmod(0o777)
        for name, text in (("sudo", SUDO), ("systemctl", SYSTEMCTL), ("apt-get", APT_GET)):
            self.write(f"bin/{name}", text.replace("@ROOT@", str(self.root)).replace("@LIMIT@", str(LIMIT_S)), 0o755)
        if os.getuid() != 0:
            self.write("bin/chown", "#!/bin/sh\n", 0o755)  # everything is one user's
        self.write("etc/postgresql-common/createcluster.conf", "#create_main_cluster = true\n")
        self.write("etc/vaultd/vaultd.toml",
                   "".join(f'{name} = ["ipc://{self.root}/run/vaultd/{name}"]\n' for name in ("requests", "ingest", "events"))
                   + f'state_dir = "{self.root}/var/lib/vaultd"\n')
        words = {"postgres": "SUPERUSER", "vault_owner": "OWNER", "vault_check": "CHECK"}
        self.write("home/.pgpass", "".join(f"*:*:*:{role}:{word}-SECRET\n" for role, word in words.items()), 0o600)

    def write(self, name, text, mode=0o644):
        path = self.root / name
        path.write_text(text)
        path.chmod(mode)

    def here(self, text):
        """The page's text with this node's paths and addresses, and short time-outs."""
        text = re.sub(r"(?<![\w.])/(etc|run|var/lib)/", rf"{self.root}/\1/", text)
        for number, address in enumerate(self.nodes.addresses):
            text = text.replace(f"10.0.0.1{1 + number}", address)
        for there, here in self.nodes.ports.items():
            text = text.replace(f":{there}", f":{here}")
        for there, here in (("10.0.0.0/24", "127.0.0.0/8"), ("ME=0", f"ME={self.number}"), ("ttl: 30", "ttl: 8"),
                            ("loop_wait: 10", "loop_wait: 1"), ("retry_timeout: 10", "retry_timeout: 3"),
                            ("/usr/lib/postgresql/15/bin", postgres_programs())):
            text = text.replace(there, here)
        return text

    def sh(self, script, code=0):
        """Runs it in bash; returns its output, stderr after stdout. `code` None: any exit code."""
        home = self.root / "home"
        path = f"{self.root}/bin:{BIN_DIR.resolve()}:{postgres_programs()}:{os.environ['PATH']}"
        environment = {**clean_environment(), "PATH": path, "HOME": str(home), "PGPASSFILE": f"{home}/.pgpass",
                       "VAULT_ENDPOINT": f"ipc://{self.root}/run/vaultd/requests"}
        with open(self.root / "said", "w+", encoding="utf-8") as said:  # a pipe would wait for processes that stay
            ran = subprocess.run(["bash", "-euo", "pipefail", "-c", script], stdin=subprocess.DEVNULL, stdout=said,
                                 stderr=said, timeout=120, check=False, cwd=home, env=environment)
            said.seek(0)
            text = said.read()
        if code is not None and ran.returncode != code:
            raise AssertionError(f"exit code {ran.returncode} in place of {code}:\n{script}\n{text}\n{self.logs()}")
        return text

    def follow(self, *names, code=0):
        """Runs these blocks of the page in one shell that knows the page's variables."""
        self.nodes.followed.update(("nodes", *names))
        return self.sh(self.here("".join(self.nodes.blocks[name] for name in ("nodes", *names))), code)

    def logs(self, lines=15):
        return "\n".join(f"{log}:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
                         for log in sorted(self.root.glob("*.log")))

    def power_off(self):
        """Everything on it is gone at once; its disk is not."""
        for name in ("patroni", "etcd", "vaultd"):
            pid_file = self.root / f"{name}.pid"
            if pid_file.exists():
                os.killpg(int(pid_file.read_text()), signal.SIGKILL)
                pid_file.unlink()
        self.end("patroni")

    def processes(self):
        """PostgreSQL's: each has changed into its directory."""
        found, data = [], str(self.root / "var/lib/postgresql/15/vault")
        for one in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(one / "cwd") == data:
                    found.append(int(one.name))
            except OSError:
                pass
        return found

    def end(self, name, number=signal.SIGTERM):
        pid_file = self.root / f"{name}.pid"
        if pid_file.exists():
            self.signal([int(pid_file.read_text())], number)
            until = time.monotonic() + 20
            while self.alive(int(pid_file.read_text())) and time.monotonic() < until:
                time.sleep(0.05)
            self.signal([int(pid_file.read_text())], signal.SIGKILL)
            pid_file.unlink()
        while name == "patroni" and (left := self.processes()):
            self.signal(left, signal.SIGKILL)
            time.sleep(0.05)

    @staticmethod
    def alive(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    @staticmethod
    def signal(pids, number):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
