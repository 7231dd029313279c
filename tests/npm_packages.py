"""Packages of tests/npm, where tools/install-deps put them."""

import os
import pathlib
import subprocess

import pytest


def folder():
    """The folder with package.json and node_modules."""
    found = pathlib.Path(subprocess.run(["tools/npm-folder"], check=True, capture_output=True, text=True).stdout.strip())
    if not (found / "node_modules").is_dir():
        pytest.fail(f"{found} is missing: run tools/install-deps test")
    return found


def node(script, *args, timeout=300):
    """Runs SCRIPT (CommonJS; it can require() the packages) and returns what it prints."""
    environment = dict(os.environ, NODE_PATH=str(folder() / "node_modules"))
    ran = subprocess.run(
        ["node", script, *map(str, args)], env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
