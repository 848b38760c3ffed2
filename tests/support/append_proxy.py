"""A proxy between vaultd and PostgreSQL that treats one append as a Citus node may treat it, or a machine that vanishes
during it. On a unix socket beside the server's; over TCP in both directions if it is given an address.

    proxy = AppendProxy(server, directory)       # proxy.url
    proxy.arm("warn")       # the commit is answered, with a warning that another node has not confirmed it
    proxy.arm("prepare")    # the append ends in a prepared transaction (PREPARED), and the connection with it
    proxy.arm("hold")       # the append arrives without the Sync that would commit it, and nothing passes after it
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
        self.mode = None     # of the append under way
        self.swallowing = 0  # answers up to this many ends belong to the proxy's own queries
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
                if one[:1] == b"S" and self.mode == "hold":
                    self.proxy.done.set()
                    self.proxy.released.wait()
                    return
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
    def __init__(self, server, directory, address=None):
        """`address`: the server's TCP address."""
        self.lock, self.armed, self.done, self.released = threading.Lock(), None, threading.Event(), threading.Event()
        if address:
            self.family, self.target = socket.AF_INET, (address, server.port)
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.url = (f"postgresql://postgres@127.0.0.1:{self.listener.getsockname()[1]}/vault?connect_timeout=2"
                        "&sslmode=disable&gssencmode=disable")
        else:
            self.family, self.target = socket.AF_UNIX, f"{server.run}/.s.PGSQL.{server.port}"
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(f"{directory}/.s.PGSQL.{server.port}")
            self.url = f"postgresql://postgres@/vault?host={directory}&port={server.port}"
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
            server = socket.socket(self.family)
            server.settimeout(2)
            try:
                server.connect(self.target)
            except OSError:  # unreachable for now
                close(client)
                continue
            server.settimeout(None)
            Session(self, client, server)
