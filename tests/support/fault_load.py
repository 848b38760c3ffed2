"""A load for tests that break things: producers that keep every receipt and retry with the same seal_id, and followers
that keep every event.

    load = Load([endpoint, …], random.Random(7), producers=8)
    load.start(); …; load.settle()      # everybody has the receipt of its current seal, and waits
    load.go_on(); …; load.stop()
    load.receipts                       # [(seal, receipt), …] of all producers
"""
import collections
import random
import threading
import time
import uuid

import msgpack
import zmq

VERDICTS = ("SEAL", "PARTIAL", "SABAR", "VOID", "888_HOLD", "SUNSET")
# How long a producer keeps trying before the test has failed.
PATIENCE_S = 90


def connect(context, kind, endpoint, keys=None, timeout_ms=2_000):
    """A socket; `keys` is (server's public, own public, own secret) for CURVE."""
    socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
    socket.setsockopt(zmq.SNDTIMEO, timeout_ms)
    socket.setsockopt(zmq.RECONNECT_IVL, 20)
    if keys:
        socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = keys
    if kind == zmq.SUB:
        socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(endpoint)
    return socket


def ask(endpoint, op, timeout_ms=2_000, keys=None, **arguments):
    """One request on a socket of its own; the reply, or zmq.Again."""
    with connect(zmq.Context.instance(), zmq.REQ, endpoint, keys, timeout_ms) as socket:
        socket.send(msgpack.packb({"v": 1, "id": 1, "op": op, **arguments}))
        return msgpack.unpackb(socket.recv())


def wait_status(endpoint, condition, timeout_s=60, keys=None):
    """Asks for the status until it is as wanted; returns it."""
    until, last = time.monotonic() + timeout_s, None
    while time.monotonic() < until:
        try:
            last = ask(endpoint, "status", 500, keys)["result"]
            if condition(last):
                return last
        except zmq.Again:
            pass
        time.sleep(0.01)
    raise AssertionError(f"waited {timeout_s} s in vain; last status: {last}")


class Stopped(Exception):
    """The test is over; a producer's outstanding receipt no longer matters."""


class Producer(threading.Thread):
    """One at a time: a seal (or a batch), until it has the receipt. Any of the endpoints will do."""

    def __init__(self, load, number):
        super().__init__(daemon=True, name=f"producer-{number}")
        self.load, self.number = load, number
        self.random = random.Random(load.random.getrandbits(64))
        self.made = 0
        self.receipts = []
        self.retries = 0
        self.refusals = collections.Counter()  # by code
        self.idle = threading.Event()
        self.failure = None
        self.at = number  # which endpoint
        self.socket = None

    def run(self):
        try:
            while not self.load.stopping.is_set():
                if not self.load.running.is_set():
                    self.idle.set()
                    self.load.running.wait(0.05)
                    continue
                self.idle.clear()
                self.seal_something()
                time.sleep(self.random.random() * 2 * self.load.pause_s)
        except Stopped:
            pass
        except Exception as error:  # the test's thread raises it
            self.failure = error
        finally:
            self.idle.set()
            self.close()

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def make_seal(self):
        self.made += 1
        text = "x\u00e9\U0001f512"[self.random.randrange(3)] * self.random.choice((0, 10, 300, 3_000))
        return {"session_id": f"session {self.random.randrange(20)}", "authority": f"producer {self.number}",
                "verdict": self.random.choice(VERDICTS), "seal_id": str(uuid.UUID(int=self.random.getrandbits(128))),
                "seal_data": {"producer": self.number, "number": self.made, "text": text,
                              "list": [True, None, self.random.getrandbits(60)]}}

    def seal_something(self):
        dice = self.random.random()
        if dice < 0.05 and self.receipts:  # one that was answered long ago: a producer that crashed and starts over
            self.seal_again(*self.random.choice(self.receipts))
        elif dice < 0.25:
            seals = [self.make_seal() for _ in range(self.random.randrange(2, 30))]
            self.receipts += zip(seals, self.persist("seal_batch", seals=seals)["receipts"], strict=True)
        else:
            seal = self.make_seal()
            sign = {"sign": True} if dice > 0.9 else {}
            self.receipts.append((seal, self.persist("seal", seal=seal, **sign)))

    def seal_again(self, seal, receipt):
        again = self.persist("seal", seal=seal)
        if not again["duplicate"] or again["entry_hash"] != receipt["entry_hash"]:
            raise AssertionError(f"{seal} had the receipt {receipt} and now has {again}")

    def persist(self, op, **arguments):
        """The result, however many attempts it takes."""
        until = time.monotonic() + PATIENCE_S
        last = None
        while time.monotonic() < until:
            if self.load.stopping.is_set():
                raise Stopped
            try:
                last = self.once(op, arguments)
            except zmq.ZMQError as error:
                last = error
                self.close()
                self.at += 1
            else:
                if last["ok"]:
                    return last["result"]
                self.refusals[last["error"]["code"]] += 1
                if not last["error"]["retryable"]:
                    raise AssertionError(f"{self.name}: {op} {arguments} was refused: {last['error']}")
                if last["error"]["code"] == "unavailable" and len(self.load.endpoints) > 1:
                    self.close()
                    self.at += 1
            self.retries += 1
            time.sleep(0.02 + 0.05 * self.random.random())
        raise AssertionError(f"{self.name} got no receipt in {PATIENCE_S} s; last: {last}")

    def once(self, op, arguments):
        if self.socket is None:
            self.socket = connect(zmq.Context.instance(), zmq.REQ, self.load.endpoints[self.at % len(self.load.endpoints)],
                                  self.load.keys, self.load.answer_timeout_ms)
        self.socket.send(msgpack.packb({"v": 1, "id": self.made, "op": op, **arguments}))
        return msgpack.unpackb(self.socket.recv())


class Load:
    def __init__(self, endpoints, source, producers=8, pause_s=0.015, answer_timeout_ms=1_500, keys=None):
        """`pause_s`: a producer's average pause between two seals."""
        self.endpoints, self.random, self.pause_s, self.keys = list(endpoints), source, pause_s, keys
        self.answer_timeout_ms = answer_timeout_ms
        self.running, self.stopping = threading.Event(), threading.Event()
        self.producers = [Producer(self, number) for number in range(producers)]

    def start(self):
        self.running.set()
        for producer in self.producers:
            producer.start()
        return self

    @property
    def receipts(self):
        return [one for producer in self.producers for one in list(producer.receipts)]

    @property
    def retries(self):
        return sum(producer.retries for producer in self.producers)

    @property
    def refusals(self):
        """How often seals were refused, by code."""
        return sum((producer.refusals for producer in self.producers), collections.Counter())

    def check(self):
        for producer in self.producers:
            if producer.failure is not None:
                raise AssertionError(f"{producer.name}: {producer.failure}") from producer.failure

    def wait_receipts(self, more, timeout_s=PATIENCE_S):
        """Waits until this many more have arrived."""
        goal, until = len(self.receipts) + more, time.monotonic() + timeout_s
        while len(self.receipts) < goal:
            self.check()
            if time.monotonic() > until:
                raise AssertionError(f"not {more} receipts in {timeout_s} s")
            time.sleep(0.01)

    def settle(self):
        """Each producer finishes its current seal; then nobody seals until go_on()."""
        for producer in self.producers:
            producer.idle.clear()
        self.running.clear()
        for producer in self.producers:
            if not producer.idle.wait(PATIENCE_S + 10):
                raise AssertionError(f"{producer.name} did not come to an end")
        self.check()

    def go_on(self):
        self.running.set()

    def stop(self):
        self.stopping.set()
        for producer in self.producers:
            if producer.ident is not None:
                producer.join(PATIENCE_S + 10)


class Follower(threading.Thread):
    """Every event of one vaultd, over all of its runs."""

    def __init__(self, endpoint, keys=None):
        super().__init__(daemon=True, name="follower")
        self.endpoint, self.keys = endpoint, keys
        self.stopping = threading.Event()
        self.entries = []      # (sequence, entry_hash, when it came)
        self.notes = []        # (note, when it came)
        self.alerts = []       # (kind, raised, message)
        self.events, self.gaps, self.runs = 0, 0, 0
        self.last_seq = self.last_entry = None
        self.hole = True       # something may have been missed since the last entry
        self.unexplained = []  # (sequence, the next one reported), if nothing says that something was missed
        self.failure = None

    def run(self):
        try:
            with connect(zmq.Context.instance(), zmq.SUB, self.endpoint, self.keys, 200) as socket:
                while not self.stopping.is_set():
                    try:
                        topic, body = socket.recv_multipart()
                    except zmq.Again:
                        continue
                    self.take(topic.decode(), msgpack.unpackb(body))
        except Exception as error:
            self.failure = error

    def take(self, topic, event):
        self.count(event["seq"])
        if event["event"] == "entry":
            if not self.hole and event["sequence"] != self.last_entry + 1:
                self.unexplained.append((self.last_entry, event["sequence"]))
            self.last_entry, self.hole = event["sequence"], False
            self.entries.append((event["sequence"], event["entry_hash"], time.monotonic()))
        elif event["event"] == "checkpoint":
            self.notes.append((event["checkpoint"], time.monotonic()))
        elif event["event"] == "alert":
            self.alerts.append((topic.partition(".")[2], event["raised"], event["message"]))

    def count(self, seq):
        """A number that is not the next one: a new run of vaultd, or a gap."""
        new_run = self.last_seq is None or seq <= self.last_seq
        if new_run:
            self.runs += 1
        else:
            self.gaps += seq - self.last_seq - 1
        self.hole = self.hole or new_run or seq != self.last_seq + 1
        self.last_seq = seq
        self.events += 1

    def stop(self):
        self.stopping.set()
        if self.ident is not None:
            self.join(10)
