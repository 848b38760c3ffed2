"""Signed notes, verifier keys and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature)."""
from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from typing import List, NamedTuple, Optional

from vault999.errors import CheckFailed
from vault999.offline import ed25519, merkle

ED25519, COSIGNATURE = 1, 4  # key types
SIGNATURES_MAX = 100
_KEY_NAME = re.compile(r"[!-*,-~]{1,255}")  # printable ASCII without spaces and '+'
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,19}")


def from_base64(text: str) -> Optional[bytes]:
    """Standard base64 with padding and unused bits zero; None for anything else."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode("ascii") == text else None


def hash_from_base64(text: str) -> Optional[bytes]:
    raw = from_base64(text)
    return raw if raw is not None and len(raw) == 32 else None


def parse_decimal(text: str, most: int) -> Optional[int]:
    if not _DECIMAL.fullmatch(text):
        return None
    value = int(text)
    return value if value <= most else None


class VerifierKey(NamedTuple):
    """A key whose signatures count. `type` is ED25519 for a log, COSIGNATURE for a witness."""

    name: str
    type: int
    public_key: bytes

    @property
    def key_id(self) -> int:
        typed = self.name.encode("ascii") + b"\n" + bytes([self.type]) + self.public_key
        return int.from_bytes(hashlib.sha256(typed).digest()[:4], "big")

    def __str__(self) -> str:
        typed = base64.b64encode(bytes([self.type]) + self.public_key).decode("ascii")
        return f"{self.name}+{self.key_id:08x}+{typed}"

    @classmethod
    def parse(cls, vkey: str) -> "VerifierKey":
        """Parses `<name>+<key ID>+<base64>`; surrounding white space (a file's last newline) does not matter."""
        parts = vkey.strip().split("+", 2)
        if len(parts) != 3:
            raise CheckFailed("a verifier key has the form <name>+<key ID>+<base64>")
        name, key_id, encoded = parts
        if not _KEY_NAME.fullmatch(name):
            raise CheckFailed("a key name is made of 1 to 255 printable ASCII characters without spaces and '+'")
        typed = from_base64(encoded)
        if typed is None or len(typed) != 33:
            raise CheckFailed("the verifier key's last part is not the base64 of a type byte and 32 bytes")
        if typed[0] not in (ED25519, COSIGNATURE):
            raise CheckFailed("the verifier key is neither Ed25519 (type 1) nor a cosignature key (type 4)")
        key = cls(name, typed[0], typed[1:])
        if key_id != f"{key.key_id:08x}":
            raise CheckFailed("the verifier key's ID does not fit its name and key")
        return key


class NoteSignature(NamedTuple):
    name: str
    key_id: int
    signature: bytes


class SignedNote(NamedTuple):
    text: str  # with its last newline
    signatures: List[NoteSignature]


class Checkpoint(NamedTuple):
    origin: str
    tree_size: int
    root: bytes


def parse_note(note: str) -> SignedNote:
    if "\r\n" in note:
        raise CheckFailed("its line ends were changed on the way (CRLF); a note has LF only")
    if any(ord(c) < 0x20 and c != "\n" for c in note):
        raise CheckFailed("control characters are not allowed in a note")
    gap = note.rfind("\n\n")  # the text may hold empty lines: the last one counts
    if gap < 0:
        raise CheckFailed("no empty line stands between text and signatures")
    lines = note[gap + 2:]
    if not lines.endswith("\n"):
        raise CheckFailed("no newline ends the note" if lines else "no signature follows")
    signatures = [_parse_signature(line) for line in lines[:-1].split("\n")]
    if len(signatures) > SIGNATURES_MAX:
        raise CheckFailed(f"more than {SIGNATURES_MAX} signatures")
    return SignedNote(note[:gap + 1], signatures)


def _parse_signature(line: str) -> NoteSignature:
    parts = line.split(" ", 2)
    raw = from_base64(parts[2]) if len(parts) == 3 else None
    # Names of other people's keys may hold whatever C2SP allows: anything without white space and '+'.
    if raw is None or parts[0] != "\u2014" or not parts[1] or len(raw) <= 4 or any(
            c == "+" or c.isspace() for c in parts[1]):
        raise CheckFailed(f"not a signature line: {line[:80]!r}")
    return NoteSignature(parts[1], int.from_bytes(raw[:4], "big"), raw[4:])


def verify_note(note: SignedNote, key: VerifierKey) -> Optional[int]:
    """Checks that every signature by this key is good, and that there is one. Returns when a witness cosigned (POSIX
    seconds)."""
    found, cosigned_at = False, None
    for line in note.signatures:
        if line.key_id != key.key_id or line.name != key.name:
            continue
        message, signature = note.text.encode("utf-8"), line.signature
        if key.type == COSIGNATURE:
            if len(signature) != 72:
                raise CheckFailed(f"the signature by {key.name} does not verify")
            seconds: int = struct.unpack(">Q", signature[:8])[0]
            message = f"cosignature/v1\ntime {seconds}\n".encode("ascii") + message
            signature = signature[8:]
            if seconds > 2**63 - 1:
                raise CheckFailed(f"the signature by {key.name} does not verify")
            cosigned_at = max(seconds, cosigned_at or 0)
        if len(signature) != 64 or not ed25519.verifies(key.public_key, signature, message):
            raise CheckFailed(f"the signature by {key.name} does not verify")
        found = True
    if not found:
        raise CheckFailed(f"no signature by {key.name} (key ID {key.key_id:08x})")
    return cosigned_at


def parse_checkpoint(text: str) -> Checkpoint:
    """The three lines of a checkpoint, without signatures."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise CheckFailed("a checkpoint has three lines")
    if not _KEY_NAME.fullmatch(lines[0]):
        raise CheckFailed("line 1: not an origin")
    size = parse_decimal(lines[1], 2**63 - 1)
    if size is None:
        raise CheckFailed("line 2: not a tree size")
    root = hash_from_base64(lines[2])
    if root is None:
        raise CheckFailed("line 3: not the base64 of a root")
    if size == 0 and root != merkle.EMPTY_ROOT:
        raise CheckFailed("line 3: not the root of the empty tree")
    return Checkpoint(lines[0], size, root)


def check_checkpoint(note: str, vkey: str) -> Checkpoint:
    """The checkpoint in a note that the log of `vkey` signed. Needs the package `cryptography`."""
    key = VerifierKey.parse(vkey)
    if key.type != ED25519:
        raise CheckFailed("a log's key is of type 1; a cosignature alone opens no checkpoint")
    parsed = parse_note(note)
    verify_note(parsed, key)
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin != key.name:
        raise CheckFailed(f"line 1: the origin is not the key's name, {key.name}")
    return checkpoint


def peek_checkpoint(note: str) -> Checkpoint:
    """The checkpoint in a note, whoever signed it: for text that is only shown, or about to be checked."""
    return parse_checkpoint(parse_note(note).text)
