"""A file system that forgets what was not fsynced, while it is mounted (tests/faults/forgetful_fs.cpp).

    with ForgetfulMount(directory) as mount:
        …                              # programs write below mount.path
        kill_users([mount])            # nobody may have a file open when the power fails
        mount.cut(seed, keep=500)      # per mille, of what was not durable
"""
import contextlib
import os
import pathlib
import select
import signal
import subprocess
import time

from support.vaultd_process import BIN_DIR, end_with_parent

PROGRAM = BIN_DIR.parent / "tests" / "forgetful_fs"
PATIENCE_S = 60


def why_not():
    """Why nothing can be mounted here, or None."""
    if not PROGRAM.exists():
        return f"{PROGRAM} was not built: libfuse3-dev is missing (tools/install-deps --tests)"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse: {error.strerror}"
    return None


class CannotMount(Exception):
    """The machine does not let this user mount."""


class ForgetfulMount:
    """`names_with_files`: fsync of a file makes its name durable too, as on ext4, XFS and btrfs."""

    def __init__(self, path, names_with_files=False):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True)
        options = ["--names-with-files"] if names_with_files else []
        self.process = subprocess.Popen([str(PROGRAM), *options, str(self.path)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
        if self.process.stdout.readline() != "mounted\n":
            self.process.wait()
            raise CannotMount(f"nothing can be mounted at {self.path}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], PATIENCE_S)[0]:
            raise AssertionError(f"the file system does not answer to {text!r}")
        return self.process.stdout.readline().split()

    def fail(self):
        """From now on every call fails with EIO, until the cut."""
        self.order("fail")

    def cut(self, seed, keep):
        """The power fails and returns. Returns how many bytes and names were lost, and how many pieces of either
        survived."""
        answer = self.order(f"cut {seed} {keep}")
        return [int(number) for number in answer[1:]]

    def remove(self):
        if self.process.poll() is None:
            kill_users([self])
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                subprocess.run(["umount", "-l", str(self.path)], check=False)
                self.process.kill()
                self.process.wait()


def users_of(mounts):
    """Processes that work in one of them, or have a file there: PostgreSQL's, which work in its data directory."""
    roots = tuple(str(mount.path) for mount in mounts)
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            places = [f"{entry.path}/cwd", *(one.path for one in os.scandir(f"{entry.path}/fd"))]
            if any(os.readlink(place).startswith(roots) for place in places):
                yield int(entry.name)


def kill_users(mounts):
    """SIGKILL to all of them at once; returns when they are gone."""
    until = time.monotonic() + PATIENCE_S
    while users := list(users_of(mounts)):
        if time.monotonic() > until:
            raise AssertionError(f"processes {users} do not end")
        for pid in users:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
