"""A peer with the CURVE mechanism (RFC 26, https://rfc.zeromq.org/spec/26/) that sends what ZeroMQ itself would not: a
message without end, which libzmq holds back until it is complete.
"""
import ctypes
import ctypes.util
import secrets
import socket

from zmq.utils import z85

from support.zmtp_peer import RawPeer

SODIUM = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
MAC_BYTES, KEY_BYTES = 16, 32


def keypair():
    public, secret = ctypes.create_string_buffer(KEY_BYTES), ctypes.create_string_buffer(KEY_BYTES)
    SODIUM.crypto_box_keypair(public, secret)
    return public.raw, secret.raw


def box(text, nonce, public, secret):
    sealed = ctypes.create_string_buffer(len(text) + MAC_BYTES)
    SODIUM.crypto_box_easy(sealed, text, ctypes.c_ulonglong(len(text)), nonce, public, secret)
    return sealed.raw


def unbox(sealed, nonce, public, secret):
    text = ctypes.create_string_buffer(max(1, len(sealed) - MAC_BYTES))
    if SODIUM.crypto_box_open_easy(text, sealed, ctypes.c_ulonglong(len(sealed)), nonce, public, secret) != 0:
        raise ConnectionRefusedError("the server's box cannot be opened")
    return text.raw[:len(sealed) - MAC_BYTES]


def frame(body, command=False):
    flags = 4 if command else 0
    if len(body) > 255:
        return bytes((flags | 2,)) + len(body).to_bytes(8, "big") + body
    return bytes((flags, len(body))) + body


class CurvePeer(RawPeer):
    """Connected by tcp and past the handshake. Keys as Z85, in pyzmq's form: `keys` is (public, secret)."""

    def __init__(self, endpoint, server_key, keys, kind=b"DEALER"):  # pylint: disable=super-init-not-called
        server, public, secret = z85.decode(server_key), z85.decode(keys[0]), z85.decode(keys[1])
        host, _, port = endpoint.partition("://")[2].rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.settimeout(20)
        self.socket.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32))
        self.receive_exactly(64)
        short_public, short_secret = keypair()
        self.sent = 0
        self.command(b"\x05HELLO\x01\x00" + bytes(72) + short_public + self.next_nonce()
                     + box(bytes(64), b"CurveZMQHELLO---" + self.nonce(), server, short_secret))
        welcome = self.receive_frame()
        if not welcome.startswith(b"\x07WELCOME"):
            raise ConnectionRefusedError(welcome)
        opened = unbox(welcome[24:], b"WELCOME-" + welcome[8:24], server, short_secret)
        self.key, cookie = opened[:KEY_BYTES], opened[KEY_BYTES:]
        self.secret = short_secret
        vouch_nonce = secrets.token_bytes(16)
        vouch = box(short_public + server, b"VOUCH---" + vouch_nonce, self.key, secret)
        metadata = b"\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind
        self.command(b"\x08INITIATE" + cookie + self.next_nonce()
                     + box(public + vouch_nonce + vouch + metadata, b"CurveZMQINITIATE" + self.nonce(), self.key, self.secret))
        if not (ready := self.receive_frame()).startswith(b"\x05READY"):
            raise ConnectionRefusedError(ready)

    def next_nonce(self):
        self.sent += 1
        return self.nonce()

    def nonce(self):
        return self.sent.to_bytes(8, "big")

    def command(self, body):
        self.socket.sendall(frame(body, command=True))

    def sealed(self, body, more):
        """The bytes of one frame of a message."""
        return frame(b"\x07MESSAGE" + self.next_nonce()
                     + box(bytes((1 if more else 0,)) + body, b"CurveZMQMESSAGEC" + self.nonce(), self.key, self.secret))

    def send_frames_for_ever(self, size, bytes_max):
        """One message of frames of `size` bytes, without a last one; returns how much was accepted before the other
        side closed, or blocked for 20 s."""
        sent = 0
        try:
            while sent < bytes_max:
                several = b"".join(self.sealed(bytes(size), more=True) for _ in range(max(1, 60_000 // (size + 40))))
                self.socket.sendall(several)
                sent += len(several)
        except OSError:
            pass
        return sent
