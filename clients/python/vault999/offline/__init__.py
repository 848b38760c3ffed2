"""What can be checked without vaultd, without a network, and without trusting either.

Pure functions over bytes, texts and maps; CheckFailed where something does not hold. Only signatures need a package
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
from vault999.errors import CheckFailed
from vault999.offline.canonical import canonical_bytes, canonical_text
from vault999.offline.ed25519 import MissingCryptography
from vault999.offline.entries import (HashChecker, data_hash, entry_faults, entry_hash, leaf_data, leaf_hash,
                                      parse_leaf_data, verify_entries)
from vault999.offline.json_text import canonicalize, parse_json
from vault999.offline.merkle import (Frontier, check_consistency, check_inclusion, hash_leaf, hash_node,
                                     root_from_inclusion, root_of)
from vault999.offline.notes import (Checkpoint, SignedNote, VerifierKey, check_checkpoint, parse_checkpoint, parse_note,
                                    peek_checkpoint, verify_note)
from vault999.offline.payload import check_payload
from vault999.offline.proof_files import ProofFile, check_proof_file
from vault999.offline.receipts import check_proof, check_receipt

__all__ = [
    "CheckFailed", "Checkpoint", "Frontier", "HashChecker", "MissingCryptography", "ProofFile", "SignedNote",
    "VerifierKey", "canonical_bytes", "canonical_text", "canonicalize", "check_checkpoint", "check_consistency",
    "check_inclusion", "check_payload", "check_proof", "check_proof_file", "check_receipt", "data_hash", "entry_faults",
    "entry_hash", "hash_leaf", "hash_node", "leaf_data", "leaf_hash", "parse_checkpoint", "parse_json",
    "parse_leaf_data", "parse_note", "peek_checkpoint", "root_from_inclusion", "root_of", "verify_entries",
    "verify_note",
]
