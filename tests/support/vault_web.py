"""A vault-web in front of a vaultd, on a port of loopback that the kernel chooses.

    with VaultWeb(vaultd, "--trust-local-users") as web:
        web.url                 # http://127.0.0.1:PORT
        web.get("/readyz")      # (status, headers, body)
"""
import re
import subprocess
import time
import urllib.error
import urllib.request

from support.vaultd_process import clean_environment, end_with_parent, program

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30


class VaultWeb:
    """Started by `with`, and stopped by it; its log is beside vaultd's. `port`: a specific one to reuse."""

    def __init__(self, vaultd, *arguments, port=0, name="vault-web"):
        self.arguments = [program("vault-web"), "--listen", f"127.0.0.1:{port}", "--endpoint", vaultd.requests, "--events",
                          vaultd.events, *arguments]
        self.log_path = vaultd.directory / f"{name}.log"
        self.process = None
        self.url = None

    def __enter__(self):
        with open(self.log_path, "ab") as log:
            at = log.tell()
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=clean_environment(), preexec_fn=end_with_parent)
        until = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until and self.process.poll() is None:
            if found := re.search(r"listening on (http://[\d.]+:\d+)", self.log_path.read_text(errors="replace")[at:]):
                self.url = found.group(1)
                return self
            time.sleep(0.05)
        self.__exit__()
        raise RuntimeError(f"vault-web did not start:\n{self.log_path.read_text(errors='replace')}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def get(self, path, timeout_s=30):
        """(status, headers, body as text), whatever the status."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout_s) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()
