"""Converts the records of a filesystem vault to seals, exactly as `vaultctl legacy import` does (docs/legacy.md): both
derive the same seal_id from a record's place and bytes, so that the second of two runs seals nothing twice."""
from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import re
import stat
import uuid
from typing import Any, Dict, Iterator, List, Optional, Set, Union

from vault999.errors import InvalidArgument, VaultError
from vault999.offline.entries import VERDICT_NAMES
from vault999.offline.json_text import canonicalize, parse_json
from vault999.offline.payload import SEAL_BYTES_MAX
from vault999.verdicts import OLD_SPELLINGS

NAMESPACE = uuid.UUID("b37ac316-ed58-5a65-899d-325f9b238b39")
AUTHORITY = "legacy_migration"
RECORD_BYTES_MAX = SEAL_BYTES_MAX + 8_192
ENTRIES, REFUSALS, LEDGER = "BBB_LEDGER/entries", "BBB_LEDGER/refusal_audit.jsonl", "ledger.jsonl"
_MARK = b"\xef\xbb\xbf"
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_MISSING: Any = object()


@dataclasses.dataclass(frozen=True)
class LegacyRecord:
    """A record to be sealed (`seal`), or a problem (`reason`); a record with a wrong hash is both."""

    kind: str  # session, markdown, refusal, ledger, emergency
    source: str  # relative to the vault
    line: int  # 0: the whole file
    seal: Optional[Dict[str, Any]] = None
    reason: str = ""

    def problem(self) -> str:
        return f"{self.source}{f':{self.line}' if self.line else ''}: {self.reason}"


class _Literal(str):
    """A number as written."""


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _load(raw: bytes) -> Any:
    """Any JSON, with numbers as written. ValueError for anything else."""
    return json.loads(raw.decode("utf-8"), parse_int=_Literal, parse_float=_Literal, parse_constant=_refuse_constant)


def python_text(value: Any) -> str:
    """The output of json.dumps(value, sort_keys=True), with numbers as they were written."""
    if isinstance(value, _Literal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {python_text(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(python_text, value)) + "]"
    return json.dumps(value)


def read_records(base: "os.PathLike[str]") -> Iterator[LegacyRecord]:
    """Everything in a vault: files of entries/ by modification time, refusals, ledger.jsonl. Never writes, never
    follows a symbolic link below the vault."""
    entries = os.path.join(base, ENTRIES)
    names = [name for name in _listing(entries) if name.endswith((".json", ".md")) and not name.startswith(".")]
    for name in sorted(names, key=lambda one: (os.lstat(os.path.join(entries, one)).st_mtime_ns, one)):
        kind, source = "session" if name.endswith(".json") else "markdown", f"{ENTRIES}/{name}"
        raw = _read_file(os.path.join(entries, name))
        yield LegacyRecord(kind, source, 0, reason=raw) if isinstance(raw, str) else read_record(kind, source, 0, raw)
    for kind, source in (("refusal", REFUSALS), ("ledger", LEDGER)):
        if os.path.lexists(os.path.join(base, source)):
            yield from _read_lines(kind, source, os.path.join(base, source))


def _listing(directory: str) -> List[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []


def _why_not(path: str) -> str:
    """Why a path is not read; "" if it is a file."""
    mode = os.lstat(path).st_mode
    return "a symbolic link: not followed" if stat.S_ISLNK(mode) else "" if stat.S_ISREG(mode) else "not a regular file"


def _read_file(path: str) -> Union[bytes, str]:
    """The file's contents, or (as text) why it cannot be read."""
    try:
        reason = _why_not(path)
        if reason:
            return reason
        with open(path, "rb") as file:
            raw = file.read(RECORD_BYTES_MAX + 1)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return raw if len(raw) <= RECORD_BYTES_MAX else f"larger than {RECORD_BYTES_MAX} bytes"


def _read_lines(kind: str, source: str, path: str) -> Iterator[LegacyRecord]:
    try:
        reason = _why_not(path)
        if reason:
            yield LegacyRecord(kind, source, 0, reason=reason)
            return
        seen: Set[bytes] = set()
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                raw = line[:-1] if line.endswith(b"\n") else line
                raw = raw[:-1] if raw.endswith(b"\r") and line.endswith(b"\n") else raw
                if not raw.strip(b" \t\r\n"):
                    continue
                digest = hashlib.sha256(raw).digest()
                if len(raw) > RECORD_BYTES_MAX:
                    yield LegacyRecord(kind, source, number, reason=f"longer than {RECORD_BYTES_MAX} bytes")
                elif digest in seen:
                    yield LegacyRecord(kind, source, number, reason="identical to a line before it")
                else:
                    seen.add(digest)
                    yield read_record(kind, source, number, raw)
    except OSError as error:
        yield LegacyRecord(kind, source, 0, reason=f"cannot be read: {error.strerror}")


def read_record(kind: str, source: str, line: int, raw: bytes) -> LegacyRecord:
    """One record, from its bytes."""
    def refused(reason: str) -> LegacyRecord:
        return LegacyRecord(kind, source, line, reason=reason)

    try:
        source.encode("utf-8")
        text = raw.decode("utf-8")
    except UnicodeError:
        return refused("not valid UTF-8")
    if kind == "markdown":
        return _finish(kind, source, raw, _markdown(text))
    if raw.startswith(_MARK):
        return refused("not JSON: it begins with a byte order mark")
    if not raw.strip(b" \t\r\n"):
        return refused("the file is empty")
    try:
        value = _load(raw)
    except (ValueError, RecursionError) as error:
        return refused(f"not JSON: {error}")
    if not isinstance(value, dict):
        return refused("not a JSON object")
    if kind == "session" and value.get("backend") == "legacy" and "seal_id" in value:
        return _emergency(source, raw, value)
    return _finish(kind, source, raw, value, line)


def _markdown(text: str) -> Dict[str, Any]:
    """The members that Markdown has."""
    found: Dict[str, Any] = {}
    for name, mark in (("session_id", "# Session Seal:"), ("timestamp", "**Timestamp:**"), ("verdict", "**Verdict:**")):
        for line in text.lstrip("\ufeff").split("\n"):
            if line.startswith(mark):
                found[name] = line[len(mark):].strip(" \t\r")
                break
    return found


def _finish(kind: str, source: str, raw: bytes, value: Dict[str, Any], line: int = 0) -> LegacyRecord:
    digest = hashlib.sha256(raw).hexdigest()
    named = value.get("verdict", _MISSING)
    mapped = not isinstance(named, str) or isinstance(named, _Literal) or named not in VERDICT_NAMES
    verdict = OLD_SPELLINGS.get(named, "SEAL") if mapped and isinstance(named, str) else "SEAL" if mapped else named
    session_id = value.get("session_id")
    if not _is_name(session_id):
        session_id = os.path.splitext(os.path.basename(source))[0]
    if not _is_name(session_id):
        return LegacyRecord(kind, source, line,
                            reason="there is no valid session_id, and the file's name cannot stand in for it")
    payload: Dict[str, Any] = {"legacy_kind": kind, "legacy_sha256": digest, "legacy_source": source}
    reason = ""
    if kind == "ledger":
        reason = _wrong_hash(value)
        payload["legacy_hash_valid"] = not reason
    try:
        payload["legacy_timestamp"] = _as_payload(value.get("timestamp"))
        if mapped:
            payload["legacy_verdict"] = _as_payload(None if named is _MISSING else named)
        payload["legacy_data"] = (raw.decode("utf-8") if kind == "markdown"
                                  else parse_json(raw, object_only=False, root="seal_data.legacy_data"))
        canonicalize(json.dumps(payload))
    except InvalidArgument:  # JSON, but not a valid payload: its bytes are kept
        payload.pop("legacy_data", None)
        payload["legacy_raw"] = base64.b64encode(raw).decode("ascii")
        payload["legacy_timestamp"] = _storable(value.get("timestamp"))
        if mapped:
            payload["legacy_verdict"] = _storable(None if named is _MISSING else named)
    except VaultError as error:
        return LegacyRecord(kind, source, line, reason=error.message)
    return LegacyRecord(kind, source, line, {
        "session_id": session_id, "authority": AUTHORITY, "verdict": verdict, "seal_data": payload,
        "seal_id": str(uuid.uuid5(NAMESPACE, f"{source}\n{digest}"))}, reason)


def _is_name(value: Any) -> bool:
    if not isinstance(value, str) or isinstance(value, _Literal) or _CONTROL.search(value):
        return False
    try:
        return 1 <= len(value.encode("utf-8")) <= 256
    except UnicodeEncodeError:
        return False


def _as_payload(value: Any) -> Any:
    """A value with its numbers read by the ledger's rules; InvalidArgument if a payload may not hold it."""
    return parse_json(python_text(value), object_only=False)


def _storable(value: Any) -> Any:
    try:
        return _as_payload(value)
    except VaultError:
        return None


def _wrong_hash(value: Dict[str, Any]) -> str:
    """Describe what is wrong with the entry_hash of a line of ledger.jsonl; "" if it fits."""
    if "entry_hash" not in value:
        return "there is no entry_hash"
    rest = {name: one for name, one in value.items() if name != "entry_hash"}
    computed = hashlib.sha256(python_text(rest).encode("utf-8")).hexdigest()
    stated = value["entry_hash"]
    if isinstance(stated, str) and stated == computed:
        return ""
    return f"its entry_hash is wrong: computed {computed[:16]}…, so the line was edited or damaged"


def _emergency(source: str, raw: bytes, value: Dict[str, Any]) -> LegacyRecord:
    """A seal that the emergency mode kept: sealed as it is, under its own seal_id."""
    try:
        seal_id = str(uuid.UUID(value["seal_id"]))
        whole = parse_json(raw, object_only=True, root="")
        good = (_is_name(value.get("session_id")) and _is_name(value.get("authority"))
                and value.get("verdict") in VERDICT_NAMES and isinstance(value.get("seal_data"), dict)
                and len(value["seal_id"]) == 36)
    except (ValueError, TypeError, AttributeError):
        good = False
    if not good:
        return LegacyRecord("emergency", source, 0,
                            reason="it says that the emergency mode wrote it, but is damaged")
    seal = {name: whole[name] for name in ("session_id", "authority", "verdict", "seal_data")}
    return LegacyRecord("emergency", source, 0, {**seal, "seal_id": seal_id})

