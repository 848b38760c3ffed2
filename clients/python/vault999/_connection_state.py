"""Interprets ZeroMQ's socket monitor: the state of a connection, and what it means for waiting callers."""
from __future__ import annotations

import errno
import os
import socket
import struct
import time
from typing import Optional, Sequence, Tuple, Type

import zmq

from vault999 import errors
from vault999._options import Options

WATCHED = (zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
           | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED)
# A handshake may end without a reason this many times in a row: that also happens while vaultd restarts.
FAILED_HANDSHAKES_MAX = 3
# ZeroMQ connects faster than this if it can; after this long, an attempt of our own is worth while.
LOOK_AFTER_S = 0.1
LOOK_AGAIN_S = 0.25
# A refusal is repeated for this long before vaultd is asked anew.
REFUSED_S = 1.0

Refusal = Tuple[Type[errors.VaultError], str, str]  # kind, message, field: every caller gets an error of its own


class ConnectionState:
    """Takes the monitor's events; belongs to the owner of the socket."""

    def __init__(self, options: Options) -> None:
        self.endpoint = options.endpoint
        self.connected = False
        self.ever_connected = False
        self.breaks = 0  # number of connections that ended: requests sent on them will get no answer
        self._options = options
        self._refusal: Optional[Refusal] = None  # waiting longer will not help
        self._refused_at = 0.0
        self._taken = False  # the other side takes the connection; the handshake is under way, or done
        self._hung_up = False  # the handshake ended without a reason, and ZeroMQ tries again
        self._failed_handshakes = 0
        self._looked_at = 0.0
        self._found: Optional[OSError] = None  # when it was last looked

    def take(self, frames: Sequence[bytes]) -> None:
        event, value = struct.unpack("=HI", frames[0])
        if event == zmq.EVENT_CONNECTED:
            self._taken, self._hung_up = True, False
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.connected = self.ever_connected = True
            self._options.past.connected = True
            self._refusal, self._failed_handshakes = None, 0
        elif event == zmq.EVENT_DISCONNECTED:
            # Without a word about the handshake, ZeroMQ itself ends it, over the kind of the other socket, for good.
            if not self.connected and not self._hung_up and self._refusal is None:
                self._refuse(self._wrong_socket())
            self.breaks += self.connected
            self.connected = self._taken = False
        elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            self._refuse((errors.Forbidden, f"vaultd at {self.endpoint} does not know this client's key ({value})",
                          "key_dir"))
        elif event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
            self._refuse(self._wrong_socket())
        elif event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            self._hung_up = True
            self._failed_handshakes += 1
            if self._failed_handshakes >= FAILED_HANDSHAKES_MAX and not self.ever_connected:
                self._refuse(self._handshake_ended())

    def asks_anew(self) -> bool:
        """Forgets a refusal that is no longer fresh: then the socket is to connect again, which ZeroMQ does not do by
        itself after most of them."""
        if self._refusal is None or time.monotonic() - self._refused_at < REFUSED_S:
            return False
        self._refusal, self._failed_handshakes = None, 0
        self._taken = self._hung_up = False
        return True

    def look_due(self, waited_s: float, limit_s: float) -> bool:
        """Whether probe() is worth while, for a call that has waited so long, and waits for `limit_s` at most. Only
        ipc:// is looked at early: that asks no name server, and finds out about a missing right."""
        early = self.endpoint.startswith("ipc:") and not self._options.past.connected
        after_s = min(LOOK_AFTER_S, limit_s) if early else self._grace_s(limit_s)
        return (self._refusal is None and not self._taken and waited_s >= after_s
                and time.monotonic() - self._looked_at >= LOOK_AGAIN_S)

    def looked(self, found: Optional[OSError]) -> None:
        """Takes what probe() has found."""
        self._found, self._looked_at = found, time.monotonic()

    def why_not(self, waited_s: float, limit_s: float) -> Optional[errors.VaultError]:
        """The error for a call that has waited so long; None if it is to wait on."""
        refusal = self._refusal or self._unreachable(waited_s, limit_s)
        return None if refusal is None else refusal[0](*refusal[1:])

    def _unreachable(self, waited_s: float, limit_s: float) -> Optional[Refusal]:
        found = self._found if not self._taken and time.monotonic() - self._looked_at < 2 * LOOK_AGAIN_S else None
        if isinstance(found, PermissionError):
            return (errors.Forbidden, f"no permission to talk to {self.endpoint}: only members of the socket's group may",
                    "")
        # An attempt that timed out says nothing yet: the host may be far away, or starting.
        known = found is not None and not isinstance(found, (TimeoutError, socket.timeout))
        if waited_s < (self._grace_s(limit_s) if known else limit_s):
            return None
        if found is None and self._failed_handshakes > 0:
            return self._handshake_ended()
        if self._taken and not self.connected:
            return (errors.Unavailable, f"{self.endpoint} takes the connection, but does not answer: vaultd hangs, or is "
                    "stopped, or it is not vaultd", "")
        told = f" ({found.strerror or found})" if found is not None else ""
        return errors.Unavailable, f"no connection to vaultd at {self.endpoint} within {waited_s:.3g} s{told}", ""

    def _grace_s(self, limit_s: float) -> float:
        """For how long nobody needs to listen. Where vaultd was heard before, it is restarting."""
        return limit_s if self._options.past.connected else min(self._options.grace_s, limit_s)

    def _refuse(self, refusal: Refusal) -> None:
        self._refusal, self._refused_at = refusal, time.monotonic()

    def _wrong_socket(self) -> Refusal:
        return (errors.Unavailable, f"what listens at {self.endpoint} is not vaultd's requests socket, or one of the two "
                "sides uses CURVE and the other does not", "")

    def _handshake_ended(self) -> Refusal:
        if self._options.keys is not None:
            why = ("server.toml holds a key that is not this vaultd's, or this is vaultd's events socket or its ingest "
                   "socket, or it is not vaultd")
        elif self.endpoint.startswith("tcp:"):
            why = "vaultd wants a CURVE key there and this client has none, or it is not vaultd"
        else:
            why = "it is not vaultd's requests socket"
        return errors.Unavailable, f"what listens at {self.endpoint} ends every handshake: {why}", ""


def probe(endpoint: str) -> Optional[OSError]:
    """Why a plain connection to an endpoint fails, which ZeroMQ does not say; None if it succeeds."""
    scheme, _, address = endpoint.partition("://")
    try:
        if scheme == "ipc":
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
                one.settimeout(1)
                one.connect("\0" + address[1:] if address.startswith("@") else address)
        else:
            host, _, port = address.rpartition(";")[2].rpartition(":")  # source;destination
            socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except ValueError:
        return OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    except BlockingIOError:
        return None  # somebody listens, with more callers at the moment than the system keeps
    except OSError as error:
        return error
    return None
