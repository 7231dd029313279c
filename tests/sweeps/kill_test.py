"""SIGKILL at the system calls of `gen` and of every step of a cluster with two leaves; the next ninja completes.

KPLAN_SWEEP=full: at every one of them; else a few of each.
"""

import shutil

import pytest

import fault_points as points
import harness

pytestmark = pytest.mark.skipif(bool(points.why_not()), reason=points.why_not() or "none")


@pytest.fixture(name="base")
def fixture_base():
    base = harness.make_folder("kill")
    yield base
    shutil.rmtree(base)


def kill(scene, point, fault):
    what = f"{scene.label}, killed at {point.name} {point.number}"
    folder = scene.fresh()
    ran, _ = scene.disturb(folder, point, fault)
    # Two runs need not make the same calls in the same number: what is random is shorter or longer.
    outcome = "killed" if ran.code == -9 else "ended before"
    assert ran.code in (-9, 0), f"{what}: {ran}"
    points.check_state(folder, scene.before, scene.after, what)
    scene.complete(folder, what)
    shutil.rmtree(folder)
    return outcome


def test_killed_at_every_call(base):
    stage = points.Stage(base)
    scenes = stage.all_scenes() if points.FULL else stage.one_of_each_kind()
    outcomes = points.sweep(stage, scenes, 2, lambda _: ["signal=KILL"], kill)
    assert outcomes["killed"] >= 20 and outcomes["ended before"] * 20 <= outcomes["killed"], outcomes
