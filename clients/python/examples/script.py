#!/usr/bin/env python3
"""A plain script: seals the outcome of a release check, and keeps evidence that convinces a third party.

    python3 script.py RELEASE           VAULT_ENDPOINT says where vaultd is
"""
import json
import sys

from vault999 import Vault, Verdict, VaultError, offline


def main(release: str) -> int:
    findings = {"commit": "9f3c2ab", "tests": {"passed": 1312, "failed": 0}, "score": 0.97}
    verdict = Verdict.SEAL if findings["tests"]["failed"] == 0 else Verdict.VOID
    try:
        with Vault(timeout=10) as vault:
            receipt = vault.seal(f"release-{release}", "release-check", verdict, findings, sign=True)
            vkey = vault.checkpoint().vkey
    except VaultError as error:
        print(f"not sealed: {error}", file=sys.stderr)
        return 3 if error.retryable else 1

    with open(f"release-{release}.receipt.json", "w", encoding="utf-8") as file:
        json.dump(receipt, file)
    # An auditor does this with the file and the key, on another machine:
    offline.check_receipt(receipt, vkey, findings)
    print(f"#{receipt.sequence} {receipt.verdict} {receipt.entry_hash[:16]}…")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["0"]))
