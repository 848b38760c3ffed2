"""Instants as the ledger writes them: UTC, six digits, Z."""
from __future__ import annotations

import datetime
from typing import Optional, Union

Instant = Union[str, datetime.datetime]


def ledger_time(instant: Optional[Instant], plus_us: int = 0) -> Optional[str]:
    """A datetime, or text in the form of datetime.isoformat(), in the ledger's form. One without an offset is UTC.

    Other text is passed on unchanged: vaultd refuses it by name.
    """
    if instant is None:
        return None
    if isinstance(instant, str):
        try:
            moment = datetime.datetime.fromisoformat(instant[:-1] + "+00:00" if instant.endswith("Z") else instant)
        except ValueError:
            return instant
    else:
        moment = instant
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    try:
        moment = moment.astimezone(datetime.timezone.utc) + datetime.timedelta(microseconds=plus_us)
    except OverflowError:  # the largest possible microsecond
        moment = datetime.datetime.max
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def iso_time(text: str) -> str:
    """The ledger's form as Python's isoformat() prints it: +00:00, and no fraction if it is zero."""
    whole = text[:-1]
    return (whole[:-7] if whole.endswith(".000000") else whole) + "+00:00"
