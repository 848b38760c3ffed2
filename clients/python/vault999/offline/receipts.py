"""Signed receipts: a receipt requested with sign=True proves itself."""
from __future__ import annotations

from typing import Any, List, Mapping, Sequence

from vault999.errors import CheckFailed
from vault999.offline import entries, merkle, notes

_NONE: Any = object()


def hashes_from_hex(texts: Any, field: str) -> List[bytes]:
    """The hashes of a list of hex texts."""
    if not isinstance(texts, Sequence) or isinstance(texts, str):
        raise CheckFailed(f"{field} is not a list of hashes", field)
    for text in texts:
        if not isinstance(text, str) or len(text) != 64 or text.strip("0123456789abcdef"):
            raise CheckFailed(f"{field} is not a hash", field)
    return [bytes.fromhex(text) for text in texts]


def check_receipt(receipt: Mapping[str, Any], vkey: str, seal_data: Any = _NONE) -> notes.Checkpoint:
    """Checks that this receipt (and this payload, if one is given) is in the ledger that `vkey` signs; returns the
    checkpoint that shows it. CheckFailed with the member that does not fit in `field`."""
    if receipt.get("proof") is None or not isinstance(receipt.get("checkpoint"), str):
        raise CheckFailed("the receipt is not signed: it has no proof and no checkpoint", "proof")
    if receipt.get("leaf_index") != entries.sequence_of(receipt) - 1:
        raise CheckFailed("leaf_index is not sequence - 1", "leaf_index")
    if seal_data is not _NONE and entries.data_hash(receipt.get("data_salt") or "", seal_data) != receipt.get("data_hash"):
        raise CheckFailed("the payload is not the one that data_hash commits to", "data_hash")
    leaf = entries.leaf_hash(receipt)
    if leaf.hex() != receipt.get("entry_hash"):
        raise CheckFailed("entry_hash is not the hash of the receipt's members", "entry_hash")
    checkpoint = notes.check_checkpoint(receipt["checkpoint"], vkey)
    if checkpoint.tree_size != receipt.get("tree_size"):
        raise CheckFailed("tree_size is not that of the checkpoint", "tree_size")
    merkle.check_inclusion(leaf, receipt["leaf_index"], checkpoint.tree_size, hashes_from_hex(receipt["proof"], "proof"),
                           checkpoint.root)
    return checkpoint


def check_proof(entry: Mapping[str, Any], proof: Mapping[str, Any], vkey: str) -> notes.Checkpoint:
    """The same for an entry, payload included, and the answer of `proof` about it, which must hold a checkpoint."""
    if "seal_data" in entry:  # a receipt does not have it
        faults = entries.entry_faults(entry)
        if faults:
            raise CheckFailed(entries.describe_faults(faults), faults[0])
    if not isinstance(proof.get("checkpoint"), str):
        raise CheckFailed("the proof has no checkpoint: none of that tree_size is kept", "checkpoint")
    return check_receipt({**entry, **{name: proof.get(name) for name in ("leaf_index", "tree_size", "proof",
                                                                         "checkpoint")}}, vkey)
