"""The page of vault-web in a real Chromium: every view, hostile payloads, a tampered entry, a vaultd that goes away and comes
back, one in emergency mode, 100,000 entries, keyboard and screen reader (axe-core), from 360 pixels to a wall.

The browser's side is web_page/browser.mjs; this one starts the programs and does what that one asks for. Needs Debian's
chromium, Node 18 and npm, which fetches playwright-core and axe-core once into the build directory; skipped without. What it
saw is left as pictures in the build directory, web_page/pictures. VAULT_PAGE_TESTS=WORD runs those whose name fits the word, a
regular expression; VAULT_PAGE_PICTURE=docs/page.png makes README's picture anew; VAULT_PAGE_DIR=tools/web/page takes the page
from there.
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from emergency_mode_test import EmergencyProcess  # noqa: E402
from support import npm_packages  # noqa: E402
from support.vault_web import VaultWeb  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, end_with_parent, program  # noqa: E402

SOURCES = pathlib.Path(__file__).resolve().parent / "web_page"
SKIPPED = 77
NODE_MAJOR_MIN = 18
BROWSER_TIMEOUT_S = 540
BATCH = 1000
TOKEN = "a-token-of-the-test-that-is-long-enough-0123456789"
VERDICTS = ["SEAL"] * 72 + ["PARTIAL"] * 11 + ["SABAR"] * 6 + ["VOID"] * 5 + ["888_HOLD"] * 4 + ["SUNSET"] * 2
AUTHORITIES = ["deploy-bot", "risk-desk", "ana", "triage-agent", "payments/eu-west", "night-shift"]
SESSIONS = ["release-42", "incident-2211", "loan-review-8831", "rotation/q4", "sess-7f3a", "chat-99120"]
QUERIES = ["May the release go out before the freeze ends?", "Does the transfer exceed the desk's limit?",
           "Is the question within scope?", "Rotate the signing key of the archive"]
MARKUP = "<img src=x onerror=\"globalThis.pwned=1\"><script>globalThis.pwned=1</script>"
TURNED = "approved \u202edeined\u202c \u200bby \ufeffall"
# A payload, and what the page must show of it.
HOSTILE = [
    ({"markup": MARKUP, MARKUP: 1}, [MARKUP]),
    ({"turned": TURNED, "rtl": "שלום עולם", "zero\u200bwidth": "a\u0001b"}, ["\\u202e", "\\u202c", "\\u200b", "\\ufeff", "שלום עולם", "\\u0001"]),
    ({"long": "x" * 1_000_000}, ["show more of 1,000,000 characters"]),
    ({"lines": "\n" * 300_000 + "\"\\"}, ["show more of 300,002 characters"]),
    ({"many": list(range(100_000))}, ["show 100 more of 100,000"]),
    ({"big": 2 ** 64 - 1, "small": -2 ** 63, "double": 0.1, "__proto__": {"a": 1}, "constructor": None},
     ["18446744073709551615", "-9223372036854775808", "0.1", "__proto__", "constructor"]),
    ({"deep": {"a": {"b": {"c": {"d": {"e": {"f": ["the bottom"]}}}}}}}, ["deep"]),
    ({"word": "w" * 1500, "k" * 900: "unbroken"}, ["w" * 1500]),
]


def skip(why):
    print(f"skipped: {why}", file=sys.stderr)
    sys.exit(SKIPPED)


def find_node():
    node = shutil.which("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout if node else "v0"
    if int(version.lstrip("v").split(".")[0]) < NODE_MAJOR_MIN:
        skip(f"Node {NODE_MAJOR_MIN} or newer is not installed (tools/install-deps --tests does it)")
    return node


def find_chromium():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return found or skip("Chromium is not installed (tools/install-deps --tests does it on Debian)")


def fetch_packages():
    try:
        directory = npm_packages.fetch("web_page", SOURCES / "package.json")
    except npm_packages.Unavailable as why:
        skip(str(why))
    shutil.copy(SOURCES / "browser.mjs", directory)
    return directory


class Producer:
    """Seals through one connection, in batches."""

    def __init__(self, vaultd):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(vaultd.requests)
        self.random = random.Random(999)

    def close(self):
        self.socket.close()

    def record(self):
        draw = self.random
        return {"session_id": draw.choice(SESSIONS), "authority": draw.choice(AUTHORITIES), "verdict": draw.choice(VERDICTS),
                "seal_data": {"query": draw.choice(QUERIES), "score": round(draw.random(), 3), "trace": draw.getrandbits(63),
                              "floors": {"F1": True, "F2": draw.random() > 0.1}, "notes": ["reviewed"] if draw.random() > 0.5 else []}}

    def seal(self, seals):
        self.socket.send(msgpack.packb({"v": 1, "id": 1, "op": "seal_batch", "seals": seals}))
        if not self.socket.poll(120_000):
            raise RuntimeError("no receipt within two minutes")
        reply = msgpack.unpackb(self.socket.recv())
        if not reply["ok"]:
            raise RuntimeError(reply["error"]["message"])
        return reply["result"]["receipts"]

    def fill(self, count):
        receipts = []
        while count > 0:
            receipts = self.seal([self.record() for _ in range(min(BATCH, count))])
            count -= BATCH
        return receipts


class Page(unittest.TestCase):
    node = chromium = directory = None

    def setUp(self):
        self.vaultd = VaultdProcess("--max-seal-bytes", "2097152")
        self.addCleanup(self.vaultd.remove)
        self.vaultd.start()
        self.producer = Producer(self.vaultd)
        self.addCleanup(self.producer.close)
        self.web = self.serve("--trust-local-users")
        self.pictures = self.directory / "pictures"
        shutil.rmtree(self.pictures, ignore_errors=True)
        self.pictures.mkdir()

    def serve(self, *arguments, name="vault-web", vaultd=None):
        web = VaultWeb(vaultd or self.vaultd, *arguments, name=name)
        web.__enter__()
        self.addCleanup(web.__exit__)
        return web

    # Requests from the browser's side.

    def do_begin(self):
        only = os.environ.get("VAULT_PAGE_TESTS")
        if only:
            self.producer.fill(300)  # what those before it would have left
        return {"url": self.web.url, "only": only}

    def do_seal(self, session, data):
        receipt, = self.producer.seal([{"session_id": session, "authority": "ana", "verdict": "SEAL", "seal_data": data}])
        return {"sequence": receipt["sequence"]}

    def do_hostile(self):
        pieces = {}
        for data, shown in HOSTILE:
            receipt, = self.producer.seal([{"session_id": MARKUP, "authority": TURNED, "verdict": "SEAL", "seal_data": data}])
            pieces[receipt["sequence"]] = shown
        return {"first": min(pieces), "last": max(pieces), "pieces": pieces}

    def do_fill(self, count):
        receipt = self.producer.fill(count)[-1]
        return {"sequence": receipt["sequence"], "seal_id": receipt["seal_id"], "session": receipt["session_id"],
                "time": receipt["timestamp"]}

    def do_key(self):
        return {"vkey": json.loads(self.vaultd.ctl("--json", "checkpoint").stdout)["vkey"]}

    def do_check(self, files):
        vkey = self.do_key()["vkey"]
        problems = []
        for command in (["check-proof", files["3.tlog-proof"], "--vkey", vkey, "--entry", files["3.json"]],
                        ["check-receipt", files["3.receipt.json"], "--vkey", vkey]):
            ran = self.vaultd.ctl(*command)
            if ran.returncode != 0:
                problems.append(f"{command[0]}: {ran.stdout}{ran.stderr}")
        return {"problems": problems}

    def do_kill(self):
        self.vaultd.kill()
        return {}

    def do_start(self):
        self.vaultd.start()
        return {}

    def do_token(self):
        path = self.vaultd.directory / "token"
        path.write_text(TOKEN + "\n")
        path.chmod(0o600)
        web = self.serve("--token-file", str(path), "--host", "vault.test", name="vault-web-token")
        return {"url": web.url, "token": TOKEN}

    def do_emergency(self):
        vaultd = EmergencyProcess(self.vaultd.directory / "kept")
        self.addCleanup(vaultd.remove)
        vaultd.start()
        self.emergency = Producer(vaultd)
        self.addCleanup(self.emergency.close)
        receipts = [self.do_emergency_seal(session) for session in ("loan-review-8831", "4711", MARKUP)]
        return {"url": self.serve("--trust-local-users", vaultd=vaultd).url, "seal_id": receipts[0]["seal_id"]}

    def do_emergency_seal(self, session):
        receipt, = self.emergency.seal([{**self.emergency.record(), "session_id": session}])
        return {"seal_id": receipt["seal_id"]}

    def do_tamper(self, sequence):
        self.vaultd.sql(f"""
            ALTER TABLE vault_ledger DISABLE TRIGGER ALL;
            UPDATE vault_ledger SET seal_data = jsonb_set(seal_data, '{{score}}', '1') WHERE sequence = {sequence};
            ALTER TABLE vault_ledger ENABLE TRIGGER ALL;""")
        return {}

    def test_in_chromium(self):
        browser = subprocess.Popen([self.node, str(self.directory / "browser.mjs"), self.chromium, str(self.pictures)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, preexec_fn=end_with_parent,
                                   env={**clean_environment(), "HOME": str(self.vaultd.directory),
                                        "VAULT_PAGE_DIR": os.environ.get("VAULT_PAGE_DIR", "")})
        timer = threading.Timer(BROWSER_TIMEOUT_S, browser.kill)  # Chromium ends with the pipe to node
        timer.start()
        said = []
        try:
            for line in browser.stdout:
                if not line.startswith("{"):
                    print(line, end="", flush=True)
                    said.append(line)
                    continue
                asked = json.loads(line)
                answer = getattr(self, f"do_{asked.pop('do')}")(**asked)
                browser.stdin.write(json.dumps(answer) + "\n")
            code = browser.wait(30)
        finally:
            timer.cancel()
            browser.stdin.close()
            browser.stdout.close()
            browser.kill()
            browser.wait(30)
        self.assertEqual(0, code, "".join(said)[-8000:])
        self.assertIn("0 failed", said[-1])
        if picture := os.environ.get("VAULT_PAGE_PICTURE"):
            shutil.copy(self.pictures / "readme.png", picture)


if __name__ == "__main__":
    if not pathlib.Path(program("vault-web")).exists():
        skip("this build has no vault-web")
    Page.node, Page.chromium = find_node(), find_chromium()
    Page.directory = fetch_packages()
    unittest.main()
