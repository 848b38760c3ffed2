"""Vault: the ledger for blocking code."""
from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, List, Mapping, Optional, TypeVar, Union

import zmq

from vault999 import _operations, errors, records
from vault999._link import GivenUp, Link, carry_out
from vault999._operations import Call, EntryReader, Progress, Query
from vault999._options import DEFAULT_ENDPOINT, Options, PathLike, Patience
from vault999._pipeline import Outcome, SealPipeline
from vault999._times import Instant
from vault999._wire import pack_request
from vault999.records import Receipt, Seal
from vault999.verdicts import Verdict

if TYPE_CHECKING:
    from uuid import UUID

T = TypeVar("T")
SealLike = Union[Seal, Mapping[str, Any]]
log = logging.getLogger("vault999")


class Vault:
    """vaultd's requests socket.

        with Vault() as vault:
            receipt = vault.seal("release-42", "deploy-bot", "SEAL", {"commit": "9f3c2ab"})
            print(receipt.sequence, receipt.entry_hash)

    endpoint: where vaultd is; without one VAULT_ENDPOINT, or ipc:///run/vaultd/requests.
    key_dir: CURVE keys for tcp endpoints, as `vaultctl keygen --curve` makes them.
    timeout: seconds for a call with all its attempts. `busy`, `unavailable`, `deadline_exceeded` and broken connections
        are tried again with growing pauses, a seal under the same seal_id; then the last error is raised.
    connect_timeout: seconds for the first connection; without one 5, of which 1 while nobody listens there. One that stood
        before is waited for as long as `timeout`.
    check_hashes: entries that are read are recomputed: HashMismatch where one does not say what was sealed.

    Threads may share a Vault: each has a connection of its own. So has a child after fork(). Nothing connects before the
    first call. Values are exact: integers of 64 bits stay integers, floats floats (what is whole and small comes back as
    an integer: 1.0 and 1 are one value).
    """

    def __init__(self, endpoint: Optional[str] = None, *, key_dir: Optional[PathLike] = None, timeout: float = 30.0,
                 connect_timeout: Optional[float] = None, check_hashes: bool = True) -> None:
        self._options = Options.make(endpoint, "VAULT_ENDPOINT", DEFAULT_ENDPOINT, key_dir, timeout, connect_timeout)
        self._check_hashes = check_hashes
        self._begin()

    def _begin(self) -> None:
        self._local = threading.local()
        self._links: "weakref.WeakSet[Link]" = weakref.WeakSet()
        self._guard = threading.Lock()
        self._closed = False

    # --- sealing ---

    def seal(self, session_id: str, authority: str, verdict: Union[str, Verdict], seal_data: Mapping[str, Any], *,
             seal_id: Optional[Union[str, UUID]] = None, sign: bool = False) -> Receipt:
        """Seals one record; returns when it is durable. `sign`: the receipt also proves itself (some 100 ms more).

        Without a seal_id, one is drawn here and kept for all attempts. To be able to repeat a seal after your own
        program has crashed, choose the seal_id and store it (or use a Spool).
        """
        return self._ask(_operations.seal(Seal(session_id, authority, verdict, seal_data, seal_id), sign))

    def seal_batch(self, seals: Iterable[SealLike], *, sign: bool = False) -> List[Receipt]:
        """Seals 1 to 4,096 records in one transaction: all or none, in order."""
        return self._ask(_operations.seal_batch(seals, sign))

    def seal_many(self, seals: Iterable[SealLike], *, sign: bool = False,
                  return_exceptions: bool = False) -> "SealStream":
        """Seals any number of records, many under way at once; an iterator of receipts in the order of the seals.

        Iterate: seals are taken, sent and answered as the iterator moves; at most some 1,500 are taken ahead. Every seal
        stands for itself: one that is refused raises (with its place in `index`), or is yielded with return_exceptions;
        its neighbours are sealed. Each gets a seal_id of its own unless it has one: have them, and a second run over the
        same seals is safe.
        """
        return SealStream(self._run_pipeline(seals, sign), return_exceptions)

    # --- reading ---

    def read(self, sequence: int, *, at_least: Optional[int] = None) -> records.Entry:
        """The entry with this number; NotFound. `at_least`: a sequence that the answer must include."""
        return self._ask(_operations.read(sequence, self._reader(), at_least))

    def read_by_seal_id(self, seal_id: Union[str, UUID], *, at_least: Optional[int] = None) -> records.Entry:
        return self._ask(_operations.read_by_seal_id(seal_id, self._reader(), at_least))

    def read_session(self, session_id: str, *, cursor: Optional[int] = None, page_size: Optional[int] = None,
                     at_least: Optional[int] = None) -> Iterator[records.Entry]:
        """The entries of a session, oldest first. Pages come as the iterator moves."""
        reader = self._reader()
        return self._pages(lambda at: _operations.session_page(session_id, at, page_size, reader, at_least), cursor)

    def list(self, *, order: str = "desc", cursor: Optional[int] = None, page_size: Optional[int] = None,
             at_least: Optional[int] = None) -> Iterator[records.Entry]:
        """All entries, newest first (`asc`: oldest first), from before (after) the sequence `cursor`."""
        reader = self._reader()
        return self._pages(lambda at: _operations.list_page(order, at, page_size, reader, at_least), cursor)

    def query(self, *, verdict: Optional[Union[str, Verdict]] = None, session_id: Optional[str] = None,
              authority: Optional[str] = None, since: Optional[Instant] = None, until: Optional[Instant] = None,
              order: str = "desc", cursor: Optional[int] = None, page_size: Optional[int] = None,
              at_least: Optional[int] = None) -> Iterator[records.Entry]:
        """Entries that meet all conditions. `since` is inclusive, `until` exclusive: datetimes, or ISO 8601 text."""
        query, reader = Query(verdict, session_id, authority, since, until), self._reader()
        return self._pages(lambda at: _operations.query_page(query, order, at, page_size, reader, at_least), cursor)

    def list_page(self, *, order: str = "desc", cursor: Optional[int] = None, limit: int = 50,
                  at_least: Optional[int] = None) -> records.Page:
        """One page of list(), for programs that show pages."""
        return self._ask(_operations.list_page(order, cursor, limit, self._reader(), at_least))

    def query_page(self, query: Query, *, order: str = "desc", cursor: Optional[int] = None, limit: int = 50,
                   at_least: Optional[int] = None) -> records.Page:
        """One page of query(). It may be short, or empty, although there is more: continue while next_cursor is not
        None."""
        return self._ask(_operations.query_page(query, order, cursor, limit, self._reader(), at_least))

    # --- proving ---

    def verify(self, start: Optional[int] = None, end: Optional[int] = None, *, progress: Optional[Progress] = None,
               at_least: Optional[int] = None) -> records.Verification:
        """Has vaultd recompute every hash from `start` to `end`. Takes as long as it takes: as long as vaultd reports
        progress (`progress(checked, total)`, some four times a second), it is not late."""
        return self._ask(_operations.verify(start, end, progress, at_least))

    def proof(self, sequence: int, tree_size: Optional[int] = None) -> records.Proof:
        """Proves that the entry is in the tree of the latest checkpoint (or of `tree_size`); offline.check_proof()
        checks it."""
        return self._ask(_operations.proof(sequence, tree_size))

    def consistency(self, first: int, second: Optional[int] = None) -> records.Consistency:
        return self._ask(_operations.consistency(first, second))

    def checkpoint(self, *, at_least: Optional[int] = None) -> records.CheckpointAnswer:
        return self._ask(_operations.checkpoint(at_least))

    def head(self, *, at_least: Optional[int] = None) -> records.Head:
        return self._ask(_operations.head(at_least))

    def status(self) -> records.Status:
        return self._ask(_operations.status())

    # --- life ---

    def sibling(self) -> "Vault":
        """Another Vault with the same settings, to be closed separately."""
        made = Vault.__new__(Vault)
        made._options, made._check_hashes = self._options, self._check_hashes
        made._begin()
        return made

    def close(self) -> None:
        """Closes the connections of all threads; calls under way there end with Unavailable."""
        with self._guard:
            self._closed = True
            links = [link for link in self._links if link.pid == os.getpid()]
        for link in links:
            link.close()

    def __enter__(self) -> "Vault":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- inside ---

    def _reader(self) -> EntryReader:
        return EntryReader(self._check_hashes)

    def _new_link(self) -> Link:
        with self._guard:
            if self._closed:
                raise errors.Unavailable("this vault was closed")
            # instance() knows about fork(): a child gets a context of its own.
            link = Link(zmq.Context.instance(), self._options)
            self._links.add(link)
            return link

    def _link(self) -> Link:
        link: Optional[Link] = getattr(self._local, "link", None)
        if link is not None and link.pid != os.getpid():
            link.leave_to_parent()
        if link is None or link.pid != os.getpid() or link.socket.closed:
            link = self._local.link = self._new_link()
        return link

    def _ask(self, call: Call[T]) -> T:
        link = self._link()
        patience = Patience(self._options.timeout_s)

        def heard(reply: Mapping[str, Any]) -> None:
            patience.touch()
            told = reply["progress"]
            if call.progress is not None and isinstance(told, dict):
                call.progress(told.get("checked", 0), told.get("total", 0))

        with link.lock:
            result = carry_out(link, call.op, lambda request_id: pack_request(request_id, call.op, call.arguments),
                               patience, heard)
        return call.decode(result)

    def _pages(self, page: Callable[[Optional[int]], Call[records.Page]],
               cursor: Optional[int]) -> Iterator[records.Entry]:
        while True:
            answer = self._ask(page(cursor))
            yield from answer.entries
            cursor = answer.next_cursor
            if cursor is None:
                return

    def _run_pipeline(self, seals: Iterable[SealLike], sign: bool) -> Iterator[Outcome]:
        pipeline = SealPipeline(seals, sign, self._options.timeout_s)
        link = self._new_link()  # a separate one, so that replies of other calls do not interfere
        try:
            breaks = link.state.breaks
            while True:
                self._check_process(link)
                with link.lock:
                    for frame in pipeline.frames(time.monotonic()):
                        link.send(frame, Patience(self._options.timeout_s))
                yield from pipeline.ready()
                if pipeline.done:
                    return
                self._check_process(link)
                with link.lock:
                    if link.poll(pipeline.wait_s(time.monotonic())):
                        for reply in link.replies():
                            pipeline.take(reply, time.monotonic())
                if link.state.breaks != breaks:
                    breaks = link.state.breaks
                    pipeline.broke(time.monotonic())
                pipeline.expire(time.monotonic())
        except GivenUp as given_up:
            given_up.error.index = pipeline.given
            raise given_up.error from None
        finally:
            if link.pid == os.getpid():
                link.close()

    @staticmethod
    def _check_process(link: Link) -> None:
        if link.pid != os.getpid():
            raise errors.ForeignProcess("this seal_many() began in another process: begin one here")


class SealStream(Iterator[Receipt]):
    """The receipts of seal_many(). It seals as it is iterated; a stream that is never iterated logs an error."""

    def __init__(self, outcomes: Iterator[Outcome], return_exceptions: bool) -> None:
        self._outcomes = outcomes
        self._return_exceptions = return_exceptions
        self._begun = False

    def __iter__(self) -> "SealStream":
        return self

    def __next__(self) -> Receipt:
        self._begun = True
        outcome = next(self._outcomes)
        if isinstance(outcome, errors.VaultError) and not self._return_exceptions:
            raise outcome
        return outcome  # type: ignore[return-value]  # with return_exceptions: either, and the caller asked for it

    def __del__(self) -> None:
        if not getattr(self, "_begun", True):
            log.error("seal_many() was called and never iterated: nothing of it was sealed")
