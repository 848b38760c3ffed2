"""The checks that need no vaultd and no network, and trust neither.

Pure functions over bytes, texts and maps; CheckFailed if something does not hold. Only signatures need a package
beyond the standard library: `cryptography`. The format is docs/ledger-format.md.

    check_receipt(receipt, vkey, seal_data)   this receipt, and this payload, are in the ledger that vkey signs
    check_proof_file(text, vkey, entry)       the same of a .tlog-proof file
    check_proof(entry, proof, vkey)           the same of an entry and the answer to `proof`
    check_checkpoint(note, vkey)              a checkpoint, signed
    check_consistency(...)                    one tree is the beginning of another
    verify_entries(entries)                   a whole ledger, as `vaultctl export` prints it
    entry_faults(entry)                       do the hashes of one entry fit?
    canonicalize(json), check_payload(value)  what is hashed of a payload, or why it cannot be sealed
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, List

# The module of each name: imported when it is first used.
_HOMES = {
    "CheckFailed": "errors", "Checkpoint": "notes", "Frontier": "merkle", "HashChecker": "entries",
    "MissingCryptography": "ed25519", "ProofFile": "proof_files", "SignedNote": "notes", "VerifierKey": "notes",
    "canonical_bytes": "canonical", "canonical_text": "canonical", "canonicalize": "json_text",
    "check_checkpoint": "notes", "check_consistency": "merkle", "check_inclusion": "merkle",
    "check_payload": "payload", "check_proof": "receipts", "check_proof_file": "proof_files",
    "check_receipt": "receipts", "data_hash": "entries", "entry_faults": "entries", "entry_hash": "entries",
    "hash_leaf": "merkle", "hash_node": "merkle", "leaf_data": "entries", "leaf_hash": "entries",
    "parse_checkpoint": "notes", "parse_json": "json_text", "parse_leaf_data": "entries", "parse_note": "notes",
    "peek_checkpoint": "notes", "root_from_inclusion": "merkle", "root_of": "merkle", "verify_entries": "entries",
    "verify_note": "notes",
}
__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from vault999.errors import CheckFailed as CheckFailed
    from vault999.offline.canonical import canonical_bytes as canonical_bytes
    from vault999.offline.canonical import canonical_text as canonical_text
    from vault999.offline.ed25519 import MissingCryptography as MissingCryptography
    from vault999.offline.entries import HashChecker as HashChecker
    from vault999.offline.entries import data_hash as data_hash
    from vault999.offline.entries import entry_faults as entry_faults
    from vault999.offline.entries import entry_hash as entry_hash
    from vault999.offline.entries import leaf_data as leaf_data
    from vault999.offline.entries import leaf_hash as leaf_hash
    from vault999.offline.entries import parse_leaf_data as parse_leaf_data
    from vault999.offline.entries import verify_entries as verify_entries
    from vault999.offline.json_text import canonicalize as canonicalize
    from vault999.offline.json_text import parse_json as parse_json
    from vault999.offline.merkle import Frontier as Frontier
    from vault999.offline.merkle import check_consistency as check_consistency
    from vault999.offline.merkle import check_inclusion as check_inclusion
    from vault999.offline.merkle import hash_leaf as hash_leaf
    from vault999.offline.merkle import hash_node as hash_node
    from vault999.offline.merkle import root_from_inclusion as root_from_inclusion
    from vault999.offline.merkle import root_of as root_of
    from vault999.offline.notes import Checkpoint as Checkpoint
    from vault999.offline.notes import SignedNote as SignedNote
    from vault999.offline.notes import VerifierKey as VerifierKey
    from vault999.offline.notes import check_checkpoint as check_checkpoint
    from vault999.offline.notes import parse_checkpoint as parse_checkpoint
    from vault999.offline.notes import parse_note as parse_note
    from vault999.offline.notes import peek_checkpoint as peek_checkpoint
    from vault999.offline.notes import verify_note as verify_note
    from vault999.offline.payload import check_payload as check_payload
    from vault999.offline.proof_files import ProofFile as ProofFile
    from vault999.offline.proof_files import check_proof_file as check_proof_file
    from vault999.offline.receipts import check_proof as check_proof
    from vault999.offline.receipts import check_receipt as check_receipt


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module("vault999.errors" if home == "errors" else f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(set(globals()) | set(_HOMES))
