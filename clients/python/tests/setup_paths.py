"""Makes `vault999` and the helpers of the source tree importable. VAULT_PYTHON_INSTALLED=1: tests the installed
package, not the one beside this directory."""
import importlib.util
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
SOURCE_DIR = pathlib.Path(os.environ.get("VAULT_SOURCE_DIR", HERE.parents[2]))
VECTORS = pathlib.Path(os.environ.get("VAULT_VECTORS_DIR", SOURCE_DIR / "tests" / "vectors"))

sys.path.insert(0, str(SOURCE_DIR / "tests"))
if os.environ.get("VAULT_PYTHON_INSTALLED") != "1":
    sys.path.insert(0, str(HERE.parent))


def child_environment():
    """For programs that import the package as this one does."""
    path = [] if os.environ.get("VAULT_PYTHON_INSTALLED") == "1" else [str(HERE.parent)]
    return {"PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}


def need(*modules):
    """Ends with "cannot be run here" if one of these is not installed (tools/install-deps --tests)."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed")
            sys.exit(77)
