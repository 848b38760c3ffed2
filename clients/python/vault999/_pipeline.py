"""Many seals under way at once: batches in flight, receipts in order, one outcome per seal. No sockets, no clock.

A batch is sealed whole or not at all. If vaultd refuses one, it is split around the seal that is named (or in half) and
the parts are sent again, so that every seal gets the answer that it would have got alone.
"""
from __future__ import annotations

import heapq
import itertools
import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

import msgpack

from vault999 import errors
from vault999._wire import outcome, pack_seal, seal_map
from vault999.records import Receipt, Seal

CHUNK_SEALS = 256
CHUNK_BYTES = 1 << 20
CHUNKS_IN_FLIGHT = 6
PAUSE_FIRST_S, PAUSE_MOST_S = 0.05, 2.0

Outcome = Union[Receipt, errors.VaultError]
_NAMED_SEAL = re.compile(r"seals\[(\d+)\]")


class Chunk:
    __slots__ = ("first", "seals", "give_up_at", "pause_s", "error")

    def __init__(self, first: int, seals: List[bytes], give_up_at: float) -> None:
        self.first, self.seals, self.give_up_at = first, seals, give_up_at
        self.pause_s = PAUSE_FIRST_S
        self.error: Optional[errors.VaultError] = None  # why it was not sealed yet


class Waiting(NamedTuple):
    due: float
    first: int  # a tie-break that makes the order total
    chunk: Chunk


class SealPipeline:
    """Driven by the owner of a socket: send frames(), pass replies to take(), call broke() when a connection ended, and
    collect what is ready()."""

    def __init__(self, seals: Iterable[Union[Seal, Mapping[str, Any]]], sign: bool, timeout_s: float) -> None:
        self._source = enumerate(seals)
        self._ahead: Optional[Tuple[int, bytes]] = None  # packed, and did not fit the last chunk
        self._exhausted = False
        self._taken = 0  # seals taken from the source
        self._given = 0  # outcomes handed out
        self._ids = itertools.count(1)
        self._in_flight: Dict[int, Chunk] = {}
        self._waiting: List[Waiting] = []
        self._outcomes: Dict[int, Outcome] = {}
        self._timeout_s = timeout_s
        packer = msgpack.Packer(autoreset=True)
        self._packer = packer
        members = [("v", 1), ("op", "seal_batch")] + ([("sign", True)] if sign else [])
        self._head: bytes = packer.pack_map_header(len(members) + 2)
        self._head += b"".join(packer.pack(name) + packer.pack(value) for name, value in members) + packer.pack("id")
        self._seals_name: bytes = packer.pack("seals")

    @property
    def done(self) -> bool:
        return self._exhausted and self._given == self._taken

    @property
    def given(self) -> int:
        """Outcomes handed out so far: the index of the next seal."""
        return self._given

    def frames(self, now: float) -> Iterator[bytes]:
        """The messages to send now. Takes seals from the source while there is room."""
        while self._waiting and self._waiting[0].due <= now:
            yield self._frame(heapq.heappop(self._waiting).chunk)
        window = CHUNKS_IN_FLIGHT * CHUNK_SEALS
        while (len(self._in_flight) + len(self._waiting) < CHUNKS_IN_FLIGHT and not self._exhausted
               and self._taken - self._given < window):
            chunk = self._next_chunk(now)
            if chunk is not None:
                yield self._frame(chunk)

    def take(self, reply: Mapping[str, Any], now: float) -> None:
        """Takes a reply; drops one that nobody waits for."""
        chunk = self._in_flight.pop(reply["id"], None) if isinstance(reply.get("id"), int) else None
        if chunk is None:
            return
        result, error = outcome(reply)
        if error is None:
            receipts = result.get("receipts") if result is not None else None
            if not isinstance(receipts, list) or len(receipts) != len(chunk.seals):
                error = errors.Internal(f"vaultd answered {len(chunk.seals)} seals with another number of receipts")
            else:
                self._outcomes.update(enumerate(map(Receipt, receipts), chunk.first))
                return
        if error.retryable:
            chunk.error = error
            self._again(chunk, now + chunk.pause_s)
            chunk.pause_s = min(2 * chunk.pause_s, PAUSE_MOST_S)
        else:
            self._refused(chunk, error, now)

    def broke(self, now: float) -> None:
        """The connection ended: batches in flight will get no answer, and are sent again."""
        lost, self._in_flight = self._in_flight, {}
        for chunk in lost.values():
            chunk.error = errors.Unavailable("the connection to vaultd broke before its answer came")
            self._again(chunk, now)

    def expire(self, now: float) -> None:
        """Gives up batches that have waited for too long."""
        late = [key for key, chunk in self._in_flight.items() if chunk.give_up_at <= now]
        for key in late:
            chunk = self._in_flight.pop(key)
            self._fail(chunk, chunk.error or errors.DeadlineExceeded(f"no answer within {self._timeout_s:.3g} s"))

    def wait_s(self, now: float) -> float:
        """For how long there is nothing to do but wait for replies."""
        moments = [one.due for one in self._waiting[:1]] + [one.give_up_at for one in self._in_flight.values()]
        return max(0.0, min(moments, default=now) - now)

    def ready(self) -> Iterator[Outcome]:
        """Outcomes in the order of the seals, as far as they are known."""
        while self._given in self._outcomes:
            one = self._outcomes.pop(self._given)
            self._given += 1
            yield one

    def _frame(self, chunk: Chunk) -> bytes:
        request_id = next(self._ids)
        self._in_flight[request_id] = chunk
        parts = [self._head, self._packer.pack(request_id), self._seals_name,
                 self._packer.pack_array_header(len(chunk.seals))]
        return b"".join(parts + chunk.seals)

    def _next_packed(self) -> Optional[Tuple[int, bytes]]:
        """The next seal that can be packed; one that cannot has its outcome at once."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead
        for index, seal in self._source:
            self._taken = index + 1
            try:
                return index, pack_seal(seal_map(seal))
            except errors.VaultError as refusal:
                refusal.index = index
                self._outcomes[index] = refusal
                return None
        self._exhausted = True
        return None

    def _next_chunk(self, now: float) -> Optional[Chunk]:
        packed = self._next_packed()
        if packed is None:
            return None
        chunk = Chunk(packed[0], [packed[1]], now + self._timeout_s)
        size = len(packed[1])
        while len(chunk.seals) < CHUNK_SEALS:
            packed = self._next_packed()
            if packed is None:
                break
            if size + len(packed[1]) > CHUNK_BYTES:
                self._ahead = packed
                break
            size += len(packed[1])
            chunk.seals.append(packed[1])
        return chunk

    def _again(self, chunk: Chunk, due: float) -> None:
        if due >= chunk.give_up_at:
            self._fail(chunk, chunk.error or errors.Unavailable("not sealed"))
        else:
            heapq.heappush(self._waiting, Waiting(due, chunk.first, chunk))

    def _fail(self, chunk: Chunk, error: errors.VaultError) -> None:
        for index in range(chunk.first, chunk.first + len(chunk.seals)):
            one = type(error)(error.message, _NAMED_SEAL.sub("seal", error.field, 1))
            one.index = index
            self._outcomes[index] = one

    def _refused(self, chunk: Chunk, error: errors.VaultError, now: float) -> None:
        count = len(chunk.seals)
        named = _NAMED_SEAL.match(error.field)
        if count == 1:
            self._fail(chunk, error)
            return
        if named is not None and int(named.group(1)) < count:
            at = int(named.group(1))
            cuts = [0, at, at + 1, count]
        else:
            cuts = [0, count // 2, count]
        for begin, end in zip(cuts, cuts[1:]):
            if begin < end:
                self._again(Chunk(chunk.first + begin, chunk.seals[begin:end], chunk.give_up_at), now)
