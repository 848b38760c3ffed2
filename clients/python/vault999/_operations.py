"""The operations of the protocol as data: what to send, and how to convert the result. No sockets here; both Vault and
AsyncVault perform these."""
from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Callable, Dict, Generic, Iterable, List, Mapping, Optional, Type, TypeVar, Union

from vault999 import records
from vault999._times import Instant, ledger_time
from vault999._wire import seal_map
from vault999.errors import HashMismatch, Internal
from vault999.offline.entries import HashChecker, describe_faults
from vault999.records import Seal
from vault999.verdicts import Verdict, verdict_text

if TYPE_CHECKING:
    from uuid import UUID

T = TypeVar("T")
R = TypeVar("R", bound=records.Record)
Progress = Callable[[int, int], None]  # rows checked, rows in all


@dataclasses.dataclass(frozen=True)
class Call(Generic[T]):
    op: str
    arguments: Mapping[str, Any]
    decode: Callable[[Dict[str, Any]], T]
    progress: Optional[Progress] = None
    streams: bool = False  # sends progress: as long as messages arrive, it is not late


class EntryReader:
    """Makes entries of maps from the wire, and checks them: their own hashes, and the links between neighbours."""

    def __init__(self, check: bool) -> None:
        self._checker = HashChecker() if check else None

    def entry(self, raw: Any, path: str, expected: Mapping[str, Any] = {}) -> records.Entry:
        if not isinstance(raw, dict):
            raise Internal("vaultd answered without an entry", path)
        entry = records.Entry(raw)
        if self._checker is not None:
            faults = self._checker.faults(entry)
            if faults:
                raise HashMismatch(f"entry {entry.get('sequence')}: {describe_faults(faults)}: what is stored is not what "
                                   "was sealed", f"{path}.{faults[0]}", entry)
            for name, value in expected.items():
                if entry.get(name) != value:
                    raise HashMismatch(f"vaultd answered with {name} {entry.get(name)!r} instead of {value!r}",
                                       f"{path}.{name}", entry)
        return entry

    def page(self, result: Dict[str, Any], expected: Mapping[str, Any] = {}) -> records.Page:
        raw = result.get("entries")
        entries = [self.entry(one, f"entries[{i}]", expected) for i, one in enumerate(raw if raw else ())]
        return records.Page({**result, "entries": entries})


def _as(kind: Type[R]) -> Callable[[Dict[str, Any]], R]:
    return kind


def seal(one: Union[Seal, Mapping[str, Any]], sign: bool) -> Call[records.Receipt]:
    return Call("seal", {"seal": seal_map(one), "sign": sign or None}, _as(records.Receipt))


def seal_batch(seals: Iterable[Union[Seal, Mapping[str, Any]]], sign: bool) -> Call[List[records.Receipt]]:
    return Call("seal_batch", {"seals": [seal_map(one) for one in seals], "sign": sign or None},
                lambda result: [records.Receipt(one) for one in result.get("receipts", ())])


def read(sequence: int, reader: EntryReader, at_least: Optional[int]) -> Call[records.Entry]:
    return Call("read", {"sequence": sequence, "at_least": at_least},
                lambda result: reader.entry(result.get("entry"), "entry", {"sequence": sequence}))


def read_by_seal_id(seal_id: Union[str, UUID], reader: EntryReader, at_least: Optional[int]) -> Call[records.Entry]:
    wanted = str(seal_id)
    return Call("read", {"seal_id": wanted, "at_least": at_least},
                lambda result: reader.entry(result.get("entry"), "entry", {"seal_id": wanted.lower()}))


def session_page(session_id: str, cursor: Optional[int], limit: Optional[int], reader: EntryReader,
                 at_least: Optional[int]) -> Call[records.Page]:
    return Call("read", {"session_id": session_id, "cursor": cursor, "limit": limit, "at_least": at_least},
                lambda result: reader.page(result, {"session_id": session_id}))


def list_page(order: str, cursor: Optional[int], limit: Optional[int], reader: EntryReader,
              at_least: Optional[int]) -> Call[records.Page]:
    return Call("list", {"order": order, "cursor": cursor, "limit": limit, "at_least": at_least}, reader.page)


@dataclasses.dataclass(frozen=True)
class Query:
    """Selects the entries that meet all given conditions. `since` is inclusive, `until` exclusive."""

    verdict: Optional[Union[str, Verdict]] = None
    session_id: Optional[str] = None
    authority: Optional[str] = None
    since: Optional[Instant] = None
    until: Optional[Instant] = None

    def arguments(self) -> Dict[str, Any]:
        return {"verdict": None if self.verdict is None else verdict_text(self.verdict), "session_id": self.session_id,
                "authority": self.authority, "from": ledger_time(self.since), "to": ledger_time(self.until)}

    def equal_members(self) -> Dict[str, Any]:
        """Members that every entry of the answer must hold."""
        arguments = self.arguments()
        return {name: arguments[name] for name in ("verdict", "session_id", "authority") if arguments[name] is not None}


def query_page(query: Query, order: str, cursor: Optional[int], limit: Optional[int], reader: EntryReader,
               at_least: Optional[int]) -> Call[records.Page]:
    return Call("query", {**query.arguments(), "order": order, "cursor": cursor, "limit": limit, "at_least": at_least},
                lambda result: reader.page(result, query.equal_members()))


def verify(start: Optional[int], end: Optional[int], progress: Optional[Progress],
           at_least: Optional[int]) -> Call[records.Verification]:
    return Call("verify", {"from": start, "to": end, "progress": True, "at_least": at_least}, _as(records.Verification),
                progress, streams=True)


def proof(sequence: int, tree_size: Optional[int]) -> Call[records.Proof]:
    return Call("proof", {"sequence": sequence, "tree_size": tree_size}, _as(records.Proof))


def consistency(first: int, second: Optional[int]) -> Call[records.Consistency]:
    return Call("consistency", {"first": first, "second": second}, _as(records.Consistency))


def checkpoint(at_least: Optional[int]) -> Call[records.CheckpointAnswer]:
    return Call("checkpoint", {"at_least": at_least}, _as(records.CheckpointAnswer))


def head(at_least: Optional[int]) -> Call[records.Head]:
    return Call("head", {"at_least": at_least}, _as(records.Head))


def status() -> Call[records.Status]:
    return Call("status", {}, _as(records.Status))
