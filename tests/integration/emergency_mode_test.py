"""vaultd without a database (VAULT_BACKEND=legacy): what it keeps survives, and is imported later. A producer here is
pyzmq and msgpack, as everywhere. Run by CTest with VAULT_BIN_DIR."""
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
import uuid

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess, clean_environment, end_with_parent, make_directory, program  # noqa: E402

RECEIPT_MEMBERS = {"backend", "seal_id", "session_id", "verdict", "authority", "timestamp", "duplicate"}
FILE_MEMBERS = ["backend", "seal_id", "session_id", "authority", "verdict", "timestamp", "seal_data"]
# Numbers and names that could change a payload in transit.
ODD = {"big": 2**64 - 1, "small": -(2**63), "e": 1e30, "tenth": 0.1, "é": "🔒\u2028\x01", "deep": [[{}]]}


class EmergencyProcess(VaultdProcess):
    """A vaultd in emergency mode on `vault`, with endpoints below a directory of its own."""

    def __init__(self, vault, *arguments):
        super().__init__(*arguments, environment={"VAULT_BACKEND": "legacy"})
        self.vault = pathlib.Path(vault)
        self.limits = None

    def command(self):
        return [program("vaultd"), "--legacy-dir", str(self.vault), "--requests", self.requests, "--ingest", self.ingest,
                "--events", self.events, *self.arguments]

    def start(self, wait=True):
        if self.limits is None:
            return super().start(wait)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**clean_environment(), **self.environment}, preexec_fn=self.limits)
        self.wait_ready()
        return self


def seal(number, **changes):
    return {"session_id": f"s-{number % 3}", "authority": "deploy-bot", "verdict": "SEAL", "seal_id": str(uuid.uuid4()),
            "seal_data": {"n": number, **ODD}, **changes}


class Producer:
    def __init__(self, context, endpoint, kind=zmq.DEALER, timeout_ms=20_000):
        self.socket = context.socket(kind)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
        self.socket.connect(endpoint)

    def send(self, op, ident=1, **arguments):
        self.socket.send(msgpack.packb({"v": 1, "id": ident, "op": op, **arguments}))

    def receive(self):
        return msgpack.unpackb(self.socket.recv(), strict_map_key=False)

    def ask(self, op, **arguments):
        self.send(op, **arguments)
        return self.receive()

    def result(self, op, **arguments):
        reply = self.ask(op, **arguments)
        assert reply["ok"], reply
        return reply["result"]

    def error(self, op, **arguments):
        reply = self.ask(op, **arguments)
        assert not reply["ok"], reply
        return reply["error"]

    def close(self):
        self.socket.close()


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = make_directory("vault-emergency-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.vault = self.directory / "V"
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)

    def vaultd(self, *arguments, wait=True):
        process = EmergencyProcess(self.vault, *arguments)
        self.addCleanup(process.remove)
        return process.start(wait)

    def producer(self, vaultd, **more):
        producer = Producer(self.context, vaultd.requests, **more)
        self.addCleanup(producer.close)
        return producer

    def files(self):
        """seal_id -> the contents of its file; every file that has a name must be complete."""
        out = {}
        for path in (self.vault / "BBB_LEDGER" / "entries").iterdir():
            if path.name.startswith("."):
                continue
            record = json.loads(path.read_text(encoding="utf-8"))
            self.assertEqual(list(record), FILE_MEMBERS)
            self.assertEqual(path.name, record["seal_id"] + ".json")
            out[record["seal_id"]] = record
        return out


class Mode(Case):
    def test_a_seal_is_a_file_and_the_receipt_says_so(self):
        vaultd = self.vaultd()
        producer = self.producer(vaultd)
        sent = seal(1)
        receipt = producer.result("seal", seal=sent)
        self.assertEqual(set(receipt), RECEIPT_MEMBERS)
        self.assertEqual((receipt["backend"], receipt["seal_id"], receipt["duplicate"]), ("legacy", sent["seal_id"], False))
        self.assertEqual(self.files(), {sent["seal_id"]: {**sent, "backend": "legacy", "timestamp": receipt["timestamp"]}})
        path = self.vault / "BBB_LEDGER" / "entries" / f"{sent['seal_id']}.json"
        self.assertEqual(path.stat().st_mode & 0o777, 0o640)
        # Upper case is the same seal_id; without one, vaultd draws one.
        again = producer.result("seal", seal={**sent, "seal_id": sent["seal_id"].upper()})
        self.assertEqual(again, {**receipt, "duplicate": True})
        drawn = producer.result("seal", seal={name: sent[name] for name in sent if name != "seal_id"})
        self.assertEqual(uuid.UUID(drawn["seal_id"]).version, 7)
        self.assertEqual(len(self.files()), 2)

        vaultd.restart()
        producer = self.producer(vaultd)
        self.assertEqual(producer.result("seal", seal=sent), {**receipt, "duplicate": True})
        for other in ({**sent, "verdict": "VOID"}, {**sent, "seal_data": {}}):
            self.assertEqual(producer.error("seal", seal=other)["code"], "seal_id_conflict")
        self.assertEqual(len(self.files()), 2)

    def test_seals_are_checked_as_on_every_day(self):
        producer = self.producer(self.vaultd("--max-seal-bytes", "1000"))
        for change, code, field in (({"verdict": "MAYBE"}, "invalid_argument", "seal.verdict"),
                                    ({"session_id": ""}, "invalid_argument", "seal.session_id"),
                                    ({"seal_id": "x"}, "invalid_argument", "seal.seal_id"),
                                    ({"seal_data": {"a": "\0"}}, "invalid_argument", "seal.seal_data.a"),
                                    ({"seal_data": {"a": float("nan")}}, "invalid_argument", "seal.seal_data.a"),
                                    ({"seal_data": {"a": "x" * 1000}}, "too_large", None)):
            error = producer.error("seal", seal=seal(1, **change))
            self.assertEqual(error["code"], code, error)
            if field:
                self.assertEqual(error["field"], field)
        self.assertEqual(self.files(), {})

    def test_batches(self):
        producer = self.producer(self.vaultd())
        batch = [seal(number) for number in range(300)]
        receipts = producer.result("seal_batch", seals=[*batch, batch[7]])["receipts"]
        self.assertEqual([one["seal_id"] for one in receipts], [one["seal_id"] for one in [*batch, batch[7]]])
        self.assertEqual([one["duplicate"] for one in receipts], 300 * [False] + [True])
        self.assertEqual(len({one["timestamp"] for one in receipts}), 300)
        error = producer.error("seal_batch", seals=[seal(1), {**batch[3], "verdict": "VOID"}, seal(2)])
        self.assertEqual(error["code"], "seal_id_conflict")
        self.assertEqual(len(self.files()), 300, "a refused batch left something")

    def test_reading(self):
        producer = self.producer(self.vaultd())
        sent = [seal(number, verdict=("SEAL", "VOID")[number % 2]) for number in range(25)]
        receipts = [producer.result("seal", seal=one) for one in sent]
        entry = producer.result("read", seal_id=sent[3]["seal_id"])["entry"]
        self.assertEqual(entry, {**sent[3], "backend": "legacy", "timestamp": receipts[3]["timestamp"]})
        self.assertEqual(producer.error("read", seal_id=str(uuid.uuid4()))["code"], "not_found")

        def pages(op, **arguments):
            out, cursor = [], None
            while True:
                page = producer.result(op, limit=4, **arguments, **({"cursor": cursor} if cursor else {}))
                self.assertLessEqual(len(page["entries"]), 4)
                out += [one["seal_id"] for one in page["entries"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    return out

        ids = [one["seal_id"] for one in sent]
        self.assertEqual(pages("list"), ids[::-1])
        self.assertEqual(pages("list", order="asc"), ids)
        self.assertEqual(pages("query", verdict="VOID", order="asc"), ids[1::2])
        self.assertEqual(pages("query", session_id="s-1", order="asc"), ids[1::3])
        self.assertEqual(pages("read", session_id="s-2"), ids[2::3])
        self.assertEqual(pages("query", authority="nobody"), [])
        self.assertEqual(pages("query", **{"from": receipts[5]["timestamp"]}, to=receipts[9]["timestamp"], order="asc"),
                         ids[5:9])

    def test_what_needs_a_chain_is_refused_in_words(self):
        vaultd = self.vaultd()
        producer = self.producer(vaultd)
        for op, arguments in (("verify", {}), ("proof", {"sequence": 1}), ("consistency", {"first": 0}), ("checkpoint", {}),
                              ("head", {}), ("read", {"sequence": 1}), ("seal", {"seal": seal(1), "sign": True})):
            error = producer.error(op, **arguments)
            self.assertEqual((error["code"], error["retryable"]), ("unavailable", True), op)
            self.assertIn("emergency mode", error["message"])
        self.assertEqual(self.files(), {})
        answer = vaultd.ctl("verify")
        self.assertEqual(answer.returncode, 3)
        self.assertIn("emergency mode", answer.stderr)

    def test_status_and_log_make_it_plain(self):
        vaultd = self.vaultd()
        status = self.producer(vaultd).result("status")
        self.assertEqual((status["backend"], status["ready"], status["alerts"]), ("legacy", True, ["emergency"]))
        self.assertFalse(status["database"]["connected"])
        self.assertIn("EMERGENCY MODE", status["database"]["detail"])
        self.assertIn("EMERGENCY MODE", vaultd.log_path.read_text())
        answer = vaultd.ctl("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("emergency mode", answer.stdout)
        self.assertIn("(emergency)", vaultd.ctl("list").stdout)
        self.assertEqual(vaultd.stop(), 0)

    def test_ingest(self):
        vaultd = self.vaultd()
        events = self.context.socket(zmq.SUB)
        events.setsockopt(zmq.RCVTIMEO, 20_000)
        events.setsockopt(zmq.SUBSCRIBE, b"receipt.")
        events.setsockopt(zmq.SUBSCRIBE, b"heartbeat")
        events.connect(vaultd.events)
        self.addCleanup(events.close, 0)
        while events.recv_multipart()[0] != b"heartbeat":  # the subscription stands
            pass
        push = self.context.socket(zmq.PUSH)
        push.connect(vaultd.ingest)
        self.addCleanup(push.close, 0)
        good = seal(1)
        for one in (good, good, {**good, "verdict": "VOID"}):
            push.send(msgpack.packb({"v": 1, "op": "seal", "seal": one}))
        told = []
        while len(told) < 3:
            topic, body = events.recv_multipart()
            if topic != b"heartbeat":
                self.assertEqual(topic.decode(), f"receipt.{good['seal_id']}")
                told.append(msgpack.unpackb(body))
        told.sort(key=lambda one: one.get("duplicate", 2))
        self.assertEqual([one.get("duplicate") for one in told], [False, True, None])
        self.assertEqual(set(told[0]), RECEIPT_MEMBERS | {"v", "event", "seq"})
        self.assertEqual((told[0]["backend"], told[2]["error"]["code"]), ("legacy", "seal_id_conflict"))

    def test_names_that_are_vaultds_own(self):
        vaultd = self.vaultd()
        producer = self.producer(vaultd)
        for changes, field in (({"authority": "vaultd"}, "seal.authority"), ({"session_id": "vaultd"}, "seal.session_id")):
            error = producer.ask("seal", seal=seal(1, **changes))["error"]
            self.assertEqual((error["code"], error["field"]), ("forbidden", field))
        self.assertEqual(producer.ask("list")["result"]["entries"], [])

    def test_a_place_that_cannot_be_used(self):
        def start(*arguments, **environment):
            return subprocess.run([program("vaultd"), *arguments], capture_output=True, text=True, timeout=30, check=False,
                                  env={**clean_environment(), "VAULT_BACKEND": "legacy", **environment})

        answer = start(DATABASE_URL="postgresql:///nowhere")
        self.assertEqual(answer.returncode, 2)
        self.assertIn("legacy_dir", answer.stderr)
        file = self.directory / "file"
        file.write_text("")
        answer = start("--legacy-dir", str(file), "--requests", f"ipc://{self.directory}/r", "--ingest",
                       f"ipc://{self.directory}/i", "--events", f"ipc://{self.directory}/e")
        self.assertEqual(answer.returncode, 2, answer.stdout + answer.stderr)
        self.assertIn(str(file), answer.stdout + answer.stderr)

    def test_no_room(self):
        vaultd = EmergencyProcess(self.vault)
        self.addCleanup(vaultd.remove)

        def limits():
            end_with_parent()
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        vaultd.limits = limits
        vaultd.start()
        producer = self.producer(vaultd)
        error = producer.error("seal", seal=seal(1, seal_data={"x": "y" * 200_000}))
        self.assertEqual((error["code"], error["retryable"]), ("unavailable", True))
        self.assertIn("File too large", error["message"])
        self.assertEqual(list((self.vault / "BBB_LEDGER" / "entries").iterdir()), [], "something was left behind")
        until = time.monotonic() + 20
        while not (reply := producer.ask("seal", seal=seal(2)))["ok"] and time.monotonic() < until:
            time.sleep(0.05)
        self.assertTrue(reply["ok"], reply)  # small ones go through again once it has been tried
        self.assertEqual(len(self.files()), 1)


class Many(Case):
    def test_two_vaultds_on_one_directory_lose_nothing(self):
        vaultds = [self.vaultd(), self.vaultd()]
        # The same seals to both, in different orders; some with other content to the second.
        common = [seal(number) for number in range(400)]
        other = [{**one, "verdict": "SUNSET"} for one in common[:100]]
        replies = [{}, {}]
        start = threading.Barrier(2)

        def produce(index, seals):
            producer = Producer(self.context, vaultds[index].requests)
            producer.result("status")
            start.wait()
            for begin in range(0, len(seals), 10):  # a few at a time, so that both come to their turn
                for number in range(begin, begin + 10):
                    producer.send("seal", number, seal=seals[number])
                for _ in range(10):
                    reply = producer.receive()
                    replies[index][seals[reply["id"]]["seal_id"]] = reply
            producer.close()

        orders = [list(common), other + common[100:]]
        for order in orders:
            random.shuffle(order)
        threads = [threading.Thread(target=produce, args=pair) for pair in enumerate(orders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        files = self.files()
        self.assertEqual(set(files), {one["seal_id"] for one in common})
        conflicted = {one["seal_id"] for one in other}
        winners = [0, 0]
        for seal_id, kept in files.items():
            both = [replies[index][seal_id] for index in (0, 1)]
            if seal_id in conflicted:
                self.assertEqual(sorted(reply["ok"] for reply in both), [False, True], both)
                refused = both[0] if not both[0]["ok"] else both[1]
                self.assertEqual(refused["error"]["code"], "seal_id_conflict")
                self.assertEqual(kept["verdict"], "SEAL" if both[0]["ok"] else "SUNSET")
            else:
                self.assertEqual(sorted(reply["result"]["duplicate"] for reply in both), [False, True])
                self.assertEqual({reply["result"]["timestamp"] for reply in both}, {kept["timestamp"]})
            first = both[0]["ok"] and not both[0]["result"]["duplicate"]
            winners[0 if first else 1] += 1
        self.assertGreater(min(winners), 0, "the two never met")
        for vaultd in vaultds:
            listed = json.loads(vaultd.ctl("list", "--limit", "1000", "--json").stdout)
            self.assertEqual({one["seal_id"] for one in listed["entries"]}, set(files))

    def test_kill_in_the_middle_loses_no_receipt(self):
        vaultd = self.vaultd()
        receipts, sent = {}, {}
        for turn in range(5):
            producer = Producer(self.context, vaultd.requests, timeout_ms=100)
            seals = {number: seal(number, seal_data={"turn": turn, "n": number, "x": "y" * 500}) for number in range(2_000)}
            sent.update({one["seal_id"]: one for one in seals.values()})
            for number, one in seals.items():
                producer.send("seal", number, seal=one)
            until = time.monotonic() + random.uniform(0.02, 0.3)
            while time.monotonic() < until or not receipts:
                try:
                    reply = producer.receive()
                except zmq.Again:
                    continue
                receipts[seals[reply["id"]]["seal_id"]] = reply["result"]
            vaultd.kill()
            producer.close()
            vaultd.start()
        files = self.files()
        self.assertLessEqual(set(receipts), set(files), "a receipt without its seal")
        for seal_id, kept in files.items():
            self.assertEqual({name: kept[name] for name in sent[seal_id]}, sent[seal_id])
        self.assertLess(len(receipts), len(sent), "no kill hit the middle")
        producer = self.producer(vaultd)
        for seal_id, receipt in list(receipts.items())[:200]:
            self.assertEqual(producer.result("seal", seal=sent[seal_id]), {**receipt, "duplicate": True})


class Home(Case):
    def test_what_was_kept_is_imported_under_its_own_seal_id(self):
        """Outage and return: some seals before it, some kept during it, all retried after it."""
        with VaultdProcess() as normal:
            producer = Producer(self.context, normal.requests)
            before = [seal(number) for number in range(20)]
            first = {one["seal_id"]: producer.result("seal", seal=one) for one in before}
            producer.close()
            normal.stop()

            emergency = self.vaultd()
            producer = Producer(self.context, emergency.requests)
            during = [seal(number, session_id=f"during-{number}", verdict=("VOID", "888_HOLD")[number % 2],
                           authority=f"bot-{number % 2}") for number in range(60)]
            kept = [producer.result("seal", seal=one) for one in [*before[:10], *during]]
            self.assertFalse(any(one["duplicate"] for one in kept))  # it cannot know what the database holds
            answer = emergency.ctl("legacy", "import", str(self.vault))
            self.assertEqual(answer.returncode, 3)
            self.assertIn("emergency mode", answer.stderr)
            producer.close()
            emergency.stop()
            # Leftovers of a crash, and an old record among them.
            entries = self.vault / "BBB_LEDGER" / "entries"
            (entries / f".{uuid.uuid4()}.0-1.tmp").write_text("{")
            (entries / "sess-old.json").write_text('{"session_id": "sess-old", "verdict": "SEAL"}')

            normal.start()
            imported = json.loads(normal.ctl("legacy", "import", str(self.vault), "--json").stdout)
            self.assertEqual((imported["imported"], imported["duplicates"], imported["problems"]), (61, 10, []))
            self.assertEqual((imported["kinds"]["emergency"], imported["kinds"]["session"]), (70, 1))
            again = json.loads(normal.ctl("legacy", "import", str(self.vault), "--json").stdout)
            self.assertEqual((again["imported"], again["duplicates"]), (0, 71))

            producer = Producer(self.context, normal.requests)
            for one in [*before, *during]:
                receipt = producer.result("seal", seal=one)
                self.assertTrue(receipt["duplicate"])
                if one["seal_id"] in first:
                    self.assertEqual(receipt, {**first[one["seal_id"]], "duplicate": True})
                entry = producer.result("read", seal_id=one["seal_id"])["entry"]
                self.assertEqual({name: entry[name] for name in one}, one)
            self.assertEqual(producer.result("head")["sequence"], 20 + 61)
            self.assertTrue(producer.result("verify")["valid"])
            producer.close()

    def test_a_conflict_with_the_ledger_is_told(self):
        with VaultdProcess() as normal:
            one = seal(1)
            producer = self.producer(normal)
            producer.result("seal", seal=one)
            emergency = self.vaultd()
            self.producer(emergency).result("seal", seal={**one, "verdict": "VOID"})
            answer = normal.ctl("legacy", "import", str(self.vault), "--json")
            self.assertEqual(answer.returncode, 1)
            problem = json.loads(answer.stdout)["problems"][0]
            self.assertEqual(problem["file"], f"BBB_LEDGER/entries/{one['seal_id']}.json")
            self.assertIn("seal_id_conflict", problem["reason"])


if __name__ == "__main__":
    unittest.main()
