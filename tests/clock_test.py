"""Clocks that are wrong, and clocks that are set right again: no certificate is ever silently unusable.

The kplan of these tests is the shipped one but for the time of day that it is told (tests/clock).
"""

import os
import re
import shutil

import pytest

import harness
import shifted
from shifted import DAY, HOUR, MINUTE, YEAR

SPEC = """
ca:
  CN: Clock CA
  key: {algo: ecdsa, size: 256}
  crl-expiry: 720h
cas:
  sub:
    CN: Clock sub CA
    key: {algo: ecdsa, size: 256}
    issuer: ca
    expiry: 26280h
certs:
  server:
    key: {algo: ecdsa, size: 256}
    hosts: [server.example.com]
  client:
    key: {algo: ecdsa, size: 256}
    ca: sub
    hosts: [client.example.com]
"""

LEAVES = {"server": (), "client": ("sub",)}

# By how much a clock is wrong. 1999: by as much as it takes.
WRONG = {
    "400-days-ago": -400 * DAY,
    "an-hour-ago": -HOUR,
    "an-hour-ahead": HOUR,
    "1999": None,
    "30-years-ahead": 30 * YEAR,
    "120-years-ahead": 120 * YEAR,
}


def seconds_of(name):
    if WRONG[name] is not None:
        return WRONG[name]
    return 946000000 - int(os.stat("/proc/self").st_ctime)  # December 1999


@pytest.fixture(name="project")
def fixture_project():
    folder = harness.make_folder("clock")
    yield shifted.ShiftedProject(folder, SPEC)
    shutil.rmtree(folder)


def verify_all(project):
    for leaf, intermediates in LEAVES.items():
        said = project.verify(leaf, intermediates=intermediates, purpose="sslserver", host=f"{leaf}.example.com")
        assert said == "", f"{leaf} at {project.now}: {said}"
        assert project.verify(leaf, intermediates=intermediates, host="other.example.com") != ""
    crl = project.path("pki/ca-crl.pem")
    extra = ["-crl_check", "-CRLfile", crl, "-attime", str(project.now)]
    assert shifted.verifiers.openssl(project.path("pki/ca.pem"), None, project.path("pki/server.pem"), extra=extra) == ""


def make(project, clock=0):
    project.clock = str(clock)
    project.gen_and_ninja().ok()
    verify_all(project)
    project.does_nothing()


def test_the_shipped_kplan_has_one_clock(tmp_path):
    with open(harness.KPLAN, "rb") as file:
        assert b"KPLAN_TEST_CLOCK" not in file.read()
    with open(shifted.KPLAN_SHIFTED, "rb") as file:
        assert b"KPLAN_TEST_CLOCK" in file.read()  # so it would be seen
    project = shifted.ShiftedProject(tmp_path, SPEC, kplan=harness.KPLAN)
    project.clock = str(30 * YEAR)
    project.gen_and_ninja().ok()
    project.clock = "0"
    assert project.certificate("server").valid(project.now)
    assert project.ninja().no_work


@pytest.mark.parametrize("text", ["", "soon", "1x", "99999999999999999999", "0 cert/", "0 cert/=soon"])
def test_a_mistyped_clock_is_no_clock(project, text):
    project.clock = text
    assert project.run(project.kplan, "certs", "cluster.yaml").code not in (0, 2)


@pytest.mark.parametrize("wrong", WRONG)
def test_made_under_a_wrong_clock_and_mended_under_the_right_one(project, wrong):
    make(project, seconds_of(wrong))
    keys = project.keys()

    # What a person sees who looks now; nothing has been told to kplan but the time.
    project.clock = "0"
    before = {leaf: project.certificate(leaf).valid(project.now) for leaf in ("ca", "sub", "server", "client")}
    code, rows = project.certs()
    for label, row in rows.items():
        usable = shifted.read_certificate(project.path(row["file"])).valid(project.now)
        assert usable or row["state"] != "good", (label, row)
    assert (code == 0) == all(row["state"] == "good" for row in rows.values())
    if not all(before.values()):
        assert code == 2

    ran = project.ninja().ok()
    made_again = {leaf for leaf in LEAVES if f"cert/{leaf}" in ran.edges}
    assert {leaf for leaf in LEAVES if not before[leaf]} <= made_again, ran.out
    verify_all(project)
    project.does_nothing()
    assert project.keys() == keys


@pytest.mark.parametrize("wrong", WRONG)
def test_an_existing_pki_under_a_wrong_clock(project, wrong):
    make(project)
    keys = project.keys()

    make(project, seconds_of(wrong))
    assert project.keys() == keys

    make(project)
    assert project.keys() == keys


@pytest.mark.parametrize("wrong", [name for name in WRONG if name != "1999"])
def test_files_have_the_times_of_a_clock_that_was_wrong(project, wrong):
    """A machine's files get their times from its clock: stamps of the past and of the future are ninja's classic trouble."""
    make(project, seconds_of(wrong))
    for folder, _, files in os.walk(project.path(".")):
        for name in files:
            path = os.path.join(folder, name)
            info = os.stat(path)
            os.utime(path, (info.st_atime + seconds_of(wrong), info.st_mtime + seconds_of(wrong)))
    project.clock = "0"
    project.ninja().ok()
    verify_all(project)
    # A pass over what is there already may follow: no log of ninja's knows these times.
    project.ninja().ok()
    project.does_nothing()


# A clock that is set while ninja runs: what comes before and what comes after, by the step's label.
STEPPED = {
    "back-a-minute": "0 cert/=-60",
    "ahead-a-minute": "0 cert/=60",
    "back-hours-before-the-leaves": f"0 cert/={-5 * HOUR}",
    "ahead-hours-before-the-leaves": f"0 cert/={5 * HOUR}",
    "back-years-before-the-leaves": f"0 cert/={-8 * YEAR}",
    "ahead-years-before-the-leaves": f"0 cert/={8 * YEAR}",
    "back-hours-before-the-intermediate": f"0 ca/sub/={-5 * HOUR} cert/={-5 * HOUR}",
    "ahead-hours-for-the-root-only": f"0 ca/cert={5 * HOUR}",
    "ahead-years-for-the-root-only": f"0 ca/cert={8 * YEAR}",
    "back-years-for-the-root-only": f"0 ca/cert={-8 * YEAR}",
    "back-and-forth": f"0 ca/cert={2 * HOUR} ca/sub/={-3 * HOUR} cert/={4 * HOUR}",
    "one-leaf-only": f"0 cert/server={-5 * HOUR}",
}


@pytest.mark.parametrize("stepped", STEPPED)
def test_a_clock_that_is_set_in_the_middle_of_a_run(project, stepped):
    project.clock = STEPPED[stepped]
    project.gen().ok()
    ran = project.ninja("-k0")
    last = re.findall(r"cert/\S*=(-?\d+)", STEPPED[stepped])
    if ran.code != 0:
        assert re.search(r"is the clock right\?|expired on|not valid before", ran.out), ran.out
        # The steps of ninja are the only ones that may have failed, each with a word about the clock.
        for failed in re.findall(r"^kplan: .*$", ran.out + ran.err, re.MULTILINE):
            assert re.search(r"clock|expired|not valid before", failed), failed
    else:
        # It says done: then it is, by the clock that it ended with.
        project.clock = last[-1] if last else "0"
        code, rows = project.certs()
        for label, row in rows.items():
            certificate = shifted.read_certificate(project.path(row["file"]))
            assert certificate.valid(project.now) or (code == 2 and row["state"] != "good"), (label, row)
    # Whichever of the two clocks turns out to be the right one: the next run mends it.
    for clock in {last[-1] if last else "0", "0"}:
        project.clock = clock
        project.ninja().ok()
        verify_all(project)
        project.does_nothing()


@pytest.mark.parametrize("there, then", [("0", str(-8 * YEAR)), ("0", str(8 * YEAR)), (str(8 * YEAR), "0"), ("0", str(-2 * HOUR)),
                                         (str(2 * HOUR), "0"), ("0", str(3 * MINUTE)), ("0", str(-3 * MINUTE))])
def test_a_clock_that_is_set_between_the_ca_and_its_leaves(project, there, then):
    project.clock = there
    project.gen().ok()
    project.ninja("ca/cert").ok()
    project.clock = then
    project.ninja().ok()
    verify_all(project)
    project.does_nothing()
    project.clock = there
    project.ninja().ok()
    verify_all(project)
    project.does_nothing()
