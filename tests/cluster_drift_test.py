"""What somebody does on a host of a cluster is seen by plan, status and ninja, and put right, or refused with the remedy."""

import re

import pytest

import harness
import hosts
import shifted
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

DROP_IN = "/etc/systemd/system/etcd.service.d/mine.conf"


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab, ssh_cluster.formed(lab, tmp_path_factory.mktemp("project")) as cluster:
        yield cluster


def restarted(cluster, before):
    return [name for name, pid in cluster.pids().items() if pid != before[name]]


def drop_in(host, text):
    host.run(["mkdir", "-p", DROP_IN.rsplit("/", 1)[0]], check=True)
    host.write_text(DROP_IN, text)


def without_drop_in(host):
    host.run(["rm", DROP_IN], check=True)
    host.run(["systemctl", "daemon-reload"], check=True)


def test_what_somebody_changed_on_a_host_is_put_right(cluster):
    host = cluster.hosts[0]
    pids = cluster.pids()
    host.run(["sh", "-c", "chmod 644 /etc/etcd/server-key.pem; echo '# by hand' >>/etc/etcd/bootstrap.env; systemctl stop etcd"], check=True)
    told = cluster.project.run(harness.KPLAN, "status")
    assert told.code == 2, told
    for label in ("/etc/etcd/server.pem", "/etc/etcd/bootstrap.env", "does not run"):
        assert label in told.out, told
    plan = cluster.project.run(harness.KPLAN, "plan").out
    assert f"+ service/{host.name}/etcd" in plan and "1 start" in plan, plan
    # By hand gen asks nobody unless it is said; ninja does.
    assert "bootstrap.env" not in cluster.project.gen().ok().out
    ran = cluster.project.ninja(timeout=240).ok()
    assert f"file/{host.name}/etc/etcd/bootstrap.env: content" in ran.out, ran.out
    assert host.run(["stat", "-c", "%a", "/etc/etcd/server-key.pem"]).stdout == "600\n"
    assert "by hand" not in host.read_text("/etc/etcd/bootstrap.env")
    assert restarted(cluster, pids) == [host.name]
    cluster.check_all_right()


# What somebody does on a host, the artifact that it is seen at, and whether etcd there has to be started.
DRIFTS = {
    "a file is edited": ("echo '# mine' >>/etc/etcd/bootstrap.env", "file/{}/etc/etcd/bootstrap.env", False),
    "a unit is edited": ("sed -i s/RestartSec=.*/RestartSec=7/ /etc/systemd/system/etcd.service",
                         "unit/{}/etcd", False),
    "a program is another one": ("cp /bin/true /usr/local/bin/etcd.new && mv /usr/local/bin/etcd.new /usr/local/bin/etcd",
                                 "file/{}/usr/local/bin/etcd", False),
    "a certificate is another one": ("cp /etc/etcd/peer.pem /etc/etcd/server.pem", "file/{}/etc/etcd/server.pem", False),
    "a key is open": ("chmod 644 /etc/etcd/server-key.pem", "file/{}/etc/etcd/server.pem", False),
    "a key is gone": ("rm /etc/etcd/server-key.pem", "file/{}/etc/etcd/server.pem", False),
    "a key belongs to another": ("chown 65534 /etc/etcd/peer-key.pem", "file/{}/etc/etcd/peer.pem", False),
    "the data folder is opened": ("chmod 755 /var/lib/etcd", "dir/{}/var/lib/etcd", False),
    "the trusted CA is gone": ("rm /etc/etcd/ca.pem", "file/{}/etc/etcd/ca.pem", False),
    "a member is killed for good": ("systemctl kill --signal=KILL etcd; systemctl stop etcd", "rollout/etcd", True),
    "a unit is disabled": ("systemctl disable etcd", "rollout/etcd", False),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_on_a_host_is_seen_and_put_right(cluster, name):
    script, label, starts = DRIFTS[name]
    host, pids = cluster.hosts[1], cluster.pids()
    label = label.format(host.name)
    host.run(["sh", "-c", script], check=True)
    code, steps = cluster.planned()
    assert code == 2 and {it: step["fate"] for it, step in steps.items()} == {label: "change"}, steps
    status = cluster.project.run(harness.KPLAN, "status")
    assert status.code == 2 and f"\n  {label} " in status.out, status
    ran = cluster.project.ninja(timeout=240).ok()
    done = {line.split(":")[0] for line in ran.out.splitlines() if re.match("(file|dir|unit|rollout)/[^ ]*: ", line) and not line.endswith(": only checked")}
    assert done == {label}, ran.out
    assert restarted(cluster, pids) == ([host.name] if starts else [])
    cluster.check_all_right()


def test_a_unit_that_is_masked_is_refused_with_the_remedy(cluster):
    host, pids = cluster.hosts[1], cluster.pids()
    host.run(["ln", "-sf", "/dev/null", "/etc/systemd/system/etcd.service"], check=True)
    ran = cluster.project.run(harness.KPLAN, "plan")
    what = "etcd.service is masked (/etc/systemd/system/etcd.service leads to /dev/null)"
    assert ran.code == 3 and re.search(rf"x unit/{host.name}/etcd +would fail: .*\n +because found on the host: .*is masked", ran.out), ran
    assert cluster.project.run(harness.KPLAN, "status").code == 3
    ran = cluster.project.ninja(timeout=240)
    assert ran.code != 0 and what in ran.out, ran.out
    assert "`systemctl unmask etcd.service` first" in ran.out
    assert host.run(["readlink", "/etc/systemd/system/etcd.service"]).stdout == "/dev/null\n"
    host.run(["systemctl", "unmask", "etcd.service"], check=True)
    cluster.project.ninja(timeout=240).ok()
    assert cluster.pids() == pids
    cluster.check_all_right()


def test_a_drop_in_that_adds_is_read_and_restarts_nobody(cluster):
    host, pids = cluster.hosts[1], cluster.pids()
    drop_in(host, "[Service]\nOOMScoreAdjust=-100\n")
    code, steps = cluster.planned()
    assert code == 2 and list(steps) == ["rollout/etcd"] and "systemd had not read its unit again" in str(steps), steps
    assert cluster.project.run(harness.KPLAN, "status").code == 2
    ran = cluster.project.ninja(timeout=240).ok()
    assert f"put right {host.name}: systemd had not read its unit again" in ran.out, ran.out
    assert restarted(cluster, pids) == []
    assert host.run(["systemctl", "show", "--property=OOMScoreAdjust", "--value", "etcd"]).stdout == "-100\n"
    cluster.check_all_right()
    without_drop_in(host)
    cluster.check_all_right()


def test_a_drop_in_that_takes_away_is_refused_with_the_remedy(cluster):
    host, pids = cluster.hosts[1], cluster.pids()
    drop_in(host, "[Service]\nRestart=no\n")
    what = f"a drop-in takes away what the unit etcd.service says:\n.*Restart: wanted on-failure\n.*got +no\n.*by +{DROP_IN}\n.*remove it there"
    code, steps = cluster.planned()
    assert code == 3 and steps["rollout/etcd"]["fate"] == "fail" and DROP_IN in str(steps["rollout/etcd"]), steps
    assert cluster.project.run(harness.KPLAN, "status").code == 3
    ran = cluster.project.ninja(timeout=240)
    assert ran.code != 0 and re.search(what, ran.out), ran.out
    assert restarted(cluster, pids) == []
    without_drop_in(host)
    cluster.project.ninja(timeout=240).ok()
    assert restarted(cluster, pids) == []
    cluster.check_all_right()


def test_the_drop_in_of_the_second_is_found_before_the_first_is_restarted(cluster):
    """By the text that waits on each host: what runs still says what the drop-in says. (The first plan does not know that text and
    the drop-in at once; that after the run does.)"""
    host, pids, spec = cluster.hosts[1], cluster.pids(), cluster.project.spec
    drop_in(host, "[Service]\nLimitNOFILE=65536\n")
    host.run(["systemctl", "daemon-reload"], check=True)
    cluster.project.ninja(timeout=240).ok()
    assert restarted(cluster, pids) == []
    cluster.project.spec = spec + "  unit: {Service: {LimitNOFILE: 70000}}\n"
    cluster.project.gen().ok()
    ran = cluster.project.ninja(timeout=240)
    assert ran.code != 0 and re.search(f"LimitNOFILE: wanted 70000\n.*got +65536\n.*by +{DROP_IN}", ran.out), ran.out
    assert restarted(cluster, pids) == []
    code, steps = cluster.planned()
    assert code == 3 and steps["rollout/etcd"]["fate"] == "fail" and DROP_IN in str(steps["rollout/etcd"]), steps
    cluster.project.spec = spec
    cluster.project.gen().ok()
    without_drop_in(host)
    cluster.project.ninja(timeout=240).ok()
    assert restarted(cluster, pids) == []
    cluster.check_all_right()


def test_a_member_that_runs_and_serves_nobody(cluster):
    host, pids = cluster.hosts[1], cluster.pids()
    host.run(["systemctl", "kill", "--signal=STOP", "etcd"], check=True)
    try:
        code, steps = cluster.planned()
        assert code == 2 and list(steps) == ["verify/etcd"], steps
        assert f"{host.name} does not serve" in str(steps["verify/etcd"]), steps
        status = cluster.project.run(harness.KPLAN, "status")
        assert status.code == 2 and f"{host.name} does not serve" in status.out, status
    finally:
        host.run(["systemctl", "kill", "--signal=CONT", "etcd"], check=True)
    harness.wait_for("three members", lambda: len(cluster.status()) == 3, 60)
    # The look before the build has not been: nothing is stale.
    assert cluster.planned() == (0, {})
    assert restarted(cluster, pids) == []
    cluster.check_all_right()


def test_one_host_is_down_and_the_others_are_done(cluster):
    up, down = cluster.hosts[0], cluster.hosts[2]
    pids = cluster.pids()
    up.run(["sh", "-c", "echo '# mine' >>/etc/etcd/bootstrap.env"], check=True)
    down.kill()
    try:
        code, steps = cluster.planned()
        assert code == 3 and f"file/{up.name}/etc/etcd/bootstrap.env" in steps, steps
        assert all(step["fate"] == "unknown" for label, step in steps.items() if f"/{down.name}/" in label), steps
        ran = cluster.project.ninja(timeout=240)
        assert ran.code != 0 and f"{down.name}" in ran.out + ran.err, ran
        assert "mine" not in up.read_text("/etc/etcd/bootstrap.env")
        assert {name: pid for name, pid in cluster.pids().items() if name != down.name} == {
            name: pid for name, pid in pids.items() if name != down.name}
    finally:
        down.boot()
    harness.wait_for("three members", lambda: len(cluster.status()) == 3, 60)
    cluster.project.ninja(timeout=240).ok()
    cluster.check_all_right()


def test_a_clock_that_is_an_hour_off_is_refused_with_the_remedy(cluster):
    """This machine's is set, by a kplan that is told another time: to the hosts it is theirs that differs."""
    project, pids = cluster.project, cluster.pids()

    def run(clock, *argv):
        return project.run("env", f"KPLAN_TEST_CLOCK={clock}", *argv, timeout=240)

    run(0, shifted.KPLAN_SHIFTED, "gen", "--kplan", shifted.KPLAN_SHIFTED, "cluster.yaml").ok()
    run(0, "ninja").ok()
    for clock, words in ((3600, "60 min behind"), (-3600, "60 min ahead of")):
        what = f"its clock is {words} this machine's"
        plan = run(clock, shifted.KPLAN_SHIFTED, "plan")
        assert plan.code == 3 and plan.out.count(f"would fail: {what}") == 3 and f"x host/{cluster.hosts[0].name}" in plan.out, plan.out
        assert run(clock, shifted.KPLAN_SHIFTED, "status").code == 3
        if clock < 0:
            continue  # our own certificates are not good yet by that clock: they would be signed anew
        ran = run(clock, "ninja")
        assert ran.code != 0 and what in ran.out and "timedatectl set-ntp true" in ran.out, ran.out
        # Set right, all goes on. (What was noted by another clock is checked once more.)
        run(0, "ninja").ok()
        run(0, "ninja").ok()
        assert run(0, "ninja").ok().no_work
    assert restarted(cluster, pids) == []
    project.gen().ok()
    project.ninja(timeout=240).ok()
    cluster.check_all_right()
