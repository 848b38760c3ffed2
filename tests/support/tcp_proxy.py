"""A TCP proxy that breaks connections as networks do.

    with TcpProxy(("127.0.0.1", 5432)) as proxy:
        proxy.port                       # connect here instead of to the target
        proxy.cut(proxy.busiest())       # see the functions below; None stands for all connections, even future
        ones
        proxy.mend()                     # flows again; what was held back arrives late
"""
import selectors
import socket
import struct
import threading
import time

from support.vaultd_process import free_ports

BACKLOG = 200
HELD_MAX = 65_536  # bytes of one direction that the proxy itself holds
UP, DOWN = "up", "down"  # to the target, from it


class Link:
    def __init__(self, client, server):
        self.sockets = {UP: client, DOWN: server}      # the sender of each direction's bytes
        self.held = {UP: bytearray(), DOWN: bytearray()}
        self.flow = {UP: "free", DOWN: "free"}         # free, stalled, slow
        self.ended = {UP: False, DOWN: False}
        self.slow_next = {UP: 0.0, DOWN: 0.0}
        self.lose_answer = False                       # cut when the next answer arrives, which is lost
        self.cut_after = None                          # (direction, part of the next piece that still goes through)
        self.bytes_up = 0
        self.since = time.monotonic()

    def receiver(self, direction):
        return self.sockets[DOWN if direction == UP else UP]


class TcpProxy:
    def __init__(self, target):
        self.target = target
        self.port = free_ports(1)[0]
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=BACKLOG)
        self.listening, self.listen_next = True, 0.0
        self.unheard = []  # clients that wait for an answer of nobody
        self.links, self.lock = [], threading.Lock()
        self.refusing = False
        self.new_flow = {UP: "free", DOWN: "free"}
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True, name="proxy")
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stopping = True
        self.thread.join(10)
        self.listener.close()
        self.end_unheard()
        for link in list(self.links):
            self.end(link, hard=True)

    # --- Faults ------------------------------------------------------------------------------------------------------

    def busiest(self):
        """The connection that has sent most to the target lately; None if there is none."""
        with self.lock:
            return max(self.links, default=None, key=lambda link: link.bytes_up / (time.monotonic() - link.since + 0.5))

    def seen_from(self, ports):
        """The connection that the target sees coming from one of these ports; None if there is none."""
        with self.lock:
            return next((link for link in self.links if link.sockets[DOWN].getsockname()[1] in ports), None)

    def is_open(self, link):
        with self.lock:
            return link in self.links

    def chosen(self, link):
        return self.links if link is None else [link]

    def cut(self, link=None, hard=True, refuse=False):
        """Closes: with a reset, or in good order. `refuse`: nobody gets through until mend()."""
        with self.lock:
            self.refusing = refuse
            for one in list(self.chosen(link)):
                self.end(one, hard)

    def hold(self, direction, flow, link=None):
        """`flow`: stalled (nothing passes) or slow (a byte a second)."""
        with self.lock:
            for one in self.chosen(link):
                one.flow[direction] = flow
            if link is None:
                self.new_flow[direction] = flow

    def lose_answer(self, link=None):
        """The target receives everything; its next answer is lost, and the connection with it."""
        with self.lock:
            for one in self.chosen(link):
                one.lose_answer = True

    def cut_in_the_middle(self, direction, part, link=None):
        """Of the next piece in this direction, `part` (0 to 1) arrives."""
        with self.lock:
            for one in self.chosen(link):
                one.cut_after = (direction, part)

    def mend(self):
        with self.lock:
            self.refusing = False
            self.new_flow = {UP: "free", DOWN: "free"}
            self.end_unheard()
            for link in self.links:
                link.flow = {UP: "free", DOWN: "free"}
                link.lose_answer, link.cut_after = False, None

    # --- The thread --------------------------------------------------------------------------------------------------

    def run(self):
        while not self.stopping:
            with self.lock:
                readers = {link.sockets[way]: (link, way) for link in self.links for way in (UP, DOWN)
                           if not link.ended[way] and link.flow[way] != "stalled" and len(link.held[way]) < HELD_MAX}
                writers = {link.receiver(way): (link, way) for link in self.links for way in (UP, DOWN)
                           if link.held[way] and link.flow[way] == "free"}
            for one, events in self.wait(readers, writers):
                with self.lock:
                    if one is self.listener:
                        self.accept()
                        continue
                    if events & selectors.EVENT_READ and readers[one][0] in self.links:
                        self.read(*readers[one])
                    if events & selectors.EVENT_WRITE and writers[one][0] in self.links:
                        self.write(*writers[one])
            with self.lock:
                for link in list(self.links):
                    self.drip(link)
                self.listen_again()

    def wait(self, readers, writers):
        """[(socket, events)] of those that are ready. Uses poll, since select() only supports descriptors below 1,024."""
        with selectors.PollSelector() as selector:
            if self.listening:
                selector.register(self.listener, selectors.EVENT_READ)
            for one in {*readers, *writers}:
                events = (selectors.EVENT_READ if one in readers else 0) | (selectors.EVENT_WRITE if one in writers else 0)
                try:
                    selector.register(one, events)
                except (ValueError, KeyError):  # closed since by cut()
                    continue
            return [(key.fileobj, events) for key, events in selector.select(0.01)]

    def accept(self):
        client, _ = self.listener.accept()
        if self.refusing:
            client.close()
            return
        try:
            server = socket.create_connection(self.target, timeout=2)
        except OSError:
            self.nobody_is_there(client)
            return
        for one in (client, server):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(client, server)
        link.flow = dict(self.new_flow)
        self.links.append(link)

    def nobody_is_there(self, client):
        """New clients get what they would get without a proxy: nothing, if nothing passes; otherwise they are refused."""
        self.unheard.append(client)
        if self.new_flow[UP] != "stalled":
            self.end_unheard()
            self.listener.shutdown(socket.SHUT_RDWR)  # its port remains ours
            self.listening, self.listen_next = False, time.monotonic() + 0.02

    def listen_again(self):
        """As soon as the target does."""
        if self.listening or time.monotonic() < self.listen_next:
            return
        self.listen_next = time.monotonic() + 0.02
        if self.new_flow[UP] != "stalled":
            try:
                socket.create_connection(self.target, timeout=2).close()
            except OSError:
                return
        self.listener.listen(BACKLOG)
        self.listening = True

    def end_unheard(self):
        for client in self.unheard:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        self.unheard.clear()

    def read(self, link, way):
        try:
            data = link.sockets[way].recv(HELD_MAX)
        except BlockingIOError:
            return
        except OSError:
            self.end(link, hard=True)
            return
        if not data:
            link.ended[way] = True
            if not link.held[way]:
                self.end(link, hard=False)
            return
        if way == UP:
            link.bytes_up += len(data)
        elif link.lose_answer and not link.held[UP]:
            self.end(link, hard=True)
            return
        cut = link.cut_after is not None and link.cut_after[0] == way
        link.held[way] += data[:max(1, int(len(data) * link.cut_after[1]))] if cut else data
        if link.flow[way] == "free":
            self.write(link, way)
        if cut and link in self.links:
            self.end(link, hard=False)

    def write(self, link, way, most=HELD_MAX):
        try:
            sent = link.receiver(way).send(link.held[way][:most])
        except BlockingIOError:
            return
        except OSError:
            self.end(link, hard=True)
            return
        del link.held[way][:sent]
        if link.ended[way] and not link.held[way]:
            self.end(link, hard=False)

    def drip(self, link):
        now = time.monotonic()
        for way in (UP, DOWN):
            if link in self.links and link.flow[way] == "slow" and link.held[way] and now >= link.slow_next[way]:
                link.slow_next[way] = now + 1
                self.write(link, way, 1)

    def end(self, link, hard):
        if link in self.links:
            self.links.remove(link)
        for one in link.sockets.values():
            if hard:  # both sides get a reset
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
