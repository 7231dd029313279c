#!/bin/bash
# What kplan_golden_test runs (kplan.bzl).
#
#   golden.sh test|update TARGET GRAPH GOLDEN
#
# GRAPH: the folder of a kplan_graph. GOLDEN: the folder of checked-in files, relative to the workspace.
set -euo pipefail
verb=$1 target=$2 graph=$3 golden=$4

# What is compared: the ninja file, the records of the steps, and the plan for tools.
list() {
  (cd "$1" && find -L build.ninja .kplan/steps .kplan/plan.json -type f -print) | sort
}

if [[ $verb == update ]]; then
  to=$BUILD_WORKSPACE_DIRECTORY/$golden
  rm -rf "$to"
  while read -r file; do
    install -D -m 0644 "$graph/$file" "$to/$file"
  done < <(list "$graph")
  echo "$golden: $(list "$to" | wc -l) files"
  exit 0
fi

# Records are one line each; a person reads them better spread out.
readable() {
  if [[ $1 == *.json && -f $1 ]]; then
    python3 -m json.tool <"$1" || cat "$1"
  elif [[ -f $1 ]]; then
    cat "$1"
  fi
}

failed=0
if [[ ! -f $golden/build.ninja ]]; then
  echo "$golden/build.ninja is missing: there is nothing to compare with" >&2
  failed=1
else
  while read -r file; do
    if ! cmp --quiet "$golden/$file" "$graph/$file"; then
      diff -u --label "$golden/$file" --label "$file of today" <(readable "$golden/$file") <(readable "$graph/$file") || true
      failed=1
    fi
  done < <({ list "$golden"; list "$graph"; } | sort -u)
fi
if ((failed)); then
  echo "When this is what you want: bazel run $target.update" >&2
fi
exit "$failed"
