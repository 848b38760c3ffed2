"""Messages: MessagePack maps of the protocol (docs/protocol.md)."""
from __future__ import annotations

import os
import time
from typing import Any, Dict, Mapping, Optional, Tuple, Union

import msgpack

from vault999 import errors
from vault999.offline.payload import SEAL_BYTES_MAX, check_payload
from vault999.records import Seal
from vault999.verdicts import Verdict

SEAL_MEMBERS = ("session_id", "authority", "verdict", "seal_data")


def make_seal_id() -> str:
    """A UUIDv7: random, and ordered by time, which suits the ledger's index."""
    random = os.urandom(10).hex()
    stamp = f"{time.time_ns() // 1_000_000:012x}"
    variant = "89ab"[int(random[3], 16) & 3]
    return f"{stamp[:8]}-{stamp[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"


def seal_map(seal: Union[Seal, Mapping[str, Any]]) -> Dict[str, Any]:
    """A seal as a map with its own seal_id, so that sending it twice seals it once."""
    if isinstance(seal, Seal):
        made: Dict[str, Any] = {"session_id": seal.session_id, "authority": seal.authority, "verdict": seal.verdict,
                                "seal_data": seal.seal_data, "seal_id": seal.seal_id}
    else:
        made = dict(seal)
    verdict = made.get("verdict")
    if isinstance(verdict, Verdict):
        made["verdict"] = verdict.value
    seal_id = made.get("seal_id")
    made["seal_id"] = make_seal_id() if seal_id is None else str(seal_id)
    return made


def pack_seal(seal: Mapping[str, Any], path: str = "seal") -> bytes:
    """The seal as MessagePack. InvalidArgument with the member's path if MessagePack cannot express it at all;
    everything else is for vaultd to check."""
    try:
        packed: bytes = msgpack.packb(seal)
        return packed
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise locate(seal, path, error) from None


def locate(seal: Mapping[str, Any], path: str, error: Exception) -> errors.VaultError:
    """The refusal that names the member that could not be packed."""
    for name, value in seal.items():
        where = f"{path}.{name}"
        if name == "seal_data" or not isinstance(value, str):
            try:
                check_payload(value, where, object_only=name == "seal_data", bytes_max=SEAL_BYTES_MAX)
            except errors.VaultError as refusal:
                return refusal
        elif not _is_utf8(value):
            return errors.InvalidArgument(f"{where}: is not valid UTF-8", where)
    return errors.InvalidArgument(f"{path}: {error}", path)


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def pack_request(request_id: int, op: str, arguments: Mapping[str, Any]) -> bytes:
    """Arguments that are None are left out."""
    message = {"v": 1, "id": request_id, "op": op}
    message.update((name, value) for name, value in arguments.items() if value is not None)
    try:
        packed: bytes = msgpack.packb(message)
        return packed
    except (TypeError, ValueError, OverflowError) as error:
        raise _locate_argument(arguments, error) from None


def _locate_argument(arguments: Mapping[str, Any], error: Exception) -> errors.VaultError:
    if isinstance(arguments.get("seal"), dict):
        return locate(arguments["seal"], "seal", error)
    for index, seal in enumerate(arguments.get("seals") or ()):
        try:
            pack_seal(seal, f"seals[{index}]")
        except errors.VaultError as refusal:
            return refusal
    return errors.InvalidArgument(str(error))


def unpack_reply(frame: bytes) -> Optional[Dict[str, Any]]:
    """A reply, or None for anything else: it is dropped, since later versions of the protocol may send it."""
    try:
        reply = msgpack.unpackb(frame, strict_map_key=False)
    except Exception:  # msgpack raises many kinds
        return None
    return reply if isinstance(reply, dict) and "id" in reply else None


def outcome(reply: Mapping[str, Any]) -> Tuple[Optional[Dict[str, Any]], Optional[errors.VaultError]]:
    """(result, None) or (None, error) of a whole reply."""
    if reply.get("ok") is True and isinstance(reply.get("result"), dict):
        return reply["result"], None
    error = reply.get("error")
    return None, errors.from_reply(error if isinstance(error, dict) else {"message": "a reply without result or error"})
