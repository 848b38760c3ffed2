"""Canonical text: RFC 8785, and integers of 64 bits digit by digit (docs/ledger-format.md, "Payload")."""
from __future__ import annotations

import json.encoder
import math
from typing import Any, Callable, Iterable, List, Tuple

# encode_basestring escapes as RFC 8785 requires: quotation mark, backslash, control characters, nothing else.
quote: Callable[[str], str] = json.encoder.encode_basestring  # type: ignore[attr-defined]

EXACT_BELOW = 2.0**53  # below this, a whole double's integer digits are its shortest text
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**64 - 1


def decimal_of(value: float) -> Tuple[str, str, int]:
    """(sign, digits, point): the shortest digits that read back as `value`, which is sign 0.digits times 10^point."""
    text = repr(value)
    sign = "-" if text[0] == "-" else ""
    mantissa, _, exponent = text[len(sign):].partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point = len(whole) + int(exponent or "0") - (len(digits) - len(stripped))
    return sign, stripped.rstrip("0"), point


def number_text(value: float) -> str:
    """A double in the form of ECMAScript's Number::toString. ValueError for NaN and infinities."""
    if not math.isfinite(value):
        raise ValueError("a number must be finite; NaN and infinities have no JSON form")
    if -EXACT_BELOW < value < EXACT_BELOW and value == int(value):
        return str(int(value))  # also -0.0
    sign, digits, point = decimal_of(value)
    if point > 21 or point <= -6:
        rest = "." + digits[1:] if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point < len(digits):
        return f"{sign}{digits[:point]}.{digits[point:]}"
    return sign + digits + "0" * (point - len(digits))


def written_out_bytes(value: float) -> int:
    """The length of a double as PostgreSQL's jsonb writes it out, without an exponent."""
    if -EXACT_BELOW < value < EXACT_BELOW and value == int(value):
        return len(str(int(value)))
    sign, digits, point = decimal_of(value)
    if point <= 0:
        return len(sign) + 2 - point + len(digits)
    return len(sign) + (len(digits) + 1 if point < len(digits) else point)


def sorted_names(names: Iterable[str]) -> List[str]:
    """Member order: by UTF-16 code units, which equals that by code points unless some are beyond U+FFFF."""
    ordered = sorted(names)
    if all(map(str.isascii, ordered)):
        return ordered
    return sorted(ordered, key=lambda name: name.encode("utf-16-be", "surrogatepass"))


def canonical_text(value: Any) -> str:
    """The canonical text of None, bool, int, float, str, list, tuple and dict, of any depth that Python can recurse.

    Only prints: whether a producer may seal the value is decided by check_payload(). TypeError for other types,
    ValueError for numbers without a JSON form.
    """
    out: List[str] = []
    _print(value, out.append)
    return "".join(out)


def canonical_bytes(value: Any) -> bytes:
    return canonical_text(value).encode("utf-8")


def _print(value: Any, put: Callable[[str], None]) -> None:
    if isinstance(value, str):
        put(quote(value))
    elif value is True:
        put("true")
    elif value is False:
        put("false")
    elif value is None:
        put("null")
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, float):
        put(number_text(value))
    elif isinstance(value, dict):
        comma = "{"
        for name in sorted_names(value):
            put(f"{comma}{quote(name)}:")
            _print(value[name], put)
            comma = ","
        put("}" if comma == "," else "{}")
    elif isinstance(value, (list, tuple)):
        comma = "["
        for element in value:
            put(comma)
            _print(element, put)
            comma = ","
        put("]" if comma == "," else "[]")
    else:
        raise TypeError(f"{type(value).__name__} has no JSON form")
