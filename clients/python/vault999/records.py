"""vaultd's answers, and its input. An answer is a dict as it came over the wire, whose members are attributes too:
`receipt.sequence` is `receipt["sequence"]`. Members added by a newer vaultd are there as well.

A missing member (a receipt of the emergency mode has no sequence) is an AttributeError that says so.
"""
from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Union

from vault999.verdicts import Verdict

if TYPE_CHECKING:
    from uuid import UUID


class Record(Dict[str, Any]):
    """A dict whose members are attributes. Attributes are for reading."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"this {type(self).__name__} has no member {name!r}; it has {', '.join(self)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a {type(self).__name__} is what vaultd said; copy it with dict() to change it")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict.__repr__(self)})"

    def __reduce__(self) -> Any:
        return (type(self), (dict(self),))


@dataclasses.dataclass(frozen=True)
class Seal:
    """A producer's input. The same `seal_id` with the same content is sealed once, however often it is sent."""

    session_id: str
    authority: str
    verdict: Union[str, Verdict]
    seal_data: Mapping[str, Any]
    seal_id: Optional[Union[str, "UUID"]] = None


class Receipt(Record):
    """The receipt of a durable seal. With sign=True it also proves itself: offline.check_receipt()."""

    __slots__ = ()
    sequence: int
    seal_id: str
    session_id: str
    verdict: str
    authority: str
    timestamp: str
    entry_hash: str
    prev_hash: str
    merkle_root: str
    data_hash: str
    data_salt: str
    duplicate: bool
    # sign=True only
    leaf_index: int
    tree_size: int
    proof: List[str]
    checkpoint: str


class Entry(Record):
    """A sealed record. If the payload is missing, `seal_data` and `data_salt` are None; with check_hashes (the
    default), such an entry is never returned."""

    __slots__ = ()
    sequence: int
    seal_id: str
    session_id: str
    verdict: str
    authority: str
    timestamp: str
    seal_data: Dict[str, Any]
    data_salt: str
    data_hash: str
    entry_hash: str
    prev_hash: str
    merkle_root: str
    created_at: str


class Page(Record):
    """`next_cursor` is None when there is nothing more; otherwise continue, even if `entries` is empty."""

    __slots__ = ()
    entries: List[Entry]
    next_cursor: Optional[int]


class Verification(Record):
    """Also has `from`, which Python requires to be written result["from"]."""

    __slots__ = ()
    valid: bool
    first_invalid_sequence: Optional[int]
    reason: Optional[str]
    checked: int
    to: int
    head_hash: str
    merkle_root: str
    elapsed_ms: int


class Proof(Record):
    __slots__ = ()
    sequence: int
    leaf_index: int
    tree_size: int
    entry_hash: str
    merkle_root: str
    proof: List[str]
    checkpoint: Optional[str]


class Consistency(Record):
    __slots__ = ()
    first: int
    second: int
    first_root: str
    second_root: str
    proof: List[str]


class CheckpointAnswer(Record):
    __slots__ = ()
    checkpoint: str
    tree_size: int
    vkey: str


class Head(Record):
    """For an empty ledger: 0, 64 zeros, the SHA-256 of nothing, None."""

    __slots__ = ()
    sequence: int
    entry_hash: str
    merkle_root: str
    timestamp: Optional[str]


class Status(Record):
    __slots__ = ()
    version: str
    role: str  # "writer", "standby" (another vaultd writes) or "waiting" (no writer is known)
    since: str  # since when it has this role; by the clock that `now` shows
    now: str
    writer: Optional[Dict[str, Any]]  # the writer: host, pid, since
    ready: bool
    uptime_s: int
    sequence: int
    queue_depth: int
    in_flight: int
    writer_epoch: int
    database: Dict[str, Any]
    counters: Dict[str, int]
    alerts: List[Any]
    alert_details: List[Dict[str, Any]]  # kind, severity, since, message; worst first
    features: List[str]


class Event(Record):
    """One message of the events socket, with its `topic`."""

    __slots__ = ()
    topic: str
    event: str
    seq: int
