"""Failing system calls of a process, by strace: of a running one, or from its start on.

    with InjectedErrors(vaultd.process.pid, "fsync", "EIO", paths=[state / "checkpoint.new"]) as errors:
        …
        errors.count                      # how many calls failed like this

    vaultd.command = lambda: under_strace("openat", "EIO", state / "lock", command)
    vaultd.start(wait=False); …; end_under_strace(vaultd)
"""
import os
import pathlib
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
    """`paths`: only calls that name them, or descriptors open there; without it, all calls. `when`: in strace's form."""

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
        """How many have failed so far."""
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


def under_strace(call, error, path, command):
    # A sanitizer cannot look for leaks in a traced process.
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return ["strace", "-E", f"ASAN_OPTIONS={options}", "-f", "--seccomp-bpf", "-o", "/dev/null", "-P", str(path),
            "-e", f"trace={call}", "-e", f"inject={call}:error={error}", *command]


def end_under_strace(vaultd):
    """Signals strace's child, and strace ends with it."""
    children = pathlib.Path(f"/proc/{vaultd.process.pid}/task/{vaultd.process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), 15)
    vaultd.process.wait(60)
    vaultd.process = None
