"""The quickstart, end to end, in a folder of an ordinary user: no systemd and no rights."""

import os

import pytest

import cluster as clusters
from tutorial_checks import *  # pylint: disable=wildcard-import,unused-wildcard-import


@pytest.fixture(name="cluster")
def fixture_cluster():
    with clusters.in_folder() as cluster:
        yield cluster


@pytest.fixture(name="running")
def fixture_running(cluster):
    cluster.provision()
    return cluster


def test_everything_is_the_users_own(running):
    user = harness.NOBODY if os.geteuid() == 0 else os.geteuid()
    entries = harness.snapshot(running.project.outside)
    assert {entry.uid for entry in entries.values()} == {user}
    status = open(f"/proc/{running.pid()}/status", encoding="ascii").read()
    assert f"Uid:\t{user}\t{user}\t{user}\t{user}\n" in status


def test_killed_etcd_is_started(running):
    pid = running.pid()
    harness.kill(pid)
    ran = running.project.ninja().ok()
    assert "service/worker/etcd" in ran.edges
    assert running.pid() not in (0, pid)
    assert running.member_list() == running.member_line


def test_lost_pid_file_starts_no_second_etcd(running):
    pid = running.pid()
    running.on_host("/run/etcd.pid").unlink()
    running.project.gen_and_ninja().ok()
    assert running.pid() == pid
