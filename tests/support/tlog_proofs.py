"""Inclusion proofs from an archive's tiles alone, as made by somebody who has only the files; from RFC 6962 and the
C2SP text, without code of the programs under test.

    prover = TileProver(directory, size)
    prover.root_by(index)       # the root that the proof of this entry leads to
    prover.fetched              # the files that were read for it, by path: their bytes
"""
import pathlib

from support.tlog_tiles import WIDTH, merkle_tree_hash, node_hash, path

HEIGHT = 8  # levels of the tree in a tile


def largest_power_below(count):
    return 1 << ((count - 1).bit_length() - 1)


class TileProver:
    def __init__(self, directory, size):
        self.directory, self.size, self.fetched = pathlib.Path(directory), size, {}

    def hashes(self, level, index):
        width = min(WIDTH, (self.size >> (HEIGHT * level)) - WIDTH * index)
        name = path(level, index, width)
        if name not in self.fetched:
            self.fetched[name] = (self.directory / name).read_bytes()
        data = self.fetched[name]
        return [data[at:at + 32] for at in range(0, len(data), 32)]

    def range_hash(self, start, end):
        """Root of the leaves [start, end), a node of the tree."""
        count = end - start
        if count & (count - 1):
            middle = start + largest_power_below(count)
            return node_hash(self.range_hash(start, middle), self.range_hash(middle, end))
        level, height = divmod(count.bit_length() - 1, HEIGHT)
        first = start >> (HEIGHT * level)
        hashes = self.hashes(level, first // WIDTH)
        return merkle_tree_hash(hashes[first % WIDTH:][:1 << height])

    def root_by(self, index, start=0, end=None):
        end = self.size if end is None else end
        if end - start == 1:
            return self.range_hash(start, end)
        middle = start + largest_power_below(end - start)
        if index < middle:
            return node_hash(self.root_by(index, start, middle), self.range_hash(middle, end))
        return node_hash(self.range_hash(start, middle), self.root_by(index, middle, end))
