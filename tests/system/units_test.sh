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
sed 's#/usr/bin/vaultd#/bin/true#' vaultd.service >"$directory/vaultd.service"
sed 's#/usr/bin/vaultd#/bin/true#' vaultd@.service >"$directory/vaultd@.service"
complaints=$(systemd-analyze verify "$directory/vaultd.service" "$directory/vaultd@x.service" 2>&1 |
  grep -F "${directory##*/}" || true)
[ -z "$complaints" ] || { echo "$complaints"; exit 1; }

# What must differ: names and paths of the instance.
plain() { grep -vE '^(#|Description=|ExecStart=|RuntimeDirectory=|StateDirectory=|$)' "$1"; }
diff <(plain vaultd.service) <(plain vaultd@.service)
