"""Errors as classes: one for each error code of the protocol, so that callers decide by type.

  VaultError
    InvalidMessage, UnsupportedVersion, UnknownOp, InvalidArgument, TooLarge, SealIdConflict, NotFound, Forbidden
    Retryable: Busy, Unavailable, DeadlineExceeded    (the vault retries these by itself until its timeout)
    Internal
      HashMismatch    an entry that was read does not hold what was sealed
    CheckFailed         offline: a proof, note, receipt or file does not hold

`code` is the protocol's, `field` the path of the member concerned ("seal.seal_data.items[3]") or "", `message` is for
people and may change.
"""
from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Type


class VaultError(Exception):
    """A refusal, by vaultd or by this package in its place."""

    code = "internal"
    retryable = False
    index: Optional[int] = None  # seal_many(): index of the seal, from 0

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        where = f" [{self.field}]" if self.field and self.field not in self.message else ""
        return f"{self.code}: {self.message}{where}"

    def __reduce__(self) -> Any:
        return (type(self), (self.message, self.field))


class InvalidMessage(VaultError):
    code = "invalid_message"


class UnsupportedVersion(VaultError):
    code = "unsupported_version"


class UnknownOp(VaultError):
    code = "unknown_op"


class InvalidArgument(VaultError, ValueError):
    code = "invalid_argument"


class TooLarge(VaultError, ValueError):
    code = "too_large"


class SealIdConflict(VaultError):
    """This seal_id holds other content. Nothing was written."""

    code = "seal_id_conflict"


class NotFound(VaultError, LookupError):
    code = "not_found"


class Forbidden(VaultError, PermissionError):
    code = "forbidden"

    def __init__(self, message: str, field: str = "") -> None:  # OSError.__new__ takes other arguments
        VaultError.__init__(self, message, field)


class Retryable(VaultError):
    """Nothing is known to be wrong with the request. A seal may still commit: send it again with the same seal_id."""

    retryable = True


class Busy(Retryable):
    code = "busy"


class Unavailable(Retryable):
    code = "unavailable"


class DeadlineExceeded(Retryable, TimeoutError):
    code = "deadline_exceeded"

    def __init__(self, message: str, field: str = "") -> None:
        VaultError.__init__(self, message, field)


class Internal(VaultError):
    """A fault of vaultd, or damage in its database."""

    code = "internal"


class HashMismatch(Internal):
    """An entry that was read does not fit its own hashes, or its neighbour: a column was changed after it was sealed,
    or something in transit changed it. `field` says which ("entry.data_hash", "entries[3].prev_hash"); `entry` is what
    was read, for evidence."""

    def __init__(self, message: str, field: str = "", entry: Mapping[str, Any] = {}) -> None:
        super().__init__(message, field)
        self.entry = entry

    def __reduce__(self) -> Any:
        return (type(self), (self.message, self.field, dict(self.entry)))


class CheckFailed(ValueError):
    """Offline: the object to check does not hold, or is of the wrong kind. `field` names the member, if it is about
    one."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class ForeignProcess(RuntimeError):
    """An AsyncVault, seal_many(), feed or spool of another process (or event loop) was used: open one here."""


BY_CODE: Dict[str, Type[VaultError]] = {
    one.code: one
    for one in (InvalidMessage, UnsupportedVersion, UnknownOp, InvalidArgument, TooLarge, SealIdConflict, NotFound,
                Forbidden, Busy, Unavailable, DeadlineExceeded, Internal)
}


def from_reply(error: Mapping[str, Any]) -> VaultError:
    """The exception for a reply's `error` map. An unknown code is retryable if the reply says so."""
    code, message, field = str(error.get("code")), str(error.get("message")), str(error.get("field") or "")
    known = BY_CODE.get(code)
    if known is not None:
        return known(message, field)
    return (Unavailable if error.get("retryable") else Internal)(f"{code}: {message}", field)
