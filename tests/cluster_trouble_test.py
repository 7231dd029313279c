"""Members that cannot start, and hosts that are not what the plan takes them for."""

import json
import re

import pytest

import etcd_archives
import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab, ssh_cluster.formed(lab, tmp_path_factory.mktemp("project")) as cluster:
        yield cluster


def exchanged(before, after):
    return [name for name in before if before[name] != after[name]]


def check_stopped_at_one(cluster, ran, before, text):
    """The roll ended with an error of one host, with that host's log; the others run as before and take writes."""
    assert ran.code != 0
    failed = exchanged(before, cluster.pids())
    assert len(failed) == 1
    assert failed[0] in ran.out and re.search(text, ran.out), ran.out
    others = [f"https://{host.address}:2379" for host in cluster.hosts if host.name != failed[0]]
    cluster.etcdctl("put", "still", "here", endpoints=others).ok()
    return failed[0]


def test_a_bad_flag_stops_the_roll_at_one(cluster):
    before = cluster.pids()
    # kplan knows the form of the flag; etcd refuses it when it starts, since that file is on no host.
    bad = 'auth-token: "jwt,priv-key=/nowhere,sign-method=RS256", '
    cluster.project.edit_spec("flags: {", "flags: {" + bad)
    ran = cluster.gen_and_ninja()
    check_stopped_at_one(cluster, ran, before, "invalid auth options")
    # Once more: nothing gets worse.
    again = cluster.project.ninja()
    check_stopped_at_one(cluster, again, before, "invalid auth options")
    cluster.project.edit_spec(bad, "")
    cluster.gen_and_ninja().ok()
    cluster.check_all_right()


def test_a_start_that_takes_its_time_is_waited_for(cluster):
    """What etcd does before it is started (ExecStartPre) takes longer than a run waits: no run begins it anew."""
    before, starts, spec = cluster.pids(), cluster.starts(), cluster.project.spec
    hold = "ExecStartPre: \"/bin/sh -c 'while test -e /run/hold; do sleep 0.2; done'\""
    cluster.project.spec = spec + f"  start-timeout: 5s\n  unit: {{Service: {{{hold}, TimeoutStartSec: 10min}}}}\n"
    for host in cluster.hosts:
        host.run(["touch", "/run/hold"], check=True)
    ran = cluster.gen_and_ninja()
    held = check_stopped_at_one(cluster, ran, before, "did not become active in time .*SubState=start-pre")
    ran = cluster.project.ninja(timeout=240)
    assert check_stopped_at_one(cluster, ran, before, "did not become active in time .*SubState=start-pre") == held
    assert cluster.starts() == {**starts, held: starts[held] + 1}, "begun once"
    for host in cluster.hosts:
        host.run(["rm", "/run/hold"], check=True)
    # One that takes longer than 90 s is waited for by its unit's word.
    cluster.project.edit_spec("  start-timeout: 5s\n", "")
    ran = cluster.gen_and_ninja().ok()
    record = cluster.project.path(".kplan/steps/shared.json").read_text(encoding="utf-8")
    assert '"timeout":600' in record, "as TimeoutStartSec"
    assert cluster.starts() == {name: count + 1 for name, count in starts.items()}, "each was started once"
    cluster.check_all_right()
    cluster.project.spec = spec
    cluster.gen_and_ninja().ok()
    cluster.check_all_right()


def running(host):
    """The digest of the program that HOST's etcd executes, and its command."""
    pid = host.run(["systemctl", "show", "--property=MainPID", "--value", "etcd"], check=True).stdout.strip()
    script = f"sha256sum < /proc/{pid}/exe; tr '\\0' ' ' < /proc/{pid}/cmdline"
    digest, _, command = host.run(["sh", "-c", script], check=True).stdout.partition("  -\n")
    return digest, command


def waiting(host):
    return host.run(["find", "/usr", "/etc", "-name", ".*.kplan-next"], check=True).stdout.split()


def test_who_was_not_reached_comes_back_with_what_it_ran_with(cluster):
    project, here = cluster.project, cluster.project.spec
    before, pids = {host.name: running(host) for host in cluster.hosts}, cluster.pids()
    etcd_archives.change_program(project, "next.tar.gz", lambda program: program + b"x")
    bad = 'auth-token: "jwt,priv-key=/nowhere,sign-method=RS256", '
    project.edit_spec("flags: {", "flags: {" + bad)
    failed = check_stopped_at_one(cluster, cluster.gen_and_ninja(), pids, "invalid auth options")
    killed, rebooted = others = [host for host in cluster.hosts if host.name != failed]
    endpoints = [f"https://{host.address}:2379" for host in others]
    wait = ["/etc/systemd/system/.etcd.service.kplan-next", "/usr/local/bin/.etcd.kplan-next"]
    assert {host.name: sorted(waiting(host)) for host in cluster.hosts} == {host.name: wait if host in others else [] for host in cluster.hosts}

    # systemd starts the one by itself, and the other with its host. (Neither is enough alone for anybody to serve.)
    killed.run(["systemctl", "kill", "--signal=KILL", "etcd"], check=True)
    harness.wait_for("its next start", lambda: cluster.pids()[killed.name] not in (0, pids[killed.name]), 60)
    harness.wait_for("health", lambda: cluster.is_healthy(endpoints), 60)
    assert running(killed) == before[killed.name]
    rebooted.reboot()
    harness.wait_for("health", lambda: cluster.is_healthy(endpoints), 60)
    assert running(rebooted) == before[rebooted.name]

    # To who asks the hosts, nobody has edited anything; and the roll is owed.
    told = project.run(harness.KPLAN, "gen", "--contact", "cluster.yaml").ok()
    assert "file/" not in told.out + told.err and "unit/" not in told.out + told.err, told
    pids = cluster.pids()
    again = project.ninja(timeout=240)
    assert again.code != 0 and "invalid auth options" in again.out and failed in again.out, again.out
    assert set(exchanged(pids, cluster.pids())) <= {failed}
    assert not any(edge.startswith(("send/", "file/", "unit/")) for edge in again.edges), again.out

    # Taken back, nothing waits, and nobody else is restarted.
    pids, project.spec = cluster.pids(), here
    cluster.gen_and_ninja().ok()
    assert exchanged(pids, cluster.pids()) == [failed]
    assert {host.name: running(host) for host in cluster.hosts} == before
    assert not cluster.litter()
    cluster.check_all_right()

    # Without its bad half it goes through, also where the host was rebooted.
    etcd_archives.change_program(project, "good.tar.gz", lambda program: program + b"y")
    pids = cluster.pids()
    cluster.gen_and_ninja().ok()
    assert len(exchanged(pids, cluster.pids())) == 3
    assert len({running(host)[0] for host in cluster.hosts} | {digest for digest, _ in before.values()}) == 2
    assert not cluster.litter()
    cluster.check_all_right()


def test_a_port_that_is_taken(cluster):
    leader = cluster.leader()
    host = next(host for host in cluster.hosts if host.name != leader)
    before = cluster.pids()
    host.run(["systemctl", "stop", "etcd"], check=True)
    host.run(["systemd-run", "--unit=squatter", "perl", "-MSocket", "-e",
              "socket(S,PF_INET,SOCK_STREAM,0);setsockopt(S,SOL_SOCKET,SO_REUSEADDR,1);"
              f"bind(S,sockaddr_in(2380,inet_aton('{host.address}')))||die;listen(S,1);sleep 1000"], check=True)
    cluster.project.edit_spec("quota-backend-bytes: 1073741824", "quota-backend-bytes: 1073741825")
    ran = cluster.gen_and_ninja()
    assert ran.code != 0 and f"{host.name}: {host.address}:2380 is taken by `perl` (process " in ran.out, ran.out
    now = cluster.pids()
    assert [name for name in before if before[name] != now[name]] == [host.name]
    host.run(["systemctl", "stop", "squatter"], check=True)
    cluster.project.ninja(timeout=240).ok()
    cluster.check_all_right()


def test_a_full_disk(cluster):
    host = cluster.hosts[1]
    pids = cluster.pids()
    cluster.project.spec = ssh_cluster.with_san(cluster.project.spec, "full.example")
    host.fill_disk("/")
    try:
        ran = cluster.gen_and_ninja()
        assert ran.code != 0 and host.name in ran.out and "No space left" in ran.out, ran.out
    finally:
        host.free_disk()
    # Not a byte of the new pair without the other: what is there is a pair.
    script = ("openssl x509 -in /etc/etcd/server.pem -noout -pubkey >/tmp/a && openssl pkey -in /etc/etcd/server-key.pem -pubout >/tmp/b"
              " && cmp /tmp/a /tmp/b")
    host.run(["sh", "-c", script], check=True)
    harness.wait_for("three members", lambda: len(cluster.status()) == 3, 60)
    cluster.project.ninja(timeout=240).ok()
    assert {name for name in pids if cluster.pids()[name] != pids[name]} <= {host.name}
    cluster.check_all_right()


def test_a_wiped_member_is_not_started(cluster):
    host = cluster.hosts[2]
    host.run(["systemctl", "stop", "etcd"], check=True)
    host.run(["sh", "-c", "mv /var/lib/etcd/member /root/member"], check=True)
    before = {each.name: each.run(["sh", "-c", "cat /etc/etcd/*.pem /etc/systemd/system/etcd.service | sha256sum"]).stdout for each in cluster.hosts}
    pids = cluster.pids()
    cluster.project.spec = ssh_cluster.with_san(cluster.project.spec, "wiped.example")
    ran = cluster.gen_and_ninja()
    assert ran.code != 0 and host.name in ran.out and "member remove" in ran.out, ran.out
    assert before == {each.name: each.run(["sh", "-c", "cat /etc/etcd/*.pem /etc/systemd/system/etcd.service | sha256sum"]).stdout for each in cluster.hosts}
    assert cluster.pids() == pids
    host.run(["sh", "-c", "rm -rf /var/lib/etcd/member && mv /root/member /var/lib/etcd/member"], check=True)
    cluster.project.ninja(timeout=240).ok()
    cluster.check_all_right()


def test_a_wiped_member_that_was_replaced_by_hand(cluster):
    """What the error of the test before says to do."""
    host = cluster.hosts[2]
    host.run(["systemctl", "stop", "etcd"], check=True)
    host.run(["sh", "-c", "rm -rf /var/lib/etcd/member"], check=True)
    member = ssh_cluster.member_id(f"https://{host.address}:2380", "prod")
    endpoints = [f"https://{each.address}:2379" for each in cluster.hosts[:2]]
    cluster.etcdctl("member", "remove", member, endpoints=endpoints).ok()
    harness.wait_for("health", lambda: cluster.is_healthy(endpoints))
    cluster.etcdctl("member", "add", host.name, f"--peer-urls=https://{host.address}:2380", endpoints=endpoints).ok()
    cluster.project.edit_spec("flags: {", "flags: {initial-cluster-state: existing, ")
    cluster.gen_and_ninja().ok()
    assert f"{cluster.status()[host.name]['header']['member_id']:x}" != member
    cluster.check_all_right()


def test_the_data_of_another_cluster_is_refused_before_anything_changes(tmp_path):
    with hosts.lab(count=3) as lab:
        cluster = ssh_cluster.SshCluster(lab, tmp_path, 3)
        host = cluster.hosts[1]
        # A data folder that a cluster of its own has left there.
        cluster.project.gen().ok()
        cluster.project.ninja("unpack/etcd").ok()
        etcd = next(path for path in cluster.project.path("archives").rglob("etcd") if path.is_file())
        harness.copy_file(etcd, host.root / "root/etcd", mode=0o755)
        script = """/root/etcd --data-dir=/var/lib/etcd 2>/root/log & until grep -q 'ready to serve' /root/log; do sleep 0.05; done
            kill $!; wait $!; rm /root/etcd; test -d /var/lib/etcd/member"""
        host.run(["sh", "-c", script], check=True)
        ran = cluster.gen_and_ninja()
        assert ran.code != 0 and host.name in ran.out and "cdf818194e3a8c32" in ran.out, ran.out
        for each in cluster.hosts:
            assert each.run(["sh", "-c", "ls /etc/etcd /usr/local/bin/etcd /etc/systemd/system/etcd.service"]).stdout == ""
        host.run(["sh", "-c", "rm -rf /var/lib/etcd/member"], check=True)
        cluster.project.ninja(timeout=240).ok()
        cluster.check_all_right()


def test_two_hosts_that_are_one_machine(tmp_path):
    """Two addresses, one machine behind both: nothing of the cluster is put there."""
    with hosts.lab(count=2) as lab:
        cluster = ssh_cluster.SshCluster(lab, tmp_path, 2)
        first, second = cluster.hosts
        other_way = lab.proxy(first)
        cluster.project.edit_spec(f"ssh: root@{second.address}", f"ssh: root@{other_way.address}")
        ran = cluster.gen_and_ninja()
        assert ran.code != 0 and "this machine is already host" in ran.out, ran.out
        for each in cluster.hosts:
            assert each.run(["sh", "-c", "ls /etc/etcd /usr/local/bin/etcd /etc/systemd/system/etcd.service"]).stdout == ""
