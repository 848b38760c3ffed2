"""The files of a spool: records appended and fsynced, read back, and dropped with the segment that holds them.

  lock               held by the process that uses the spool
  0000000001.spool   segments: consecutive records, each preceded by 4 bytes of length and 4 of CRC-32 (big-endian)
  *.damaged          what could not be read, kept for people to look at

No record is ever changed in place. Dropped records may come back after a crash, as long as their segment exists:
readers must be able to take a record twice.
"""
from __future__ import annotations

import fcntl
import logging
import os
import struct
import threading
import zlib
from typing import Dict, Iterable, List, NamedTuple, Set, Tuple

from vault999 import errors

log = logging.getLogger("vault999")

SEGMENT_BYTES = 1 << 20  # a segment of this size is full; at most this much comes back after a crash
RECORD_BYTES_MAX = 64 << 20
_HEADER = struct.Struct(">II")
_SUFFIX = ".spool"

_open_here: Set[str] = set()  # locks do not exclude the process that holds them
_guard = threading.Lock()


class SpoolLocked(RuntimeError):
    """Another process (or another Spool of this one) uses this spool."""


class Position(NamedTuple):
    segment: int
    offset: int


class SpoolFiles:
    """Belongs to one process; append() and sync() to one thread at a time, read() and drop_before() likewise."""

    def __init__(self, directory: str) -> None:
        """Makes the directory if it is missing, locks it, and reads its segments. SpoolLocked, OSError."""
        self.directory = os.path.realpath(directory)
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        self._lock_fd = self._lock()
        self._sizes: Dict[int, int] = {}  # of segments, up to the end of their last whole record
        self._file = -1
        try:
            self.records = sum(self._recover(number) for number in self._segments())
            self._number = max(self._sizes, default=0)
            self._begin_segment()
        except BaseException:
            self.close()
            raise
        self.begin = Position(min(self._sizes), 0)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._lock_fd >= 0:
            with _guard:
                _open_here.discard(self.directory)
            os.close(self._lock_fd)
            self._lock_fd = -1

    @property
    def end(self) -> Position:
        return Position(self._number, self._sizes[self._number])

    @property
    def bytes_kept(self) -> int:
        return sum(list(self._sizes.values()))

    def append(self, records: Iterable[bytes]) -> None:
        """Writes records, all or none. They are durable after sync()."""
        data = b"".join(_HEADER.pack(len(one), zlib.crc32(one)) + one for one in records)
        if self._sizes[self._number] >= SEGMENT_BYTES:
            self._begin_segment()
        before = self._sizes[self._number]
        written = 0
        # At its own offset: if this fails half-way (a full disk), the next one overwrites the remains.
        while written < len(data):
            written += os.pwrite(self._file, data[written:], before + written)
        self._sizes[self._number] = before + len(data)

    def descriptor(self) -> int:
        """A duplicate of the open segment's descriptor, for an fsync outside a lock; the caller closes it."""
        return os.dup(self._file)

    def read(self, position: Position, records_max: int, bytes_max: int,
             end: Position) -> Tuple[List[bytes], List[Position]]:
        """Records from `position` up to `end` (at least one, if there is one), and where each of them ends."""
        found: List[bytes] = []
        ends: List[Position] = []
        size = 0
        while position < end and len(found) < records_max and size < bytes_max:
            limit = self._sizes.get(position.segment, 0)
            if position.segment == end.segment:
                limit = end.offset
            if position.offset >= limit:
                position = Position(position.segment + 1, 0)
                continue
            with open(self._path(position.segment), "rb") as file:
                file.seek(position.offset)
                while position.offset < limit and len(found) < records_max and size < bytes_max:
                    length, checksum = _HEADER.unpack(file.read(_HEADER.size))
                    record = file.read(length)
                    if len(record) != length or zlib.crc32(record) != checksum:
                        raise errors.Internal(f"{self._path(position.segment)} was changed by somebody else")
                    position = Position(position.segment, position.offset + _HEADER.size + length)
                    found.append(record)
                    ends.append(position)
                    size += length
        return found, ends

    def drop_before(self, position: Position) -> None:
        """Removes segments that hold nothing from `position` on, but never the one that is being written."""
        for number in sorted(self._sizes):
            done = number < position.segment or (number == position.segment and position.offset >= self._sizes[number])
            if number == self._number or not done:
                return
            os.unlink(self._path(number))
            del self._sizes[number]

    def drop_all(self) -> None:
        """Everything is sealed: leaves an empty spool behind."""
        if self._sizes[self._number]:
            self._begin_segment()
        self.drop_before(Position(self._number, 0))

    def _path(self, number: int) -> str:
        return os.path.join(self.directory, f"{number:010d}{_SUFFIX}")

    def _segments(self) -> List[int]:
        names = [name[:-len(_SUFFIX)] for name in os.listdir(self.directory) if name.endswith(_SUFFIX)]
        return sorted(int(name) for name in names if name.isdigit())

    def _lock(self) -> int:
        with _guard:
            if self.directory in _open_here:
                raise SpoolLocked(f"the spool {self.directory} is open in this process already")
            fd = os.open(os.path.join(self.directory, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                # A lock of the process, which a child does not inherit at fork(), and which ends with the process.
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                owner = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
                os.close(fd)
                raise SpoolLocked(f"the spool {self.directory} is in use by process {owner or 'unknown'}") from None
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode("ascii"), 0)
            _open_here.add(self.directory)
            return fd

    def _begin_segment(self) -> None:
        fd = os.open(self._path(self._number + 1), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            sync_directory(self.directory)
        except OSError:
            os.close(fd)
            os.unlink(self._path(self._number + 1))
            raise
        if self._file >= 0:
            try:
                os.fsync(self._file)
            except OSError:
                os.close(fd)
                raise
            os.close(self._file)
        self._file, self._number = fd, self._number + 1
        self._sizes[self._number] = 0

    def _recover(self, number: int) -> int:
        """How many whole records a segment holds. An unfinished record at its end is cut off: a crash left it, and its
        append() had not returned. Anything else that cannot be read is kept aside, and reported."""
        with open(self._path(number), "rb") as file:
            data = file.read()
        at = count = 0
        while len(data) - at >= _HEADER.size:
            length, checksum = _HEADER.unpack_from(data, at)
            record = data[at + _HEADER.size:at + _HEADER.size + length]
            if length == 0 or length > RECORD_BYTES_MAX or len(record) < length or zlib.crc32(record) != checksum:
                break
            at += _HEADER.size + length
            count += 1
        rest = data[at:]
        if rest:
            if rest.strip(b"\0"):
                aside = self._path(number) + f".{at}.damaged"
                with open(aside, "wb") as file:
                    file.write(rest)
                    file.flush()
                    os.fsync(file.fileno())
                log.error("spool: %s: %d bytes from byte %d on are no whole record (a crash while it was written, or "
                          "damage); kept in %s", self._path(number), len(rest), at, aside)
            os.truncate(self._path(number), at)
        self._sizes[number] = at
        return count


def sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
