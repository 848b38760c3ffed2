"""System calls of a running process that fail, by strace.

    with InjectedErrors(vaultd.process.pid, "fsync", "EIO", paths=[state / "checkpoint.new"]) as errors:
        …
    errors.count                      # how many calls failed so
"""
import os
import select
import shutil
import signal
import subprocess
import tempfile

from support.vaultd_process import end_with_parent


def why_not():
    """Why nothing can be injected here, or None."""
    if shutil.which("strace") is None:
        return "strace is missing (tools/install-deps --tests)"
    tried = subprocess.run(["strace", "-e", "trace=none", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"strace: {tried.stderr.strip()}"


class InjectedErrors:
    """`paths`: only calls that name them, or descriptors open there; nothing: all calls. `when`: as strace has it."""

    def __init__(self, pid, call, error, paths=(), when="1+"):
        self.log = tempfile.NamedTemporaryFile(mode="r", suffix=".strace")
        self.count = 0
        restriction = [word for path in paths for word in ("-P", str(path))]
        self.process = subprocess.Popen(
            ["strace", "-f", "-p", str(pid), "-o", self.log.name, *restriction, "-e", f"trace={call}", "-e",
             f"inject={call}:error={error}:when={when}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, preexec_fn=end_with_parent)
        if not select.select([self.process.stderr], [], [], 20)[0] or b"attached" not in self.process.stderr.readline():
            self.stop()
            raise AssertionError(f"strace does not attach to {pid}")
        os.set_blocking(self.process.stderr.fileno(), False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def failed(self):
        """So far."""
        self.log.seek(0)
        return self.log.read().count("(INJECTED)")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # detaches
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.count = self.failed()
