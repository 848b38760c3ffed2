"""The options of every kind of client: where vaultd is, and how long to wait for it."""
from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from typing import Any, Optional, Union

import zmq

from vault999 import errors
from vault999.keys import CurveKeys, read_key_dir

DEFAULT_ENDPOINT = "ipc:///run/vaultd/requests"
DEFAULT_EVENTS = "ipc:///run/vaultd/events"
CONNECT_TIMEOUT_S = 5.0
GRACE_S = 1.0  # a vaultd that is just restarting listens again within this
REPLY_BYTES_MAX = 256 << 20
HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS = 5_000, 15_000
RECONNECT_MS, RECONNECT_MAX_MS = 50, 1_000
MESSAGES_MAX = 10_000  # that ZeroMQ holds for us in either direction

PathLike = Union[str, "os.PathLike[str]"]


@dataclasses.dataclass
class Past:
    """Shared by the connections of one vault."""

    connected: bool = False  # one of them was, so that vaultd is there, and at most restarting


@dataclasses.dataclass(frozen=True)
class Options:
    endpoint: str
    keys: Optional[CurveKeys]
    timeout_s: float
    connect_timeout_s: float
    grace_s: float  # for how long nobody needs to listen, at the first connection
    past: Past = dataclasses.field(default_factory=Past)

    @classmethod
    def make(cls, endpoint: Optional[str], variable: str, default: str, key_dir: Optional[PathLike], timeout: float,
             connect_timeout: Optional[float]) -> "Options":
        """The endpoint as given, or from the environment, or vaultd's default. Who names a connect_timeout waits so long
        for a vaultd that does not listen yet."""
        where = endpoint or os.environ.get(variable) or default
        scheme = where.partition("://")[0]
        if scheme not in ("ipc", "tcp") or (scheme == "tcp" and "@" in where):
            # A database URL is easily put here by mistake, with its password.
            shown = "what is there (it may hold a password)" if "@" in where or "://" in where else repr(where)
            raise errors.InvalidArgument(f"an endpoint begins with ipc:// or tcp://, unlike {shown}", "endpoint")
        # ipc:// never uses CURVE: the mode and group of the socket decide there.
        keys = read_key_dir(key_dir) if key_dir is not None and scheme == "tcp" else None
        if connect_timeout is None:
            return cls(where, keys, timeout, CONNECT_TIMEOUT_S, GRACE_S)
        return cls(where, keys, timeout, connect_timeout, connect_timeout)

    def connect(self, socket: "zmq.Socket[Any]") -> None:
        """Sets up a socket and connects it. Waits for nothing."""
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, REPLY_BYTES_MAX)
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
        socket.setsockopt(zmq.SNDHWM, MESSAGES_MAX)
        socket.setsockopt(zmq.RCVHWM, MESSAGES_MAX)
        if self.endpoint.startswith("tcp:"):
            socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
            socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
            if "[" in self.endpoint:
                socket.setsockopt(zmq.IPV6, 1)
        if self.keys is not None:
            socket.curve_serverkey = self.keys.server_public.encode("ascii")
            socket.curve_publickey = self.keys.client_public.encode("ascii")
            socket.curve_secretkey = self.keys.client_secret.encode("ascii")
        self._connect(socket)

    def connect_again(self, socket: "zmq.Socket[Any]") -> None:
        """For a socket that connect() has set up."""
        with contextlib.suppress(zmq.ZMQError):  # ZeroMQ has forgotten the endpoint
            socket.disconnect(self.endpoint)
        self._connect(socket)

    def _connect(self, socket: "zmq.Socket[Any]") -> None:
        try:
            socket.connect(self.endpoint)
        except zmq.ZMQError as error:
            raise errors.InvalidArgument(f"cannot connect to {self.endpoint}: {error.strerror}", "endpoint") from None


class Patience:
    """How long one call lasts, and how long it pauses between attempts (growing, with jitter)."""

    FIRST_S, MOST_S = 0.05, 2.0

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._pause_s = self.FIRST_S
        self.touch()

    def touch(self) -> None:
        """A message arrived: the time starts anew."""
        self._until = time.monotonic() + self.timeout_s

    def left_s(self) -> float:
        return self._until - time.monotonic()

    def pause_after(self, error: errors.VaultError) -> float:
        """Seconds to wait before the next attempt. Raises the error if there is no time for one."""
        pause = self._pause_s * (0.5 + int.from_bytes(os.urandom(2), "big") / 65_536)
        self._pause_s = min(2 * self._pause_s, self.MOST_S)
        if self.left_s() <= pause:
            raise error
        return pause
