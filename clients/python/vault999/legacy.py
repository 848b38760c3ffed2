"""The filesystem vault that preceded the ledger: LegacyVaultReader reads it, migrate_legacy_to_postgres() seals it.

The reader's methods are those of the old Python service. docs/legacy.md describes the files of such a vault.
"""
from __future__ import annotations

import collections
import json
import logging
import os
import pathlib
from typing import Any, Deque, Dict, Iterator, List, Optional, Union

from vault999 import _legacy_records, errors
from vault999._legacy_records import ENTRIES, REFUSALS, LegacyRecord

log = logging.getLogger("vault999")


class LegacyVaultReader:
    """Read-only: makes no file, changes none. A broken file is logged and left out here; the migration reports it."""

    def __init__(self, base_path: Union[str, "os.PathLike[str]"] = "VAULT999") -> None:
        self.base_path = pathlib.Path(base_path)

    def read_session_json(self, session_id: str) -> Optional[Dict[str, Any]]:
        """BBB_LEDGER/entries/<session_id>.json; None if it does not exist or is not a JSON object."""
        if not session_id or "/" in session_id or "\0" in session_id:
            return None
        path = self.base_path / ENTRIES / f"{session_id}.json"
        return self._load(path) if path.is_file() else None

    def list_session_jsons(self, limit: int = 100) -> List[Dict[str, Any]]:
        """Session files, last modified first, each with its `_legacy_source` and `_legacy_mtime`."""
        found = []
        directory = self.base_path / ENTRIES
        for path in sorted(directory.glob("*.json")) if directory.is_dir() else []:
            value = self._load(path)
            if value is not None:
                value["_legacy_source"], value["_legacy_mtime"] = str(path), path.stat().st_mtime
                found.append(value)
        found.sort(key=lambda one: float(one["_legacy_mtime"]), reverse=True)
        return found[:limit]

    def read_refusal_jsonl(self, session_id: str) -> List[Dict[str, Any]]:
        """The refusals of a session, each with its `_legacy_source`."""
        found = []
        path = self.base_path / REFUSALS
        for line in self._lines(path):
            try:
                value = json.loads(line.decode("utf-8"))
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict) and value.get("session_id") == session_id:
                found.append({**value, "_legacy_source": str(path)})
        return found

    def get_legacy_stats(self) -> Dict[str, Any]:
        directory = self.base_path / ENTRIES
        return {"session_json_count": len(list(directory.glob("*.json"))) if directory.is_dir() else 0,
                "refusal_jsonl_entries": sum(1 for line in self._lines(self.base_path / REFUSALS) if line.strip()),
                "legacy_base_path": str(self.base_path)}

    @staticmethod
    def _lines(path: pathlib.Path) -> List[bytes]:
        try:
            return path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("legacy vault: %s: %s", path, error.strerror)
            return []

    @staticmethod
    def _load(path: pathlib.Path) -> Optional[Dict[str, Any]]:
        try:
            value = json.loads(path.read_bytes().decode("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            log.warning("legacy vault: %s: %s", path, error)
            return None
        if not isinstance(value, dict):
            log.warning("legacy vault: %s: not a JSON object", path)
            return None
        return value


# The names of the kinds of records in the statistics.
_COUNTED = {"session": "session_jsons", "emergency": "emergency_entries", "refusal": "refusal_entries",
            "markdown": "markdown_entries", "ledger": "ledger_lines"}


async def migrate_legacy_to_postgres(legacy_reader: LegacyVaultReader, dry_run: bool = True) -> Dict[str, Any]:
    """Seals all records of a vault, as `vaultctl legacy import` does: a second run, of either, seals nothing twice.

    Returns {"session_jsons_found", "session_jsons_migrated", "refusal_entries_found", "refusal_entries_migrated",
    "errors", "dry_run"}, the same for markdown_entries, ledger_lines and emergency_entries, and "already_there": how many
    of the migrated ones the ledger had. `errors` lists everything that is broken, by file and line; a line whose
    entry_hash is wrong is listed and sealed with legacy_hash_valid false. The directory is not changed.
    """
    from vault999.persistent_ledger import get_vault_ledger  # which imports this module, too

    stats: Dict[str, Any] = {f"{name}_{what}": 0 for name in _COUNTED.values() for what in ("found", "migrated")}
    stats.update(errors=[], dry_run=dry_run, already_there=0)
    if not legacy_reader.base_path.is_dir():
        raise errors.InvalidArgument(f"{legacy_reader.base_path}: there is no such directory", "base_path")
    todo: Deque[LegacyRecord] = collections.deque()  # sent, and not answered yet

    def seals() -> Iterator[Dict[str, Any]]:
        for record in _legacy_records.read_records(legacy_reader.base_path):
            if record.reason:
                stats["errors"].append(record.problem())
            if record.seal is not None:
                stats[f"{_COUNTED[record.kind]}_found"] += 1
                if not dry_run:
                    todo.append(record)
                yield record.seal

    if dry_run:
        collections.deque(seals(), maxlen=0)
        return stats
    async for outcome in get_vault_ledger()._open().seal_many(seals(), return_exceptions=True):
        record = todo.popleft()
        if isinstance(outcome, errors.VaultError):
            stats["errors"].append(f"{record.source}: {outcome}")
        else:
            stats[f"{_COUNTED[record.kind]}_migrated"] += 1
            stats["already_there"] += bool(outcome.get("duplicate"))
    return stats
