"""A machine for following docs/day-two.md on: a directory with /etc/vaultd, /var/lib/vaultd, /srv and so on below it,
PostgreSQL clusters of its own, and stand-ins for sudo and systemctl.

    machine = GuideMachine("docs/day-two.md")
    machine.start()
    machine.follow("deploy-start")        # the block ```sh deploy-start, with the machine's own paths
    machine.sh("vaultctl status")         # anything else
    machine.remove()

What the page says in terms of paths and of db.example.org is replaced by what the machine has; nothing else is.
"""
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import time

from support.vaultd_process import BIN_DIR, SOURCE_DIR, clean_environment, free_ports, make_directory

BLOCK = re.compile(r"^```sh ([\w-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LIMIT_S = 280  # for what a stand-in leaves running if the test is killed

SUDO = """#!/bin/bash
# sudo [-u USER] COMMAND...: only for postgres it makes a difference, and only as root.
user=
if [ "$1" = -u ]; then user=$2; shift 2; fi
if [ "$user" = postgres ] && [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
fi
exec "$@"
"""

# Like vaultd.service: settings, and the environment named by a drop-in; started means READY.
SYSTEMCTL = """#!/bin/bash
# Only the parts of systemctl that the page uses.
set -u
pid_file=@ROOT@/vaultd.pid
stop() {
  [ -e "$pid_file" ] || return 0
  kill -TERM "$(cat "$pid_file")" 2>/dev/null
  while kill -0 "$(cat "$pid_file")" 2>/dev/null; do sleep 0.05; done
  rm "$pid_file"
}
start() {
  for file in $(sed -n 's/^EnvironmentFile=//p' @ROOT@/etc/systemd/system/vaultd.service.d/*.conf 2>/dev/null); do
    set -a; . "$file"; set +a
  done
  touch @ROOT@/vaultd.log
  said=$(wc -l < @ROOT@/vaultd.log)
  timeout -k 5 @LIMIT@ vaultd --config @ROOT@/etc/vaultd/vaultd.toml >> @ROOT@/vaultd.log 2>&1 < /dev/null &
  echo $! > "$pid_file"
  for _ in $(seq 400); do
    if ! kill -0 "$(cat "$pid_file")" 2>/dev/null; then
      wait "$(cat "$pid_file")"; code=$?
      rm "$pid_file"
      echo "Job for vaultd.service failed: exit code $code" >&2
      return 1
    fi
    tail -n +$((said + 1)) @ROOT@/vaultd.log | grep -q "vaultd: ready" && return 0
    sleep 0.05
  done
  return 0
}
case "$*" in
  "stop vaultd") stop ;;
  "start vaultd" | "enable --now vaultd") start ;;
  "restart vaultd") stop && start ;;
  "restart postgresql")
    main=@ROOT@/var/lib/postgresql/15/main
    exec sudo -u postgres pg_ctl -w -s -t 60 -D $main -l $main/log -m fast restart ;;
  daemon-reload) ;;
  *) echo "no such stand-in: systemctl $*" >&2; exit 64 ;;
esac
"""


class Cluster:
    """A PostgreSQL cluster on a unix socket and one port of loopback, with TLS; its superuser is postgres."""

    def __init__(self, machine, name):
        self.machine = machine
        self.data = machine.root / "var/lib/postgresql" / name
        self.port = free_ports(1)[0]
        machine.as_postgres(f"initdb -D {self.data} -N -k -U postgres -E UTF8 --locale=C --auth-local=trust "
                            "--auth-host=scram-sha-256")
        self.make_certificate()
        self.configure(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nssl = on\nshared_buffers = 16MB\n"
                       f"unix_socket_directories = '{machine.root / 'run/postgresql'}'\n")
        self.start()

    def make_certificate(self):
        """Self-signed; the client is given it as its authority. localhost is the name to which vaultd connects."""
        self.machine.as_postgres("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
                                 f"-subj /CN=localhost -addext subjectAltName=DNS:localhost -out {self.data}/server.crt "
                                 f"-keyout {self.data}/server.key 2> /dev/null && chmod 600 {self.data}/server.key")

    def configure(self, text):
        self.machine.as_postgres(f"cat >> {self.data}/postgresql.conf", stdin=text)

    def start(self):
        self.machine.as_postgres(f"pg_ctl -w -t 60 -D {self.data} -l {self.data}/log start")

    def stop(self, mode="fast"):
        self.machine.as_postgres(f"pg_ctl -w -D {self.data} -m {mode} stop")

    def sql(self, text, database="postgres"):
        """Runs SQL as the superuser; returns rows as lists of text."""
        answer = self.machine.sh(f"sudo -u postgres psql -X -q -A -t -F '\t' -v ON_ERROR_STOP=1 -d {database}",
                                 stdin=text)
        return [line.split("\t") for line in answer.splitlines()]


class GuideMachine:
    def __init__(self, page):
        self.page = (SOURCE_DIR / page).read_text(encoding="utf-8")
        self.blocks = dict(BLOCK.findall(self.page))
        self.followed = set()
        self.root = make_directory("vault-guide-")
        self.cluster = None
        self.more = {}  # what else the page's text stands for here
        for name in ("bin", "etc/vaultd/keys", "etc/systemd/system", "home", "run/vaultd", "run/postgresql",
                     "var/lib/vaultd", "var/lib/postgresql", "srv"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for name in ("run/postgresql", "var/lib/postgresql", "srv"):
            (self.root / name).chmod(0o777)
        for name, text in (("sudo", SUDO), ("systemctl", SYSTEMCTL)):
            self.write(f"bin/{name}", text.replace("@ROOT@", str(self.root)).replace("@LIMIT@", str(LIMIT_S)), 0o755)
        self.write(
            "etc/vaultd/vaultd.toml",
            f'requests = ["ipc://{self.root}/run/vaultd/requests"]\ningest = ["ipc://{self.root}/run/vaultd/ingest"]\n'
            f'events = ["ipc://{self.root}/run/vaultd/events"]\nstate_dir = "{self.root}/var/lib/vaultd"\n')

    def start(self):
        self.cluster = Cluster(self, "15/main")

    def remove(self):
        self.sh("systemctl stop vaultd", code=None)
        for pid_file in self.root.rglob("postmaster.pid"):
            os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
            until = time.monotonic() + 20
            while pid_file.exists() and time.monotonic() < until:
                time.sleep(0.02)
        shutil.rmtree(self.root, ignore_errors=True)

    def write(self, name, text, mode=0o644):
        path = self.root / name
        path.write_text(text)
        path.chmod(mode)

    def environment(self):
        home = f"{self.root}/home"
        path = f"{self.root}/bin:{BIN_DIR.resolve()}:{postgres_programs()}:{os.environ['PATH']}"
        place = {"PGHOST": f"{self.root}/run/postgresql", "PGPORT": str(self.cluster.port)} if self.cluster else {}
        return {**clean_environment(), "PATH": path, "HOME": home, "PGPASSFILE": f"{home}/.pgpass",
                "VAULT_ENDPOINT": f"ipc://{self.root}/run/vaultd/requests", "PGUSER": "postgres", **place}

    def as_postgres(self, command, stdin=""):
        return self.sh(f"sudo -u postgres bash -c {shlex.quote(command)}", stdin=stdin)

    def here(self, text):
        """The page's text with this machine's paths."""
        for there, here in self.more.items():
            text = text.replace(there, here)
        text = re.sub(r"(?<![\w.])/(etc|srv|run|var/lib)/", rf"{self.root}/\1/", text)
        return text.replace("db.example.org:5432", f"localhost:{self.cluster.port}").replace(
            "db.example.org", "localhost").replace("/usr/lib/postgresql/15/bin", postgres_programs())

    def sh(self, script, code=0, stdin=""):
        """Runs it in bash; returns its output, stderr after stdout. `code` None: any exit code."""
        ran = subprocess.run(["bash", "-euo", "pipefail", "-c", script], input=stdin, capture_output=True, text=True,
                             timeout=120, check=False, cwd=self.root / "home", env=self.environment())
        if code is not None and ran.returncode != code:
            raise AssertionError(f"exit code {ran.returncode} in place of {code}:\n{script}\n{ran.stdout}\n"
                                 f"{ran.stderr}\n{self.log_tail()}")
        return ran.stdout + ran.stderr

    def follow(self, *names, code=0):
        """Runs these blocks of the page in one shell that knows the page's variables."""
        self.followed.update(("urls", *names))
        text = "".join(self.blocks[name] for name in ("urls", *(name for name in names if name != "urls")))
        return self.sh(self.here(text), code)

    def log_tail(self, lines=20):
        log = self.root / "vaultd.log"
        return "\n".join(log.read_text().splitlines()[-lines:]) if log.exists() else "(no log)"


def postgres_programs():
    """The directory of the newest PostgreSQL server's programs."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: int(one.parts[-3]))
    if not found:
        raise RuntimeError("no PostgreSQL server here: install the package postgresql")
    return str(found[-1].parent)
