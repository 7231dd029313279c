"""kplan_pytest: a pytest file as a test target."""

# Tags of what `tools/test --fast` leaves out: what boots hosts or reaches them by ssh, what goes through many cases
# that are random or all there are (tests/sweeps), and what has real servers at work for half a minute or more. A unit
# test of src/ has the word itself.
HOSTS = ["hosts"]
SWEEP = ["sweep"]
SLOW = ["slow"]

def kplan_pytest(name, srcs, data = [], tags = [], size = "medium", timeout = None, shifted = False, etcd_next = False, **kwargs):
    """Runs one pytest file with the kplan binary at hand (tests/harness.py finds it).

    As root the file runs in mount, process and network namespaces of its own: every port is free, and what a test
    leaves behind goes away with them, however the test ends. An ordinary user gets neither, and skips what needs them.

    Args:
      name: the target's name.
      srcs: the test file first, then modules of its own.
      data: files that it reads; //:kplan, tests/harness.py and the etcd archive are always there.
      tags: as ever. "local" is added: Bazel's sandbox forbids the namespaces.
      size: as ever.
      timeout: as ever.
      shifted: whether it also gets a kplan whose clock it can set (tests/clock).
      etcd_next: whether it also gets the etcd of the next minor version.
      **kwargs: what else a test takes.
    """
    env = {
        "KPLAN": "$(rootpath //:kplan)",
        "KPLAN_ETCD_ARCHIVE": "$(rootpath //tests:etcd)",
        "KPLAN_TUTORIAL_ARCHIVE": "$(rootpath //tests:etcd_of_tutorial)",
    }
    if shifted:
        data = data + ["//tests/clock:kplan_shifted"]
        env["KPLAN_SHIFTED"] = "$(rootpath //tests/clock:kplan_shifted)"
    if etcd_next:
        data = data + ["//tests:etcd_next"]
        env["KPLAN_ETCD_NEXT_ARCHIVE"] = "$(rootpath //tests:etcd_next)"
    native.sh_test(
        name = name,
        size = size,
        timeout = timeout,
        srcs = ["//tests:run_pytest.sh"],
        args = ["$(rootpath %s)" % srcs[0]],
        data = srcs + data + [
            "//:kplan",
            "//tests:etcd",
            "//tests:etcd_of_tutorial",
            "//tests:harness",
        ],
        env = env,
        tags = tags + ["local"],
        **kwargs
    )
