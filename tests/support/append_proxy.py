"""Between vaultd and PostgreSQL, on a unix socket beside the server's: does with one append what a Citus node may do to it.

    proxy = AppendProxy(server, directory)       # proxy.url
    proxy.arm("warn")       # the commit is answered, with a warning that another node has not confirmed it
    proxy.arm("prepare")    # the append ends in a prepared transaction (PREPARED), and the connection with it
    proxy.done.wait(20)
"""
import socket
import threading

FIELDS = (b"SWARNING", b"VWARNING", b"C01000", b"Mfailed to commit transaction on 10.0.0.2:5432", b"Fremote_transaction.c",
          b"L1", b"RFinishRemoteTransactionCommit")
PREPARED = "citus_0_4711_1_1"


def message(kind, body):
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def query(text):
    return message(b"Q", text.encode() + b"\0")


NOTICE = message(b"N", b"".join(field + b"\0" for field in FIELDS) + b"\0")


def close(*sockets):
    for one in sockets:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Session:
    """One connection of vaultd's. Each direction has a thread."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.started = False
        self.mode = None     # of the append that is on its way
        self.swallowing = 0  # answers up to so many ends belong to the proxy's own questions
        for work in (self.questions, self.answers):
            threading.Thread(target=self.guarded, args=(work,), daemon=True).start()

    def guarded(self, work):
        try:
            work()
        except OSError:
            pass
        close(self.client, self.server)

    def questions(self):
        rest = b""
        while data := self.client.recv(1 << 20):
            rest += data
            while len(rest) >= (head := 5 if self.started else 4):
                size = head - 4 + int.from_bytes(rest[head - 4:head], "big")
                if len(rest) < size:
                    break
                one, rest = rest[:size], rest[size:]
                if one[:1] == b"B" and one[5:].split(b"\0")[1].startswith(b"append") and self.started:
                    self.mode = self.proxy.take()
                    if self.mode == "prepare":
                        self.swallowing += 1
                        self.server.sendall(query("BEGIN"))
                self.started = True
                self.server.sendall(one)

    def answers(self):
        rest = b""
        while data := self.server.recv(1 << 20):
            rest += data
            out = b""
            while len(rest) >= 5 and len(rest) >= (size := 1 + int.from_bytes(rest[1:5], "big")):
                one, rest = rest[:size], rest[size:]
                if self.swallowing:
                    self.swallowing -= one[:1] == b"Z"
                    if self.mode == "prepared" and not self.swallowing:
                        self.proxy.done.set()
                        return
                    continue
                if one[:1] == b"Z" and self.mode == "warn":
                    self.mode, out = None, out + NOTICE
                    self.proxy.done.set()
                if one[:1] == b"Z" and self.mode == "prepare":
                    self.mode, self.swallowing = "prepared", 1
                    self.server.sendall(query(f"PREPARE TRANSACTION '{PREPARED}'"))
                    continue
                out += one
            self.client.sendall(out)


class AppendProxy:
    def __init__(self, server, directory):
        self.target = f"{server.run}/.s.PGSQL.{server.port}"
        self.url = f"postgresql://postgres@/vault?host={directory}&port={server.port}"
        self.lock, self.armed, self.done = threading.Lock(), None, threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{directory}/.s.PGSQL.{server.port}")
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, mode):
        self.done.clear()
        with self.lock:
            self.armed = mode

    def take(self):
        with self.lock:
            mode, self.armed = self.armed, None
        return mode

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            Session(self, client, server)
