#!/usr/bin/env bash
# tools/quickstart itself, on the programs of this build: it checks what it shows and exits 0 only if all of it held.
# Once in a directory with a space, twice in the same one, and with --keep.
set -euo pipefail

base=$(mktemp -d "${TMPDIR:-/var/tmp}/quickstart.XXXXXX")
chmod 755 "$base"
pid=''
cleanup() {
  if [ -n "$pid" ]; then
    kill "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  fi
  rm -rf "$base"
}
trap cleanup EXIT

quickstart() { "$VAULT_SOURCE_DIR/tools/quickstart" "$@" </dev/null; }

# Another vaultd's settings must not reach into it.
VAULT_READERS=nonsense DATABASE_URL=postgresql://nowhere/x quickstart --dir "$base/a b"
quickstart --dir "$base/a b" --keep | tee "$base/kept.txt"
pid=$(sed -n 's/^vaultd is running (process \([0-9]*\);.*/\1/p' "$base/kept.txt")
kill -0 "$pid" || { echo "--keep left nothing running"; exit 1; }
endpoint=$(sed -n 's/^ *requests  //p' "$base/kept.txt")
"$VAULT_BIN_DIR/vaultctl" --endpoint "$endpoint" verify
# The page is there, and asks for its token.
page=$(sed -n 's/^ *page      \([^ ]*\) .*/\1/p' "$base/kept.txt")
/usr/bin/python3 - "$page" "$base/a b/web/token" <<'PYTHON'
import sys, urllib.error, urllib.request
url, token = sys.argv[1] + "/api/v1/head", open(sys.argv[2]).read().strip()
try:
    urllib.request.urlopen(url)
    sys.exit("it was answered without the token")
except urllib.error.HTTPError as error:
    assert error.code == 401, error
print(urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": "Bearer " + token})).read().decode())
PYTHON

if quickstart --dir "$base/a b" >"$base/second.txt" 2>&1; then
  echo "a second one in a directory that is in use was not refused"
  exit 1
fi
grep -q "is running in" "$base/second.txt" || { cat "$base/second.txt"; exit 1; }
