"""The Merkle tree of RFC 6962 section 2.1 / RFC 9162 section 2.1: hashes, roots and the two kinds of proof.

Hashes are 32 raw bytes. Checks return nothing; they raise CheckFailed.
"""
from __future__ import annotations

import hashlib
from typing import List, Sequence, Tuple

from vault999.errors import CheckFailed

EMPTY_ROOT = hashlib.sha256(b"").digest()
SIZE_MAX = 2**64 - 1


def hash_leaf(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that grows at its right edge: the roots of its full subtrees, largest first. O(log n) memory."""

    def __init__(self) -> None:
        self.size = 0
        self._roots: List[Tuple[int, bytes]] = []  # (leaves, root)

    def append(self, leaf_hash: bytes) -> None:
        leaves, root = 1, leaf_hash
        while self._roots and self._roots[-1][0] == leaves:
            left = self._roots.pop()[1]
            leaves, root = 2 * leaves, hash_node(left, root)
        self._roots.append((leaves, root))
        self.size += 1

    def root(self) -> bytes:
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1][1]
        for _, left in reversed(self._roots[:-1]):
            root = hash_node(left, root)
        return root


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    frontier = Frontier()
    for leaf_hash in leaf_hashes:
        frontier.append(leaf_hash)
    return frontier.root()


def _check_hashes(*hashes: bytes) -> None:
    if any(len(one) != 32 for one in hashes):
        raise CheckFailed("a hash has 32 bytes")


def sides(index: int, size: int) -> List[str]:
    """For each hash of the inclusion proof of leaf `index` in a tree of `size`: its side."""
    found, node, last = [], index, size - 1
    while last > 0:
        if node & 1 or node == last:
            while not node & 1 and node != 0:  # no sibling here: a subtree at the right edge moves up unchanged
                node, last = node >> 1, last >> 1
            if node == 0:
                break
            found.append("left")
        else:
            found.append("right")
        node, last = node >> 1, last >> 1
    return found


def root_from_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root to which an inclusion proof leads (RFC 9162 section 2.1.3.2). CheckFailed if its length is wrong."""
    if not 0 <= index < size <= SIZE_MAX:
        raise CheckFailed(f"index {index} is not in a tree of {size} leaves")
    _check_hashes(leaf_hash, *proof)
    way = sides(index, size)
    if len(proof) != len(way):
        raise CheckFailed(f"the inclusion proof is too {'long' if len(proof) > len(way) else 'short'}")
    node = leaf_hash
    for side, sibling in zip(way, proof):
        node = hash_node(sibling, node) if side == "left" else hash_node(node, sibling)
    return node


def check_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    if root_from_inclusion(leaf_hash, index, size, proof) != root:
        raise CheckFailed("the inclusion proof does not lead to the root")


def check_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> None:
    """Checks that the tree of `first` leaves is the beginning of that of `second` (RFC 9162 section 2.1.4.2)."""
    if not 0 <= first <= second <= SIZE_MAX:
        raise CheckFailed(f"a tree of {second} leaves does not continue one of {first}")
    _check_hashes(*proof)
    if first == second:
        if proof:
            raise CheckFailed("the consistency proof is too long")
        if first == 0 and first_root != EMPTY_ROOT:
            raise CheckFailed("the root is not that of the empty tree")
        if first_root != second_root:
            raise CheckFailed("two roots for one tree size")
        return
    if first == 0:
        raise CheckFailed("every tree continues the empty one: nothing to prove")
    rest = list(proof)
    if first & (first - 1):
        if not rest:
            raise CheckFailed("the consistency proof is too short")
        start = rest.pop(0)
    else:
        start = first_root  # a perfect first tree is itself the node to start from
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first_node = second_node = start
    for sibling in rest:
        if last == 0:
            raise CheckFailed("the consistency proof is too long")
        if node & 1 or node == last:
            while not node & 1 and node != 0:
                node, last = node >> 1, last >> 1
            first_node, second_node = hash_node(sibling, first_node), hash_node(sibling, second_node)
        else:
            second_node = hash_node(second_node, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise CheckFailed("the consistency proof is too short")
    if first_node != first_root:
        raise CheckFailed("the consistency proof does not lead to the first root")
    if second_node != second_root:
        raise CheckFailed("the consistency proof does not lead to the second root")
