"""Entries: data_hash, leaf_data, entry_hash, and whether an entry holds what was sealed (docs/ledger-format.md).

An entry is a mapping with the members of the protocol's `entry`; a receipt will do as far as its leaf is concerned.
"""
from __future__ import annotations

import hashlib
import re
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from vault999.errors import CheckFailed
from vault999.offline import merkle
from vault999.offline.canonical import canonical_bytes, quote

VERDICT_NAMES = ("SEAL", "PARTIAL", "SABAR", "VOID", "888_HOLD", "SUNSET")
ZERO_HASH = "0" * 64
SEQUENCE_MAX = 2**63 - 1
_LEAF_TEXTS = ("authority", "data_hash", "prev_hash", "seal_id")
_HASH = re.compile(r"[0-9a-f]{64}")
_SALT = re.compile(r"[0-9a-f]{32}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_SHAPES = {"data_hash": _HASH, "prev_hash": _HASH, "entry_hash": _HASH, "seal_id": _UUID, "timestamp": _TIMESTAMP}


def text_of(entry: Mapping[str, Any], name: str) -> str:
    """A text member. CheckFailed if it is missing, or malformed."""
    value = entry.get(name)
    if not isinstance(value, str):
        raise CheckFailed(f"{name} is missing or not a text", name)
    shape = _SHAPES.get(name)
    if shape is not None and not shape.fullmatch(value):
        raise CheckFailed(f"{name} is malformed", name)
    return value


def sequence_of(entry: Mapping[str, Any]) -> int:
    value = entry.get("sequence")
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= SEQUENCE_MAX:
        raise CheckFailed("sequence is missing or not a sequence", "sequence")
    return value


def data_hash(data_salt: str, seal_data: Any) -> str:
    """The commitment to a payload. `data_salt` as 32 hex digits."""
    if not isinstance(data_salt, str) or not _SALT.fullmatch(data_salt):
        raise CheckFailed("data_salt is malformed", "data_salt")
    return hashlib.sha256(bytes.fromhex(data_salt) + canonical_bytes(seal_data)).hexdigest()


def leaf_data(entry: Mapping[str, Any]) -> bytes:
    """The canonical text of the envelope. Its nine members are already in canonical order."""
    authority, data, prev, seal_id = (quote(text_of(entry, name)) for name in _LEAF_TEXTS)
    session, timestamp, verdict = (quote(text_of(entry, name)) for name in ("session_id", "timestamp", "verdict"))
    return (f'{{"authority":{authority},"data_hash":{data},"prev_hash":{prev},"seal_id":{seal_id},'
            f'"sequence":{sequence_of(entry)},"session_id":{session},"timestamp":{timestamp},"v":1,'
            f'"verdict":{verdict}}}').encode("utf-8", "surrogatepass")


def leaf_hash(entry: Mapping[str, Any]) -> bytes:
    """The correct entry_hash, computed from the other members."""
    return merkle.hash_leaf(leaf_data(entry))


def entry_hash(entry: Mapping[str, Any]) -> str:
    return leaf_hash(entry).hex()


def parse_leaf_data(leaf: bytes) -> Dict[str, Any]:
    """The envelope in a leaf, in which nothing may be missing, added or spelt differently."""
    from vault999.offline import json_text  # imported here because most readers of entries do not need it

    try:
        envelope = json_text.parse_json(leaf, stored=True, bytes_max=65_535, root="")
    except ValueError as error:
        raise CheckFailed(f"the leaf is not an envelope: {error}") from None
    if envelope.get("v") != 1 or envelope.get("verdict") not in VERDICT_NAMES or leaf_data(envelope) != leaf:
        raise CheckFailed("the leaf is not an envelope in canonical form")
    assert isinstance(envelope, dict)
    return envelope


def entry_faults(entry: Mapping[str, Any]) -> List[str]:
    """Names those of "data_hash" and "entry_hash" that do not fit the rest of an entry; "seal_data" if payload and salt
    are missing, which nothing explains as long as no erasure is defined. A seal kept by the emergency mode has no
    hashes yet, and fits."""
    if entry.get("backend") == "legacy":
        return []
    faults = []
    salt, payload = entry.get("data_salt"), entry.get("seal_data")
    missing = salt is None and payload is None
    try:
        fits = missing or (salt is not None and payload is not None and data_hash(salt, payload) == entry.get("data_hash"))
    except (CheckFailed, TypeError, ValueError):
        fits = False
    if not fits:
        faults.append("data_hash")
    try:
        if entry_hash(entry) != entry.get("entry_hash"):
            faults.append("entry_hash")
    except CheckFailed:
        faults.append("entry_hash")
    if missing:
        faults.append("seal_data")
    return faults


def describe_faults(faults: Sequence[str]) -> str:
    """For people."""
    hashes = [one for one in faults if one != "seal_data"]
    parts = [f"hash DOES NOT FIT: {', '.join(hashes)}"] if hashes else []
    if "seal_data" in faults:
        parts.append("payload is missing and nothing explains it")
    return "; ".join(parts)


class HashChecker:
    """Takes entries in the order in which they are shown; neighbours, in either order, must also be linked."""

    def __init__(self) -> None:
        self._last: Optional[Tuple[int, Any, Any]] = None  # sequence, entry_hash, prev_hash

    def faults(self, entry: Mapping[str, Any]) -> List[str]:
        """entry_faults(), and "prev_hash" if the entry and the previous one are not linked."""
        found = entry_faults(entry)
        if entry.get("backend") == "legacy":
            return found
        sequence = entry.get("sequence")
        if self._last is not None and isinstance(sequence, int):
            last_sequence, last_hash, last_prev = self._last
            if last_sequence == sequence - 1 and entry.get("prev_hash") != last_hash:
                found.append("prev_hash")
            if last_sequence == sequence + 1 and entry.get("entry_hash") != last_prev:
                found.append("prev_hash")
        if isinstance(sequence, int):
            self._last = (sequence, entry.get("entry_hash"), entry.get("prev_hash"))
        return found


def verify_entries(entries: Iterable[Mapping[str, Any]]) -> Optional[Tuple[int, str]]:
    """(sequence, reason) of the first entry that fails; None if all, from sequence 1 on, are good.

    For entries as `vaultctl export` prints them. Needs O(log n) memory; the reasons are those of "Verification".
    """
    prev_hash, timestamp, expected = ZERO_HASH, "", 1
    frontier = merkle.Frontier()
    for entry in entries:
        if entry.get("sequence") != expected:
            return expected, "sequence_gap"
        faults = entry_faults(entry)
        if faults and faults != ["seal_data"]:
            return expected, "entry_hash_mismatch"
        if entry["prev_hash"] != prev_hash:
            return expected, "prev_hash_mismatch"
        frontier.append(bytes.fromhex(entry["entry_hash"]))
        if frontier.root().hex() != entry.get("merkle_root"):
            return expected, "merkle_root_mismatch"
        if entry["timestamp"] < timestamp:
            return expected, "timestamp_regression"
        if faults:
            return expected, "erasure_unexplained"
        prev_hash, timestamp, expected = entry["entry_hash"], entry["timestamp"], expected + 1
    return None
