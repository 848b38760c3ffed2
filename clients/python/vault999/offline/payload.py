"""The rules for payloads, applied to Python values (docs/ledger-format.md, "Payload")."""
from __future__ import annotations

import math
from typing import Any

from vault999.errors import InvalidArgument, TooLarge
from vault999.offline import paths
from vault999.offline.canonical import INTEGER_MAX, INTEGER_MIN, canonical_text, written_out_bytes

DEPTH_MAX = 64  # {} is depth 1
SEAL_BYTES_DEFAULT = 1 << 20  # vaultd's max_seal_bytes unless configured
SEAL_BYTES_MAX = 16 << 20
WRITTEN_OUT_FACTOR = 4


def check_payload(value: Any, root: str = "seal_data", *, object_only: bool = True,
                  bytes_max: int = SEAL_BYTES_DEFAULT) -> str:
    """The canonical text of a value that a producer may seal.

    None, bool, int (64 bits), float (finite), str, list, tuple, dict with str keys; a value that would come back as
    something else is refused, not converted. InvalidArgument with the member's path in `field`, or TooLarge.
    """
    if object_only and not isinstance(value, dict):
        raise _refusal("must be an object", root)
    numbers = _check(value, root, 1)
    text = canonical_text(value)
    check_size(text, numbers, root, bytes_max)
    return text


def check_size(text: str, numbers_bytes: int, root: str, bytes_max: int) -> None:
    """TooLarge if the canonical text, or its numbers written out, are beyond what vaultd accepts."""
    if len(text) > bytes_max or len(text.encode("utf-8")) > bytes_max:
        raise too_large(root, bytes_max)
    if numbers_bytes > WRITTEN_OUT_FACTOR * bytes_max:
        raise TooLarge(_message(f"its numbers take {numbers_bytes} bytes where jsonb writes them out (5e-324 takes 326), "
                                f"more than {WRITTEN_OUT_FACTOR} times max_seal_bytes, "
                                f"{WRITTEN_OUT_FACTOR * bytes_max} bytes", root), root)


def too_large(root: str, bytes_max: int) -> TooLarge:
    return TooLarge(_message(f"the canonical text is larger than max_seal_bytes, {bytes_max} bytes", root), root)


def check_text(text: str, what: str, path: str) -> None:
    if "\0" in text:
        raise _refusal(f"{what} holds U+0000, which cannot be stored", path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _refusal(f"{what} holds a lone surrogate, which has no UTF-8 form", path) from None


def _message(what: str, path: str) -> str:
    return f"{path}: {what}" if path else what


def _refusal(what: str, path: str) -> InvalidArgument:
    return InvalidArgument(_message(what, path), path)


def _check(value: Any, path: str, depth: int) -> int:
    """Bytes taken by the numbers, written out."""
    if value is None or value is True or value is False:
        return 0
    if isinstance(value, str):
        check_text(value, "a string", path)
        return 0
    if isinstance(value, int):
        if not INTEGER_MIN <= value <= INTEGER_MAX:
            raise _refusal("an integer outside 64 bits; send it as a string", path)
        return len(int.__repr__(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _refusal("a number must be finite; NaN and infinities have no JSON form", path)
        return written_out_bytes(value)
    if not isinstance(value, (dict, list, tuple)):
        raise _refusal(f"{type(value).__name__} has no JSON form; send text, a number, a list or a dict", path)
    if depth > DEPTH_MAX:
        raise _refusal(f"nested deeper than {DEPTH_MAX} levels", path)
    numbers = 0
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise _refusal(f"a member's name must be a string, not {type(name).__name__} {name!r}", path)
            check_text(name, "a member's name", path)
            numbers += _check(item, paths.member(path, name), depth + 1)
    else:
        for index, item in enumerate(value):
            numbers += _check(item, paths.element(path, index), depth + 1)
    return numbers
