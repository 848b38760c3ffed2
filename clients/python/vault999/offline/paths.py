"""The path of a member, as refusals show it: seal_data.items[3]["odd name"]."""
from __future__ import annotations

import re

from vault999.offline.canonical import quote

NAME_BYTES_SHOWN = 64
_ODD = re.compile(r'[\x00-\x20\x7f.\[\]"\\]')


def member(path: str, name: str) -> str:
    """`path` extended by the member `name`. Long names are cut, odd ones quoted."""
    raw = name.encode("utf-8", "surrogatepass")
    more = ""
    if len(raw) > NAME_BYTES_SHOWN:
        more = "…"
        name = raw[:NAME_BYTES_SHOWN].decode("utf-8", "ignore")
    if name and not _ODD.search(name):
        return f"{path}.{name}{more}" if path else name + more
    return f"{path}[{quote(name)}{more}]"


def element(path: str, index: int) -> str:
    return f"{path}[{index}]"
