"""Spool: a durable outbox, for producers that must not lose a seal while vaultd, or the network, is away."""
from __future__ import annotations

import json
import logging
import os
import threading
import time
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Union
from uuid import UUID

import msgpack

from vault999 import errors
from vault999._options import PathLike
from vault999._spool_files import Position, SpoolFiles, SpoolLocked
from vault999._wire import SEAL_MEMBERS, pack_seal, seal_map
from vault999.offline.entries import VERDICT_NAMES
from vault999.offline.payload import SEAL_BYTES_DEFAULT, check_payload, check_text
from vault999.records import Receipt, Seal
from vault999.vault import SealLike, Vault
from vault999.verdicts import Verdict

__all__ = ["Spool", "SpoolFull", "SpoolLocked"]

log = logging.getLogger("vault999")

BATCH_SEALS, BATCH_BYTES = 2048, 4 << 20
PAUSE_FIRST_S, PAUSE_MOST_S = 0.1, 5.0
NAME_BYTES_MAX = 256
OnReceipt = Callable[[Dict[str, Any], Receipt], None]
OnRefused = Callable[[Dict[str, Any], errors.VaultError], None]


class SpoolFull(errors.Busy):
    """The spool is full: vaultd has been away for long. Nothing of the input was kept."""


class Spool:
    """Seals handed in are on this machine's disk when append() returns, and in the ledger as soon as vaultd takes them.

        with Spool("/var/lib/app/outbox") as spool:
            spool.append("release-42", "deploy-bot", "SEAL", {"commit": "9f3c2ab"})

    A thread sends what is kept, in order, and drops it once it has the receipt; what is left at the end, or after kill -9,
    is sent when the spool is opened again. Each seal has its seal_id from append() on, so it is in the ledger once,
    however often it was sent.

    vault: where to; without one, Vault() of the environment. max_bytes: beyond it append() raises SpoolFull.
    on_receipt, on_refused: called on the sending thread with the seal and what became of it. What vaultd refuses for good
    (a seal_id_conflict, say) is also kept in refused.ndjson, fsynced, and logged.

    Threads may share a spool. Two processes on one are refused (SpoolLocked), and so is a child after fork().
    """

    def __init__(self, directory: PathLike, vault: Optional[Vault] = None, *, max_bytes: int = 256 << 20,
                 max_seal_bytes: int = SEAL_BYTES_DEFAULT, on_receipt: Optional[OnReceipt] = None,
                 on_refused: Optional[OnRefused] = None) -> None:
        self._files = SpoolFiles(os.fspath(directory))
        self._pid = os.getpid()
        self._vault = vault.sibling() if vault is not None else Vault()  # a separate one, so that close() can end it
        self._max_bytes, self._max_seal_bytes = max_bytes, max_seal_bytes
        self._on_receipt, self._on_refused = on_receipt, on_refused
        self._changed = threading.Condition()  # guards everything below
        self._pending = self._files.records
        self._durable = self._files.end  # up to here, seals may be sent
        self._broken: Optional[OSError] = None
        self._closing = False
        self._syncing = threading.Lock()
        self._sender = threading.Thread(target=self._send, name="vault999-spool", daemon=True)
        self._sender.start()

    # --- handing in ---

    def append(self, session_id: str, authority: str, verdict: Union[str, Verdict], seal_data: Mapping[str, Any], *,
               seal_id: Optional[Union[str, UUID]] = None) -> str:
        """Keeps a seal; returns its seal_id when it is on disk. Raises InvalidArgument and TooLarge now, not later."""
        return self.append_many([Seal(session_id, authority, verdict, seal_data, seal_id)])[0]

    def append_many(self, seals: Iterable[SealLike]) -> List[str]:
        """Keeps seals, all or none, with one fsync."""
        kept = [seal_map(one) for one in seals]
        records = [self._packed(index, seal) for index, seal in enumerate(kept)]
        if not records:
            return []
        with self._changed:
            self._check_open()
            size = sum(map(len, records))
            if self._pending == 0 and self._files.bytes_kept + size > self._max_bytes:
                self._files.drop_all()
            if self._files.bytes_kept + size > self._max_bytes:
                raise SpoolFull(f"the spool {self._files.directory} holds {self._pending} seals that vaultd has not taken, "
                                f"and may take {self._max_bytes} bytes", "max_bytes")
            self._files.append(records)
            self._pending += len(records)
            end = self._files.end
        self._sync(end)
        return [seal["seal_id"] for seal in kept]

    def _packed(self, index: int, seal: Mapping[str, Any]) -> bytes:
        where = f"seals[{index}]"
        for name in seal:
            if name not in SEAL_MEMBERS and name != "seal_id" and not name.startswith("x-"):
                raise errors.InvalidArgument(f"{where}.{name}: a seal has no such member", f"{where}.{name}")
        for name in ("session_id", "authority"):
            text, path = seal.get(name), f"{where}.{name}"
            if not isinstance(text, str):
                raise errors.InvalidArgument(f"{path} must be a string", path)
            check_text(text, "it", path)
            if not 1 <= len(text.encode("utf-8")) <= NAME_BYTES_MAX or any(ord(c) < 0x20 or c == "\x7f" for c in text):
                raise errors.InvalidArgument(f"{path} must have 1 to 256 bytes without control characters", path)
        if seal.get("verdict") not in VERDICT_NAMES:
            raise errors.InvalidArgument(f"{where}.verdict must be one of {', '.join(VERDICT_NAMES)}", f"{where}.verdict")
        check_payload(seal.get("seal_data"), f"{where}.seal_data", bytes_max=self._max_seal_bytes)
        try:
            UUID(seal["seal_id"])
        except ValueError:
            raise errors.InvalidArgument(f"{where}.seal_id must be a UUID", f"{where}.seal_id") from None
        return pack_seal(seal, where)

    def _sync(self, end: Position) -> None:
        """Makes everything up to `end` durable. Threads that arrive together share one fsync."""
        with self._syncing:
            with self._changed:
                if self._durable >= end:
                    return
                self._check_open()
                written = self._files.end
                fd = self._files.descriptor()
            try:
                os.fsync(fd)
            except OSError as error:
                with self._changed:
                    # After a failed fsync, asking again does not show what the disk holds.
                    self._broken = error
                raise
            finally:
                os.close(fd)
            with self._changed:
                self._durable = max(self._durable, written)
                self._changed.notify_all()

    # --- looking, waiting, ending ---

    @property
    def pending(self) -> int:
        """Seals that have no receipt yet."""
        with self._changed:
            return self._pending

    def flush(self, timeout: Optional[float] = None) -> bool:
        """Waits until nothing is pending; False if that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pending == 0 or self._closing, timeout) and self._pending == 0

    def close(self, timeout: float = 5.0) -> None:
        """Waits for pending seals, at most `timeout` seconds; the rest stays for next time. Then ends the thread."""
        if self._pid != os.getpid():
            return
        self.flush(timeout)
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        self._vault.close()
        self._sender.join()
        if self._pending == 0 and self._broken is None:
            self._files.drop_all()
        self._files.close()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._pid != os.getpid():
            raise errors.ForeignProcess("this Spool was opened by another process: open one of its own here")
        if self._closing:
            raise errors.Unavailable("this spool was closed")
        if self._broken is not None:
            raise OSError(self._broken.errno, f"the spool {self._files.directory} could not be fsynced, and takes nothing "
                                              f"more until it is opened again: {self._broken.strerror}")

    # --- the sending thread ---

    def _send(self) -> None:
        position, pause = self._files.begin, PAUSE_FIRST_S
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._durable > position)
                if self._closing:
                    return
                end = self._durable
            try:
                reached = self._send_batch(position, end)
            except Exception:  # noqa: BLE001  # a callback's, or a changed file: must never end the thread
                log.exception("spool: %s", self._files.directory)
                reached = position
            if reached > position:
                position, pause = reached, PAUSE_FIRST_S
                with self._changed:
                    self._files.drop_before(position)
                    self._changed.notify_all()
            else:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, pause)
                pause = min(2 * pause, PAUSE_MOST_S)

    def _send_batch(self, position: Position, end: Position) -> Position:
        """Sends some, and returns how far there are receipts (or final refusals)."""
        with self._changed:
            records, ends = self._files.read(position, BATCH_SEALS, BATCH_BYTES, end)
        if not records:
            return end
        seals: List[Dict[str, Any]] = [msgpack.unpackb(record) for record in records]
        reached = position
        try:
            for index, outcome in enumerate(self._vault.seal_many(seals, return_exceptions=True)):
                if isinstance(outcome, errors.VaultError):
                    if outcome.retryable:
                        log.warning("spool: %d seals wait: %s", self.pending, outcome)
                        return reached
                    self._refused(seals[index], outcome)
                elif self._on_receipt is not None:
                    self._on_receipt(seals[index], outcome)
                reached = ends[index]
                with self._changed:
                    self._pending -= 1
        except errors.VaultError as error:
            if not self._closing:
                log.warning("spool: %d seals wait: %s", self.pending, error)
        return reached

    def _refused(self, seal: Dict[str, Any], error: errors.VaultError) -> None:
        line = json.dumps({"seal": seal, "code": error.code, "message": error.message, "field": error.field,
                           "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}) + "\n"
        with open(os.path.join(self._files.directory, "refused.ndjson"), "a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        log.error("spool: vaultd refuses seal %s for good: %s; kept in refused.ndjson", seal.get("seal_id"), error)
        if self._on_refused is not None:
            self._on_refused(seal, error)
