"""Ledgers for the tests of archives: seals worth archiving, databases beside a vaultd's, and vaultds on them."""
import functools
import json
import pathlib
import shutil
import subprocess
import time

from support.vaultd_process import VaultdProcess, program

PAYLOADS = ({"commit": "9f3c2ab"}, {}, {"text": "café 🔒 \u2028", "list": [1, -1, 2**63, -(2**63), 2**64 - 1]},
            {"number": [0.1, 1e30, 5e-324, -1.5e-7, 1.0, 2.0**60]}, {"deep": [[[[{"a": None, "b": True}]]]]},
            {"long": "x" * 5000})
VERDICTS = ("SEAL", "PARTIAL", "SABAR", "VOID", "888_HOLD", "SUNSET")


def seal_many(vaultd, count, payload=None):
    """Seals `count` records at once; waits until a checkpoint that covers them is in the database."""
    lines = []
    for i in range(count):
        data = dict(PAYLOADS[i % len(PAYLOADS)], n=i) if payload is None else payload(i)
        lines.append(json.dumps({"session_id": f"session é {i % 5}", "authority": "archive \"test\"",
                                 "verdict": VERDICTS[i % 6], "seal_data": data}))
    answer = vaultd.ctl("seal", "--batch", "--json", stdin="\n".join(lines))
    assert answer.returncode == 0, answer.stderr
    wait_for_checkpoint(vaultd)


def head(vaultd):
    return json.loads(vaultd.ctl("head", "--json").stdout)["sequence"]


def wait_for_checkpoint(vaultd):
    """Waits until the newest checkpoint is that of the head, and stored."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        known = json.loads(vaultd.ctl("checkpoint", "--json").stdout).get("tree_size", -1)  # none yet: an error
        if known == head(vaultd) and vaultd.sql("SELECT max(tree_size) FROM vault_checkpoint") == [[str(known)]]:
            return
        time.sleep(0.05)
    raise AssertionError("no checkpoint of the head was stored")


@functools.lru_cache(maxsize=None)
def vkey_of(vaultd):
    return vaultd.ctl("checkpoint", "--vkey").stdout.strip()


def create_database(vaultd, name):
    """A new database beside the vaultd's own: its connection string."""
    vaultd.sql(f"CREATE DATABASE {name}")
    return vaultd.database_url().replace("dbname=vault", f"dbname={name}")


def ask(url, sql):
    """Rows of a query on any database, as lists of text."""
    answer = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", url], input=sql,
                            capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
    return [line.split("\t") for line in answer.stdout.splitlines()]


def entry_count(url):
    """Number of entries in a database; 0 if it has no schema."""
    if ask(url, "SELECT to_regclass('vault_ledger') IS NULL") == [["t"]]:
        return 0
    return int(ask(url, "SELECT count(*) FROM vault_ledger")[0][0])


# Everything in an entry, and whatever else a restored ledger must have.
LEDGER_SQL = """SELECT sequence, session_id, seal_id, timestamp, authority, verdict, seal_data, data_salt, data_hash,
                       entry_hash, prev_hash, merkle_root FROM vault_ledger ORDER BY sequence;
                SELECT level, index, hashes, root FROM vault_tile ORDER BY level, index;
                SELECT head_sequence, head_hash, merkle_root FROM vault_head;"""


class OtherVaultd(VaultdProcess):
    """A vaultd on a database in another vaultd's PostgreSQL."""

    def __init__(self, url, *arguments):
        super().__init__(*arguments)
        self.url = url

    def command(self):
        return [program("vaultd"), "--database", self.url, "--state-dir", str(self.state), "--requests", self.requests,
                "--ingest", self.ingest, "--events", self.events, *self.arguments]

    def database_url(self):
        return self.url


def files_of(directory):
    """Every file below, by its path in the archive, sorted."""
    directory = pathlib.Path(directory)
    return sorted(one.relative_to(directory).as_posix() for one in directory.rglob("*") if not one.is_dir())


def same_content(one, other):
    return files_of(one) == files_of(other) and all(
        (pathlib.Path(one) / name).read_bytes() == (pathlib.Path(other) / name).read_bytes() for name in files_of(one))


def copy(directory, to):
    shutil.copytree(directory, to)
    return pathlib.Path(to)
