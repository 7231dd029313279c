"""Any spec of 1 MiB is checked in a bounded time and memory, whatever list it is wide in: nothing grows by squares.

The bounds are on the processor and on memory, and generous: what grows by squares misses them by far."""

import resource
import subprocess

import pytest

import harness
import wide_specs

SIZE = 1 << 20
PROCESSOR_SECONDS = 10
MEMORY = 256 << 20


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@pytest.mark.parametrize("name", wide_specs.WIDE)
def test_is_checked_within_bounds(name, tmp_path):
    spec = wide_specs.WIDE[name](SIZE)
    assert SIZE * 0.5 < len(spec.encode()) <= SIZE + 1
    path = tmp_path / "cluster.yaml"
    path.write_text(spec, encoding="utf-8")
    ran = subprocess.run(
        [harness.KPLAN, "check", path.name], cwd=tmp_path, capture_output=True, timeout=300, check=False, preexec_fn=limit
    )
    # A crash, a signal of a limit, or an allocation that failed is neither.
    assert ran.returncode in (0, 65), (ran.returncode, ran.stderr[-300:])
