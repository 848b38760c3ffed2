"""Reads an archive directory, written from the C2SP texts (tlog-tiles, tlog-checkpoint, signed-note) and
docs/ledger-format.md; no code of the programs under test, nothing but the standard library and the program openssl.

    archive = Archive(directory, vkey)      # raises Refused where anything does not fit
    archive.size, archive.root, archive.entries, archive.payloads
"""
import base64
import hashlib
import json
import pathlib
import re
import struct
import subprocess
import tempfile

WIDTH = 256


class Refused(Exception):
    pass


def leaf_hash(data):
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def merkle_tree_hash(hashes):
    """RFC 6962 section 2.1, over leaf hashes, as the text has it."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(merkle_tree_hash(hashes[:split]), merkle_tree_hash(hashes[split:]))


def path(level, index, width):
    """tile/<L>/<N>[.p/<W>]"""
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03d}")
    return f"tile/{level}/{'/'.join(groups)}" + (f".p/{width}" if width < WIDTH else "")


def verify_ed25519(public_key, message, signature):
    der = bytes.fromhex("302a300506032b6570032100") + public_key
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        for name, content in (("key", der), ("message", message), ("signature", signature)):
            (directory / name).write_bytes(content)
        answer = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey",
                                 directory / "key", "-rawin", "-in", directory / "message", "-sigfile",
                                 directory / "signature"], capture_output=True, check=False)
    return answer.returncode == 0


def open_checkpoint(note, vkey):
    """(size, root), its signature verified."""
    name, key_id, key = vkey.split("+", 2)
    key = base64.b64decode(key, validate=True)
    if key[0] != 1 or hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() != key_id:
        raise Refused("vkey")
    text, separator, signatures = note.partition("\n\n")
    origin, size, root, *more = text.split("\n")
    if not separator or more or origin != name:
        raise Refused("checkpoint: text")
    for line in signatures.split("\n"):
        dash, signer, signature = (line.split(" ") + ["", "", ""])[:3]
        raw = base64.b64decode(signature)
        if dash == "—" and signer == name and raw[:4].hex() == key_id:
            if verify_ed25519(key[1:], (text + "\n").encode(), raw[4:]):
                return int(size), base64.b64decode(root, validate=True)
    raise Refused("checkpoint: signature")


class Archive:
    def __init__(self, directory, vkey):
        self.directory = pathlib.Path(directory)
        self.size, self.root = open_checkpoint((self.directory / "checkpoint").read_text("utf-8"), vkey)
        self.payloads = (self.directory / "tile" / "data").exists()
        self.entries = []
        hashes = []
        for index, width in self.tiles(self.size):
            leaves = self.read_bundle(index, width)
            hashes += [leaf_hash(leaf) for leaf in leaves]
            self.read_entries(leaves, self.read_data(index, width) if self.payloads else None)
        if merkle_tree_hash(hashes) != self.root:
            raise Refused("the entries do not lead to the root")
        self.check_tiles(hashes)

    @staticmethod
    def tiles(count):
        """(index, width) of the tiles that hold `count` hashes."""
        return [(index, min(WIDTH, count - index * WIDTH)) for index in range((count + WIDTH - 1) // WIDTH)]

    def read(self, *name):
        return (self.directory / path(*name)).read_bytes()

    def read_bundle(self, index, width):
        data, leaves = self.read("entries", index, width), []
        for _ in range(width):
            (size,) = struct.unpack_from(">H", data)
            leaves.append(data[2:2 + size])
            data = data[2 + size:]
        if data:
            raise Refused(f"bundle {index}")
        return leaves

    def read_data(self, index, width):
        data, records = self.read("data", index, width), []
        for _ in range(width):
            (size,) = struct.unpack_from(">I", data)
            records.append(data[4:4 + size])
            data = data[4 + size:]
        if data:
            raise Refused(f"data {index}")
        return records

    def read_entries(self, leaves, records):
        for at, leaf in enumerate(leaves):
            entry = json.loads(leaf)
            last = self.entries[-1] if self.entries else {"entry_hash": "00" * 32, "timestamp": "", "sequence": 0}
            names = ["authority", "data_hash", "prev_hash", "seal_id", "sequence", "session_id", "timestamp", "v",
                     "verdict"]
            if list(entry) != names or entry["sequence"] != last["sequence"] + 1 or entry["v"] != 1:
                raise Refused(f"envelope {entry}")
            if entry["prev_hash"] != last["entry_hash"] or entry["timestamp"] < last["timestamp"]:
                raise Refused(f"chain at {entry['sequence']}")
            entry["entry_hash"] = leaf_hash(leaf).hex()
            if records is not None and records[at]:
                entry["data_salt"], entry["payload"] = records[at][:16].hex(), records[at][16:].decode()
                if hashlib.sha256(records[at]).hexdigest() != entry["data_hash"]:
                    raise Refused(f"payload of {entry['sequence']}")
            self.entries.append(entry)

    def check_tiles(self, hashes):
        """Every tile of every level, full and partial; each hash above level 0 is the root of a full tile below."""
        level = 0
        while hashes:
            for index, width in self.tiles(len(hashes)):
                if self.read(level, index, width) != b"".join(hashes[index * WIDTH:index * WIDTH + width]):
                    raise Refused(path(level, index, width))
            full = len(hashes) // WIDTH
            hashes = [merkle_tree_hash(hashes[i * WIDTH:(i + 1) * WIDTH]) for i in range(full)]
            level += 1

    def stray_files(self):
        """Files whose names tlog-tiles (and tile/data) do not know."""
        number = r"(x\d{3}/)*\d{3}(\.p/([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-5]))?"
        known = re.compile(rf"checkpoint|tile/([0-9]|[1-5]\d|6[0-3]|entries|data)/{number}")
        names = (one.relative_to(self.directory).as_posix() for one in self.directory.rglob("*") if not one.is_dir())
        return sorted(name for name in names if not known.fullmatch(name))
