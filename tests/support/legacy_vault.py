"""Filesystem vaults for tests: the sample, broken ones, large ones; and the expected result of importing them, derived
from the page that describes it (docs/legacy.md), not by the programs under test.
"""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import stat
import uuid

NAMESPACE = uuid.UUID("b37ac316-ed58-5a65-899d-325f9b238b39")
SAMPLE = pathlib.Path(__file__).resolve().parents[1] / "vectors" / "legacy" / "VAULT999"
VERDICTS = ("SEAL", "PARTIAL", "SABAR", "VOID", "888_HOLD", "SUNSET")
MAPPED = {"VOID_REFUSAL": "VOID", "HOLD_888": "888_HOLD"}


def seal_id(source, raw):
    return str(uuid.uuid5(NAMESPACE, f"{source}\n{hashlib.sha256(raw).hexdigest()}"))


def python_hash(record):
    """The entry_hash of the program that wrote ledger.jsonl."""
    rest = {name: value for name, value in record.items() if name != "entry_hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def copy_sample(directory):
    """A copy with access times long past, so that reading would show even under relatime."""
    vault = pathlib.Path(directory) / "VAULT999"
    shutil.copytree(SAMPLE, vault)
    age(vault)
    return vault


def age(vault):
    for path in [vault, *vault.rglob("*")]:
        if not path.is_symlink():
            os.utime(path, (1_000_000_000, path.stat().st_mtime))


def open_quietly(path, flags=0):
    """Without touching the access time that is being checked."""
    return os.open(path, os.O_RDONLY | flags | getattr(os, "O_NOATIME", 0))


def walk(path):
    """The path and everything below it. Directories are recorded before they are read."""
    info = path.lstat()
    yield path, info
    if stat.S_ISDIR(info.st_mode):
        fd = open_quietly(path, os.O_DIRECTORY)
        try:
            names = sorted(os.listdir(fd))
        finally:
            os.close(fd)
        for name in names:
            yield from walk(path / name)


def fingerprint(vault):
    """Everything about a directory that reading it must not change."""
    found = {}
    for path, info in walk(vault):
        content = b""
        if stat.S_ISREG(info.st_mode):
            with os.fdopen(open_quietly(path), "rb") as file:
                content = hashlib.sha256(file.read()).digest()
        found[str(path.relative_to(vault))] = (content, info.st_mode, info.st_size, info.st_atime_ns, info.st_mtime_ns,
                                               info.st_ctime_ns, info.st_ino)
    return found


def entries(vault):
    directory = vault / "BBB_LEDGER" / "entries"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def make_large(directory, tag, sessions, lines):
    """`sessions` files and `lines` lines in each of the two line files."""
    vault = pathlib.Path(directory) / f"VAULT-{tag}"
    entries(vault)
    for number in range(sessions):
        record = {"session_id": f"{tag}-{number:06d}", "merkle_root": f"{number:016x}", "leaf_count": 4,
                  "timestamp": 1_768_700_000 + number, "verdict": VERDICTS[number % 6],
                  "layers": {"L1": ["cb9977ddb68155a8", "e8f51b1c89b453ee"], "root": f"{number:016x}"},
                  "payload": {"query": "Can this invoice be approved?", "reasoning": f"step {number}",
                              "response": f"approved with note {number / 4}"}}
        (entries(vault) / f"{tag}-{number:06d}.json").write_text(json.dumps(record, indent=2))
    with open(vault / "BBB_LEDGER" / "refusal_audit.jsonl", "w", encoding="utf-8") as file:
        for number in range(lines):
            file.write(json.dumps({"session_id": f"{tag}-r{number}", "trace_id": f"{number:016x}",
                                   "timestamp": "2026-01-30T00:15:00.5+08:00", "verdict": "VOID_REFUSAL"}) + "\n")
    with open(vault / "ledger.jsonl", "w", encoding="utf-8") as file:
        for number in range(lines):
            record = {"session_id": f"{tag}-l{number}", "verdict": "SEAL", "note": "naïve",
                      "timestamp": f"2026-01-21T08:00:00.{number % 1_000_000:06d}", "score": number / 7}
            record["entry_hash"] = python_hash(record)
            file.write(json.dumps(record) + "\n")
    return vault


def expected_seals(vault):
    """seal_id -> the entry that importing must make of each good record of the sample's kinds."""
    out = {}

    def take(kind, source, raw, record, session_id, **more):
        verdict = record.get("verdict")
        data = {"legacy_kind": kind, "legacy_source": source, "legacy_sha256": hashlib.sha256(raw).hexdigest(),
                "legacy_timestamp": record.get("timestamp"), **more}
        if verdict not in VERDICTS:
            data["legacy_verdict"] = verdict
        out[seal_id(source, raw)] = {
            "session_id": session_id, "authority": "legacy_migration", "seal_data": data,
            "verdict": verdict if verdict in VERDICTS else MAPPED.get(verdict, "SEAL")}

    for path in sorted(entries(vault).iterdir()):
        raw, source = path.read_bytes(), f"BBB_LEDGER/entries/{path.name}"
        if path.suffix == ".md":
            text = raw.decode()
            fields = dict(line[2:].split(":** ", 1) for line in text.splitlines() if line.startswith("**"))
            title = text.splitlines()[0].removeprefix("# Session Seal: ")
            take("markdown", source, raw, {"timestamp": fields["Timestamp"], "verdict": fields["Verdict"]}, title,
                 legacy_data=text)
            continue
        try:
            record = json.loads(raw)
        except ValueError:
            continue
        if not isinstance(record, dict):
            continue
        if path.stem in ("hugeint", "nulchar"):
            data = {"legacy_raw": base64.b64encode(raw).decode()}
        else:
            data = {"legacy_data": record}
        take("session", source, raw, record, record["session_id"], **data)
    for kind, source in (("refusal", "BBB_LEDGER/refusal_audit.jsonl"), ("ledger", "ledger.jsonl")):
        for raw in (vault / source).read_bytes().split(b"\n"):
            try:
                record = json.loads(raw)
            except ValueError:
                continue
            more = {"legacy_hash_valid": python_hash(record) == record["entry_hash"]} if kind == "ledger" else {}
            take(kind, source, raw, record, record["session_id"], legacy_data=record, **more)
    return out
