"""VAULT999 from Python: seal, read, verify and prove, over ZeroMQ.

    from vault999 import Vault

    with Vault() as vault:
        receipt = vault.seal("release-42", "deploy-bot", "SEAL", {"commit": "9f3c2ab"})

AsyncVault is the same for asyncio, Spool an outbox that loses nothing while vaultd is away, Feed what happens in the ledger;
vault999.offline checks evidence without any of them, vault999.persistent_ledger has the names of the old Python ledger.
Each is imported when it is first asked for.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, List

__version__ = "0.1.0"

_HOMES = {
    "Vault": "vault", "AsyncVault": "async_vault", "Spool": "spool", "SpoolFull": "spool", "SpoolLocked": "_spool_files",
    "Feed": "feed", "AsyncFeed": "feed",
    "Verdict": "verdicts", "Query": "_operations",
    "Seal": "records", "Receipt": "records", "Entry": "records", "Page": "records", "Verification": "records",
    "Proof": "records", "Consistency": "records", "CheckpointAnswer": "records", "Head": "records", "Status": "records",
    "Event": "records",
    "VaultError": "errors", "InvalidMessage": "errors", "UnsupportedVersion": "errors", "UnknownOp": "errors",
    "InvalidArgument": "errors", "TooLarge": "errors", "SealIdConflict": "errors", "NotFound": "errors",
    "Forbidden": "errors", "Retryable": "errors", "Busy": "errors", "Unavailable": "errors",
    "DeadlineExceeded": "errors", "Internal": "errors", "HashMismatch": "errors", "CheckFailed": "errors",
    "ForeignProcess": "errors",
}
__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from vault999._operations import Query as Query
    from vault999._spool_files import SpoolLocked as SpoolLocked
    from vault999.async_vault import AsyncVault as AsyncVault
    from vault999.errors import Busy as Busy
    from vault999.errors import CheckFailed as CheckFailed
    from vault999.errors import DeadlineExceeded as DeadlineExceeded
    from vault999.errors import Forbidden as Forbidden
    from vault999.errors import ForeignProcess as ForeignProcess
    from vault999.errors import HashMismatch as HashMismatch
    from vault999.errors import Internal as Internal
    from vault999.errors import InvalidArgument as InvalidArgument
    from vault999.errors import InvalidMessage as InvalidMessage
    from vault999.errors import NotFound as NotFound
    from vault999.errors import Retryable as Retryable
    from vault999.errors import SealIdConflict as SealIdConflict
    from vault999.errors import TooLarge as TooLarge
    from vault999.errors import Unavailable as Unavailable
    from vault999.errors import UnknownOp as UnknownOp
    from vault999.errors import UnsupportedVersion as UnsupportedVersion
    from vault999.errors import VaultError as VaultError
    from vault999.feed import AsyncFeed as AsyncFeed
    from vault999.feed import Feed as Feed
    from vault999.records import CheckpointAnswer as CheckpointAnswer
    from vault999.records import Consistency as Consistency
    from vault999.records import Entry as Entry
    from vault999.records import Event as Event
    from vault999.records import Head as Head
    from vault999.records import Page as Page
    from vault999.records import Proof as Proof
    from vault999.records import Receipt as Receipt
    from vault999.records import Seal as Seal
    from vault999.records import Status as Status
    from vault999.records import Verification as Verification
    from vault999.spool import Spool as Spool
    from vault999.spool import SpoolFull as SpoolFull
    from vault999.vault import Vault as Vault
    from vault999.verdicts import Verdict as Verdict


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(set(globals()) | set(_HOMES))
