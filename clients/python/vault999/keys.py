"""CURVE keys as `vaultctl keygen --curve` writes them: secret.toml, and vaultd's public key beside it as server.toml."""
from __future__ import annotations

import os
import re
from typing import NamedTuple, Union

from vault999.errors import InvalidArgument

# These files need only one kind of TOML line; Python has a full TOML reader only from 3.11 on.
_LINE = re.compile(r"""^\s*(\w+)\s*=\s*(?:"([^"\\]*)"|'([^']*)')\s*(?:#.*)?$""", re.MULTILINE)


class CurveKeys(NamedTuple):
    """Three keys of 40 characters (Z85)."""

    server_public: str
    client_public: str
    client_secret: str


def read_key_dir(directory: Union[str, "os.PathLike[str]"]) -> CurveKeys:
    """The keys of a --key-dir. InvalidArgument names the file and what is missing from it."""
    own = os.path.join(os.fspath(directory), "secret.toml")
    server = os.path.join(os.fspath(directory), "server.toml")
    return CurveKeys(_key(server, "public_key"), _key(own, "public_key"), _key(own, "secret_key"))


def _key(path: str, name: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise InvalidArgument(f"{path}: {error.strerror}", "key_dir") from None
    for found, double, single in _LINE.findall(text):
        if found == name:
            key: str = double or single
            if len(key) != 40:
                raise InvalidArgument(f"{path}: {name} has {len(key)} characters instead of 40", "key_dir")
            return key
    raise InvalidArgument(f"{path}: there is no {name}", "key_dir")
