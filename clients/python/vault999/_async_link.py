"""One connection to vaultd's requests socket, for asyncio. Belongs to one event loop of one process."""
from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import zmq
import zmq.asyncio

from vault999 import errors
from vault999._connection_state import WATCHED, ConnectionState, probe
from vault999._link import GivenUp
from vault999._options import Options, Patience
from vault999._wire import outcome, unpack_reply

log = logging.getLogger("vault999")

NEWS_S = 0.25
Reply = Dict[str, Any]


class Waiter(NamedTuple):
    answer: "asyncio.Future[Reply]"
    heard: Callable[[Reply], None]  # progress


class AsyncLink:
    """Like Link: a DEALER with IMMEDIATE, and its monitor. Two tasks read them; callers wait for futures."""

    def __init__(self, options: Options) -> None:
        """Call it in a running event loop."""
        self.pid = os.getpid()
        self.loop = asyncio.get_running_loop()
        self.options = options
        self.state = ConnectionState(options)
        # The callback for replies; a pipeline takes all of them.
        self.route: Callable[[Reply], None] = self._answer
        self.news = asyncio.Event()  # the connection has changed
        self._looking = asyncio.Lock()  # one caller looks for all
        self._waiters: Dict[int, Waiter] = {}
        self._last_id = 0
        self._closed = False
        context = zmq.asyncio.Context.instance()
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        address = f"inproc://vault999-{id(self)}-{os.urandom(4).hex()}"
        self.socket.monitor(address, WATCHED)
        self.monitor = context.socket(zmq.PAIR)
        self.monitor.setsockopt(zmq.LINGER, 0)
        self.monitor.setsockopt(zmq.RCVHWM, 0)  # as in Link
        self.monitor.connect(address)
        try:
            options.connect(self.socket)
        except BaseException:
            self._close_sockets()
            raise
        self._tasks: List["asyncio.Task[None]"] = [self.loop.create_task(self._read()),
                                                   self.loop.create_task(self._watch())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.abandon()

    def abandon(self) -> None:
        """A close() for when the event loop is gone."""
        if self._closed:
            return
        self._closed = True
        self._close_sockets()
        for waiter in self._waiters.values():
            if not self.loop.is_closed() and not waiter.answer.done():
                waiter.answer.set_exception(GivenUp(errors.Unavailable("this vault was closed")))

    def _close_sockets(self) -> None:
        for socket in (self.monitor, self.socket):
            with contextlib.suppress(RuntimeError, ValueError, zmq.ZMQError):  # the loop is gone
                socket.close(0)

    async def _read(self) -> None:
        while True:
            reply = unpack_reply((await self.socket.recv_multipart())[-1])
            if reply is not None:
                self.route(reply)

    async def _watch(self) -> None:
        while True:
            frames = await self.monitor.recv_multipart()
            before, breaks = self.state.connected, self.state.breaks
            self.state.take(frames)
            if before != self.state.connected:
                log.info("%s vaultd at %s", "connected to" if self.state.connected else "lost", self.options.endpoint)
            if breaks != self.state.breaks:
                self._broke()
            self.news.set()

    def _broke(self) -> None:
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters.values():
            if not waiter.answer.done():
                waiter.answer.set_exception(errors.Unavailable("the connection to vaultd broke before its answer came"))

    def _answer(self, reply: Reply) -> None:
        request_id = reply["id"]
        waiter = self._waiters.get(request_id) if isinstance(request_id, int) else None
        if waiter is None:
            return
        if "progress" in reply:
            waiter.heard(reply)
            return
        del self._waiters[request_id]
        if not waiter.answer.done():
            waiter.answer.set_result(reply)

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def send(self, frame: bytes, patience: Patience) -> None:
        """Sends once there is a connection. Raises the error that prevents one."""
        begun = time.monotonic()
        if not self._closed and self.state.asks_anew():
            self.options.connect_again(self.socket)
        while True:
            if self._closed:
                raise GivenUp(errors.Unavailable("this vault was closed"))
            self.news.clear()
            with contextlib.suppress(zmq.Again):
                await self.socket.send(frame, zmq.NOBLOCK)
                return
            waited = time.monotonic() - begun
            limit = min(patience.timeout_s if self.state.ever_connected else self.options.connect_timeout_s,
                        waited + patience.left_s())
            if self.state.look_due(waited, limit):
                await self._look(waited, limit)
            hopeless = self.state.why_not(waited, limit)
            if hopeless is not None:
                raise GivenUp(hopeless)
            # A new connection accepts messages only a moment later.
            await self.wait_news(0.01 if self.state.connected else min(limit - waited, NEWS_S))

    async def _look(self, waited_s: float, limit_s: float) -> None:
        async with self._looking:
            if self.state.look_due(waited_s, limit_s):
                # It may look up host names, so not on this thread.
                self.state.looked(await self.loop.run_in_executor(None, probe, self.options.endpoint))

    async def wait_news(self, timeout_s: float) -> None:
        # Not wait_for(): before Python 3.12 it loses a cancellation that arrives as the wait ends.
        waiting = self.loop.create_task(self.news.wait())
        try:
            await asyncio.wait((waiting,), timeout=timeout_s)
        finally:
            waiting.cancel()

    async def exchange(self, request_id: int, frame: bytes, patience: Patience,
                       heard: Callable[[Reply], None]) -> Dict[str, Any]:
        """Like Link.exchange()."""
        waiter = Waiter(self.loop.create_future(), heard)
        self._waiters[request_id] = waiter
        try:
            await self.send(frame, patience)
            while not waiter.answer.done():
                await asyncio.wait((waiter.answer,), timeout=max(0.0, patience.left_s()))
                if not waiter.answer.done() and patience.left_s() <= 0:
                    raise errors.DeadlineExceeded(f"no answer from vaultd at {self.options.endpoint} within "
                                                  f"{patience.timeout_s:.3g} s")
            result, error = outcome(waiter.answer.result())
        finally:
            self._waiters.pop(request_id, None)
            if waiter.answer.done():
                waiter.answer.exception()  # retrieved, so that asyncio does not complain
        if error is not None:
            raise error
        assert result is not None
        return result


async def carry_out(link: AsyncLink, op: str, pack: Callable[[int], bytes], patience: Patience,
                    heard: Optional[Callable[[Reply], None]] = None) -> Dict[str, Any]:
    """Retries until there is a final answer or no time left; returns the result map."""
    request_id = link.next_id()
    frame = pack(request_id)
    while True:
        try:
            return await link.exchange(request_id, frame, patience, heard or (lambda reply: None))
        except GivenUp as given_up:
            raise given_up.error from None
        except errors.Retryable as error:
            pause = patience.pause_after(error)
            log.debug("%s: %s; again in %.2f s", op, error, pause)
            await asyncio.sleep(pause)
