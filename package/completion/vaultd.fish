# fish completion for vaultd(8): options and their values, both from `vaultd --help`.

complete --command vaultd --no-files
for line in (command vaultd --help 2>/dev/null)
    set -l parts (string match --regex --groups-only -- '^  (?:-[a-z],)?--([a-z-]+) *([A-Z]*)(?: \.\.\.)? *(.*)$' $line)
    or continue
    set -l arguments
    switch $parts[1]
        case log-level
            set arguments --exclusive --arguments 'trace debug info warning error'
        case log-format
            set arguments --exclusive --arguments 'text json'
        case backend
            set arguments --exclusive --arguments 'postgres legacy'
        case embedded state-dir curve-clients legacy-dir
            set arguments --exclusive --arguments '(__fish_complete_directories (commandline --current-token) "")'
        case '*'
            switch "$parts[2]"
                case PATH FILE
                    set arguments --require-parameter --force-files
                case '?*'
                    set arguments --exclusive
            end
    end
    complete --command vaultd --long-option $parts[1] --description "$parts[3]" $arguments
end
