"""Proof files (C2SP tlog-proof): one file that proves that one entry is in a key's ledger."""
from __future__ import annotations

import base64
import dataclasses
from typing import Any, Dict, List, Optional

from vault999.errors import CheckFailed
from vault999.offline import entries, merkle, notes

MAGIC = "c2sp.org/tlog-proof@v1"
HASHES_MAX = 63


@dataclasses.dataclass(frozen=True)
class ProofFile:
    index: int
    proof: List[bytes]
    checkpoint: str
    extra: Optional[bytes] = None  # leaf_data

    def format(self) -> str:
        lines = [MAGIC]
        if self.extra:
            lines.append("extra " + base64.b64encode(self.extra).decode("ascii"))
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(one).decode("ascii") for one in self.proof]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> "ProofFile":
        if text.startswith(MAGIC + "\r\n"):
            raise CheckFailed("its line ends were changed on the way (CRLF); a proof file has LF only")
        head, gap, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if lines.pop(0) != MAGIC:
            raise CheckFailed(f'line 1: not "{MAGIC}"')
        if not gap:
            raise CheckFailed("no empty line ends the proof")
        extra: Optional[bytes] = None
        if lines and lines[0].startswith("extra "):
            extra = notes.from_base64(lines.pop(0)[len("extra "):])
            if not extra:
                raise CheckFailed("line 2: not the base64 of some extra data")
        index = notes.parse_decimal(lines.pop(0)[len("index "):], 2**64 - 1) if (
            lines and lines[0].startswith("index ")) else None
        if index is None:
            raise CheckFailed("not an index line")
        if len(lines) > HASHES_MAX:
            raise CheckFailed(f"more than {HASHES_MAX} hashes")
        proof = []
        for line in lines:
            one = notes.hash_from_base64(line)
            if one is None:
                raise CheckFailed(f"not the base64 of a hash: {line[:80]!r}")
            proof.append(one)
        notes.peek_checkpoint(checkpoint)
        return cls(index, proof, checkpoint, extra)


def check_proof_file(text: str, vkey: str, entry: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    """The envelope (authority, data_hash, … verdict) that the file proves to be in the ledger that `vkey` signs.

    With `entry`, also checks that this entry, payload included, is the proven one; {"entry": …}, as vaultctl prints it,
    will do. CheckFailed if anything does not hold.
    """
    file = ProofFile.parse(text)
    checkpoint = notes.check_checkpoint(file.checkpoint, vkey)
    if file.extra is None:
        raise CheckFailed("the proof file has no extra line that holds the leaf")
    merkle.check_inclusion(merkle.hash_leaf(file.extra), file.index, checkpoint.tree_size, file.proof, checkpoint.root)
    envelope = entries.parse_leaf_data(file.extra)
    if envelope["sequence"] != file.index + 1:
        raise CheckFailed("the leaf is about another entry than the index", "sequence")
    if entry is not None:
        _check_same(envelope, entry.get("entry", entry))
    return envelope


def _check_same(envelope: Dict[str, Any], entry: Dict[str, Any]) -> None:
    for name, value in envelope.items():
        if name not in ("v", "data_hash") and entry.get(name) != value:
            raise CheckFailed(f"{name} is not the one that is proven", name)
    if entry.get("data_salt") is None or entry.get("seal_data") is None:
        raise CheckFailed("the entry has no payload and salt to check", "seal_data")
    if entries.data_hash(entry["data_salt"], entry["seal_data"]) != envelope["data_hash"]:
        raise CheckFailed("the payload is not the one that is proven", "data_hash")
