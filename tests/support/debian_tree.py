"""A Debian (or Ubuntu) of the same release as this machine, in a directory, booted with its own systemd by
systemd-nspawn. It has no network; the packages that it may install are in its cache.

Making the tree takes a minute, and a package mirror, which apt's configuration on this machine names. It is kept below
/var/cache/vault-test and copied for each use.
"""
import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

CACHE = pathlib.Path("/var/cache/vault-test")
KEPT_UNUSED = 7 * 86_400.0  # seconds: other branches and builds have trees of their own
INSTALLED = ("systemd-sysv", "dbus", "sudo", "adduser")
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}


class Unavailable(Exception):
    """This machine cannot do it; the text says why."""


def run(command, **arguments):
    return subprocess.run(command, check=True, capture_output=True, text=True, **arguments).stdout


def os_release(name):
    for line in pathlib.Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        if line.startswith(name + "="):
            return line.partition("=")[2].strip('"')
    raise Unavailable(f"/etc/os-release has no {name}")


def require_means():
    """Raises Unavailable if a tree certainly cannot be booted."""
    if os.getuid() != 0:
        raise Unavailable("booting a Debian tree needs root")
    for program in ("mmdebstrap", "systemd-nspawn", "nsenter"):
        if shutil.which(program) is None:
            raise Unavailable(f"{program} is not installed (tools/install-deps --tests)")
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False).returncode:
        raise Unavailable("this machine allows no namespaces")


def sources(codename):
    """The sources of the release in apt's configuration on this machine, as lines of a sources.list; other archives are
    left out."""
    found = run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"])
    releases = {codename, f"{codename}-updates", f"{codename}-security"}
    lines = [line.split() for line in dict.fromkeys(found.splitlines())]
    lines = [f"deb {site} {release} {component}" for site, release, component in lines if release in releases]
    if not lines:
        raise Unavailable(f"apt on this machine knows no archive of {codename}")
    return lines


def require_mirror(lines):
    _, site, release, _ = lines[0].split()
    with tempfile.NamedTemporaryFile() as file:
        reached = subprocess.run(["/usr/lib/apt/apt-helper", "download-file", f"{site}/dists/{release}/InRelease", file.name],
                                 capture_output=True, check=False, timeout=120)
    if reached.returncode != 0:
        raise Unavailable("no network to the package mirror")


def make_tree(packages):
    """The directory of a tree whose apt cache holds `packages` and everything that they need."""
    codename = os_release("VERSION_CODENAME")
    lines = sources(codename)
    # Packages installed here decide what the programs under test were linked to.
    versions = subprocess.run(["dpkg-query", "-W", *packages], capture_output=True, text=True, check=False).stdout
    key = hashlib.sha256("\n".join([*lines, *INSTALLED, *packages, versions]).encode()).hexdigest()[:16]
    tree = CACHE / f"{codename}-{key}"
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if tree.is_dir():
            os.utime(tree)
            return tree
        require_mirror(lines)
        for old in CACHE.glob(f"{codename}-*"):
            if old.stat().st_mtime < time.time() - KEPT_UNUSED:
                shutil.rmtree(old)
        unfinished = CACHE / f"{codename}-unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)  # somebody was interrupted
        print(f"making a tree of {codename} in {tree}", flush=True)
        run(["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(INSTALLED)}",
             '--aptopt=APT::Install-Recommends "false"', "--dpkgopt=force-unsafe-io", "--skip=cleanup/apt",
             '--aptopt=APT::Get::Assume-Yes "true"',
             "--customize-hook=APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --download-only install "
             + " ".join(packages),
             codename, str(unfinished), "-"], input="\n".join(lines) + "\n", timeout=900)
        unfinished.rename(tree)
        os.utime(tree)
    return tree


class Machine:
    """A copy of a tree, booted. `with Machine(tree) as machine: machine.sh("id")`"""

    def __init__(self, tree):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vault-machine.", dir="/var/tmp"))
        self.root = self.directory / "root"
        self.log = self.directory / "console.log"
        self.process = None
        self.leader = None
        run(["cp", "-a", "--reflink=auto", str(tree), str(self.root)])
        # A separate machine ID. Without the file this would be a first boot, which enables unwanted units.
        (self.root / "etc/machine-id").write_text("", encoding="ascii")

    def __enter__(self):
        try:
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)  # an orderly power-off
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _boot(self):
        command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--private-network", "--resolv-conf=off",
                   f"--machine=vault-test-{os.getpid()}", f"--directory={self.root}"]
        if not pathlib.Path("/run/systemd/system").is_dir():
            command.append("--keep-unit")  # there is no service manager here that could give it one
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.process.poll() is None:
            self.leader = self.leader or self._find_leader()
            if self.leader and self.run(["systemctl", "is-system-running"]).stdout.strip() in ("running", "degraded"):
                return
            time.sleep(0.2)
        tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        raise Unavailable("systemd-nspawn does not boot here: " + " / ".join(tail))

    def _find_leader(self):
        """The process that is number 1 in the machine."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        for child in children.split():
            try:
                status = pathlib.Path(f"/proc/{child}/status").read_text(encoding="utf-8")
            except OSError:
                continue
            if status.split("NSpid:")[1].splitlines()[0].split()[-1:] == ["1"] and "\nName:\tsystemd\n" in "\n" + status:
                return child
        return None

    def run(self, command, timeout=120):
        """In the machine, as root, with nothing on stdin. Returns the CompletedProcess, with stderr in stdout."""
        return subprocess.run(["nsenter", "--target", self.leader, "--all", "env", "-i", "--chdir=/root",
                               *(f"{name}={value}" for name, value in ENVIRONMENT.items()), *command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout, check=False)

    def sh(self, script, user=None, timeout=120):
        """A shell script, run by a user who has just logged in (or root). Returns its output; fails if it fails."""
        shell = ["bash", "-euo", "pipefail", "-c", script]
        if user:
            shell = ["runuser", "--login", user, "-c", f"set -euo pipefail\n{script}"]
        ran = self.run(shell, timeout)
        if ran.returncode != 0:
            raise AssertionError(f"exit code {ran.returncode}:\n{script}\n{ran.stdout}")
        return ran.stdout.strip()

    def unit(self, unit, *names):
        """Properties of a unit."""
        shown = dict(line.split("=", 1) for line in self.sh(
            f"systemctl show {unit} {' '.join('-p ' + name for name in names)}").splitlines())
        return shown[names[0]] if len(names) == 1 else [shown[name] for name in names]

    def wait_until(self, condition, what, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.2)
