"""Random documents, whole and broken: vault999.offline and the C++ programs print the same canonical text, or refuse for the
same reason at the same member. 10,000 documents; VAULT_PROPERTY_DOCUMENTS=1000000 is the long form. VAULT_PROPERTY_SEED
repeats a run."""
import json
import math
import os
import random
import re
import struct
import subprocess
import time
import unittest

import setup_paths  # noqa: F401

from support.vaultd_process import clean_environment, program
from vault999 import offline
from vault999.errors import VaultError
from vault999.offline.canonical import canonical_text

DOCUMENTS = int(os.environ.get("VAULT_PROPERTY_DOCUMENTS", "10000"))
SEED = int(os.environ.get("VAULT_PROPERTY_SEED", str(time.time_ns())))

NUMBERS = ["0", "-0", "1", "-1", "1.0", "1e0", "0.1", "1e21", "1e20", "123456789012345678901", "18446744073709551615",
           "18446744073709551616", "-9223372036854775808", "-9223372036854775809", "1e400", "-1e400", "1e-400", "5e-324",
           "2.5e-324", "1e308", "1.7976931348623159e308", "9007199254740993", "9007199254740992.0", "1152921504606846976.0",
           "100000000000000000000", "1000000000000000000000", "1e+2", "1E2", "1.", ".5", "01", "+1", "1e", "--1", "NaN",
           "Infinity", "1" * 400, "0." + "0" * 320 + "1", "0x10", "-", "1.5.5", "1e5e5", "9223372036854775808"]
TEXTS = ["", "a", "é", "🔒", "\u2028", "\x7f", "ﬁ", "\ue000", "\U0010ffff", "\ufffe", "a b", "a.b", "k\U0001f600", "kﬁ", "\"", "\\", "/"]
ESCAPES = ["\\n", "\\u0001", "\\u00e9", "\\ud83d\\ude00", "\\/", "\\b", "\\u0041", "\\uD83D\\uDE00"]
BROKEN = ["\\ud800", "\\udc00", "\\ud800\\u0041", "\\u12", "\\x", "\\u0000", "\x01", "\\ud800x"]
SPACE = ["", "", "", " ", "\t", "  ", "\r"]


class Writer:
    """JSON text that is mostly right."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def space(self):
        return self.random.choice(SPACE)

    def number(self):
        kind = self.random.random()
        if kind < 0.4:
            return self.random.choice(NUMBERS[:28]) if self.random.random() < 0.9 else self.random.choice(NUMBERS)
        if kind < 0.6:
            return str(self.random.randint(-(2**63), 2**64 - 1))
        if kind < 0.7:
            return str(self.random.randint(-(10**21), 10**21))
        value = math.nan
        while not math.isfinite(value):
            value = struct.unpack("<d", self.random.randbytes(8))[0]
        return repr(value) if kind < 0.9 else f"{value:.{self.random.randint(0, 25)}e}"

    def string(self):
        parts = []
        for _ in range(self.random.randint(0, 4)):
            kind = self.random.random()
            if kind < 0.6:
                parts.append(self.random.choice(TEXTS[:15]))
            elif kind < 0.97:
                parts.append(self.random.choice(ESCAPES))
            elif kind < 0.99:
                parts.append(self.random.choice(BROKEN))
            else:
                parts.append(chr(self.random.choice([self.random.randint(0x20, 0xd7ff), self.random.randint(0xe000, 0x10ffff)])))
        text = "".join(parts)
        return '"' + (text if self.random.random() < 0.02 else text.replace('""', "")) + '"'

    def value(self, depth=0):
        kind = self.random.random()
        if depth > 5 or kind < 0.3:
            return self.number()
        if kind < 0.5:
            return self.string()
        if kind < 0.6:
            return self.random.choice(["true", "false", "null"])
        if kind < 0.61:
            return self.random.choice(["tru", "nul", "False", "undefined", "", "'a'", "[", "{", "}"])
        if kind < 0.615:
            levels = self.random.randint(55, 70)
            return "[" * levels + self.number() + "]" * levels
        count = self.random.choice([0, 1, 2, 3, 5]) if self.random.random() < 0.97 else self.random.randint(14, 24)
        separator = self.space() + "," + self.space()
        if kind < 0.75:
            return "[" + self.space() + separator.join(self.value(depth + 1) for _ in range(count)) + self.space() + "]"
        names = [self.random.choice([self.string, lambda: json.dumps(f"k{self.random.randint(0, 60)}")])() for _ in range(count)]
        return ("{" + self.space() + separator.join(f"{name}{self.space()}:{self.space()}{self.value(depth + 1)}"
                                                    for name in names) + self.space() + "}")

    def document(self):
        text = (self.space() + self.value() + self.space()).encode("utf-8")
        kind = self.random.random()
        if kind < 0.03 and len(text) > 2:  # a byte taken away
            at = self.random.randrange(len(text))
            text = text[:at] + text[at + 1:]
        elif kind < 0.05 and len(text) > 2:  # a byte that is not UTF-8, or any other
            at = self.random.randrange(len(text))
            text = text[:at] + bytes([self.random.choice([0xff, 0xc0, 0x80, 0xed, 0x00, 0x22, 0x7b])]) + text[at:]
        elif kind < 0.06:
            text += b" x"
        # One line each; a blank one is ignored.
        return text.replace(b"\n", b" ") if text.strip(b" \t\r\n") else b"{}"


def by_vaultctl(documents):
    """For each document its canonical text, or (code, message)."""
    ran = subprocess.run([program("vaultctl"), "canonicalize"], input=b"\n".join(documents) + b"\n", capture_output=True,
                         timeout=300, env=clean_environment())
    refused = {}
    for line in ran.stderr.decode("utf-8").split("\n"):
        match = re.match(r"vaultctl: (\w+): line (\d+): (.*)", line)
        if match:
            refused[int(match.group(2))] = (match.group(1), match.group(3))
    printed = iter(ran.stdout.decode("utf-8").split("\n")[:-1])
    answers = [refused[number] if number in refused else next(printed) for number in range(1, len(documents) + 1)]
    assert next(printed, None) is None, "a line too many"
    return answers


def by_python(document):
    try:
        return offline.canonicalize(document, object_only=False, root="")
    except VaultError as error:
        return error


class Canonical(unittest.TestCase):
    def test_the_same_text_or_the_same_refusal(self):
        writer = Writer(SEED)
        documents = [writer.document() for _ in range(DOCUMENTS)]
        refusals = 0
        for document, wanted in zip(documents, by_vaultctl(documents)):
            with self.subTest(seed=SEED, document=document):
                got = by_python(document)
                if isinstance(wanted, str):
                    self.assertEqual(wanted, got)
                    # Canonical text is a fixed point, and the value prints as the text did.
                    self.assertEqual(wanted, by_python(wanted.encode()))
                    self.assertEqual(wanted, canonical_text(offline.parse_json(wanted, object_only=False)))
                else:
                    refusals += 1
                    self.assertIsInstance(got, VaultError)
                    self.assertEqual(wanted[0], got.code)
                    # Line separators and the like are escaped for the terminal.
                    if got.field and got.field.isprintable():
                        self.assertTrue(wanted[1].endswith(f"[{got.field}]"), (wanted, got.field))
        self.assertGreater(refusals, DOCUMENTS // 50)
        self.assertLess(refusals, DOCUMENTS * 3 // 4)


if __name__ == "__main__":
    unittest.main()
