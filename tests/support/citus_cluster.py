"""A Citus cluster on loopback: a coordinator and two workers, for tests. Needs the extension for the installed
PostgreSQL; `missing()` says what is not there.
"""
import pathlib
import shutil
import signal
import os
import subprocess
import time

from support.guide_machine import postgres_programs
from support.replicated_postgres import Server
from support.vaultd_process import free_ports, make_directory

SETTINGS = """
shared_preload_libraries = 'citus'
max_prepared_transactions = 100
citus.recover_2pc_interval = '1s'
citus.show_shards_for_app_name_prefixes = 'psql'
"""


def missing():
    """Why there can be no cluster here; None if there can."""
    config = pathlib.Path(postgres_programs()) / "pg_config"
    name = str(config) if config.exists() else shutil.which("pg_config")
    shares = [pathlib.Path("/usr/share/postgresql") / pathlib.Path(postgres_programs()).parent.name]
    if name is not None:
        answer = subprocess.run([name, "--sharedir"], capture_output=True, text=True, timeout=60, check=False)
        if answer.returncode == 0:
            shares.append(pathlib.Path(answer.stdout.strip()))
    if any((share / "extension" / "citus.control").exists() for share in shares):
        return None
    return "the PostgreSQL here has no extension citus (no citus.control)"


class CitusCluster:
    """`coordinator` and `workers` are Servers; all hold a database `vault`."""

    def __init__(self):
        self.directory = make_directory("vault-citus-")
        self.directory.chmod(0o777)
        try:
            self.coordinator, *self.workers = [self.node(name, port) for name, port in zip("cab", free_ports(3))]
            self.coordinator.sql(f"SELECT citus_set_coordinator_host('127.0.0.1', {self.coordinator.port})")
            for worker in self.workers:
                self.coordinator.sql(f"SELECT citus_add_node('127.0.0.1', {worker.port})")
        except BaseException:
            self.remove()
            raise

    def node(self, name, port):
        server = Server(self.directory / name, port=port)
        server.create()
        server.configure(SETTINGS)
        server.stop()
        server.start()
        server.sql("CREATE EXTENSION citus")
        return server

    @property
    def nodes(self):
        return [self.coordinator, *self.workers]

    def url(self, node):
        return f"postgresql://postgres@127.0.0.1:{node.port}/vault"

    def owner(self, schema):
        """The node that holds a ledger, and one of the workers that does not."""
        port = int(self.coordinator.sql(
            "SELECT n.nodeport FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n "
            f"USING (groupid) WHERE s.logicalrelid = '{schema}.vault_head'::regclass")[0][0])
        return (next(node for node in self.nodes if node.port == port),
                next(node for node in self.workers if node.port != port))

    def remove(self):
        for pid_file in sorted(self.directory.rglob("postmaster.pid")):
            os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
            until = time.monotonic() + 20
            while pid_file.exists() and time.monotonic() < until:
                time.sleep(0.02)
        shutil.rmtree(self.directory, ignore_errors=True)
