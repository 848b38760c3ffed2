"""Interprets ZeroMQ's socket monitor: the state of a connection, and what it means for waiting callers."""
from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Optional, Sequence

import zmq

from vault999 import errors

WATCHED = (zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
           | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED)
# A handshake may end without a reason this many times in a row: that also happens while vaultd restarts.
FAILED_HANDSHAKES_MAX = 3


class ConnectionState:
    """Takes the monitor's events; belongs to the owner of the socket."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.connected = False
        self.ever_connected = False
        self.breaks = 0  # number of connections that ended: requests sent on them will get no answer
        self.fatal: Optional[errors.VaultError] = None  # waiting longer will not help
        self._failed_handshakes = 0

    def take(self, frames: Sequence[bytes]) -> None:
        event, value = struct.unpack("=HI", frames[0])
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.connected = self.ever_connected = True
            self.fatal, self._failed_handshakes = None, 0
        elif event == zmq.EVENT_DISCONNECTED:
            self.breaks += self.connected
            self.connected = False
        elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            self.fatal = errors.Forbidden(f"vaultd at {self.endpoint} does not know this client's key ({value})", "key_dir")
        elif event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
            self.fatal = errors.Unavailable(f"what listens at {self.endpoint} is not vaultd's requests socket, or one of "
                                            "the two sides uses CURVE and the other does not")
        elif event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            self._failed_handshakes += 1
            if self._failed_handshakes >= FAILED_HANDSHAKES_MAX and not self.ever_connected:
                self.fatal = errors.Unavailable(
                    f"vaultd at {self.endpoint} ends every handshake: server.toml holds another key than vaultd's, or this "
                    "client has no key and vaultd wants CURVE")

    def why_not(self, waited_s: float) -> errors.VaultError:
        """The error for a call that found no connection in time."""
        if self.fatal is not None:
            return self.fatal
        reason = probe(self.endpoint)
        if isinstance(reason, PermissionError):
            return errors.Forbidden(f"no permission to talk to {self.endpoint}: only members of the socket's group may")
        told = f" ({reason.strerror or reason})" if reason is not None else ""
        return errors.Unavailable(f"no connection to vaultd at {self.endpoint} within {waited_s:.3g} s{told}")


def probe(endpoint: str) -> Optional[OSError]:
    """Why a plain connection to an endpoint fails, which ZeroMQ does not say; None if it succeeds."""
    scheme, _, address = endpoint.partition("://")
    try:
        if scheme == "ipc":
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
                one.settimeout(1)
                one.connect("\0" + address[1:] if address.startswith("@") else address)
        else:
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except ValueError:
        return OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    except OSError as error:
        return error
    return None
