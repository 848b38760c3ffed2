"""The six verdicts and their meanings."""
from __future__ import annotations

import enum
from typing import Union


class Verdict(str, enum.Enum):
    """A str: compares, sorts and travels as its name in the ledger."""

    SEAL = "SEAL"  # approved
    PARTIAL = "PARTIAL"  # approved in part
    SABAR = "SABAR"  # wait, and look again
    VOID = "VOID"  # refused
    HOLD_888 = "888_HOLD"  # held for a person
    SUNSET = "SUNSET"  # withdrawn

    def __str__(self) -> str:
        return self.value


OLD_SPELLINGS = {"HOLD_888": "888_HOLD", "VOID_REFUSAL": "VOID"}


def verdict_text(verdict: Union[str, Verdict]) -> str:
    """Its spelling in the ledger. Whether there is such a verdict is decided by vaultd."""
    return verdict.value if isinstance(verdict, Verdict) else verdict
