"""A large ledger moves from its own database into a schema of another, by archive and restore, and continues there
under the same key: the same entries, the same roots, and what was signed before still holds.

20,000 entries; VAULT_MOVE_ENTRIES chooses another number (a million takes some minutes). Prints how long each step
took, how many bytes an entry takes in each place, and how many tiles a proof. Run by CTest with VAULT_BIN_DIR; by hand
the same way.
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.tlog_proofs import TileProver  # noqa: E402
from support.tlog_tiles import open_checkpoint  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, make_directory, program  # noqa: E402

ENTRIES = int(os.environ.get("VAULT_MOVE_ENTRIES", "20000"))
PATIENCE_S = 600 + ENTRIES // 500
HOST = VaultdProcess()  # its PostgreSQL holds both databases
TEXT = "as seen by the second reviewer; no objection " * 4

# One line that stands for all rows, and for all tiles.
ROWS = ("SELECT count(*), md5(string_agg(entry_hash || merkle_root || seal_id || seal_data::text, '' ORDER BY sequence)) "
        "FROM {}.vault_ledger WHERE sequence > {} AND sequence <= {}")
TILES = "SELECT count(*), md5(string_agg(encode(root, 'hex'), '' ORDER BY level, index)) FROM {}.vault_tile"
SIZE = ("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = '{}'::regnamespace")


def setUpModule():
    unittest.addModuleCleanup(HOST.remove)
    HOST.start()


class Step:
    """Prints how long it took."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.began = time.monotonic()

    def __exit__(self, *_):
        took = time.monotonic() - self.began
        print(f"{self.name}: {took:.1f} s, {ENTRIES / max(took, 0.001):,.0f} entries/s", flush=True)


def ctl(*arguments):
    answer = subprocess.run([program("vaultctl"), *map(str, arguments)], capture_output=True, text=True,
                            timeout=PATIENCE_S, env=clean_environment(), check=False)
    assert answer.returncode == 0, f"{arguments}: {answer.returncode} {answer.stdout}{answer.stderr}"
    return answer.stdout


def fill(vaultd, directory):
    """Through a file, because a million receipts should not be kept in memory."""
    with open(directory / "seals", "w", encoding="utf-8") as seals:
        for n in range(ENTRIES):
            seals.write(json.dumps({"session_id": f"session {n % 1000}", "authority": "reviewer", "verdict": "SEAL",
                                    "seal_data": {"n": n, "score": n / 7, "text": TEXT}}) + "\n")
    with open(directory / "receipts", "w", encoding="utf-8") as receipts:
        answer = subprocess.run([program("vaultctl"), "--endpoint", vaultd.requests, "--timeout", "120s", "seal", "--batch",
                                 directory / "seals"], stdout=receipts, stderr=subprocess.PIPE, text=True,
                                timeout=PATIENCE_S, env=clean_environment(), check=False)
    assert answer.returncode == 0, answer.stderr


class Move(unittest.TestCase):
    def rows(self, url, schema):
        """In pieces, since a string cannot hold a gigabyte."""
        piece = 500_000
        return [ledger.ask(url, ROWS.format(schema, first, first + piece)) for first in range(0, ENTRIES, piece)]

    def count_tiles(self, archive, vkey):
        """Proofs made of nothing but an archive's files."""
        size, root = open_checkpoint((archive / "checkpoint").read_text("utf-8"), vkey)
        levels = -(-(size - 1).bit_length() // 8)
        files, octets, more = [], [], []
        for index in random.Random(1).sample(range(size - 1), 300):
            prover = TileProver(archive, size)
            self.assertEqual(prover.root_by(index), root)
            files.append(len(prover.fetched))
            octets.append(sum(map(len, prover.fetched.values())))
            self.assertEqual(prover.root_by(index ^ 1), root)  # its neighbour
            more.append(len(prover.fetched) - files[-1])
        self.assertLessEqual(max(files), 2 * levels - 1)
        self.assertEqual(max(more), 0)
        print(f"tiles of a proof: {max(files)} files, {max(octets):,} bytes at most; of {levels} levels", flush=True)

    def test_into_a_schema_of_another_database(self):
        directory = make_directory("vault-move-")
        self.addCleanup(shutil.rmtree, directory)
        source = ledger.OtherVaultd(ledger.create_database(HOST, "alone"), "--migrate")
        self.addCleanup(source.remove)
        source.start()
        with Step("sealed"):
            fill(source, directory)
        ledger.wait_for_checkpoint(source)
        vkey = ledger.vkey_of(source)
        (directory / "before").write_text(source.ctl("checkpoint").stdout, encoding="utf-8")
        proof = directory / "proof"
        self.assertEqual(source.ctl("proof", str(ENTRIES // 2), "-o", str(proof)).returncode, 0)
        with Step("archived"):
            archive = json.loads(ctl("archive", "--out", directory / "a", "--database", source.url, "--json"))
        self.assertEqual(archive["tree_size"], ENTRIES)
        self.count_tiles(directory / "a", vkey)
        self.assertEqual(source.stop(), 0)

        target = ledger.create_database(HOST, "shared")
        with Step("restored"):
            restored = json.loads(ctl("restore", "--from", directory / "a", "--vkey", vkey, "--database", target, "--schema",
                                      "moved", "--json"))
        self.assertEqual((restored["restored"], restored["migrated"]), (ENTRIES, True))
        self.assertEqual(self.rows(target, "moved"), self.rows(source.url, "public"))
        self.assertEqual(ledger.ask(target, TILES.format("moved")), ledger.ask(source.url, TILES.format("public")))
        with Step("verified"):
            ctl("verify", "--database", target, "--schema", "moved", "--checkpoint", directory / "before", "--vkey", vkey)
        table = int(ledger.ask(target, SIZE.format("moved"))[0][0])
        files = sum(one.stat().st_size for one in (directory / "a").rglob("*") if one.is_file())
        print(f"bytes an entry: {table / ENTRIES:.0f} in the database, {files / ENTRIES:.0f} in the archive", flush=True)

        after = ledger.OtherVaultd(target, "--schema", "moved", "--signing-key", str(source.state / "signing.pem"))
        self.addCleanup(after.remove)
        after.start()
        sealed = after.ctl("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}")
        self.assertEqual(sealed.returncode, 0, sealed.stderr)
        self.assertEqual(ledger.head(after), ENTRIES + 1)
        self.assertEqual(ledger.vkey_of(after), vkey)
        self.assertEqual(after.ctl("verify", "--checkpoint", str(directory / "before"), "--vkey", vkey).returncode, 0)
        ctl("check-proof", proof, "--vkey", vkey)


if __name__ == "__main__":
    unittest.main(verbosity=2)
