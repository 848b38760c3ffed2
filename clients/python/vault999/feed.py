"""Feed: the ledger's entries as they are sealed, without gaps, from any sequence on.

The events socket reports that something happened; the entry itself is read from the ledger, and checked, unless the
event holds all of it (vaultd's setting publish_payloads). So nothing is lost if ZeroMQ drops events, the subscriber was
away, or vaultd was restarted, and each entry comes once.
"""
from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import Any, AsyncIterator, Deque, Iterator, List, Optional, Sequence
from collections import deque

import msgpack
import zmq
import zmq.asyncio

from vault999 import errors
from vault999._options import DEFAULT_EVENTS, Options, PathLike
from vault999.async_vault import AsyncVault
from vault999.offline.entries import entry_faults
from vault999.records import Entry, Event
from vault999.vault import Vault

log = logging.getLogger("vault999")

SILENCE_S = 5.0  # there is a heartbeat every second: after this long without one, read the ledger
PAGE = 1000
AWAY_PAUSE_S = 0.5
TOPICS = ("entry.", "heartbeat")


class FeedPosition:
    """Which entry comes next, and whether it must be read from the ledger. Plain data; both feeds have one."""

    def __init__(self, after: Optional[int]) -> None:
        self.last = after  # None: not known yet, begin with the next entry
        self.target = 0  # an entry that the ledger is known to hold
        self.look = True
        self.ready: Deque[Entry] = deque()

    def take(self, event: Event) -> None:
        """Takes an event, in order of arrival."""
        sequence = event.get("sequence")
        if not isinstance(sequence, int) or self.last is None:
            return
        self.target = max(self.target, sequence)
        if (event.topic.startswith("entry.") and not self.look and sequence == self.last + 1
                and event.get("seal_data") is not None and not entry_faults(event)):
            whole = {name: value for name, value in event.items() if name not in ("v", "event", "seq", "topic", "duplicate")}
            self.ready.append(Entry(whole))
            self.last = sequence
        elif sequence > self.last:
            self.look = True

    def found(self, entries: Sequence[Entry], next_cursor: Optional[int]) -> None:
        """Takes a page of the entries after `last`."""
        for entry in entries:
            if self.last is None or entry.sequence > self.last:
                self.ready.append(entry)
                self.last = entry.sequence
        # There are more, or the page was older than the reported entry.
        self.look = next_cursor is not None or (self.last or 0) < self.target


def decode(frames: Sequence[bytes]) -> Optional[Event]:
    """The event in two frames; None if they are not one."""
    try:
        topic, body = frames
        members = msgpack.unpackb(body, strict_map_key=False)
        return Event({**members, "topic": topic.decode("ascii")})
    except Exception:  # noqa: BLE001  # msgpack raises many kinds
        return None


def _subscribe(socket: "zmq.Socket[Any]", options: Options, topics: Sequence[str]) -> None:
    for topic in topics:
        socket.setsockopt(zmq.SUBSCRIBE, topic.encode("ascii"))
    options.connect(socket)


class Feed(Iterator[Entry]):
    """Entries in ledger order, for blocking code; an iterator that waits.

        for entry in Feed(vault, after=position):
            handle(entry)
            position = entry.sequence        # keep it where you keep what you made of the entry

    after: the last sequence that the caller has (0: from the beginning; None: only what comes from now on).
    events: vaultd's events socket; without one VAULT_EVENTS, or ipc:///run/vaultd/events.
    Belongs to one thread. vaultd may come and go meanwhile.
    """

    def __init__(self, vault: Vault, *, events: Optional[str] = None, key_dir: Optional[PathLike] = None,
                 after: Optional[int] = 0) -> None:
        self._vault = vault
        self._options = Options.make(events, "VAULT_EVENTS", DEFAULT_EVENTS, key_dir, 0, 0)
        self._position = FeedPosition(after)
        self._pid = os.getpid()
        # Subscribed before anything is read, so that entries sealed in between are reported.
        self._socket = zmq.Context.instance().socket(zmq.SUB)
        _subscribe(self._socket, self._options, TOPICS)
        self._heard_at = time.monotonic()

    def __next__(self) -> Entry:
        entry = self.next(None)
        assert entry is not None
        return entry

    def next(self, timeout: Optional[float]) -> Optional[Entry]:
        """The next entry; None if there was none within `timeout` seconds (None: wait for ever)."""
        if self._pid != os.getpid():
            raise errors.ForeignProcess("this Feed was opened by another process: open one of its own here")
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            if self._position.ready:
                return self._position.ready.popleft()
            if self._position.look:
                self._look()
                if self._position.ready:
                    continue
            left = SILENCE_S if until is None else until - time.monotonic()
            if left <= 0:
                return None
            self._listen(AWAY_PAUSE_S if self._position.look else min(left, SILENCE_S))

    def _look(self) -> None:
        position = self._position
        try:
            if position.last is None:
                position.last, position.look = self._vault.head().sequence, False
                return
            page = self._vault.list_page(order="asc", cursor=position.last, limit=PAGE, at_least=position.target or None)
            position.found(page.entries, page.next_cursor)
        except errors.Retryable as error:
            log.warning("feed: after entry %s: %s", position.last, error)

    def _listen(self, wait_s: float) -> None:
        if self._socket.poll(int(wait_s * 1000) + 1):
            while True:
                try:
                    frames = self._socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                event = decode(frames)
                if event is not None:
                    self._position.take(event)
            self._heard_at = time.monotonic()
        elif time.monotonic() - self._heard_at >= SILENCE_S:
            log.warning("feed: nothing from %s for %.0f s; looking into the ledger", self._options.endpoint, SILENCE_S)
            self._heard_at, self._position.look = time.monotonic(), True

    def close(self) -> None:
        if self._pid == os.getpid():
            self._socket.close(0)

    def __enter__(self) -> "Feed":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncFeed(AsyncIterator[Entry]):
    """Feed for asyncio: `async for entry in AsyncFeed(vault, after=position)`. Belongs to one event loop."""

    def __init__(self, vault: AsyncVault, *, events: Optional[str] = None, key_dir: Optional[PathLike] = None,
                 after: Optional[int] = 0) -> None:
        self._vault = vault
        self._options = Options.make(events, "VAULT_EVENTS", DEFAULT_EVENTS, key_dir, 0, 0)
        self._position = FeedPosition(after)
        self._socket = zmq.asyncio.Context.instance().socket(zmq.SUB)
        _subscribe(self._socket, self._options, TOPICS)

    async def __anext__(self) -> Entry:
        position = self._position
        while not position.ready:
            if position.look:
                await self._look()
                if position.ready:
                    break
            await self._listen(AWAY_PAUSE_S if position.look else SILENCE_S)
        return position.ready.popleft()

    async def _look(self) -> None:
        position = self._position
        try:
            if position.last is None:
                position.last, position.look = (await self._vault.head()).sequence, False
                return
            page = await self._vault.list_page(order="asc", cursor=position.last, limit=PAGE,
                                               at_least=position.target or None)
            position.found(page.entries, page.next_cursor)
        except errors.Retryable as error:
            log.warning("feed: after entry %s: %s", position.last, error)

    async def _listen(self, wait_s: float) -> None:
        if not await self._socket.poll(int(wait_s * 1000) + 1):
            if wait_s >= SILENCE_S:
                log.warning("feed: nothing from %s for %.0f s; looking into the ledger", self._options.endpoint, wait_s)
                self._position.look = True
            return
        frames: List[bytes] = await self._socket.recv_multipart()
        event = decode(frames)
        if event is not None:
            self._position.take(event)

    async def close(self) -> None:
        self._socket.close(0)

    async def __aenter__(self) -> "AsyncFeed":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
