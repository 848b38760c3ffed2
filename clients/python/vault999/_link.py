"""One connection to vaultd's requests socket, for blocking calls. Belongs to one thread of one process."""
from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any, Callable, Dict, List, Optional

import zmq

from vault999 import errors
from vault999._connection_state import WATCHED, ConnectionState, probe
from vault999._options import Options, Patience
from vault999._wire import outcome, unpack_reply

log = logging.getLogger("vault999")

# A parent's connections in a child after fork(): the child must not close them, so they are kept.
_of_the_parent: List["Link"] = []

POLL_S = 0.25  # close() from another thread is noticed within this


class Link:
    """A DEALER and its monitor. IMMEDIATE: a request is only sent on an existing connection; so a request on a
    connection that broke has no answer, and its caller sends it again."""

    def __init__(self, context: "zmq.Context[Any]", options: Options) -> None:
        self.pid = os.getpid()
        self.options = options
        self.state = ConnectionState(options)
        self.lock = threading.Lock()  # held while the link is at work
        self._closing = threading.Event()
        self._last_id = 0
        self.socket = context.socket(zmq.DEALER)
        try:
            self.socket.setsockopt(zmq.IMMEDIATE, 1)
            address = f"inproc://vault999-{id(self)}-{os.urandom(4).hex()}"
            self.socket.monitor(address, WATCHED)
            self.monitor = context.socket(zmq.PAIR)
            self.monitor.setsockopt(zmq.LINGER, 0)
            # No high-water mark: ZeroMQ's thread would block at it while this link is not used for a while.
            self.monitor.setsockopt(zmq.RCVHWM, 0)
            self.monitor.connect(address)
            options.connect(self.socket)
        except BaseException:
            self.socket.close(0)
            raise
        self._poller = zmq.Poller()
        self._poller.register(self.socket, zmq.POLLIN)
        self._poller.register(self.monitor, zmq.POLLIN)

    def close(self) -> None:
        """From any thread: a call under way ends with Unavailable first."""
        self._closing.set()
        with self.lock:
            if not self.socket.closed:
                self.socket.disable_monitor()
                self.monitor.close(0)
                self.socket.close(0)

    def __del__(self) -> None:
        """The thread has ended, and its connection with it."""
        if getattr(self, "_poller", None) is not None and self.pid == os.getpid() and not self.socket.closed:
            self.monitor.close(0)
            self.socket.close(0)

    def pause(self, seconds: float) -> None:
        self._closing.wait(seconds)

    def check_open(self) -> None:
        if self._closing.is_set():
            raise GivenUp(errors.Unavailable("this vault was closed"))

    def leave_to_parent(self) -> None:
        _of_the_parent.append(self)

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def poll(self, wait_s: float) -> bool:
        """Waits for a reply or a change of the connection, at most a moment; True if there may be a reply."""
        self.check_open()
        ready = dict(self._poller.poll(int(max(0.0, min(wait_s, POLL_S)) * 1000) + 1))
        if self.monitor in ready:
            self.watch()
        return self.socket in ready

    def watch(self) -> None:
        """Processes the monitor's events."""
        while True:
            try:
                frames = self.monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            before = self.state.connected
            self.state.take(frames)
            if before != self.state.connected:
                log.info("%s vaultd at %s", "connected to" if self.state.connected else "lost", self.options.endpoint)

    def replies(self) -> List[Dict[str, Any]]:
        """Replies that have arrived."""
        found: List[Dict[str, Any]] = []
        while True:
            try:
                frame = self.socket.recv_multipart(zmq.NOBLOCK)[-1]
            except zmq.Again:
                return found
            reply = unpack_reply(frame)
            if reply is not None:
                found.append(reply)

    def send(self, frame: bytes, patience: Patience) -> None:
        """Sends once there is a connection. Raises the error that prevents one."""
        begun = time.monotonic()
        self.check_open()
        self.watch()
        if self.state.asks_anew():
            self.options.connect_again(self.socket)
        while True:
            self.check_open()
            self.watch()
            try:
                self.socket.send(frame, zmq.NOBLOCK)
                return
            except zmq.Again:
                pass
            waited = time.monotonic() - begun
            limit = min(patience.timeout_s if self.state.ever_connected else self.options.connect_timeout_s,
                        waited + patience.left_s())
            if self.state.look_due(waited, limit):
                self.state.looked(probe(self.options.endpoint))
                self.watch()
            hopeless = self.state.why_not(waited, limit)
            if hopeless is not None:
                raise GivenUp(hopeless)
            # A new connection accepts messages only a moment later.
            self._poller.register(self.socket, zmq.POLLIN | (zmq.POLLOUT if self.state.connected else 0))
            try:
                if self.poll(min(limit - waited, 0.05)) and not self.socket.getsockopt(zmq.EVENTS) & zmq.POLLOUT:
                    self.replies()  # discard late ones, for which nobody waits
            finally:
                self._poller.register(self.socket, zmq.POLLIN)

    def exchange(self, request_id: int, frame: bytes, patience: Patience, heard: Callable[[Dict[str, Any]], None],
                 ) -> Dict[str, Any]:
        """Sends a request and waits for its reply: the result map. Raises the reply's error, Unavailable if the
        connection broke, DeadlineExceeded if nothing came. `heard` receives progress messages."""
        self.send(frame, patience)
        breaks = self.state.breaks
        while True:
            if self.poll(patience.left_s()):
                for reply in self.replies():
                    if reply["id"] != request_id:
                        continue
                    if "progress" in reply:
                        heard(reply)
                        continue
                    result, error = outcome(reply)
                    if error is not None:
                        raise error
                    assert result is not None
                    return result
            if self.state.breaks != breaks:
                raise errors.Unavailable("the connection to vaultd broke before its answer came")
            if patience.left_s() <= 0:
                raise errors.DeadlineExceeded(f"no answer from vaultd at {self.options.endpoint} within "
                                              f"{patience.timeout_s:.3g} s")


class GivenUp(Exception):
    """There is no connection, and waiting longer is pointless: carries the error for the caller."""

    def __init__(self, error: errors.VaultError) -> None:
        super().__init__(str(error))
        self.error = error


def carry_out(link: Link, op: str, pack: Callable[[int], bytes], patience: Patience,
              heard: Optional[Callable[[Dict[str, Any]], None]] = None) -> Dict[str, Any]:
    """Retries until there is a final answer or no time left; returns the result map."""
    request_id = link.next_id()
    frame = pack(request_id)
    while True:
        try:
            return link.exchange(request_id, frame, patience, heard or (lambda reply: None))
        except GivenUp as given_up:
            raise given_up.error from None
        except errors.Retryable as error:
            pause = patience.pause_after(error)
            log.debug("%s: %s; again in %.2f s", op, error, pause)
            link.pause(pause)
