"""A parser for JSON text by the ledger's rules: exact integers of 64 bits, no duplicate names, nothing that would
change.

Python's json module keeps the last of two equal names, accepts NaN, and reports the position of an error in the text,
not the member; so the ledger's tools have a parser of their own, and this is its counterpart.
"""
from __future__ import annotations

import math
import re
from typing import Any, Dict, List, NoReturn, Optional, Tuple, Union

from vault999.errors import InvalidArgument, VaultError
from vault999.offline import paths
from vault999.offline.canonical import INTEGER_MAX, INTEGER_MIN, canonical_text, number_text, written_out_bytes
from vault999.offline.payload import DEPTH_MAX, SEAL_BYTES_MAX, check_size, too_large

_SPACE = re.compile(rb"[ \n\r\t]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_HEX4 = re.compile(rb"[0-9a-fA-F]{4}")
_ESCAPES = {b'"': '"', b"\\": "\\", b"/": "/", b"b": "\b", b"f": "\f", b"n": "\n", b"r": "\r", b"t": "\t"}
_WORDS: Tuple[Tuple[bytes, Any, int], ...] = ((b"true", True, 4), (b"false", False, 5), (b"null", None, 4))
FEW_NAMES = 16
_LONE = "a string holds a lone surrogate, which has no UTF-8 form"


def parse_json(text: Union[str, bytes], *, stored: bool = False, object_only: bool = True,
               bytes_max: int = SEAL_BYTES_MAX, root: str = "seal_data") -> Any:
    """The value of one JSON document. InvalidArgument with the member's path in `field`, or TooLarge.

    `stored`: text out of PostgreSQL; there, integers beyond 64 bits are doubles, and U+0000 passes.
    """
    return _Parser(_as_bytes(text), stored, object_only, bytes_max, root).parse()


def canonicalize(text: Union[str, bytes], *, object_only: bool = True, bytes_max: int = SEAL_BYTES_MAX,
                 root: str = "seal_data") -> str:
    """The canonical text of a JSON document that a producer may seal; the refusals of parse_json() and check_payload().
    With object_only=False, root="" the same as `vaultctl canonicalize`."""
    parser = _Parser(_as_bytes(text), False, object_only, bytes_max, root)
    canonical = canonical_text(parser.parse())
    check_size(canonical, parser.numbers_bytes, root, bytes_max)
    return canonical


def _as_bytes(text: Union[str, bytes]) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


class _Parser:
    """Recursive descent over bytes, at most DEPTH_MAX deep. Keeps a lower bound of the canonical text's size, so that a
    document that is too large is refused at the same place as by vaultd."""

    def __init__(self, text: bytes, stored: bool, object_only: bool, bytes_max: int, root: str) -> None:
        self.text, self.stored, self.object_only, self.bytes_max, self.root = text, stored, object_only, bytes_max, root
        self.at = 0
        self.bytes_least = 0
        self.numbers_bytes = 0

    def parse(self) -> Any:
        self.skip_space()
        value = self.value(self.root, 0, 0)
        self.skip_space()
        if self.at < len(self.text):
            self.not_json("nothing may follow the value", self.root)
        return value

    def refuse(self, what: str, path: str) -> NoReturn:
        raise InvalidArgument(f"{path}: {what}" if path else what, path)

    def not_json(self, what: str, path: str) -> NoReturn:
        self.refuse(f"not JSON at byte {self.at}: {what}", path)

    def skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match is not None  # the pattern matches the empty string too
        self.at = match.end()

    def take_bytes(self, count: int) -> None:
        self.bytes_least += count
        if self.bytes_least > self.bytes_max:
            raise too_large(self.root, self.bytes_max)

    def take_value(self, kind: str, path: str, depth: int, count: int) -> None:
        if depth == 0 and self.object_only and kind != "{":
            self.refuse("must be an object", path)
        self.take_bytes(count)

    def value(self, path: str, depth: int, comma: int) -> Any:
        """`comma`: 1 if one precedes this element."""
        token = self.text[self.at:self.at + 1]
        if token == b"{":
            return self.object(path, depth, comma)
        if token == b"[":
            return self.array(path, depth, comma)
        if token == b'"':
            return self.text_value(path, depth, comma)
        for word, value, count in _WORDS:
            if self.text.startswith(word, self.at):
                self.at += len(word)
                self.take_value("w", path, depth, count + comma)
                return value
        if token == b"-" or token.isdigit():
            return self.number(path, depth, comma)
        self.not_json("a value was expected", path)

    def text_value(self, path: str, depth: int, comma: int) -> str:
        text, size = self.string(path)
        if size > self.bytes_max:
            raise too_large(self.root, self.bytes_max)
        self.check_text(text, "a string", path)
        self.take_value('"', path, depth, size + 2 + comma)
        assert text is not None
        return text

    def check_text(self, text: Optional[str], what: str, path: str) -> None:
        if text is None:
            self.refuse(f"{what} is not valid UTF-8", path)
        if not self.stored and "\0" in text:
            self.refuse(f"{what} holds U+0000, which cannot be stored", path)

    def open(self, kind: str, path: str, depth: int, comma: int) -> None:
        self.at += 1
        if depth >= DEPTH_MAX:
            self.refuse(f"nested deeper than {DEPTH_MAX} levels", path)
        self.take_value(kind, path, depth, 2 + comma)
        self.skip_space()

    def accept(self, token: bytes) -> bool:
        if self.text[self.at:self.at + 1] != token:
            return False
        self.at += 1
        return True

    def object(self, path: str, depth: int, comma: int) -> Dict[str, Any]:
        self.open("{", path, depth, comma)
        members: Dict[str, Any] = {}
        again: List[str] = []  # names that occurred before
        if self.accept(b"}"):
            return members
        while True:
            if self.text[self.at:self.at + 1] != b'"':
                self.not_json("a member's name in quotation marks was expected", path)
            name, size = self.string(path)
            self.take_bytes(size + 3 + (1 if members else 0))
            self.check_text(name, "a member's name", path)
            assert name is not None
            where = paths.member(path, name)
            self.skip_space()
            if not self.accept(b":"):
                self.not_json("':' was expected", where)
            self.skip_space()
            if name in members:
                again.append(name)
            members[name] = self.value(where, depth + 1, 0)
            self.skip_space()
            if self.accept(b"}"):
                break
            if not self.accept(b","):
                self.not_json("',' or '}' was expected", path)
            self.skip_space()
        if again:
            # Of several, vaultd names the first in a small object, and the smallest in a large one.
            few = len(members) + len(again) <= FEW_NAMES
            twice = again[0] if few else min(again, key=lambda one: one.encode("utf-8"))
            self.refuse("this name occurs twice in its object", paths.member(path, twice))
        return members

    def array(self, path: str, depth: int, comma: int) -> List[Any]:
        self.open("[", path, depth, comma)
        elements: List[Any] = []
        if self.accept(b"]"):
            return elements
        while True:
            elements.append(self.value(paths.element(path, len(elements)), depth + 1, 1 if elements else 0))
            self.skip_space()
            if self.accept(b"]"):
                return elements
            if not self.accept(b","):
                self.not_json("',' or ']' was expected", paths.element(path, len(elements)))
            self.skip_space()

    def string(self, path: str) -> Tuple[Optional[str], int]:
        """The characters (None if they are not UTF-8) and their bytes."""
        self.at += 1
        raw = b""
        while True:
            match = _PLAIN.match(self.text, self.at)
            assert match is not None
            raw += match.group()
            self.at = match.end()
            if self.accept(b'"'):
                break
            if self.at == len(self.text):
                self.not_json("the string does not end", path)
            if not self.accept(b"\\"):
                self.not_json("a control character in a string must be escaped", path)
            raw += self.escape(path).encode("utf-8")
        try:
            return raw.decode("utf-8"), len(raw)
        except UnicodeDecodeError:
            return None, len(raw)

    def escape(self, path: str) -> str:
        token = self.text[self.at:self.at + 1]
        if token != b"u":
            if token not in _ESCAPES:
                self.not_json("no such escape", path)
            self.at += 1
            return _ESCAPES[token]
        self.at += 1
        unit = self.hex4(path)
        if 0xDC00 <= unit <= 0xDFFF:
            self.refuse(_LONE, path)
        if 0xD800 <= unit <= 0xDBFF:
            if not self.text.startswith(b"\\u", self.at):
                self.refuse(_LONE, path)
            self.at += 2
            low = self.hex4(path)
            if not 0xDC00 <= low <= 0xDFFF:
                self.refuse(_LONE, path)
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
        return chr(unit)

    def hex4(self, path: str) -> int:
        match = _HEX4.match(self.text, self.at)
        if match is None:
            self.not_json("four hexadecimal digits were expected", path)
        self.at = match.end()
        return int(match.group(), 16)

    def number(self, path: str, depth: int, comma: int) -> Union[int, float]:
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            self.not_json("a digit was expected", path)
        follows = self.text[match.end():match.end() + 1]
        # A point or an exponent that the grammar did not accept has no digits.
        if (follows == b"." and not (match.group(1) or match.group(2))) or (follows in (b"e", b"E") and
                                                                            not match.group(2)):
            self.at = match.end()
            self.not_json("a digit was expected", path)
        self.at = match.end()
        literal = match.group().decode("ascii")
        is_integer = not (match.group(1) or match.group(2))
        value: Union[int, float]
        if is_integer and len(literal) <= 20 and INTEGER_MIN <= int(literal) <= INTEGER_MAX:
            value = int(literal)
            self.numbers_bytes += len(str(value))
            self.take_value("n", path, depth, (1 if value >= 0 else 2) + comma)
            return value
        value = float(literal)
        if math.isinf(value):
            self.refuse("a number is too large for a double", path)
        if is_integer and not self.stored and number_text(value) != literal:
            self.refuse("an integer outside 64 bits would change when read as a double; send it as a string", path)
        self.numbers_bytes += written_out_bytes(value)
        self.take_value("n", path, depth, 1 + comma)
        return value


def refusal_of(text: Union[str, bytes]) -> Optional[VaultError]:
    """Why `vaultctl canonicalize` would refuse a document; None if it would not."""
    try:
        canonicalize(text, object_only=False, root="")
    except VaultError as error:
        return error
    return None
