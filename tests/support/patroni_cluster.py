"""Three PostgreSQL nodes under Patroni, in synchronous mode, with an etcd, all on loopback. Each node is reached
through proxies, so that it can be cut off: from etcd and from the other nodes, and from vaultd.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from support.guide_machine import postgres_programs
from support.replicated_postgres import as_postgres
from support.tcp_proxy import TcpProxy
from support.vaultd_process import clean_environment, free_ports

# A missing leader is noticed after TTL_S.
TTL_S, LOOP_S, RETRY_S = 8, 1, 3

SETTINGS = """
scope: vault
name: {name}
restapi: {{listen: "127.0.0.1:{rest}", connect_address: "127.0.0.1:{rest}"}}
etcd3: {{proxy: "http://127.0.0.1:{etcd}"}}
bootstrap:
  dcs:
    ttl: {ttl}
    loop_wait: {loop}
    retry_timeout: {retry}
    synchronous_mode: true
    primary_start_timeout: 0
    master_start_timeout: 0
    postgresql:
      use_pg_rewind: true
      parameters: {{shared_buffers: 16MB, wal_receiver_status_interval: 1, wal_keep_size: 512MB}}
  initdb: [{{encoding: UTF8}}, {{locale: C}}, data-checksums, {{auth: trust}}, no-sync]
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
postgresql:
  listen: "127.0.0.1:{port}"
  connect_address: "127.0.0.1:{peers}"
  data_dir: {data}
  bin_dir: {programs}
  pgpass: {directory}/pgpass
  authentication: {{superuser: {{username: postgres}}, replication: {{username: postgres}}, rewind: {{username: postgres}}}}
  parameters: {{unix_socket_directories: "{directory}"}}
"""


def missing():
    """The first program that is not installed; None if all are."""
    return next((name for name in ("etcd", "patroni") if shutil.which(name) is None), None)


def spawn(command, log):
    """As PostgreSQL's user; ends when the test does."""
    if os.getuid() == 0:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=TERM", *command]
    with open(log, "ab") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/",
                                env={**clean_environment(), "PATH": f"/usr/bin:/bin:{postgres_programs()}",
                                     "HOME": str(pathlib.Path(log).parent)})


def end(process, number=signal.SIGTERM):
    if process is not None and process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Node:
    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.directory = cluster.directory / name
        self.directory.mkdir(mode=0o777)
        self.directory.chmod(0o777)
        self.data = self.directory / "data"
        self.port, self.rest = free_ports(2)
        self.to_etcd = TcpProxy(("127.0.0.1", cluster.etcd_port))
        self.for_peers = TcpProxy(("127.0.0.1", self.port))
        self.for_vaultd = TcpProxy(("127.0.0.1", self.port))
        self.settings = self.directory / "patroni.yml"
        self.settings.write_text(SETTINGS.format(
            name=name, rest=self.rest, etcd=self.to_etcd.port, ttl=TTL_S, loop=LOOP_S, retry=RETRY_S, port=self.port,
            peers=self.for_peers.port, data=self.data, programs=postgres_programs(), directory=self.directory))
        self.patroni = None
        self.silent = False  # towards vaultd
        self.rejoining = None

    def start(self):
        self.patroni = spawn(["patroni", str(self.settings)], self.directory / "patroni.log")

    def processes(self):
        """PostgreSQL's processes: each has changed to its directory."""
        found = []
        for one in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(one / "cwd") == str(self.data):
                    found.append(int(one.name))
            except OSError:
                pass
        return found

    def kill_postgres(self):
        until = time.monotonic() + 20
        while (pids := self.processes()) and time.monotonic() < until:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)

    def kill_all(self):
        end(self.patroni, signal.SIGKILL)
        self.kill_postgres()

    def cut_off(self, vaultd_too):
        self.silent = vaultd_too
        for proxy in (self.to_etcd, self.for_peers, *((self.for_vaultd,) if vaultd_too else ())):
            for way in ("up", "down"):
                proxy.hold(way, "stalled")

    def rejoin_after(self, seconds):
        self.rejoining = threading.Timer(seconds, self.rejoin)
        self.rejoining.start()

    def wait_rejoined(self):
        if self.rejoining is not None:
            self.rejoining.join()
        self.rejoining, self.silent = None, False

    def rejoin(self):
        for proxy in (self.to_etcd, self.for_peers, self.for_vaultd):
            proxy.cut(None)
            proxy.mend()

    def ask(self, path, data=None, timeout_s=2):
        request = urllib.request.Request(f"http://127.0.0.1:{self.rest}{path}", method="POST" if data else "GET",
                                         data=json.dumps(data).encode() if data else None)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def is_leader(self):
        return self.ask("/primary")[0] == 200

    def sql(self, text, database="vault"):
        answer = as_postgres("psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
                             str(self.port), "-U", "postgres", "-d", database, stdin=text)
        return [line.split("\t") for line in answer.splitlines()]

    def stop(self):
        self.wait_rejoined()
        end(self.patroni)
        self.kill_postgres()
        for proxy in (self.to_etcd, self.for_peers, self.for_vaultd):
            proxy.close()


class PatroniCluster:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(mode=0o777)
        directory.chmod(0o777)
        self.etcd_port, peer = free_ports(2)
        client, peers = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{peer}"
        self.nodes = []
        self.etcd = spawn(["etcd", "--data-dir", f"{directory}/etcd", "--listen-client-urls", client,
                           "--advertise-client-urls", client, "--listen-peer-urls", peers,
                           "--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}"],
                          directory / "etcd.log")

    def etcd_knows_its_version(self):
        """Patroni ends if it does not yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.etcd_port}/version", timeout=2) as answer:
                return json.load(answer)["etcdcluster"] != "not_decided"
        except OSError:
            return False

    def start(self):
        self.wait(self.etcd_knows_its_version, 60, "etcd does not answer")
        self.nodes.append(Node(self, "one"))
        self.nodes[0].start()
        self.wait(lambda: self.nodes[0].is_leader(), 60, "the first node does not lead")
        for name in ("two", "three"):
            self.nodes.append(Node(self, name))
            self.nodes[-1].start()
        self.wait_whole()
        self.nodes[0].sql("CREATE DATABASE vault", "postgres")
        return self

    def url(self):
        hosts = ",".join(f"127.0.0.1:{node.for_vaultd.port}" for node in self.nodes)
        return f"postgresql://postgres@{hosts}/vault?target_session_attrs=read-write&connect_timeout=2"

    def wait(self, condition, seconds, what):
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise AssertionError(f"{what}; {[node.ask('/patroni') for node in self.nodes]}")
            time.sleep(0.05)

    def leader(self):
        return next((node for node in self.nodes if node.is_leader()), None)

    def wait_leader(self, other_than=None, seconds=90):
        found = []

        def there():
            found[:] = [node for node in self.nodes if node is not other_than and node.is_leader()]
            return bool(found)

        self.wait(there, seconds, "nobody leads")
        return found[0]

    def wait_whole(self):
        """Waits for a leader from which both others stream, one of them synchronously."""
        def whole():
            leader = self.leader()
            if leader is None:
                return False
            try:
                rows = leader.sql("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'", "postgres")
            except RuntimeError:
                return False
            known = any(node.ask("/synchronous")[0] == 200 for node in self.nodes)  # to Patroni, too
            return len(rows) == len(self.nodes) - 1 and ["sync"] in rows and known
        self.wait(whole, 120, "the cluster does not become whole")

    def sql(self, text):
        return self.wait_leader().sql(text)

    def stop(self):
        for node in self.nodes:
            node.stop()
        end(self.etcd)
