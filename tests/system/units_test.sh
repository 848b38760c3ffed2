#!/usr/bin/env bash
# The units: well formed, sandboxed, and the template in step with the plain one.
set -euo pipefail
cd "$VAULT_SOURCE_DIR/systemd"
command -v systemd-analyze >/dev/null || exit 77  # skipped

exposure_max=15  # tenths: "1.5 OK"
for unit in vaultd.service vaultd@.service; do
  systemd-analyze security --offline=true --no-pager --threshold=$exposure_max "$PWD/$unit" | tail -n 1
done

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
# ExecStart must exist for `verify`.
names=()
for unit in *.service *.timer *.socket; do
  [ -e "$unit" ] || continue
  sed -E 's#/usr/bin/(vaultd|vaultctl)#/bin/true#' "$unit" >"$directory/$unit"
  names+=("$directory/${unit/@./@x.}")
done
complaints=$(systemd-analyze verify "${names[@]}" 2>&1 | grep -F "${directory##*/}" || true)
[ -z "$complaints" ] || { echo "$complaints"; exit 1; }

# What must differ: names and paths of the instance.
plain() { grep -vE '^(#|Description=|ExecStart=|RuntimeDirectory=|StateDirectory=|$)' "$1"; }
diff <(plain vaultd.service) <(plain vaultd@.service)
