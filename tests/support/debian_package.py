"""The Debian package that the tests build: its path and its dependencies."""
import os
import pathlib
import re

import debian_tree

PACKAGE_DIR = pathlib.Path(os.environ["VAULT_PACKAGE_DIR"])


def package():
    found = list(PACKAGE_DIR.glob("vault999_*.deb"))
    assert len(found) == 1, f"{found} in {PACKAGE_DIR}"
    return found[0]


def dependencies(deb):
    """Names of the packages it depends on, the first of alternatives."""
    field = debian_tree.run(["dpkg-deb", "-f", str(deb), "Depends"])
    return sorted({re.match(r"\s*([\w.+-]+)", wanted).group(1) for wanted in field.split(",")})
