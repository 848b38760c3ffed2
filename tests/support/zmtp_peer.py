"""A peer that speaks ZeroMQ's protocol itself, to send what no ZeroMQ library would."""
import socket


def frame(body=b"", more=False):
    """One frame on the wire."""
    flags = 1 if more else 0
    if len(body) < 256:
        return bytes((flags, len(body))) + body
    return bytes((flags | 2,)) + len(body).to_bytes(8, "big") + body


class RawPeer:
    """Connected and past the handshake (mechanism NULL). `endpoint` is ipc:// or tcp://."""

    def __init__(self, endpoint, kind=b"DEALER", identity=b""):
        scheme, _, address = endpoint.partition("://")
        if scheme == "ipc":
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address)
        else:
            host, _, port = address.rpartition(":")
            self.socket = socket.create_connection((host, int(port)))
        self.socket.settimeout(20)
        self.socket.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
        metadata = b"".join(bytes((len(name),)) + name + len(value).to_bytes(4, "big") + value
                            for name, value in ((b"Socket-Type", kind), (b"Identity", identity)))
        ready = b"\x05READY" + metadata
        self.socket.sendall(bytes((4, len(ready))) + ready)
        self.receive_exactly(64)
        self.receive_frame()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def receive_exactly(self, count):
        received = b""
        while len(received) < count:
            part = self.socket.recv(count - len(received))
            if not part:
                raise ConnectionResetError("closed")
            received += part
        return received

    def receive_frame(self):
        """The body of the next frame, commands included."""
        flags = self.receive_exactly(1)[0]
        size = int.from_bytes(self.receive_exactly(8 if flags & 2 else 1), "big")
        return self.receive_exactly(size)

    def send_for_ever(self, data, bytes_max):
        """Sends `data` again and again; returns how much was accepted before the other side closed, or blocked for 20
        s."""
        sent = 0
        try:
            while sent < bytes_max:
                self.socket.sendall(data)
                sent += len(data)
        except OSError:
            pass
        return sent
