"""The names and shapes of the old Python ledger, over vaultd: a caller changes one import.

    from vault999.persistent_ledger import get_ledger

    ledger = get_ledger()
    await ledger.initialize()
    entry = await ledger.append_entry("session-1", "deploy-bot", "SEAL", {"commit": "9f3c2ab"})
    print(entry.sequence, entry["entry_hash"])

VAULT_ENDPOINT says where vaultd is, VAULT_KEY_DIR where CURVE keys are. The database is vaultd's business: a DSN that is
given, or in the environment, is not used. New code has AsyncVault, which says more.
"""
from __future__ import annotations

import datetime
import json
import logging
import os
from typing import Any, Dict, List, Mapping, Optional, Union
from uuid import UUID

from vault999 import errors
from vault999._operations import Query
from vault999._times import iso_time, ledger_time
from vault999.async_vault import AsyncVault
from vault999.legacy import LegacyVaultReader, migrate_legacy_to_postgres
from vault999.offline.entries import SEQUENCE_MAX, leaf_data
from vault999.offline.merkle import sides
from vault999.records import Entry, Page, Receipt, Record
from vault999.verdicts import Verdict

__all__ = ["LedgerEntry", "LegacyVaultReader", "PersistentLedger", "PersistentVaultLedger", "get_ledger",
           "get_vault_ledger", "migrate_legacy_to_postgres"]

log = logging.getLogger("vault999")

LIMIT_MAX = 1000
Time = Union[str, datetime.datetime]


class LedgerEntry(Record):
    """An entry as the old ledger returned it: attributes are keys, too. `timestamp` as isoformat() prints it.

    In vaultd's emergency mode `vault_backend` is "legacy", and sequence, hashes and root are None: there is no chain
    yet.
    """

    __slots__ = ()
    sequence: int
    sequence_number: int
    session_id: str
    seal_id: str
    timestamp: str
    authority: str
    verdict: str
    seal_data: Dict[str, Any]
    entry_hash: str
    prev_hash: str
    merkle_root: str
    vault_backend: str

    def to_dict(self) -> Dict[str, Any]:
        return dict(self)


def _entry(said: Union[Entry, Receipt], seal_data: Any) -> LedgerEntry:
    # data_hash and data_salt are new: with them an entry can be checked.
    return LedgerEntry({
        "sequence": said.get("sequence"), "sequence_number": said.get("sequence"), "session_id": said.session_id,
        "seal_id": said.seal_id, "timestamp": iso_time(said.timestamp), "authority": said.authority,
        "verdict": said.verdict, "seal_data": seal_data, "entry_hash": said.get("entry_hash"),
        "prev_hash": said.get("prev_hash"), "merkle_root": said.get("merkle_root"),
        "vault_backend": said.get("backend", "postgres"), "data_hash": said.get("data_hash"),
        "data_salt": said.get("data_salt")})


def _verdict(verdict: Union[str, Verdict]) -> Union[str, Verdict]:
    """The old ledger's alias for a verdict."""
    return Verdict.HOLD_888 if verdict == "HOLD_888" else verdict


class PersistentVaultLedger:
    """The old ledger under both of its names (PersistentLedger is the same class, and `connect` is `initialize`). It
    holds one connection; make it once and share it. It may be closed and used again, even by another event loop."""

    def __init__(self, dsn: Optional[str] = None) -> None:
        """`dsn`: vaultd's endpoint (ipc://… or tcp://…), if it is not in the environment."""
        self._endpoint = dsn if dsn is not None and dsn.startswith(("ipc://", "tcp://")) else None
        if dsn is not None and self._endpoint is None:
            log.warning("a PostgreSQL DSN is not used here: vaultd holds the database; VAULT_ENDPOINT says where vaultd is")
        self._vault: Optional[AsyncVault] = None

    def _open(self) -> AsyncVault:
        if self._vault is None:
            self._vault = AsyncVault(self._endpoint, key_dir=os.environ.get("VAULT_KEY_DIR"))
        return self._vault

    async def initialize(self) -> None:
        """Connects; raises Unavailable if vaultd is not running. May be omitted, and called again."""
        await self._open().status()

    connect = initialize

    async def close(self) -> None:
        vault, self._vault = self._vault, None
        if vault is not None:
            await vault.close()

    async def append_entry(self, session_id: str, authority: str, verdict: Union[str, Verdict],
                           seal_data: Mapping[str, Any], seal_id: Optional[Union[str, UUID]] = None) -> LedgerEntry:
        """Seals; returns when it is durable. `seal_data` is converted as by json.dumps(): tuples become lists, and keys
        that are numbers become text."""
        payload = json.loads(json.dumps(seal_data))
        receipt = await self._open().seal(session_id, authority, _verdict(verdict), payload, seal_id=seal_id)
        return _entry(receipt, payload)

    async def append(self, session_id: str, verdict: Union[str, Verdict], seal_data: Mapping[str, Any], authority: str,
                     seal_id: Optional[Union[str, UUID]] = None) -> LedgerEntry:
        """append_entry() under its other name, with its other order of arguments."""
        return await self.append_entry(session_id, authority, verdict, seal_data, seal_id)

    async def get_entries_by_session(self, session_id: str) -> List[LedgerEntry]:
        """All of them, oldest first."""
        return [_entry(one, one.seal_data) async for one in self._open().read_session(session_id, page_size=LIMIT_MAX)]

    async def get_entry_by_sequence(self, sequence: int) -> Optional[LedgerEntry]:
        if not 1 <= sequence <= SEQUENCE_MAX:
            return None
        try:
            entry = await self._open().read(sequence)
        except errors.NotFound:
            return None
        return _entry(entry, entry.seal_data)

    async def list_entries(self, cursor: Optional[int] = None, limit: int = 50) -> Dict[str, Any]:
        """{"entries", "next_cursor", "has_more"}, newest first; `limit` is clamped to 1…1000."""
        vault = self._open()
        return await self._collect(cursor, limit, lambda at, count: vault.list_page(cursor=at, limit=count))

    async def query_by_verdict(self, verdict: Union[str, Verdict], start_time: Optional[Time] = None,
                               end_time: Optional[Time] = None, cursor: Optional[int] = None,
                               limit: int = 100) -> Dict[str, Any]:
        """As list_entries(), for one verdict, from `start_time` to `end_time` inclusive."""
        vault = self._open()
        query = Query(verdict=_verdict(verdict), since=start_time, until=ledger_time(end_time, plus_us=1))
        return await self._collect(cursor, limit, lambda at, count: vault.query_page(query, cursor=at, limit=count))

    @staticmethod
    async def _collect(cursor: Optional[int], limit: int, page: Any) -> Dict[str, Any]:
        """One full page, collected from vaultd's pages, which may end early."""
        limit = max(1, min(limit, LIMIT_MAX))
        found: List[LedgerEntry] = []
        if cursor is not None and cursor <= 1:  # nothing comes before the first
            return {"entries": [], "next_cursor": None, "has_more": False}
        while True:
            answer: Page = await page(cursor, limit - len(found))
            found += [_entry(one, one.seal_data) for one in answer.entries]
            cursor = answer.next_cursor
            if cursor is None or len(found) >= limit:
                return {"entries": found, "next_cursor": cursor, "has_more": cursor is not None}

    async def verify_chain(self) -> Dict[str, Any]:
        """{"valid": True, "entries", "entry_count", "checked_count", "merkle_root"}, or {"valid": False,
        "first_invalid_seq", "reason", "checked_count"}; the reasons are those of docs/ledger-format.md."""
        await self._check_chain()
        result = await self._open().verify()
        if not result.valid:
            return {"valid": False, "first_invalid_seq": result.first_invalid_sequence, "reason": result.reason,
                    "checked_count": result.checked}
        return {"valid": True, "entries": result.checked, "entry_count": result.checked, "checked_count": result.checked,
                "merkle_root": result.merkle_root}

    async def _check_chain(self) -> None:
        """In the emergency mode there is no chain, and trying again will not make one."""
        if (await self._open().status()).get("backend") == "legacy":
            raise errors.Unavailable("vaultd is in its emergency mode: there is no chain to verify, and no proof")

    async def get_merkle_proof(self, sequence: int) -> Optional[Dict[str, Any]]:
        """{"root", "proof": [{"hash", "position"}], "leaf_index"}, and whatever else a checker needs today:
        `tree_size`, `entry_hash`, `leaf_data` (text whose hash is the leaf), `checkpoint` and `vkey`. None if there is
        no such entry. Leaves and nodes are hashed as in RFC 6962: offline.check_inclusion()."""
        if not 1 <= sequence <= SEQUENCE_MAX:
            return None
        vault = self._open()
        await self._check_chain()
        try:
            proof = await vault.proof(sequence)
            entry = await vault.read(sequence, at_least=sequence)
        except errors.NotFound:
            return None
        latest = await vault.checkpoint()
        return {"root": proof.merkle_root, "leaf_index": proof.leaf_index,
                "proof": [{"hash": one, "position": side}
                          for one, side in zip(proof.proof, sides(proof.leaf_index, proof.tree_size))],
                "sequence": sequence, "tree_size": proof.tree_size, "entry_hash": proof.entry_hash,
                "leaf_data": leaf_data(entry).decode("utf-8"), "checkpoint": proof.checkpoint, "vkey": latest.vkey}


PersistentLedger = PersistentVaultLedger

_shared: Optional[PersistentVaultLedger] = None


def get_vault_ledger() -> PersistentVaultLedger:
    """The one ledger of this process. After fork(), a child has its own."""
    global _shared
    if _shared is None or _shared_pid != os.getpid():
        _make_shared()
    assert _shared is not None
    return _shared


def _make_shared() -> None:
    global _shared, _shared_pid
    _shared, _shared_pid = PersistentVaultLedger(), os.getpid()


_shared_pid = 0
get_ledger = get_vault_ledger
