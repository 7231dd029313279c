"""Archives of etcd that are not quite a release's, for tests in which a plan gets another program."""

import io
import re
import tarfile

import harness


def change_program(project, name, change):
    """Makes an archive NAME of etcd.tar.gz, with the program etcd changed by CHANGE (bytes to bytes); cluster.yaml then has it."""
    made = project.path(name)
    with tarfile.open(project.path("etcd.tar.gz")) as old, tarfile.open(made, "w:gz", compresslevel=1) as new:
        for member in old:
            content = old.extractfile(member).read() if member.isfile() else None
            if member.name.endswith("/etcd"):
                content = change(content)
                member.size = len(content)
            new.addfile(member, None if content is None else io.BytesIO(content))
    project.spec = re.sub(r"archive: .*", f"archive: {{path: {name}, sha256: {harness.sha256(made)}}}", project.spec)
