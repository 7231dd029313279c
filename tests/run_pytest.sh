#!/bin/bash
# Runs one pytest file under `bazel test`; see defs.bzl.
set -euo pipefail
# Its own modules are beside a test; what all share is in tests.
PYTHONPATH=$PWD/$(dirname "${1:-tests}"):$PWD/tests
export PYTHONPATH PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
for name in KPLAN KPLAN_ETCD_ARCHIVE KPLAN_ETCD_NEXT_ARCHIVE KPLAN_TUTORIAL_ARCHIVE KPLAN_SHIFTED; do
  if [[ -n ${!name:-} ]]; then
    export "$name=$(realpath "${!name}")"
  fi
done

command=(
  /usr/bin/python3 -m pytest -q -rs --import-mode=importlib -p no:cacheprovider
  --basetemp="${TEST_TMPDIR:-/tmp}/pytest" --junitxml="${XML_OUTPUT_FILE:-/dev/null}" "$@"
)
# When this process is killed, the first process of the namespace is, and with it every other one and every mount.
isolate=(unshare --mount --propagation=private --pid --net --fork --kill-child=SIGKILL --mount-proc)
if ((EUID == 0)) && "${isolate[@]}" mount -t tmpfs tmpfs /mnt 2>/dev/null; then
  export KPLAN_TEST_ROOT=/mnt
  # The shell stays, to reap the daemons that tests leave behind.
  # shellcheck disable=SC2016  # for the inner shell
  exec "${isolate[@]}" bash -c '
    mount -t tmpfs -o mode=0755 tmpfs "$KPLAN_TEST_ROOT" && ip link set lo up || exit
    "$@"
    exit $?' bash "${command[@]}"
fi
exec "${command[@]}"
