"""A ledger read independently: directly from PostgreSQL, by docs/ledger-format.md, without code of the programs under
test.

    reading = LedgerReading(sql)        # sql(text) -> rows as lists of text
    reading.read_on()                   # what is new; raises Wrong if anything does not fit
    reading.read_all()                  # from the first entry on, with head and tiles
    reading.check_receipt(receipt, seal), reading.check_note(note, vkey)

Knows the payloads that tests seal: strings, integers, booleans, null, lists, objects. Needs the standard library, and
libcrypto for Ed25519.
"""
import base64
import ctypes
import ctypes.util
import hashlib
import json

WIDTH = 256
ZEROS = "0" * 64
ENVELOPE = ("authority", "data_hash", "prev_hash", "seal_id", "sequence", "session_id", "timestamp", "v", "verdict")

ROWS_SQL = """SELECT json_build_array(sequence, session_id, seal_id, to_char(timestamp AT TIME ZONE 'UTC',
    'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), authority, verdict, seal_data, encode(data_salt, 'hex'), entry_hash, prev_hash,
    merkle_root) FROM vault_ledger WHERE sequence > {after} AND sequence <= {upto} ORDER BY sequence"""
# An entry that was read before must not change or disappear: a digest over all of them, made by the server.
OLD_SQL = """SELECT count(*), coalesce(encode(sha256(convert_to(string_agg(entry_hash, '' ORDER BY sequence), 'UTF8')),
    'hex'), '') FROM vault_ledger WHERE sequence <= {upto}"""


class Wrong(Exception):
    """The ledger, or what was said about it, is not as it must be."""


def canonical(value):
    """RFC 8785 for what tests seal; keys are ASCII, so code points and UTF-16 sort alike."""
    def refuse(part):
        if isinstance(part, float):
            raise Wrong(f"a payload with {part!r} is beyond this reader")
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            refuse(inner)
    refuse(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(data):
    return hashlib.sha256(data).digest()


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def root_of(hashes):
    """RFC 6962 section 2.1 for any number of hashes."""
    level = list(hashes)
    if not level:
        return sha256(b"")
    while len(level) > 1:
        above = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = above + level[len(level) - len(level) % 2:]
    return level[0]


def leaf_data(fields):
    return json.dumps({name: fields[name] for name in ENVELOPE}, sort_keys=True, separators=(",", ":"),
                      ensure_ascii=False).encode()


def data_hash(salt_hex, payload):
    return sha256(bytes.fromhex(salt_hex) + canonical(payload).encode()).hex()


def ed25519_verifies(public_key, message, signature):
    crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
    crypto.EVP_PKEY_new_raw_public_key.restype = ctypes.c_void_p
    crypto.EVP_MD_CTX_new.restype = ctypes.c_void_p
    key = ctypes.c_void_p(crypto.EVP_PKEY_new_raw_public_key(1087, None, public_key, ctypes.c_size_t(len(public_key))))
    context = ctypes.c_void_p(crypto.EVP_MD_CTX_new())
    try:
        return (crypto.EVP_DigestVerifyInit(context, None, None, None, key) == 1
                and crypto.EVP_DigestVerify(context, signature, ctypes.c_size_t(len(signature)), message,
                                            ctypes.c_size_t(len(message))) == 1)
    finally:
        crypto.EVP_MD_CTX_free(context)
        crypto.EVP_PKEY_free(key)


def open_note(note, vkey):
    """(tree size, root as hex) of a checkpoint whose signature by `vkey` holds."""
    name, key_id, key = vkey.split("+", 2)
    public = base64.b64decode(key, validate=True)
    if public[0] != 1 or sha256(name.encode() + b"\n" + public)[:4].hex() != key_id:
        raise Wrong(f"vkey {vkey}")
    text, _, signatures = note.partition("\n\n")
    origin, size, root = text.split("\n")
    first = signatures.split("\n")[0].split(" ")
    raw = base64.b64decode(first[2], validate=True)
    if (origin, first[0], first[1], raw[:4].hex()) != (name, "\u2014", name, key_id):
        raise Wrong(f"a checkpoint of somebody else: {note}")
    if not ed25519_verifies(public[1:], (text + "\n").encode(), raw[4:]):
        raise Wrong(f"the signature does not hold: {note}")
    return int(size), base64.b64decode(root, validate=True).hex()


class Tree:
    """Grows by leaves; knows the root of each size."""

    def __init__(self):
        self.leaves = []
        self.roots = [sha256(b"").hex()]
        self.edge = []  # (height, hash) of the full subtrees, largest first

    def add(self, leaf):
        self.leaves.append(leaf)
        height, whole = 0, leaf
        while self.edge and self.edge[-1][0] == height:
            whole = node_hash(self.edge.pop()[1], whole)
            height += 1
        self.edge.append((height, whole))
        root = self.edge[-1][1]
        for _, left in reversed(self.edge[:-1]):
            root = node_hash(left, root)
        self.roots.append(root.hex())

    def __len__(self):
        return len(self.leaves)


class LedgerReading:
    def __init__(self, sql):
        self.sql = sql
        self.forget()

    def forget(self):
        self.tree = Tree()
        self.sequence_of = {}  # by seal_id
        self.last_hash, self.last_time = ZEROS, ""

    @property
    def size(self):
        return len(self.tree)

    def head(self):
        (sequence, entry_hash, root), = self.sql("SELECT head_sequence, head_hash, merkle_root FROM vault_head")
        return int(sequence), entry_hash, root

    def read_on(self):
        """Reads the new entries, up to the current head; returns how many."""
        upto, entry_hash, root = self.head()
        before = self.size
        if upto < before:
            raise Wrong(f"the head went back from {before} to {upto}")
        if before:
            count, digest = self.sql(OLD_SQL.format(upto=before))[0]
            mine = sha256("".join(leaf.hex() for leaf in self.tree.leaves).encode()).hex()
            if (int(count), digest) != (before, mine):
                raise Wrong(f"of the first {before} entries some have changed ({count} are there)")
        for (line,) in self.sql(ROWS_SQL.format(after=before, upto=upto)) if upto > before else ():
            self.add(json.loads(line))
        if (self.size, self.last_hash, self.tree.roots[-1]) != (upto, entry_hash, root):
            raise Wrong(f"vault_head says {upto} {entry_hash} {root}, the rows lead to {self.size} {self.last_hash} "
                        f"{self.tree.roots[-1]}")
        return self.size - before

    def read_all(self):
        self.forget()
        self.read_on()
        beyond = self.sql(f"SELECT count(*) FROM vault_ledger WHERE sequence < 1 OR sequence > {self.size}")
        if beyond != [["0"]] and self.head()[0] == self.size:
            raise Wrong("rows beyond the head")
        self.check_tiles()

    def add(self, row):
        sequence, session, seal_id, timestamp, authority, verdict, payload, salt, entry_hash, prev_hash, root = row
        if sequence != self.size + 1:
            raise Wrong(f"entry {self.size + 1} is missing, {sequence} follows")
        if seal_id in self.sequence_of:
            raise Wrong(f"seal_id {seal_id} twice: {self.sequence_of[seal_id]} and {sequence}")
        if prev_hash != self.last_hash or timestamp < self.last_time:
            raise Wrong(f"entry {sequence} does not follow the one before")
        leaf = leaf_data({"authority": authority, "data_hash": data_hash(salt, payload), "prev_hash": prev_hash,
                          "seal_id": seal_id, "sequence": sequence, "session_id": session, "timestamp": timestamp,
                          "v": 1, "verdict": verdict})
        if sha256(b"\x00" + leaf).hex() != entry_hash:
            raise Wrong(f"entry {sequence}: entry_hash")
        self.tree.add(bytes.fromhex(entry_hash))
        if self.tree.roots[-1] != root:
            raise Wrong(f"entry {sequence}: merkle_root")
        self.sequence_of[seal_id] = sequence
        self.last_hash, self.last_time = entry_hash, timestamp

    def check_tiles(self):
        stored = {(int(level), int(index)): (hashes, root) for level, index, hashes, root in self.sql(
            "SELECT level, index, encode(hashes, 'hex'), encode(root, 'hex') FROM vault_tile")}
        level, hashes = 0, self.tree.leaves
        while len(hashes) >= WIDTH:
            above = []
            for index in range(len(hashes) // WIDTH):
                tile = hashes[index * WIDTH:(index + 1) * WIDTH]
                above.append(root_of(tile))
                if stored.pop((level, index), None) != (b"".join(tile).hex(), above[-1].hex()):
                    raise Wrong(f"tile {level}/{index}")
            level, hashes = level + 1, above
        if stored:
            raise Wrong(f"tiles that nothing leads to: {sorted(stored)}")

    # --- Statements about the ledger ---------------------------------------------------------------------------------

    def entry_hash(self, sequence):
        return self.tree.leaves[sequence - 1].hex() if 1 <= sequence <= self.size else None

    def check_receipt(self, receipt, seal=None):
        """A receipt must name an existing entry with that hash; with `seal`, the entry must be the requested one."""
        sequence = receipt["sequence"]
        if self.entry_hash(sequence) != receipt["entry_hash"]:
            raise Wrong(f"a receipt for entry {sequence} of seal {receipt['seal_id']}, which is not there: the ledger "
                        f"has {self.size} entries and {self.entry_hash(sequence)} there, not {receipt['entry_hash']}")
        if self.sequence_of.get(receipt["seal_id"]) != sequence or self.tree.roots[sequence] != receipt["merkle_root"]:
            raise Wrong(f"receipt {receipt} does not agree with the ledger")
        if sha256(b"\x00" + leaf_data({**receipt, "v": 1})).hex() != receipt["entry_hash"]:
            raise Wrong(f"receipt {receipt} does not lead to its own hash")
        if seal is not None:
            told = {name: receipt[name] for name in ("session_id", "authority", "verdict", "seal_id")}
            asked = {name: seal[name] for name in told}
            if told != asked or data_hash(receipt["data_salt"], seal["seal_data"]) != receipt["data_hash"]:
                raise Wrong(f"receipt {receipt} is not for the seal {seal}")

    def check_note(self, note, vkey):
        """A signed checkpoint must be one of this tree; returns its size."""
        size, root = open_note(note, vkey)
        if size > self.size or self.tree.roots[size] != root:
            raise Wrong(f"a checkpoint of size {size} with root {root} that the ledger of {self.size} entries does not "
                        f"continue: {note}")
        return size

    def check_proof(self, receipt):
        """The proof in a signed receipt must lead to its checkpoint (RFC 9162 section 2.1.3.2)."""
        index, last = receipt["leaf_index"], receipt["tree_size"] - 1
        found = bytes.fromhex(receipt["entry_hash"])
        for step in receipt["proof"]:
            if index & 1 or index == last:
                found = node_hash(bytes.fromhex(step), found)
                while not index & 1 and index:
                    index, last = index >> 1, last >> 1
            else:
                found = node_hash(found, bytes.fromhex(step))
            index, last = index >> 1, last >> 1
        if last or found.hex() != self.tree.roots[receipt["tree_size"]]:
            raise Wrong(f"the proof of entry {receipt['sequence']} in {receipt['tree_size']} entries does not hold")
