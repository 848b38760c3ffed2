"""A client that gets no connection says why, and says it long before its time is up where waiting does not help."""
import asyncio
import contextlib
import os
import pathlib
import shutil
import socket
import threading
import time
import unittest
import unittest.mock

import setup_paths  # noqa: F401
import zmq

from retry_test import FakeVaultd
from support.vaultd_process import VaultdProcess, free_ports, make_directory
from vault999 import AsyncVault, Forbidden, Seal, Unavailable, Vault, _connection_state

# A known cause takes a second or two, on a busy machine more; a client that knows none waits for a minute here.
AT_ONCE_S, LONG_S = 25, 60
WRONG_SOCKET = "is not vaultd's requests socket"
LONG_BY_DEFAULT = unittest.mock.patch("vault999._options.CONNECT_TIMEOUT_S", LONG_S)


def seals(count):
    return [Seal("s", "a", "SEAL", {"n": n}) for n in range(count)]


def ask(endpoint, **more):
    with Vault(endpoint, **more) as vault:
        return vault.head()


def ask_async(endpoint, **more):
    async def run():
        async with AsyncVault(endpoint, **more) as vault:
            return await vault.head()
    return asyncio.run(run())


def seal_many(endpoint, **more):
    with Vault(endpoint, **more) as vault:
        return list(vault.seal_many(seals(3)))


def seal_many_async(endpoint, **more):
    async def run():
        async with AsyncVault(endpoint, **more) as vault:
            return [one async for one in vault.seal_many(seals(3))]
    return asyncio.run(run())


WAYS = (ask, ask_async, seal_many, seal_many_async)


class Refusals(unittest.TestCase):
    def setUp(self):
        self.directory = make_directory()
        self.addCleanup(shutil.rmtree, self.directory)
        self.endpoint = f"ipc://{self.directory}/requests"

    @contextlib.contextmanager
    def told_at_once(self, kind, text):
        begun = time.monotonic()
        with self.assertRaisesRegex(kind, text):
            yield
        self.assertLess(time.monotonic() - begun, AT_ONCE_S)

    def closed_port(self):
        return f"tcp://127.0.0.1:{free_ports(1)[0]}"


class AnotherSocket(Refusals):
    def test_the_other_sockets_of_vaultd(self):
        with VaultdProcess() as vaultd:
            for endpoint in (vaultd.events, vaultd.ingest):
                for way in WAYS:
                    with self.subTest(endpoint=endpoint, way=way), self.told_at_once(Unavailable, WRONG_SOCKET):
                        way(endpoint, timeout=LONG_S, connect_timeout=LONG_S)

    def another_socket(self):
        wrong = zmq.Context.instance().socket(zmq.PUB)
        self.addCleanup(wrong.close, 0)
        wrong.bind(self.endpoint)
        return wrong

    def test_once_vaultd_is_there_it_is_found(self):
        """ZeroMQ does not try again by itself."""
        wrong = self.another_socket()
        with Vault(self.endpoint, timeout=LONG_S) as vault:
            for _ in range(2):
                with self.told_at_once(Unavailable, WRONG_SOCKET):
                    vault.head()
            wrong.close(0)
            FakeVaultd(self, [], self.endpoint)
            self.until_it_answers(vault.head)

    def test_async_once_vaultd_is_there_it_is_found(self):
        wrong = self.another_socket()

        async def run():
            async with AsyncVault(self.endpoint, timeout=LONG_S) as vault:
                outcomes = await asyncio.gather(*(vault.head() for _ in range(200)), return_exceptions=True)
                self.assertEqual({Unavailable}, set(map(type, outcomes)))
                self.assertEqual([], [one for one in outcomes if WRONG_SOCKET not in str(one)])
                wrong.close(0)
                FakeVaultd(self, [], self.endpoint)
                until = time.monotonic() + LONG_S
                while True:
                    try:
                        return await vault.head()
                    except Unavailable:
                        self.assertLess(time.monotonic(), until)
                        await asyncio.sleep(0.1)

        self.assertEqual(1, asyncio.run(run()).sequence)

    def until_it_answers(self, call):
        until = time.monotonic() + LONG_S
        while True:
            try:
                return call()
            except Unavailable:
                self.assertLess(time.monotonic(), until)
                time.sleep(0.1)


class NobodyThere(Refusals):
    def test_the_cause_is_told_after_a_moment(self):
        for endpoint, text in ((self.closed_port(), "Connection refused"), (self.endpoint, "No such file"),
                               ("tcp://no-such-host.invalid:9990", "Name or service not known|name resolution")):
            for way in WAYS:
                with self.subTest(endpoint=endpoint, way=way), LONG_BY_DEFAULT, self.told_at_once(Unavailable, text):
                    way(endpoint)

    def test_a_thousand_callers_are_told_the_cause(self):
        looks = []

        def look(endpoint):
            looks.append(endpoint)
            return probe(endpoint)

        async def run(endpoint, **more):
            async with AsyncVault(endpoint, **more) as vault:
                return await asyncio.gather(*(vault.head() for _ in range(1000)), return_exceptions=True)

        probe = _connection_state.probe
        for more in ({}, {"connect_timeout": 0.2}):
            looks.clear()
            with unittest.mock.patch.object(_connection_state, "probe", look), LONG_BY_DEFAULT:
                outcomes = asyncio.run(run(self.closed_port(), **more))
            self.assertEqual([], [one for one in outcomes if "Connection refused" not in str(one)])
            self.assertLess(len(looks), 100)

    def test_a_vaultd_that_is_just_restarting_is_waited_for(self):
        for way in WAYS:
            fake = self.later(0.3)
            way(self.endpoint)
            fake.join()

    def test_a_connect_timeout_of_ones_own_is_waited_for(self):
        for way in WAYS:
            fake = self.later(2)
            way(self.endpoint, connect_timeout=LONG_S)
            fake.join()

    def test_a_vaultd_that_answered_before_is_waited_for(self):
        """By connections too that are new: another thread's, or those of seal_many()."""
        fake = FakeVaultd(self, [], self.endpoint)
        with Vault(self.endpoint) as vault, LONG_BY_DEFAULT:
            vault.head()
            fake.stop()
            fake = self.later(2)
            self.assertEqual(3, len(list(vault.seal_many(seals(3)))))
            fake.join()

    def later(self, seconds):
        """Starts a vaultd after a while that answers whatever is asked."""
        def run():
            time.sleep(seconds)
            receipts = {"sequence": 1, "receipts": [{"sequence": n} for n in range(3)]}
            fake = FakeVaultd(self, [{"ok": True, "result": receipts}] * 10, self.endpoint)
            while not fake.heard:
                time.sleep(0.01)
            time.sleep(0.1)
            fake.stop()
        thread = threading.Thread(target=run)
        thread.start()
        return thread


class NoRight(Refusals):
    def test_a_socket_of_others_is_told_at_once(self):
        with socket.socket(socket.AF_UNIX) as listener:
            path = pathlib.Path(self.directory, "requests")
            listener.bind(str(path))
            listener.listen()
            path.chmod(0o600)
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    if os.getuid() == 0:
                        os.setuid(65534)
                    else:
                        path.chmod(0)
                    for way in WAYS:
                        with self.told_at_once(Forbidden, "no permission"):
                            way(self.endpoint, timeout=LONG_S, connect_timeout=LONG_S)
                    code = 0
                finally:
                    os._exit(code)
            self.assertEqual(0, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


class Silence(Refusals):
    def test_who_takes_the_connection_and_says_nothing(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            for way in WAYS:
                with self.told_at_once(Unavailable, "takes the connection, but does not answer"):
                    way(f"tcp://127.0.0.1:{listener.getsockname()[1]}", connect_timeout=0.5)

    def test_who_hangs_up(self):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def run():
            with contextlib.suppress(OSError):
                while True:
                    listener.accept()[0].close()

        thread = threading.Thread(target=run)
        thread.start()
        for way in WAYS:
            with self.told_at_once(Unavailable, "ends every handshake.*CURVE"):
                way(f"tcp://127.0.0.1:{listener.getsockname()[1]}", timeout=LONG_S, connect_timeout=LONG_S)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


if __name__ == "__main__":
    unittest.main()
