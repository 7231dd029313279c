# fish completion for kplan. kplan itself knows what can come next; files are fish's affair.

function __kplan_complete
    set -l before (commandline --cut-at-cursor --tokenize --current-process)
    set -l word (commandline --cut-at-cursor --current-token)
    # The value alone, of --option=value.
    set -l option (string match --regex -- '^--[^=]*=' $word)
    set -l value (string replace --regex -- '^--[^=]*=' '' $word)
    for line in ($before[1] completion candidates $before[2..] "$word" 2>/dev/null)
        switch $line
            case ':files*'
                string join \n -- "$option"(__fish_complete_path $value)
            case ':folders*'
                string join \n -- "$option"(__fish_complete_directories $value '')
            case ':specs*'
                string join \n -- "$option"(__fish_complete_path $value | string match --regex -- '^.*(?:/|\.ya?ml)(?:\t.*)?$')
            case '*'
                printf '%s\n' $line
        end
    end
end

complete --command kplan --no-files --arguments '(__kplan_complete)'
