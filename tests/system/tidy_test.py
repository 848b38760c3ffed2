#!/usr/bin/python3
"""Each library and program as one piece, read by clang-tidy with the checks of .clang-tidy.

One piece a library is quick to read, and it also shows where two of its files call different things by one name. The
preset quick, which tools/quickstart builds with, compiles such pieces; other builds would never notice. Where there is
no clang-tidy, the compiler looks at the names alone.
"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["VAULT_SOURCE_DIR"])
TIDY = shutil.which("clang-tidy-14")
MADE_BY_CMAKE = ("store/postgres/embedded_migrations.cpp", "tools/web/embedded_page.cpp")


def check(piece, build):
    """Everything that is said of one piece; "" where it is clean."""
    if TIDY:
        command = [TIDY, "-p", build, f"--config-file={SOURCE}/.clang-tidy", "--quiet", "--extra-arg=-w", piece["file"]]
    else:
        arguments = shlex.split(piece["command"])
        compiler = next(i for i, word in enumerate(arguments) if word.endswith("c++"))
        command = [*arguments[compiler:], "-fsyntax-only", "-w"]
    done = subprocess.run(command, cwd=piece["directory"], capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    return done.stdout + ("" if TIDY and done.stdout else done.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix="vault-tidy-") as directory:
        build = pathlib.Path(directory)
        subprocess.run(["cmake", "--preset", "quick", "-B", build, "-DCMAKE_UNITY_BUILD_BATCH_SIZE=0"], cwd=SOURCE,
                       check=True, capture_output=True)
        for name in MADE_BY_CMAKE:
            made = build / name
            made.parent.mkdir(parents=True, exist_ok=True)
            made.touch()
        pieces = [piece for piece in json.loads((build / "compile_commands.json").read_text())
                  if not pathlib.Path(piece["file"]).is_relative_to(build / "tests")]
        assert len(pieces) >= 20, pieces
        # The longest first, so that no core is left with one at the end.
        pieces.sort(key=lambda piece: -pathlib.Path(piece["file"]).read_text().count("#include"))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            wrong = [said for said in pool.map(check, pieces, [build] * len(pieces)) if said]
    print("\n".join(wrong) or f"{len(pieces)} pieces, {'read by clang-tidy' if TIDY else 'compiled'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
