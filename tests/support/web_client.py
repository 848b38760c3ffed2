"""HTTP as it stands on the wire, for tests of vault-web: requests written by hand, answers taken apart.

    ask(port, "GET", "/healthz")                -> Answer(status, headers, body)
    with Stream(port, "/api/v1/events") as s:   -> s.next() is (event, id, data)
"""
import json
import socket

TIMEOUT_S = 60


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The error map's code, or "ok"."""
        return "ok" if self.status < 400 else self.json()["code"]


def connect(port, host="127.0.0.1"):
    peer = socket.create_connection((host, port), timeout=TIMEOUT_S)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer


def request_text(method, target, headers=(), body=b"", host="127.0.0.1"):
    lines = [f"{method} {target} HTTP/1.1"]
    headers = dict(headers)
    if host is not None:
        headers.setdefault("Host", host)
    if body:
        headers.setdefault("Content-Length", str(len(body)))
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read_answer(file, method="GET"):
    """The next answer from a connection's file; None if it is closed."""
    first = file.readline()
    if not first:
        return None
    status = int(first.split()[1])
    headers = {}
    while (line := file.readline().strip()):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    size = 0 if method == "HEAD" or status == 304 else int(headers.get("content-length", 0))
    return Answer(status, headers, file.read(size))


def ask(port, method, target, headers=(), body=b"", host="127.0.0.1"):
    with connect(port) as peer, peer.makefile("rb") as file:
        peer.sendall(request_text(method, target, {"Connection": "close", **dict(headers)}, body, host))
        answer = read_answer(file, method)
    assert answer is not None, f"{method} {target}: closed without an answer"
    return answer


class Stream:
    """text/event-stream, event by event; comments are skipped."""

    def __init__(self, port, target, headers=()):
        self.peer = connect(port)
        self.file = self.peer.makefile("rb")
        self.peer.sendall(request_text("GET", target, headers))
        first = self.file.readline()
        self.status = int(first.split()[1])
        while self.file.readline().strip():
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.peer.close()

    def next(self):
        """(event, id or None, data); None at the end."""
        event = number = data = None
        while (line := self.file.readline()):
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                event = value
            elif name == "id":
                number = int(value)
            elif name == "data":
                data = json.loads(value)
            elif not name and event:
                return event, number, data
        return None

    def until(self, *events):
        """The next of these events."""
        while (one := self.next()) is not None:
            if one[0] in events:
                return one
        raise AssertionError(f"the stream ended before {events}")
