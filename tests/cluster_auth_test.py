"""Three members over ssh on booted hosts, with alarms and with etcd's auth: the plan, the run, and then nothing to do."""

import hashlib
import json
import re

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

PASSWORD = "wombat-7"
OPS = "  ops:    {profile: client, key: {algo: ecdsa, size: 256}}\n"


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab, ssh_cluster.formed(lab, tmp_path_factory.mktemp("project"), become=True) as cluster:
        yield cluster


def kplan(cluster, *words):
    return cluster.project.run(harness.KPLAN, *words, timeout=300)


def alarm(cluster, action):
    """Raises or ends the alarm NOSPACE of the second member, as its own etcd would."""
    second = cluster.hosts[1]
    body = {"action": action, "memberID": cluster.status()[second.name]["header"]["member_id"], "alarm": "NOSPACE"}
    cluster.project.run("curl", "-sS", "--fail", "--cacert", "pki/ca.pem", "--cert", "pki/root.pem", "--key", "pki/root-key.pem",
                        f"https://{second.address}:2379/v3/maintenance/alarm", "-d", json.dumps(body)).ok()


def digest(host):
    """Of all files of HOST but those that its services write: of kplan's own by content, of the large rest by size and time."""
    script = ("find /etc /srv -xdev -type f -printf '%p %m %u ' -exec sha256sum {} ';' 2>/dev/null | sort; "
              "find /usr/local /opt -xdev -type f -printf '%p %m %u %s %T@\\n' 2>/dev/null | sort")
    return hashlib.sha256(host.run(["sh", "-c", script], check=True).stdout.encode()).hexdigest()


def test_an_alarm_is_seen_by_whoever_looks(cluster):
    name = cluster.hosts[1].name
    assert kplan(cluster, "status").ok().code == 0
    alarm(cluster, "ACTIVATE")
    try:
        for words in (["status"], ["status", "--contact"], ["plan"]):
            seen = kplan(cluster, *words)
            assert seen.code != 0 and f"{name} has the alarm NOSPACE" in seen.out, (words, seen)
            if words[0] == "status":  # plan has the beginning of it
                assert "kplan defrag" in seen.out and seen.out.count("has the alarm NOSPACE") == 1, seen.out
        ran = cluster.project.ninja(timeout=240)
        assert ran.code != 0 and "NOSPACE of member" in ran.out, ran
    finally:
        alarm(cluster, "DEACTIVATE")
    cluster.gen_and_ninja().ok()
    assert kplan(cluster, "status").ok().code == 0
    cluster.check_all_right(passes=1)


def test_a_client_that_is_not_root(cluster):
    """It has its certificate from the plan, and gets its rights by the commands that the plan and the run say."""
    project, pids = cluster.project, cluster.pids()
    for words in (("user", "add", f"root:{PASSWORD}"), ("role", "add", "root"), ("user", "grant-role", "root", "root"), ("auth", "enable")):
        cluster.etcdctl(*words).ok()
    try:
        assert project.ninja().ok().no_work and kplan(cluster, "plan").ok().code == 0

        project.edit_spec("  root:   {profile: client", f"{OPS}  root:   {{profile: client")
        project.edit_spec("client: root", "client: ops")
        project.spec = ssh_cluster.with_quota(project.spec, 2 << 30)
        before = {host.name: digest(host) for host in cluster.hosts}
        # Its certificate is still to be made.
        assert kplan(cluster, "plan").code in (2, 3)
        ran = cluster.gen_and_ninja()
        assert ran.code != 0 and "nothing was changed" in ran.out and "as user ops (the CN of pki/ops.pem)" in ran.out, ran
        assert {host.name: digest(host) for host in cluster.hosts} == before and cluster.pids() == pids
        planned = kplan(cluster, "plan")
        assert planned.code == 3 and "as user ops (the CN of pki/ops.pem)" in planned.out, planned

        commands = re.findall(r"^ +(\S*etcdctl --endpoints=.* --user=root .*)$", ran.out, re.MULTILINE)
        for command in commands:
            project.run("sh", "-ec", command.replace("--user=root", f"--user=root:{PASSWORD}")).ok()
        planned = kplan(cluster, "plan")
        assert planned.code == 2, planned  # it would fail no more, though it has failed
        cluster.gen_and_ninja().ok()
        assert all(pids[name] != pid for name, pid in cluster.pids().items())
        assert kplan(cluster, "plan").ok().code == 0 and project.ninja().ok().no_work

        # What a rollout may not do is in the plan, too, when its survey is long done.
        project.spec = ssh_cluster.with_quota(project.spec, 3 << 30) + "rollout: {snapshot: before-restart, keep-snapshots: 2}\n"
        planned = kplan(cluster, "plan")
        assert planned.code == 3 and "take the snapshot before a restart" in planned.out, planned
        pids = cluster.pids()
        ran = cluster.gen_and_ninja()
        assert ran.code != 0 and "take the snapshot before a restart" in ran.out and cluster.pids() == pids, ran
        cluster.etcdctl("user", "grant-role", "ops", "root").ok()
        assert "snapshot snapshots/" in cluster.gen_and_ninja().ok().out
        assert project.ninja().ok().no_work

        # And of one that loses its rights between two runs.
        cluster.etcdctl("user", "revoke-role", "ops", "root").ok()
        assert kplan(cluster, "plan").ok().code == 0, "nothing is to be done"
        project.spec = ssh_cluster.with_quota(project.spec, 4 << 30)
        planned = kplan(cluster, "plan")
        assert planned.code == 3 and "take the snapshot before a restart" in planned.out, planned
    finally:
        cluster.etcdctl("auth", "disable")
    cluster.gen_and_ninja().ok()
    cluster.check_all_right()
