# fish completion for vaultctl(1): commands, options and their values. vaultctl itself knows them; it is asked by
# `vaultctl complete WORD...`, which asks no daemon and no database.

function __vaultctl_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --current-token --cut-at-cursor)
    # --option=value is one word here.
    set -l front ''
    set -l asked $words[2..-1] "$current"
    if string match --quiet -- '--*=*' "$current"
        set front (string replace --regex '=.*' '=' -- "$current")
        set asked $words[2..-1] (string replace --regex '=.*' '' -- "$current") (string replace --regex '^[^=]*=' '' -- "$current")
    end
    set -l lines ($words[1] complete $asked 2>/dev/null)
    switch "$lines[1]"
        case ':files'
            __fish_complete_path (string replace --regex '^[^=]*=' '' -- "$current") | string replace --regex '^' -- $front
        case ':directories'
            __fish_complete_directories (string replace --regex '^[^=]*=' '' -- "$current") '' | string replace --regex '^' -- $front
        case '*'
            for line in $lines
                echo -- $front$line
            end
    end
end

complete --command vaultctl --no-files --arguments '(__vaultctl_complete)'
