"""JSON over HTTP: vaultd's answers, checked against the document that is served with them; sealing; streams that
resume."""
import concurrent.futures
import json
import pathlib
import re
import sys
import threading
import unittest
import urllib.parse
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.vault_web import VaultWeb  # noqa: E402
from support.vaultd_process import VaultdProcess  # noqa: E402
from support.web_client import Stream, ask  # noqa: E402

VAULTD = VaultdProcess()
WEB = None
NAMESPACE = uuid.UUID("0b8f6f5e-4d63-5d0e-9c39-6a1c5d2e7b41")


def setUpModule():
    global WEB
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()
    ledger.seal_many(VAULTD, 30)
    WEB = unittest.enterModuleContext(VaultWeb(VAULTD, "--trust-local-users", "--allow-seal"))


def get(path, headers=()):
    return ask(WEB.port, "GET", path, headers)


def post(body, headers=(), path="/api/v1/seals"):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(WEB.port, "POST", path, {"Content-Type": "application/json", **dict(headers)}, text)


def seal(**members):
    return {"session_id": "web", "authority": "tester", "verdict": "SEAL", "seal_data": {"n": 1}, **members}


class Document:
    """The served OpenAPI document, and as much of JSON Schema as it uses."""

    def __init__(self):
        self.whole = get("/api/v1/openapi.json").json()

    def problems(self, value, schema, where="$"):
        if "$ref" in schema:
            node = self.whole
            for name in schema["$ref"].split("/")[1:]:
                node = node[name]
            return self.problems(value, node, where)
        if "oneOf" in schema:
            kinds = [self.problems(value, one, where) for one in schema["oneOf"]]
            return [] if any(not kind for kind in kinds) else [f"{where} fits none: {kinds}"]
        found = []
        kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
                 "null": type(None)}
        kind = schema.get("type")
        if kind and (not isinstance(value, kinds[kind]) or (kind in ("integer", "number") and isinstance(value, bool))):
            return [f"{where} is no {kind}: {value!r}"]
        if "enum" in schema and value not in schema["enum"]:
            found.append(f"{where} is none of {schema['enum']}: {value!r}")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            found.append(f"{where} does not match: {value!r}")
        if "minimum" in schema and value < schema["minimum"]:
            found.append(f"{where} is below {schema['minimum']}: {value!r}")
        for name in schema.get("required", ()):
            if name not in value:
                found.append(f"{where}.{name} is missing")
        for name, member in value.items() if isinstance(value, dict) else ():
            rule = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if isinstance(rule, dict):
                found += self.problems(member, rule, f"{where}.{name}")
            elif "properties" in schema and rule is None:
                found.append(f"{where}.{name} is not described")
        for i, item in enumerate(value) if isinstance(value, list) else ():
            found += self.problems(item, schema.get("items", {}), f"{where}[{i}]")
        return found

    def check(self, path, answer, method="get"):
        described = self.whole["paths"][path][method]["responses"]
        if str(answer.status) not in described:
            return [f"{path}: status {answer.status} is not described"]
        content = described[str(answer.status)].get("content", {})
        kind = answer.headers["content-type"].split(";")[0]
        if kind not in content:
            return [f"{path}: {kind} is not described for {answer.status}"]
        if kind != "application/json":
            return []
        return self.problems(answer.json(), content[kind]["schema"])


class ReadsTest(unittest.TestCase):
    def test_answers_are_what_the_document_says(self):
        document = Document()
        self.assertTrue(document.whole["openapi"].startswith("3.1"))
        entry = get("/api/v1/entries/7").json()["entry"]
        session = urllib.parse.quote(entry["session_id"], safe="")
        asked = {
            "/healthz": ["/healthz"], "/readyz": ["/readyz", "/readyz?role=reader"], "/checkpoint": ["/checkpoint"],
            "/vkey": ["/vkey"], "/metrics": ["/metrics"], "/tile/{level}/{path}": ["/tile/0/000.p/1", "/tile/0/009"],
            "/api/v1/status": ["/api/v1/status"], "/api/v1/head": ["/api/v1/head", "/api/v1/head?at_least=1", "/api/v1/head?x=1"],
            "/api/v1/entries": ["/api/v1/entries", "/api/v1/entries?limit=3&order=asc&cursor=4", "/api/v1/entries?verdict=VOID",
                                "/api/v1/entries?from=2020-01-01T00:00:00.000000Z&to=2020-01-02T00:00:00.000000Z",
                                "/api/v1/entries?limit=none"],
            "/api/v1/entries/{sequence}": ["/api/v1/entries/7", "/api/v1/entries/999999", "/api/v1/entries/x"],
            "/api/v1/seals/{seal_id}": [f"/api/v1/seals/{entry['seal_id']}", f"/api/v1/seals/{uuid.uuid4()}"],
            "/api/v1/sessions/{session_id}": [f"/api/v1/sessions/{session}?limit=2", "/api/v1/sessions/none"],
            "/api/v1/proof/{sequence}": ["/api/v1/proof/3", "/api/v1/proof/3?size=5", "/api/v1/proof/999999"],
            "/api/v1/consistency": ["/api/v1/consistency?first=3", "/api/v1/consistency?first=0&second=0", "/api/v1/consistency"],
            "/api/v1/checkpoint": ["/api/v1/checkpoint"],
        }
        for path, targets in asked.items():
            for target in targets:
                with self.subTest(target):
                    self.assertEqual(document.check(path, get(target)), [])
        streams = {"/api/v1/verify", "/api/v1/events", "/api/v1/seals"}
        self.assertEqual(set(document.whole["paths"]), set(asked) | streams, "every path that is described is tried")
        self.assertEqual(document.check("/api/v1/seals", post(seal()), "post"), [])
        self.assertEqual(document.check("/api/v1/seals", post({"seals": [seal()]}, path="/api/v1/seals?sign=1"), "post"), [])
        self.assertEqual(document.check("/api/v1/seals", post({"x": 1}), "post"), [])

    def test_results_are_those_of_the_protocol(self):
        for path, command in (("/api/v1/head", ("head",)), ("/api/v1/checkpoint", ("checkpoint",)),
                              ("/api/v1/consistency?first=4&second=9", ("consistency", "4", "9")),
                              ("/api/v1/proof/4?size=9", ("proof", "4", "--size", "9"))):
            with self.subTest(path):
                self.assertEqual(get(path).json(), json.loads(VAULTD.ctl("--json", *command).stdout))

    def test_payloads_lose_nothing(self):
        entry = json.loads(VAULTD.ctl("--json", "read", "--sequence", "3").stdout)["entry"]
        text = get("/api/v1/entries/3").body.decode()
        self.assertIn(str(2**64 - 1), text)
        served = json.loads(text)["entry"]
        canonical = served.pop("seal_data_canonical")
        self.assertEqual(served, entry)
        self.assertEqual(json.loads(canonical), entry["seal_data"])
        self.assertIn(str(2**64 - 1), canonical)

    def test_pages_go_on(self):
        seen, cursor = [], ""
        while True:
            page = get(f"/api/v1/entries?order=asc&limit=7{cursor}").json()
            seen += [entry["sequence"] for entry in page["entries"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        self.assertEqual(seen[:30], list(range(1, 31)))

    def test_many_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda i: get(f"/api/v1/entries/{i % 30 + 1}"), range(600)))
        for i, answer in enumerate(answers):
            self.assertIn(answer.status, (200, 429))
            if answer.status == 200:
                self.assertEqual(answer.json()["entry"]["sequence"], i % 30 + 1)
        self.assertGreater(sum(answer.status == 200 for answer in answers), 300)


class SealsTest(unittest.TestCase):
    def test_one(self):
        answer = post(seal())
        self.assertEqual(answer.status, 201, answer.body)
        receipt = answer.json()
        self.assertFalse(receipt["duplicate"])
        self.assertEqual(get(f"/api/v1/seals/{receipt['seal_id']}").json()["entry"]["sequence"], receipt["sequence"])

    def test_a_key_makes_it_idempotent(self):
        for key, seal_id in ((str(uuid.uuid4()), None), (f"order {uuid.uuid4()}", "made")):
            first, second = post(seal(), {"Idempotency-Key": key}), post(seal(), {"Idempotency-Key": key})
            self.assertEqual((first.status, second.status), (201, 200))
            self.assertEqual(first.json()["seal_id"], str(uuid.uuid5(NAMESPACE, key)) if seal_id else key)
            self.assertEqual(second.json(), {**first.json(), "duplicate": True})
            other = post(seal(seal_data={"n": 2}), {"Idempotency-Key": key})
            self.assertEqual((other.status, other.code), (409, "seal_id_conflict"))

    def test_a_batch(self):
        answer = post({"seals": [seal(seal_data={"n": i}) for i in range(100)]})
        self.assertEqual(answer.status, 201)
        sequences = [receipt["sequence"] for receipt in answer.json()["receipts"]]
        self.assertEqual(sequences, list(range(sequences[0], sequences[0] + 100)))

    def test_signed(self):
        receipt = post(seal(), path="/api/v1/seals?sign=1").json()
        self.assertGreaterEqual(receipt["tree_size"], receipt["sequence"])
        self.assertIn("checkpoint", receipt)

    def test_the_ledgers_own_rules_for_json(self):
        def body(data):
            return ('{"session_id":"web","authority":"t","verdict":"SEAL","seal_data":' + data + "}").encode()
        exact = post(body('{"n":9007199254740993,"m":18446744073709551615}'))
        self.assertEqual(exact.status, 201)
        canonical = get(f"/api/v1/entries/{exact.json()['sequence']}").json()["entry"]["seal_data_canonical"]
        self.assertEqual(canonical, '{"m":18446744073709551615,"n":9007199254740993}')
        for data in ('{"a":1,"a":2}', "[1]", '"text"', '{"n":1e400}', '{"a":"\\ud800"}', "{", "{}x", '{"a":' + "[" * 70 + "]" * 70 + "}"):
            refused = post(body(data))
            self.assertEqual(refused.status, 400, data)
            self.assertTrue(refused.json()["code"].startswith("invalid"), data)

    def test_what_is_refused(self):
        for body, status in ((seal(seal_ID="x"), 400), ({}, 400), ([], 400), (b"", 400), (seal(verdict="YES"), 400),
                             (seal(authority="vaultd"), 403), ({"seals": []}, 400), (seal(seal_data={"x": "y" * 1_100_000}), 413)):
            self.assertEqual(post(body).status, status, str(body)[:60])
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            answer = ask(WEB.port, "POST", "/api/v1/seals", {"Content-Type": kind}, b"{}")
            self.assertEqual((answer.status, answer.code), (415, "unsupported_media_type"))
        answer = ask(WEB.port, "POST", "/api/v1/seals", {"Content-Type": "application/json", "Content-Length": str(1 << 30)})
        self.assertEqual((answer.status, answer.code), (413, "too_large"))
        crossed = post(seal(), {"Origin": "https://evil.example"})
        self.assertEqual(crossed.status, 403)


class VerifyTest(unittest.TestCase):
    def test_a_stream_that_ends_in_a_result(self):
        with Stream(WEB.port, "/api/v1/verify") as stream:
            self.assertEqual(stream.status, 200)
            event, _, result = stream.until("result", "error")
            self.assertEqual(event, "result")
            self.assertTrue(result["valid"], result)
            self.assertIsNone(stream.next())
        with Stream(WEB.port, "/api/v1/verify?from=5&to=9") as stream:
            self.assertEqual(stream.until("result")[2]["checked"], 5)
        with Stream(WEB.port, "/api/v1/verify?from=999999") as stream:
            self.assertEqual(stream.until("result", "error")[0], "error")


class EventsTest(unittest.TestCase):
    def follow(self, after, topics, until, timeout_s=60):
        """The sequences of a stream's entries after `after`, up to `until`."""
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        seen = []
        with Stream(WEB.port, f"/api/v1/events?topics={topics}", headers) as stream:
            stream.peer.settimeout(timeout_s)
            while not seen or seen[-1] < until:
                event, number, data = stream.next()
                if event == "entry":
                    self.assertEqual(number, data["sequence"])
                    seen.append(number)
        return seen

    def head(self):
        return get("/api/v1/head").json()["sequence"]

    def test_what_it_begins_with_and_what_comes(self):
        with Stream(WEB.port, "/api/v1/events?topics=heartbeat,checkpoint") as stream:
            self.assertEqual(stream.next()[0], "link")
            _, number, data = stream.until("heartbeat")
            self.assertIsNone(number)
            self.assertEqual((data["topic"], data["event"]), ("heartbeat", "heartbeat"))
            post(seal())
            self.assertGreater(stream.until("checkpoint")[2]["tree_size"], 0)

    def test_it_resumes_without_a_hole(self):
        first = self.head()
        ledger.seal_many(VAULTD, 1_300)  # more than a page
        self.assertEqual(self.follow(first, "entry", first + 1_300), list(range(first + 1, first + 1_301)))
        self.assertEqual(self.follow(first + 1_290, "entry", first + 1_300), list(range(first + 1_291, first + 1_301)))

    def test_no_hole_while_it_grows(self):
        first = self.head()
        stop = threading.Event()

        def grow():
            while not stop.is_set():
                post({"seals": [seal(seal_data={"n": i}) for i in range(50)]})

        thread = threading.Thread(target=grow)
        thread.start()
        try:
            seen = self.follow(first, "entry", first + 1_500)
            middle = seen[len(seen) // 2]
            self.assertEqual(seen, list(range(first + 1, seen[-1] + 1)))
            again = self.follow(middle, "entry", seen[-1])
            self.assertEqual(again[:5], list(range(middle + 1, middle + 6)))
        finally:
            stop.set()
            thread.join()

    def test_filled_entries_are_told_as_live_ones_are(self):
        with Stream(WEB.port, "/api/v1/events?topics=entry") as stream:
            told = threading.Event()

            def go_on():
                while not told.wait(0.2):  # until the subscription stands
                    post(seal())

            thread = threading.Thread(target=go_on)
            thread.start()
            try:
                live = stream.until("entry")[2]
            finally:
                told.set()
                thread.join()
            sequence = live["sequence"]
        with Stream(WEB.port, "/api/v1/events?topics=entry", {"Last-Event-ID": str(sequence - 1)}) as stream:
            self.assertEqual({**stream.until("entry")[2], "seq": live["seq"]}, live)

    def test_topics_choose(self):
        first = self.head()
        post({"seals": [seal(), seal(verdict="VOID"), seal(verdict="SEAL")]})
        with Stream(WEB.port, "/api/v1/events?topics=entry.VOID", {"Last-Event-ID": str(first)}) as stream:
            self.assertEqual(stream.until("entry")[1], first + 2)

    def test_a_wrong_last_event_id(self):
        for value in ("x", "-1", "1.5"):
            self.assertEqual(get("/api/v1/events", {"Last-Event-ID": value}).status, 400)

    def test_vaultd_goes_and_comes_back(self):
        with VaultdProcess() as vaultd, VaultWeb(vaultd, "--trust-local-users") as web, \
                Stream(web.port, "/api/v1/events?topics=entry") as stream:
            self.assertIn(stream.until("link")[2]["connected"], (True, False))
            vaultd.ctl("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}")
            ask(web.port, "GET", "/healthz")
            vaultd.kill()
            while stream.until("link")[2]["connected"]:
                pass
            vaultd.start()
            self.assertTrue(stream.until("link")[2]["connected"])


if __name__ == "__main__":
    unittest.main()
