"""Why a step with nothing to do costs what starting a program costs: kplan is one static file, and such a step reads
what it compares and nothing else."""

import json
import os
import re
import struct

import pytest

import cluster as clusters
import harness

# System calls that change a file or wait for the disk.
WRITES = re.compile(
    r"p?write\w*|rename\w*|unlink\w*|link\w*|symlink\w*|f?truncate|fallocate|f?chmod\w*|[fl]?chown\w*|utime\w*|futimesat|"
    r"sendfile|copy_file_range|splice|fsync|fdatasync|sync\w*|msync|mkdir\w*|mknod\w*")
SYNCS = re.compile(r"fsync|fdatasync|sync\w*|msync")
CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)", re.MULTILINE)


def program_headers(path):
    """The types of the program headers of an ELF64 file (elf(5))."""
    with open(path, "rb") as file:
        ident = file.read(16)
        assert ident[:4] == b"\x7fELF" and ident[4] == 2, ident
        order = "<" if ident[5] == 1 else ">"
        header = struct.unpack(order + "HHIQQQIHHHHHH", file.read(48))
        offset, size, count = header[4], header[8], header[9]
        types = []
        for i in range(count):
            file.seek(offset + i * size)
            types.append(struct.unpack(order + "I", file.read(4))[0])
        return types


def test_kplan_is_fully_static():
    pt_load, pt_dynamic, pt_interp = 1, 2, 3
    types = program_headers(harness.KPLAN)
    assert pt_load in types
    assert pt_interp not in types, "a loader is started first"
    assert pt_dynamic not in types, "libraries are loaded, or the program is relocated"
    # The look is able to tell: python is linked dynamically.
    assert pt_interp in program_headers("/usr/bin/python3")


@pytest.fixture(name="provisioned", scope="module")
def fixture_provisioned():
    if os.geteuid() != 0:
        pytest.skip("nobody but root sees what a kplan at work has in its memory")
    with clusters.in_folder(user=0) as cluster:
        cluster.provision()
        traced = cluster.project.run("strace", "-f", "-o", "/dev/null", "true")
        if traced.code != 0:
            pytest.skip(f"strace may not trace here: {traced.err.strip()}")
        yield cluster


def calls_of(cluster, label):
    """[(name, arguments)] of the system calls that succeeded while the step of LABEL ran."""
    project = cluster.project
    plan = json.loads(project.path(".kplan/plan.json").read_text(encoding="utf-8"))
    (step,) = [step for step in plan["steps"] if step["label"] == label]
    command = [project.kplan, "step", f".kplan/steps/{step['host'] or 'shared'}.json", label, step["digest"]]
    ran = project.run("strace", "-f", "-qq", "-s", "4096", "-o", "trace", *command).ok()
    assert ran.out in ("", f"{label}: only checked\n"), "it found something to do"
    trace = project.path("trace").read_text(encoding="utf-8")
    calls = [(name, arguments) for name, arguments, result in CALL.findall(trace) if not result.startswith("-")]
    assert "flock" in [name for name, _ in calls], trace  # the trace is one of kplan
    return calls


def opened(calls):
    return [arguments.split('"')[1] for name, arguments in calls if name in ("open", "openat", "openat2")]


LABELS = [
    "ca/key", "ca/csr", "ca/cert", "key/kubernetes", "csr/kubernetes", "cert/kubernetes", "archive/etcd", "unpack/etcd",
    "render/worker/etc/systemd/system/etcd.service", "unit/worker/etcd", "dir/worker/var/lib/etcd",
    "file/worker/etc/etcd/ca.pem", "file/worker/etc/etcd/kubernetes.pem",
    "file/worker/usr/local/bin/etcd", "file/worker/usr/local/bin/etcdctl", "service/worker/etcd"]


def test_no_step_is_missing_here(provisioned):
    # verify/etcd asks etcd every time: it has never nothing to do.
    assert sorted(LABELS + ["verify/etcd"]) == sorted(provisioned.project.records())


@pytest.mark.parametrize("label", LABELS)
def test_nothing_to_do_writes_nothing(provisioned, label):
    calls_of(provisioned, label)  # writes the depfile, which ninja has read and removed
    calls = calls_of(provisioned, label)
    # A line in the journal says that it ran, one to the person that it did nothing, and that is all.
    written, told = [arguments for name, arguments in calls if WRITES.fullmatch(name)]
    assert told.startswith(f'1, "{label}: only checked\\n"'), told
    assert written.split('"')[1].startswith(f"{label}\\t"), written
    assert [call for call in calls if call[0] in ("open", "openat", "openat2", "creat") and "O_TRUNC" in call[1]] == []


@pytest.mark.parametrize("label", LABELS)
def test_under_ninja_only_the_depfile_is_written(provisioned, label):
    project = provisioned.project
    depfile = project.path(f".kplan/deps/{label}")
    depfile.unlink(missing_ok=True)
    calls = calls_of(provisioned, label)
    assert [call for call in calls if SYNCS.fullmatch(call[0])] == []
    renamed = [re.findall(r'"([^"]*)"', arguments)[-1] for name, arguments in calls if name.startswith("rename")]
    assert renamed == [depfile.name]
    assert depfile.exists()


@pytest.mark.parametrize("label", LABELS)
def test_nothing_to_do_reads_no_randomness_and_no_configuration(provisioned, label):
    calls = calls_of(provisioned, label)
    # Eight bytes, not waited for, are malloc's own.
    assert [call for call in calls if call[0] == "getrandom" and not call[1].endswith(", 8, GRND_NONBLOCK")] == []
    paths = opened(calls)
    assert [path for path in paths if re.search(r"/dev/u?random$|openssl\.cnf$|\.so(\.|$)|^/usr/share/|^/usr/lib/", path)] == []
    assert [name for name, _ in calls if name in ("execve", "fork", "vfork", "clone", "clone3")] == ["execve"]
