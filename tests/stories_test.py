"""Everyday stories, and what plan, why, status and show say in each: golden texts in tests/stories/.

After a change that is meant: KPLAN=... KPLAN_SHIFTED=... python3 tests/stories_test.py --update, and read the difference.
"""

import contextlib
import os
import pathlib
import re
import socket
import sys

import pytest

import cluster as clusters
import harness

GOLDEN = pathlib.Path(__file__).parent / "stories"
DAY = 86400

# What differs from run to run.
MASKS = [
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?( UTC|Z)?"), "DATE TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DATE"),
    (re.compile(r"SHA256:[A-Za-z0-9+/=]+"), "SHA256:..."),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"sha256:[0-9a-f]+"), "sha256:..."),
    (re.compile(r"\b(pid|process) \d+"), r"\1 PID"),
    (re.compile(r"since DATE TIME"), "since DATE TIME"),
    # Who has a port: another user's has no name.
    (re.compile(r"(?<=taken by )(`[^`]+` \(process PID, since [^)]*\)|another user's process \(user id \d+\))"), "`python3` (process PID, since TIME)"),
    (re.compile(r"; end[^\n]*…"), "; …"),  # cut where the number of the process lets it
    (re.compile(r"0x[0-9a-f]{8,}"), "SERIAL"),
    (re.compile(r"\b[0-9a-f]{36,40}\b"), "SERIAL"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "ID"),
    # A certificate that is signed again in another minute than the first time also ends in another one.
    (re.compile(r"((?:SAN|key) [^\n]*)(?:, |\n +)until DATE TIME -> DATE TIME"), r"\1"),
    (re.compile(r"until DATE TIME -> DATE TIME(?:, |\n +)((?:SAN|key) )"), r"\1"),
]


def masked(text, project, ports):
    text = text.replace(str(project.outside), "DIR").replace(harness.etcd_version(), "VERSION")
    for port, name in ports:
        text = text.replace(f":{port}", f":{name}")
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


class Story:
    """The quickstart's cluster, provisioned, and the text of what is asked of it."""

    def __init__(self, cluster, kplan=None, clock=None):
        self.cluster = cluster
        self.project = cluster.project
        self.kplan = kplan or self.project.kplan
        self.clock = clock
        self.text = ""

    def ask(self, *words):
        """Runs kplan WORDS and adds what a person would see."""
        clock = ["env", f"KPLAN_TEST_CLOCK={self.clock}"] if self.clock else []
        ran = self.project.run(*clock, self.kplan, *words)
        self.text += f"$ kplan {' '.join(words)}\n{ran.out}{ran.err}"
        if ran.code:
            self.text += f"exit {ran.code}\n"
        self.text += "\n"

    def ask_all(self, label):
        self.ask("plan", "cluster.yaml")
        self.ask("why", label, "cluster.yaml")
        self.ask("status", "cluster.yaml")
        self.ask("show", "--spec", "cluster.yaml", label)

    def edit(self, old, new):
        self.project.edit_spec(old, new)
        self.text += f"# cluster.yaml: {old.strip()} -> {new.strip()}\n\n"

    def does(self, what):
        self.text += f"# {what}\n\n"

    def ninja(self):
        self.project.gen_and_ninja().ok()
        self.text += "# kplan gen && ninja\n\n"


def first_time(story):
    """Nothing has been made yet."""
    story.ask("plan", "cluster.yaml")
    story.ask("why", "cert/kubernetes", "cluster.yaml")
    story.ninja()
    story.ask("plan", "cluster.yaml")
    story.ask("why", "cert/kubernetes")
    story.ask("status")


def host_name_added(story):
    """A name in a certificate: it is signed again and swapped in, and nothing restarts."""
    story.edit("hosts: [worker, ", "hosts: [worker, etcd.example.com, ")
    story.ask_all("file/worker/etc/etcd/kubernetes.pem")
    story.ask("plan", "--max-restarts", "0", "--no-reissue-ca", "cluster.yaml")
    story.ninja()
    story.ask("why", "file/worker/etc/etcd/kubernetes.pem")
    story.ask("plan")


def flag_changed(story):
    """A flag of etcd's: a restart, which a budget of none does not allow."""
    story.edit("  flags: ", "  flags:\n    max-wals: 7\n    # more ")
    story.ask_all("service/worker/etcd")
    story.ask("plan", "--max-restarts", "0", "cluster.yaml")
    story.ninja()
    story.ask("why", "service/worker/etcd")


def unit_changed(story):
    """A key of the unit."""
    story.project.spec += "  unit: {Service: {LimitNOFILE: 65536}}\n"
    story.does("cluster.yaml: + unit: {Service: {LimitNOFILE: 65536}}")
    story.ask_all("unit/worker/etcd")


def version_bumped(story):
    """Another version of etcd, by another archive (with the same programs in it, so that no etcd restarts in the end)."""
    harness.copy_file(harness.TUTORIAL_ARCHIVE, story.project.path("other.tar.gz"), owner=harness.NOBODY)
    spec = story.project.spec
    spec = spec.replace(f"version: {harness.etcd_version()}", "version: 3.4.15").replace("path: etcd.tar.gz", "path: other.tar.gz")
    story.project.spec = spec.replace(harness.sha256(harness.ETCD_ARCHIVE), harness.sha256(harness.TUTORIAL_ARCHIVE))
    story.does("cluster.yaml: version, path and sha256 are those of another archive")
    story.ask_all("unpack/etcd")


def certificate_about_to_expire(story):
    """Eight months later: the leaf is in the last third of its life."""
    story.kplan = story.project.path("kplan-shifted")
    harness.copy_file(os.environ["KPLAN_SHIFTED"], story.kplan, mode=0o755)
    story.clock = str(250 * DAY)
    story.does("250 days later")
    story.ask_all("cert/kubernetes")


def file_edited_by_hand(story):
    """Somebody added to a file on the host."""
    path = story.cluster.on_host("/etc/etcd/ca.pem")
    path.write_text(path.read_text(encoding="ascii") + "# mine\n", encoding="ascii")
    story.does("somebody edits /etc/etcd/ca.pem on the host")
    story.ask_all("file/worker/etc/etcd/ca.pem")


def mode_opened(story):
    """A private key that everybody may read."""
    story.cluster.on_host("/etc/etcd/kubernetes-key.pem").chmod(0o644)
    story.does("chmod 644 /etc/etcd/kubernetes-key.pem on the host")
    story.ask_all("file/worker/etc/etcd/kubernetes.pem")


def service_killed(story):
    """etcd does not run."""
    story.cluster.stop()
    story.does("etcd is stopped by hand")
    story.ask_all("service/worker/etcd")


def ca_issued_again(story):
    """Another lifetime of the CA: its certificate is signed again with the same key, etcd trusts the new one, leaves stay."""
    story.edit("  CN: Kubernetes\n", "  CN: Kubernetes\n  expiry: 35040h\n")
    story.ask_all("service/worker/etcd")
    story.ask("plan", "--no-reissue-ca", "cluster.yaml")


def key_replaced(story):
    """A leaf key is made anew."""
    story.edit("  kubernetes:\n    names", "  kubernetes:\n    key-generation: 2\n    names")
    story.ask_all("cert/kubernetes")


def host_removed(story):
    """A host of two goes: what was made for it is left over until somebody prunes it."""
    one = story.project.spec
    story.project.spec = one.replace("hosts:\n", "hosts:\n  spare: {root: ./spare, service-manager: none}\n", 1).replace(
        "certs:\n", "certs:\n  node: {per: host, hosts: [$name]}\n", 1)
    story.project.spec = story.project.spec.replace("etcd:\n", "etcd:\n  members: [worker]\n", 1)
    story.project.gen_and_ninja().ok()
    story.edit("  spare: {root: ./spare, service-manager: none}\n", "")
    story.ask("plan", "cluster.yaml")
    story.ask("status", "cluster.yaml")
    story.ninja()
    story.ask("plan")
    story.ask("prune")
    story.ask("prune", "--yes")
    story.ask("plan")


def step_failed(story):
    """etcd cannot start: its port is taken."""
    story.cluster.stop()
    with contextlib.closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", story.cluster.client_port))
        taken.listen()
        story.does("etcd is stopped, and another program takes its port; kplan gen && ninja")
        assert story.project.gen_and_ninja().code != 0
        story.ask("plan")
        story.ask("status")
    story.does("the port is free again")
    story.ninja()
    story.ask("status")


def reordered(story):
    """The order of names, a comment: nothing that an artifact would show."""
    story.edit("hosts: [worker, 127.0.0.1, ", "hosts: [127.0.0.1, worker, ")
    story.project.spec = "# A comment.\n" + story.project.spec
    story.ask_all("cert/kubernetes")


STORIES = [first_time, host_name_added, flag_changed, unit_changed, version_bumped, certificate_about_to_expire,
           file_edited_by_hand, mode_opened, service_killed, ca_issued_again, key_replaced, host_removed, step_failed, reordered]


def tell(tale):
    with clusters.in_folder() as cluster:
        if tale is not first_time:
            cluster.provision()
        story = Story(cluster)
        tale(story)
        peer = next(line.rpartition(":")[2] for line in cluster.project.spec.splitlines() if "listen-peer-urls" in line)
        text = masked(story.text, cluster.project, [(cluster.client_port, "2379"), (peer, "2380")])
    return f"# {tale.__doc__}\n\n{text}"


@pytest.mark.parametrize("tale", STORIES, ids=lambda tale: tale.__name__)
def test_story(tale):
    golden = GOLDEN / f"{tale.__name__}.txt"
    assert tell(tale) == golden.read_text(encoding="utf-8")


def main():
    if sys.argv[1:] != ["--update"]:
        sys.exit(__doc__)
    GOLDEN.mkdir(exist_ok=True)
    for tale in STORIES:
        (GOLDEN / f"{tale.__name__}.txt").write_text(tell(tale), encoding="utf-8")


if __name__ == "__main__":
    main()
