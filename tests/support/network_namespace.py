"""A network namespace with one cable to this machine, which can be pulled: packets vanish, and nothing is reported.

    with NetworkNamespace() as namespace:
        namespace.inside("setpriv", ...)      # runs a program in it
        namespace.address                     # where programs in it are reached
        namespace.pull(); namespace.plug()
"""
import os
import secrets
import subprocess

from support.replicated_postgres import Server
from support.vaultd_process import clean_environment


def run(*command, timeout_s=120):
    done = subprocess.run([str(one) for one in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=timeout_s, cwd="/", env=clean_environment())
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


class NetworkNamespace:
    def __init__(self):
        """RuntimeError, saying why, if this machine does not permit it."""
        if os.getuid() != 0:
            raise RuntimeError("a network namespace needs root")
        name = secrets.token_hex(3)
        self.name, self.here, self.there = f"vault-{name}", f"vh{name}", f"vt{name}"
        net = f"10.{secrets.randbelow(200) + 20}.{secrets.randbelow(256)}"
        self.address = f"{net}.2"
        run("ip", "netns", "add", self.name)
        try:
            run("ip", "link", "add", self.here, "type", "veth", "peer", "name", self.there)
            run("ip", "link", "set", self.there, "netns", self.name)
            run("ip", "addr", "add", f"{net}.1/30", "dev", self.here)
            run("ip", "link", "set", self.here, "up")
            self.inside("ip", "addr", "add", f"{self.address}/30", "dev", self.there)
            self.plug()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        subprocess.run(["ip", "link", "del", self.here], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)

    def inside(self, *command):
        return run("ip", "netns", "exec", self.name, *command)

    def pull(self):
        self.inside("ip", "link", "set", self.there, "down")

    def plug(self):
        self.inside("ip", "link", "set", self.there, "up")


class ServerInNamespace(Server):
    """A PostgreSQL that is reached over the cable; its unix socket works all the time."""

    def __init__(self, directory, namespace):
        super().__init__(directory)
        self.namespace, self.listen = namespace, namespace.address
        self.far_url = f"postgresql://postgres@{namespace.address}:{self.port}/vault?connect_timeout=2"

    def create(self):
        super().create()
        self.configure_access()

    def configure_access(self):
        with open(self.data / "pg_hba.conf", "a", encoding="ascii") as file:
            file.write("host all all 10.0.0.0/8 trust\n")
        self.sql("SELECT pg_reload_conf()")

    def program(self, name, *arguments):
        if name != "pg_ctl":
            return super().program(name, *arguments)
        return self.namespace.inside("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
                                     f"{self.programs}/{name}", *arguments)
