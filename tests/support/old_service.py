"""The Python service that kept a ledger in PostgreSQL before this one: its table, and its hashing rules, implemented a
second time from their description (docs/legacy.md), with Python's own json module, as it used it.
"""
import csv
import datetime
import hashlib
import io
import json
import uuid

COLUMNS = ("sequence", "session_id", "seal_id", "timestamp", "authority", "verdict", "seal_data", "entry_hash",
           "prev_hash", "merkle_root")
VERDICTS = ("SEAL", "PARTIAL", "SABAR", "VOID", "888_HOLD", "SUNSET")
NO_HASH = "0" * 64


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def entry_hash(row):
    return sha256(compact({
        "session_id": row["session_id"], "seal_id": row["seal_id"], "timestamp": row["timestamp"],
        "authority": row["authority"], "verdict": row["verdict"], "seal_data": row["seal_data"],
        "prev_hash": row["prev_hash"]}))


class Roots:
    """The root of all hashes so far; levels are kept, so that a new one costs a few hashes."""

    def __init__(self):
        self.levels = [[]]

    def add(self, leaf):
        """A new leaf only changes the last node of each level."""
        self.levels[0].append(leaf)
        level = 0
        while len(self.levels[level]) > 1:
            nodes = self.levels[level]
            last = len(nodes) - 1 - (len(nodes) - 1) % 2
            above = sha256(nodes[last] + (nodes[last + 1] if last + 1 < len(nodes) else nodes[last]))
            level += 1
            if level == len(self.levels):
                self.levels.append([])
            del self.levels[level][last // 2:]
            self.levels[level].append(above)
        return self.levels[level][0]


def root_of(leaves):
    """The rule itself, slow."""
    if not leaves:
        return sha256("EMPTY_LEDGER")
    while len(leaves) > 1:
        if len(leaves) % 2:
            leaves = leaves + leaves[-1:]
        leaves = [sha256(a + b) for a, b in zip(leaves[::2], leaves[1::2])]
    return leaves[0]


def make_rows(payloads, tag="old", gap_every=0, verdicts=VERDICTS):
    """Rows in the service's form. seal_data is a value; `timestamp` is Python's isoformat()."""
    roots, previous, sequence = Roots(), NO_HASH, 0
    start = datetime.datetime(2025, 11, 3, 8, 0, 0, tzinfo=datetime.timezone.utc)
    for number, payload in enumerate(payloads):
        sequence += 2 if gap_every and number % gap_every == gap_every - 1 else 1
        when = start + datetime.timedelta(seconds=number, microseconds=0 if number % 3 == 0 else number * 10 % 1_000_000)
        row = {"sequence": sequence, "session_id": f"{tag}-{number // 4}",
               "seal_id": str(uuid.UUID(int=number + 1, version=4)), "timestamp": when.isoformat(),
               "authority": "council" if number % 2 else "prüfer", "verdict": verdicts[number % len(verdicts)],
               "seal_data": payload, "prev_hash": previous}
        row["entry_hash"] = previous = entry_hash(row)
        row["merkle_root"] = roots.add(previous)
        yield row


def plain_payloads(count):
    for number in range(count):
        yield {"query": f"may invoice {number} be paid? äöü 🔒", "score": number / 7, "floors": {"F2": 0.99, "F1": True},
               "list": [1, None, -5, 2**63 - 1], "": "a member without a name", "n": number}


def raw_bytes(row):
    """The bytes that legacy_sha256 is the hash of."""
    return compact({name: row[name] for name in COLUMNS}).encode()


TABLE = """
CREATE SCHEMA IF NOT EXISTS "{schema}";
CREATE TABLE "{schema}".vault_ledger (
    sequence BIGSERIAL PRIMARY KEY, session_id TEXT NOT NULL, seal_id {seal_id} NOT NULL UNIQUE,
    timestamp {timestamp} NOT NULL, authority TEXT NOT NULL, verdict TEXT NOT NULL, seal_data {seal_data} NOT NULL,
    entry_hash VARCHAR(64) NOT NULL, prev_hash VARCHAR(64) NOT NULL, merkle_root VARCHAR(64) NOT NULL);
CREATE TABLE "{schema}".vault_head (
    id INTEGER PRIMARY KEY, head_sequence BIGINT NOT NULL, {hash} TEXT NOT NULL, {root} TEXT NOT NULL);
"""
HEAD_COLUMNS = (("head_hash", "merkle_root"), ("head_entry_hash", "head_merkle_root"))


def table_sql(schema="public", seal_data="JSONB", head=HEAD_COLUMNS[0], timestamp="TIMESTAMPTZ", seal_id="UUID"):
    return TABLE.format(schema=schema, seal_data=seal_data, hash=head[0], root=head[1], timestamp=timestamp,
                        seal_id=seal_id)


def fill_sql(rows, schema="public", dump=json.dumps):
    """SQL that fills the table and its head, for psql's stdin."""
    out = io.StringIO()
    out.write(f'COPY "{schema}".vault_ledger ({", ".join(COLUMNS)}) FROM STDIN (FORMAT csv);\n')
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    last = None
    for row in rows:
        writer.writerow([dump(row[name]) if name == "seal_data" else row[name] for name in COLUMNS])
        last = row
    out.write("\\.\n")
    sequence, hash_, root = ((last["sequence"], last["entry_hash"], last["merkle_root"]) if last
                             else (0, NO_HASH, root_of([])))
    out.write(f"INSERT INTO \"{schema}\".vault_head VALUES (1, {sequence}, '{hash_}', '{root}');\n")
    return out.getvalue()
