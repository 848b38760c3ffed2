"""AsyncVault: the ledger for asyncio. The methods are those of Vault; methods with one answer are coroutines, those
that iterate over entries are async iterators."""
from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Dict, Iterable, List, Mapping, Optional, TypeVar, Union

from vault999 import _operations, errors, records
from vault999._async_link import AsyncLink, carry_out
from vault999._link import GivenUp
from vault999._operations import Call, EntryReader, Progress, Query
from vault999._options import DEFAULT_ENDPOINT, Options, PathLike, Patience
from vault999._pipeline import Outcome, SealPipeline
from vault999._times import Instant
from vault999._wire import pack_request
from vault999.records import Receipt, Seal
from vault999.vault import SealLike, log
from vault999.verdicts import Verdict

if TYPE_CHECKING:
    from uuid import UUID

T = TypeVar("T")


class AsyncVault:
    """vaultd's requests socket, for asyncio; what is said of Vault holds here too.

        async with AsyncVault() as vault:
            receipt = await vault.seal("release-42", "deploy-bot", "SEAL", {"commit": "9f3c2ab"})

    One connection, thousands of calls under way on it. It belongs to the event loop that first used it: another loop gets
    a new connection once that one is closed, and is refused (ForeignProcess) before; so is a child after fork().
    """

    def __init__(self, endpoint: Optional[str] = None, *, key_dir: Optional[PathLike] = None, timeout: float = 30.0,
                 connect_timeout: Optional[float] = None, check_hashes: bool = True) -> None:
        self._options = Options.make(endpoint, "VAULT_ENDPOINT", DEFAULT_ENDPOINT, key_dir, timeout, connect_timeout)
        self._check_hashes = check_hashes
        self._shared: Optional[AsyncLink] = None
        self._closed = False
        self._pid = os.getpid()

    # --- sealing ---

    async def seal(self, session_id: str, authority: str, verdict: Union[str, Verdict], seal_data: Mapping[str, Any], *,
                   seal_id: Optional[Union[str, UUID]] = None, sign: bool = False) -> Receipt:
        return await self._ask(_operations.seal(Seal(session_id, authority, verdict, seal_data, seal_id), sign))

    async def seal_batch(self, seals: Iterable[SealLike], *, sign: bool = False) -> List[Receipt]:
        return await self._ask(_operations.seal_batch(seals, sign))

    def seal_many(self, seals: Iterable[SealLike], *, sign: bool = False,
                  return_exceptions: bool = False) -> "AsyncSealStream":
        """Vault.seal_many(), for iteration with `async for`."""
        return AsyncSealStream(self._run_pipeline(seals, sign), return_exceptions)

    # --- reading ---

    async def read(self, sequence: int, *, at_least: Optional[int] = None) -> records.Entry:
        return await self._ask(_operations.read(sequence, self._reader(), at_least))

    async def read_by_seal_id(self, seal_id: Union[str, UUID], *, at_least: Optional[int] = None) -> records.Entry:
        return await self._ask(_operations.read_by_seal_id(seal_id, self._reader(), at_least))

    def read_session(self, session_id: str, *, cursor: Optional[int] = None, page_size: Optional[int] = None,
                     at_least: Optional[int] = None) -> AsyncIterator[records.Entry]:
        reader = self._reader()
        return self._pages(lambda at: _operations.session_page(session_id, at, page_size, reader, at_least), cursor)

    def list(self, *, order: str = "desc", cursor: Optional[int] = None, page_size: Optional[int] = None,
             at_least: Optional[int] = None) -> AsyncIterator[records.Entry]:
        reader = self._reader()
        return self._pages(lambda at: _operations.list_page(order, at, page_size, reader, at_least), cursor)

    def query(self, *, verdict: Optional[Union[str, Verdict]] = None, session_id: Optional[str] = None,
              authority: Optional[str] = None, since: Optional[Instant] = None, until: Optional[Instant] = None,
              order: str = "desc", cursor: Optional[int] = None, page_size: Optional[int] = None,
              at_least: Optional[int] = None) -> AsyncIterator[records.Entry]:
        query, reader = Query(verdict, session_id, authority, since, until), self._reader()
        return self._pages(lambda at: _operations.query_page(query, order, at, page_size, reader, at_least), cursor)

    async def session_page(self, session_id: str, *, cursor: Optional[int] = None, limit: int = 50,
                           at_least: Optional[int] = None) -> records.Page:
        return await self._ask(_operations.session_page(session_id, cursor, limit, self._reader(), at_least))

    async def list_page(self, *, order: str = "desc", cursor: Optional[int] = None, limit: int = 50,
                        at_least: Optional[int] = None) -> records.Page:
        return await self._ask(_operations.list_page(order, cursor, limit, self._reader(), at_least))

    async def query_page(self, query: Query, *, order: str = "desc", cursor: Optional[int] = None, limit: int = 50,
                         at_least: Optional[int] = None) -> records.Page:
        return await self._ask(_operations.query_page(query, order, cursor, limit, self._reader(), at_least))

    # --- proving ---

    async def verify(self, start: Optional[int] = None, end: Optional[int] = None, *,
                     progress: Optional[Progress] = None, at_least: Optional[int] = None) -> records.Verification:
        return await self._ask(_operations.verify(start, end, progress, at_least))

    async def proof(self, sequence: int, tree_size: Optional[int] = None) -> records.Proof:
        return await self._ask(_operations.proof(sequence, tree_size))

    async def consistency(self, first: int, second: Optional[int] = None) -> records.Consistency:
        return await self._ask(_operations.consistency(first, second))

    async def checkpoint(self, *, at_least: Optional[int] = None) -> records.CheckpointAnswer:
        return await self._ask(_operations.checkpoint(at_least))

    async def head(self, *, at_least: Optional[int] = None) -> records.Head:
        return await self._ask(_operations.head(at_least))

    async def status(self) -> records.Status:
        return await self._ask(_operations.status())

    # --- life ---

    async def close(self) -> None:
        self._closed = True
        link, self._shared = self._shared, None
        if link is None or link.pid != os.getpid():
            return
        if link.loop is asyncio.get_running_loop():
            await link.close()
        else:
            link.abandon()

    async def __aenter__(self) -> "AsyncVault":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # --- inside ---

    def _reader(self) -> EntryReader:
        return EntryReader(self._check_hashes)

    def _check_open(self) -> None:
        if self._closed:
            raise errors.Unavailable("this vault was closed")
        if self._pid != os.getpid():
            raise errors.ForeignProcess("this AsyncVault was made in another process: make one here")

    def _link(self) -> AsyncLink:
        self._check_open()
        link = self._shared
        if link is not None and link.loop is not asyncio.get_running_loop():
            if link.loop.is_running():
                raise errors.ForeignProcess("this AsyncVault is used by another event loop: make one for this")
            link.abandon()
            link = None
        if link is None:
            link = self._shared = AsyncLink(self._options)
        return link

    async def _ask(self, call: Call[T]) -> T:
        link = self._link()
        patience = Patience(self._options.timeout_s)

        def heard(reply: Dict[str, Any]) -> None:
            patience.touch()
            told = reply["progress"]
            if call.progress is not None and isinstance(told, dict):
                call.progress(told.get("checked", 0), told.get("total", 0))

        return call.decode(await carry_out(
            link, call.op, lambda request_id: pack_request(request_id, call.op, call.arguments), patience, heard))

    async def _pages(self, page: Callable[[Optional[int]], Call[records.Page]],
                     cursor: Optional[int]) -> AsyncIterator[records.Entry]:
        while True:
            answer = await self._ask(page(cursor))
            for entry in answer.entries:
                yield entry
            cursor = answer.next_cursor
            if cursor is None:
                return

    async def _run_pipeline(self, seals: Iterable[SealLike], sign: bool) -> AsyncIterator[Outcome]:
        self._check_open()
        pipeline = SealPipeline(seals, sign, self._options.timeout_s)
        link = AsyncLink(self._options)  # its own, as in Vault

        def take(reply: Dict[str, Any]) -> None:
            pipeline.take(reply, time.monotonic())
            link.news.set()

        link.route = take
        try:
            breaks = link.state.breaks
            while True:
                for frame in pipeline.frames(time.monotonic()):
                    await link.send(frame, Patience(self._options.timeout_s))
                link.news.clear()
                given = pipeline.given
                for one in pipeline.ready():
                    yield one
                if pipeline.done:
                    return
                if pipeline.given != given:
                    continue  # there is room for more
                await link.wait_news(pipeline.wait_s(time.monotonic()))
                if link.state.breaks != breaks:
                    breaks = link.state.breaks
                    pipeline.broke(time.monotonic())
                pipeline.expire(time.monotonic())
        except GivenUp as given_up:
            given_up.error.index = pipeline.given
            raise given_up.error from None
        finally:
            await link.close()


class AsyncSealStream(AsyncIterator[Receipt]):
    """The receipts of AsyncVault.seal_many(). It seals as it is iterated; a stream that is never iterated logs an
    error."""

    def __init__(self, outcomes: AsyncIterator[Outcome], return_exceptions: bool) -> None:
        self._outcomes = outcomes
        self._return_exceptions = return_exceptions
        self._begun = False

    def __aiter__(self) -> "AsyncSealStream":
        return self

    async def __anext__(self) -> Receipt:
        self._begun = True
        outcome = await self._outcomes.__anext__()
        if isinstance(outcome, errors.VaultError) and not self._return_exceptions:
            raise outcome
        return outcome  # type: ignore[return-value]  # with return_exceptions: either, and the caller asked for it

    def __del__(self) -> None:
        if not getattr(self, "_begun", True):
            log.error("seal_many() was called and never iterated: nothing of it was sealed")
