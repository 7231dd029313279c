# bash completion for kplan. kplan itself knows what can come next; files are bash's affair.

_kplan() {
  local line=${COMP_LINE:0:COMP_POINT} word candidate files=
  local -a words
  # bash breaks words at "=" and "@", kplan does not.
  read -ra words <<<"$line"
  [[ $line != *[[:space:]] ]] || words+=("")
  word=${words[-1]}
  local typed=${word:0:${#word}-${#2}} # what of the word stands before the part that bash completes

  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    case $candidate in
      :*) files=$candidate ;;
      *)
        COMPREPLY+=("${candidate#"$typed"}")
        case $candidate in */ | *=) compopt -o nospace ;; esac
        ;;
    esac
  done < <("${words[0]/#\~/$HOME}" completion candidates "${words[@]:1}" 2>/dev/null)

  case $files in
    :files) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
    :folders) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
    :specs) mapfile -t COMPREPLY < <(
      compgen -d -- "$2"
      compgen -f -X '!*.yaml' -- "$2"
      compgen -f -X '!*.yml' -- "$2"
    ) ;;
  esac
  [[ -z $files ]] || compopt -o filenames
}

complete -F _kplan kplan
