#!/usr/bin/env bash
# The units: well formed, sandboxed, and the template in step with the plain one.
set -euo pipefail
cd "$VAULT_SOURCE_DIR/systemd"
command -v systemd-analyze >/dev/null || exit 77  # skipped

exposure_max=15  # tenths: "1.5 OK"
for unit in vaultd.service vaultd@.service vault-archive.service vault-web.service; do
  systemd-analyze security --offline=true --no-pager --threshold=$exposure_max "$PWD/$unit" | tail -n 1
done

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
# ExecStart must exist for `verify`.
names=()
for unit in *.service *.timer *.socket; do
  [ -e "$unit" ] || continue
  sed -E 's#/usr/bin/(vaultd|vaultctl|vault-web)#/bin/true#' "$unit" >"$directory/$unit"
  names+=("$directory/${unit/@./@x.}")
done
complaints=$(systemd-analyze verify "${names[@]}" 2>&1 | grep -F "${directory##*/}" || true)
[ -z "$complaints" ] || { echo "$complaints"; exit 1; }

# Only names and paths of the instance may differ.
plain() { grep -vE '^(#|Description=|ExecStart=|RuntimeDirectory=|StateDirectory=|$)' "$1"; }
diff <(plain vaultd.service) <(plain vaultd@.service)

# The timer starts the unit of its name, at a time that exists, and makes up for a night that was missed.
systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' vault-archive.timer)" >/dev/null
grep -qx 'Persistent=true' vault-archive.timer

# vaultctl accepts the command line of the archive's unit: as systemd splits it, with every setting.
if [ -n "${VAULT_BIN_DIR:-}" ]; then
  command=$(sed -n 's#^ExecStart=/usr/bin/vaultctl ##p' vault-archive.service)
  VAULT_ARCHIVE_DIR=$directory/archive VAULT_ARCHIVE_OPTIONS='--older-than 365d --no-payloads'
  eval "set -- $command"
  code=0
  "$VAULT_BIN_DIR/vaultctl" --endpoint ipc:///nowhere/requests --timeout 100ms "$@" 2>/dev/null || code=$?
  [ "$code" -eq 3 ] || { echo "vaultctl $*: exit code $code, not 3 (nobody listens)"; exit 1; }
fi
