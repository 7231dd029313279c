"""A lab by hand: python3 tests/hosts up [--count=N] [--disk=SIZE] [--volume=PATH=SIZE]... [-- COMMAND...]

Boots N systemd hosts with sshd (etcd-1 at 10.77.0.11, ...), in namespaces of their own, and says how to reach them; they
are there until Ctrl-C. With a COMMAND it runs that on the admin's machine, in this folder, and exits with its exit code.
Needs root.
"""

import argparse
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time

if not __package__:
    # As `python3 tests/hosts`: this folder is on the path, and the package is one above.
    sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)

import hosts  # pylint: disable=wrong-import-position


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python3 tests/hosts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    up = parser.add_subparsers(dest="verb", required=True).add_parser("up", help="boots hosts")
    up.add_argument("--count", type=int, default=3, help="how many hosts (3)")
    up.add_argument("--disk", default="1g", help="the size of a host's disk (1g)")
    up.add_argument("--volume", action="append", default=[], metavar="PATH=SIZE",
                    help="a disk of its own for a folder of every host, such as /var/lib/etcd=64m")
    up.add_argument("command", nargs="*", metavar="COMMAND", help="what to run on the admin's machine")
    options = parser.parse_args(argv)
    if any("=" not in volume for volume in options.volume):
        parser.error("--volume is PATH=SIZE")
    return options


def environment():
    """The caller's own, but for what leads back to the caller's machine."""
    return {name: value for name, value in os.environ.items() if name not in ("HOME", "USER", "LOGNAME") and
            not name.startswith("SSH_")}


def write_entry(lab):
    """A script that runs a command on the admin's machine, for other terminals."""
    path = lab.folder / "admin"
    path.write_text(
        "#!/bin/sh\n# Runs a command on the machine of the lab's admin; without one, a shell.\n"
        '[ $# -gt 0 ] || set -- "${SHELL:-/bin/sh}"\n'
        f'exec nsenter --target={lab.admin.leader} --all --wd="/proc/{lab.admin.leader}/root$PWD" -- '
        f'env -u SSH_AUTH_SOCK HOME={shlex.quote(str(lab.home))} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def run(lab, command):
    """Runs COMMAND for the terminal that we have."""
    process = lab.admin.popen(command, env=environment(), cwd=os.getcwd(), stdin=None, stdout=None, stderr=None)
    # Ctrl-C is for the command, which gets it from the terminal too.
    signal.signal(signal.SIGINT, lambda *_: None)
    code = process.wait()
    return code if code >= 0 else 128 - code


def stay(lab, seconds):
    """Says how to reach the hosts, and waits for Ctrl-C."""
    print(f"{len(lab.hosts)} hosts, up after {seconds:.1f} s; Ctrl-C ends them")
    for host in lab.hosts:
        print(f"  {host.address}  {host.name}")
    entry = write_entry(lab)
    print(f"{entry}                     a shell from where they can be reached, with your files")
    print(f"{entry} ssh root@{lab.hosts[0].name}    or ops@{lab.hosts[0].name}, who has sudo")
    print(f"{lab.ssh_folder}/               its config, known_hosts and key", flush=True)
    signal.pause()


def main(argv):
    options = parse(argv)
    # So that the lab is ended in order; when we are killed the kernel does it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    begin = time.monotonic()
    try:
        with hosts.lab(count=options.count, disk=options.disk,
                       volumes=dict(volume.split("=", 1) for volume in options.volume)) as lab:
            if options.command:
                return run(lab, options.command)
            stay(lab, time.monotonic() - begin)
    except KeyboardInterrupt:
        return 0
    except (hosts.LabError, subprocess.CalledProcessError) as error:
        print(f"tests/hosts: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
