#!/usr/bin/env bash
# The completion of vaultctl and vaultd, as an interactive bash would use it. It asks no daemon: none is there.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/kept" && touch "$directory/receipt.json" "$directory/kept/x"
cd "$directory"
# A completion that opened a socket would find nobody there, and would wait.
export VAULT_ENDPOINT=ipc:///nowhere/requests PATH=$VAULT_BIN_DIR:$PATH
# compopt works in a completion alone.
compopt() { :; }
# shellcheck source=/dev/null
source "$VAULT_SOURCE_DIR/package/completion/vaultctl"
# shellcheck source=/dev/null
source "$VAULT_SOURCE_DIR/package/completion/vaultd"

# completes "LINE" WORD...: completing at the end of the line offers exactly these.
completes() {
  local line=$1 offered expected
  shift
  read -ra COMP_WORDS <<<"$line"
  [[ $line == *' ' ]] && COMP_WORDS+=('')
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  "_${COMP_WORDS[0]}"
  offered=$(printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"} | sort)
  expected=$(printf '%s\n' "$@" | sort)
  [ "$offered" = "$expected" ] && return
  printf 'completing "%s" offers\n%s\nnot\n%s\n' "$line" "$offered" "$expected"
  exit 1
}
# offers "LINE" WORD...: at least these.
offers() {
  local line=$1 word
  shift
  read -ra COMP_WORDS <<<"$line"
  [[ $line == *' ' ]] && COMP_WORDS+=('')
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  "_${COMP_WORDS[0]}"
  for word in "$@"; do
    # Not by a pipe into grep -q: it leaves at the first match, and whoever still writes then fails by SIGPIPE.
    [[ " ${COMPREPLY[*]} " == *" $word "* ]] && continue
    echo "completing \"$line\" does not offer $word, but: ${COMPREPLY[*]}"
    exit 1
  done
}

# Every command that the help knows, and nothing else.
mapfile -t commands < <(vaultctl --help | awk '/^Subcommands:/ {on = 1; next} !/^  / {on = 0} on {print $1}')
[ ${#commands[@]} -ge 20 ]
completes 'vaultctl ' "${commands[@]}"
offers 'vaultctl check-' check-proof check-receipt
completes 'vaultctl cano' canonicalize
completes 'vaultctl --json ver' verify
completes 'vaultctl --endpoint seal ver' verify  # "seal" is an endpoint here
completes 'vaultctl legacy ' stats list read import
completes 'vaultctl migrate ' up down status

# Every option of every command.
for command in "${commands[@]}"; do
  mapfile -t options < <(vaultctl "$command" --help | grep -oE '^  (-[a-zA-Z],)?--[a-z-]+' | grep -oE -e '--[a-z-]+')
  offers "vaultctl $command --" "${options[@]}" --json --timeout
done
completes 'vaultctl seal --se' --session --seal-id
offers 'vaultctl legacy import --' --dry-run

# Values.
completes 'vaultctl seal --verdict ' SEAL PARTIAL SABAR VOID 888_HOLD SUNSET
completes 'vaultctl query --verdict S' SEAL SABAR SUNSET
completes 'vaultctl query --verdict = V' VOID  # how bash splits --verdict=V
completes 'vaultctl list --order ' asc desc
completes 'vaultctl --color ' auto always never
completes 'vaultctl watch --topic entry.S' entry.SEAL entry.SABAR entry.SUNSET
completes 'vaultctl seal -o ' kept receipt.json
completes 'vaultctl check-receipt rec' receipt.json
completes 'vaultctl check-proof x --vkey rec' receipt.json
completes 'vaultctl --key-dir ' kept
completes 'vaultctl legacy stats ' kept
completes 'vaultctl seal --session ' ''  # nobody knows
completes 'vaultctl nonsense --verd' ''
completes 'vaultctl list -o ' table csv json ndjson
completes 'vaultctl help legacy' legacy
completes 'vaultctl help mig' migrate
printf '[contexts.prod]\n[contexts.pre]\n' >contexts.toml
export VAULTCTL_CONFIG=$PWD/contexts.toml
completes 'vaultctl --context pr' prod pre
completes 'vaultctl context ' prod pre
rm contexts.toml

# vaultd: what its help lists, and values that it takes itself.
mapfile -t options < <(vaultd --help | grep -oE '^  (-h,)?--[a-z-]+' | grep -oE -e '--[a-z-]+')
[ ${#options[@]} -ge 40 ]
completes 'vaultd ' "${options[@]}"
completes 'vaultd --log-f' --log-format
completes 'vaultd --migrate --socket-m' --socket-mode
completes 'vaultd --state-dir ' kept
completes 'vaultd --embedded = k' kept
completes 'vaultd --config rec' receipt.json
completes 'vaultd --signing-key = rec' receipt.json
completes 'vaultd --readers ' ''  # a number
for option in log-level log-format backend; do
  mapfile -t values < <(vaultd "--$option" nonsense --check-config 2>&1 | sed -n 's/.*: must be \(.*\), not .*/\1/p' |
    sed 's/ or /, /; s/, /\n/g')
  [ ${#values[@]} -ge 2 ]
  completes "vaultd --$option " "${values[@]}"
done

# The other shells ask the same program; that each is understood by its shell is tried where the shell is there.
if command -v zsh >/dev/null; then
  offered=$(zsh -f -c '
    autoload -Uz compinit && compinit -u -D
    source "$VAULT_SOURCE_DIR/package/completion/_vaultctl" 2>/dev/null
    _describe() { print -l -- "${(@P)4}" }
    _files() { print -l -- "files $*" }
    for line in "seal --verdict S" "check-proof " "legacy stats " "stat"; do
      words=(vaultctl ${(s: :)line}); [[ $line == *" " ]] && words+=("")
      CURRENT=$#words
      _vaultctl
    done' 2>&1)
  expected='SEAL:approved
SABAR:wait, and look again
SUNSET:withdrawn
files 
files -/
status:Show how vaultd is doing, alerts first'
  [ "$offered" = "$expected" ] || { printf 'zsh offers\n%s\nnot\n%s\n' "$offered" "$expected"; exit 1; }
  offered=$(zsh -f -c '
    autoload -Uz compinit && compinit -u -D
    source "$VAULT_SOURCE_DIR/package/completion/_vaultd" 2>/dev/null
    _arguments() { print -rl -- "$@" }
    words=(vaultd "") CURRENT=2
    _vaultd' 2>&1)
  for spec in '*--log-level=[trace, debug, info, warning or error \[info\]]:TEXT:(trace debug info warning error)' \
    '*--config=[TOML file with settings (or VAULT_CONFIG)]:FILE:_files' '--migrate[apply missing migrations at start]'; do
    [[ $'\n'$offered$'\n' == *$'\n'"$spec"$'\n'* ]] || { printf 'zsh offers\n%s\nwithout\n%s\n' "$offered" "$spec"; exit 1; }
  done
fi
if command -v fish >/dev/null; then
  export HOME=$directory
  for asked in 'vaultctl seal --verdict V|VOID	refused' 'vaultctl canon|canonicalize	Print JSON documents, one a line on stdin, in canonical form' \
    'vaultctl seal --verdict=V|--verdict=VOID	refused' 'vaultctl check-proof rec|receipt.json' 'vaultctl --key-dir ke|kept/'; do
    offered=$(fish --no-config -c 'source $VAULT_SOURCE_DIR/package/completion/vaultctl.fish; complete --do-complete $argv[1]' "${asked%%|*}")
    [ "$offered" = "${asked#*|}" ] || { printf 'fish completes "%s" by\n%s\n' "${asked%%|*}" "$offered"; exit 1; }
  done
  for asked in 'vaultd --log-format t|text	text or json [text]' 'vaultd --config rec|receipt.json' 'vaultd --state-dir ke|kept/' \
    'vaultd --migr|--migrate	apply missing migrations at start'; do
    offered=$(fish --no-config -c 'source $VAULT_SOURCE_DIR/package/completion/vaultd.fish; complete --do-complete $argv[1]' "${asked%%|*}")
    [ "$offered" = "${asked#*|}" ] || { printf 'fish completes "%s" by\n%s\n' "${asked%%|*}" "$offered"; exit 1; }
  done
fi

# The wording of verdicts is the ledger's.
offered=$(vaultctl seal --help | sed -n 's/^ *--verdict V *//p' | sed 's/ or /, /; s/, /\n/g' | sort)
[ "$offered" = "$(printf '%s\n' SEAL PARTIAL SABAR VOID 888_HOLD SUNSET | sort)" ]
