"""Packages that npm fetches once, in fixed versions, into the build directory."""
import fcntl
import shutil
import subprocess

from support.vaultd_process import BIN_DIR


class Unavailable(Exception):
    """They cannot be obtained; the text says why."""


def fetch(name, package_json, timeout_s=240):
    """The directory with node_modules that `package_json` (a path) names; fetched again if that has changed."""
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("Node with npm is not installed (tools/install-deps --tests does it)")
    directory = BIN_DIR.resolve().parent / name
    directory.mkdir(exist_ok=True)
    with open(directory / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds' tests may share it
        wanted = package_json.read_text(encoding="utf-8")
        fetched = directory / "fetched.json"
        if not fetched.exists() or fetched.read_text(encoding="utf-8") != wanted:
            fetched.unlink(missing_ok=True)
            shutil.rmtree(directory / "node_modules", ignore_errors=True)
            shutil.copy(package_json, directory / "package.json")
            try:
                ran = subprocess.run([npm, "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund",
                                      "--fetch-retries=1", "--fetch-timeout=60000"], cwd=directory, timeout=timeout_s,
                                     capture_output=True, text=True, check=False)
            except subprocess.TimeoutExpired as error:
                raise Unavailable(f"npm did not fetch {name} within {timeout_s} s") from error
            if ran.returncode != 0:
                raise Unavailable(f"npm could not fetch {name}:\n{ran.stderr}")
            fetched.write_text(wanted, encoding="utf-8")
    return directory
