#!/usr/bin/python3
"""What tools/quickstart builds is compiled many files at a time (the preset quick). So no two files of a library may call
different things by one name, which the other builds would never notice: each library is looked at in one piece."""
import concurrent.futures
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["VAULT_SOURCE_DIR"])
PROGRAMS = ("vaultd", "vaultctl", "vault-web")


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def check(command, directory):
    """The compiler's complaints about one piece; "" where there are none."""
    arguments = shlex.split(command)
    compiler = next(i for i, word in enumerate(arguments) if word.endswith("c++"))
    done = subprocess.run([*arguments[compiler:], "-fsyntax-only", "-w"], cwd=directory, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def main():
    with tempfile.TemporaryDirectory(prefix="vault-unity-") as directory:
        run("cmake", "--preset", "quick", "-B", directory, "-DCMAKE_UNITY_BUILD_BATCH_SIZE=0", cwd=SOURCE)
        commands = [line for line in run("ninja", "-C", directory, "-t", "commands", *PROGRAMS).splitlines()
                    if line.endswith(".cxx")]
        # What CMake makes is no part of the question.
        for name in ("store/postgres/embedded_migrations.cpp", "tools/web/embedded_page.cpp"):
            made = pathlib.Path(directory, name)
            made.parent.mkdir(parents=True, exist_ok=True)
            made.touch()
        assert len(commands) >= 15, commands
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            wrong = [said for said in pool.map(check, commands, [directory] * len(commands)) if said]
    print("\n".join(wrong) or f"{len(commands)} libraries, each in one piece")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
