"""Specs of a given size that are wide in one list each: whatever a cluster.yaml can have many of."""

import itertools

SAFE = "hosts: {w: {root: ./r, service-manager: none}}\n"
CA = "ca: {CN: Lab}\n"


def fill(size, entry, head="", tail=""):
    """HEAD, as many ENTRY(0), ENTRY(1), ... as fit into SIZE bytes, TAIL."""
    parts, left = [head], size - len(head) - len(tail)
    for i in itertools.count():
        part = entry(i)
        left -= len(part.encode())
        if left < 0:
            return "".join(parts) + tail
        parts.append(part)


def service(head, entry, tail=""):
    """A service with a wide list."""
    return lambda size: fill(size, entry, SAFE + CA + "services:\n  app:\n    hosts: [w]\n    command: [/bin/true]\n" + head, tail)


def in_ca(head, entry, tail):
    return lambda size: fill(size, entry, SAFE + "ca: {CN: Lab, " + head, tail)


def sans_and_domains(size):
    permitted = fill(size // 2, lambda i: f"d{i}.example, ", SAFE + "ca: {CN: Lab, name-constraints: {permitted: [", "]}}\n")
    return permitted + fill(size // 2, lambda i: f"h.d{i}.example, ", "certs: {web: {hosts: [", "]}}\n")


def certificates_per_host(size):
    hosts = fill(size // 2, lambda i: f"  h{i}: {{root: ./r{i}, service-manager: none, address: 10.{i >> 16}.{i >> 8 & 255}.{i & 255}}}\n", "hosts:\n")
    names = fill(size // 800, lambda i: f"n{i}.$name, ", "certs: {web: {per: host, hosts: [", "]}}\n")
    return hosts + CA + names


def services_on_hosts(size):
    hosts = fill(size // 2, lambda i: f"  h{i}: {{root: ./r{i}, service-manager: none}}\n", "hosts:\n")
    names = fill(size // 2, lambda i: f"h{i}, ", CA + "services: {app: {command: [/bin/true], hosts: [", "]}}\n")
    count = min(hosts.count("root"), names.count(", h") + 1)
    return "\n".join(hosts.split("\n")[: count + 1]) + "\n" + CA + "services: {app: {command: [/bin/true], hosts: [" + ", ".join(f"h{i}" for i in range(count)) + "]}}\n"


def half_and_half(head, entry, other, other_entry):
    return lambda size: fill(size // 2, entry, head) + fill(size // 2, other_entry, other)


def members(size):
    count = size // 120
    hosts = "".join(
        f"  h{i}: {{root: ./r{i}, service-manager: none, address: 10.{i >> 16}.{i >> 8 & 255}.{i & 255}}}\n" for i in range(count)
    )
    names = ", ".join(f"h{i}" for i in range(count))
    tls = "tls: {server: server, peer: server, client: server}"
    certs = "certs: {server: {per: host, hosts: [$name, $address]}}\n"
    return "hosts:\n" + hosts + CA + certs + f"etcd: {{version: 3.4.15, {tls}, members: [{names}]}}\n"


# What a list is of -> the spec, for its size in bytes.
WIDE = {
    "hosts": lambda size: fill(size, lambda i: f"  h{i}: {{root: ./r{i}, service-manager: none}}\n", CA + "hosts:\n"),
    "hosts by ssh": lambda size: fill(size, lambda i: f"  h{i}: {{ssh: ops@h{i}}}\n", CA + "hosts:\n"),
    "hosts of one folder": lambda size: fill(size, lambda i: f"  h{i}: {{root: ./r}}\n", CA + "hosts:\n"),
    "CAs": lambda size: fill(size, lambda i: f"  c{i}: {{CN: c{i}}}\n", SAFE + CA + "cas:\n"),
    "a chain of CAs": lambda size: fill(size, lambda i: f"  c{i}: {{CN: c{i}, issuer: c{i + 1}}}\n", SAFE + CA + "cas:\n"),
    "CAs of one subject": lambda size: fill(size, lambda i: f"  c{i}: {{CN: x}}\n", SAFE + CA + "cas:\n"),
    "certificates": lambda size: fill(size, lambda i: f"  c{i}: {{}}\n", SAFE + CA + "certs:\n"),
    "names of a certificate": lambda size: fill(size, lambda i: f"h{i}.example, ", SAFE + CA + "certs: {web: {hosts: [", "]}}\n"),
    "addresses of a certificate": lambda size: fill(
        size, lambda i: f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}, ", SAFE + CA + "certs: {web: {hosts: [", "]}}\n"
    ),
    "subject fields": lambda size: fill(size, lambda i: f"{{OU: u{i}}}, ", SAFE + CA + "certs: {web: {names: [", "]}}\n"),
    "files of a certificate": lambda size: fill(size, lambda i: "chain, ", SAFE + CA + "certs: {web: {files: [", "]}}\n"),
    "profiles": lambda size: fill(
        size, lambda i: f"    p{i}: {{usages: [signing], expiry: 1h}}\n", SAFE + CA + "signing:\n  profiles:\n"
    ),
    "usages": lambda size: fill(size, lambda i: "signing, ", SAFE + CA + "signing: {profiles: {p: {expiry: 1h, usages: [", "]}}}\n"),
    "permitted domains": in_ca("name-constraints: {permitted: [", lambda i: f"d{i}.example, ", "]}}\n"),
    "excluded networks": in_ca("name-constraints: {excluded: [", lambda i: f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}/32, ", "]}}\n"),
    "names and permitted domains": sans_and_domains,
    "issuer URLs": in_ca("issuer_urls: [", lambda i: f"http://h{i}.example/a, ", "]}\n"),
    "revoked": lambda size: fill(
        size, lambda i: f"- {{serial: '{i + 1}', date: '2026-01-01T00:00:00Z', ca: ca}}\n", SAFE + CA + "revoked:\n"
    ),
    "revoked certificates": lambda size: fill(
        size // 2, lambda i: f"- {{cert: c{i}, date: '2026-01-01T00:00:00Z'}}\n", SAFE + CA + "revoked:\n"
    )
    + fill(size // 2, lambda i: f"  c{i}: {{}}\n", "certs:\n"),
    "certificates of CAs": half_and_half(
        SAFE + CA + "cas:\n", lambda i: f"  c{i}: {{CN: c{i}}}\n", "certs:\n", lambda i: f"  w{i}: {{ca: c{i}}}\n"
    ),
    "unknown CAs": half_and_half(
        SAFE + CA + "cas:\n", lambda i: f"  c{i}: {{CN: c{i}}}\n", "certs:\n", lambda i: f"  w{i}: {{ca: d{i}}}\n"
    ),
    "unknown profiles": half_and_half(
        SAFE + CA + "signing:\n  profiles:\n",
        lambda i: f"    p{i}: {{usages: [signing], expiry: 1h}}\n",
        "certs:\n",
        lambda i: f"  w{i}: {{profile: q{i}}}\n",
    ),
    "unknown certificates": half_and_half(
        SAFE + CA + "certs:\n",
        lambda i: f"  w{i}: {{}}\n",
        "revoked:\n",
        lambda i: f"- {{cert: x{i}, date: '2026-01-01T00:00:00Z'}}\n",
    ),
    "unknown hosts": half_and_half(
        "hosts:\n",
        lambda i: f"  h{i}: {{root: ./r{i}, service-manager: none}}\n",
        CA + "services:\n",
        lambda i: f"  s{i}: {{command: [/bin/true], hosts: [g{i}]}}\n",
    ),
    "unknown services": half_and_half(
        SAFE + CA + "services:\n  app:\n    hosts: [w]\n    command: [/bin/true]\n    after:\n",
        lambda i: f"    - t{i}\n",
        "",
        lambda i: f"  s{i}: {{hosts: [w], command: [/bin/true]}}\n",
    ),
    "all that a service comes after": half_and_half(
        SAFE + CA + "services:\n  app:\n    hosts: [w]\n    command: [/bin/true]\n    after:\n",
        lambda i: f"    - s{i}\n",
        "",
        lambda i: f"  s{i}: {{hosts: [w], command: [/bin/true]}}\n",
    ),
    "circles of services": lambda size: fill(
        size,
        lambda i: f"  s{i}: {{hosts: [w], command: [/bin/true], after: [s0, s{i + 1}]}}\n",
        SAFE + CA + "services:\n",
    ),
    "names that are not permitted": lambda size: fill(
        size // 2, lambda i: f"d{i}.example, ", SAFE + "ca: {CN: Lab, name-constraints: {permitted: [", "]}}\n"
    )
    + fill(size // 2, lambda i: f"h{i}.org, ", "certs: {web: {hosts: [", "]}}\n"),
    "checks with a certificate each": half_and_half(
        SAFE + CA + "certs:\n",
        lambda i: f"  w{i}: {{}}\n",
        "services:\n  app:\n    hosts: [w]\n    command: [/bin/true]\n    checks:\n",
        lambda i: f"    - https: {{url: 'https://127.0.0.1:1/', cert: w{i}}}\n",
    ),
    "members": members,
    "certificates per host": certificates_per_host,
    "files on hosts": half_and_half(
        CA + "hosts:\n",
        lambda i: f"  h{i}: {{root: ./r{i}, service-manager: none}}\n",
        "services:\n  app:\n    command: [/bin/true]\n    hosts: [" + ", ".join(f"h{i}" for i in range(5000)) + "]\n    files:\n",
        lambda i: f"      /etc/app/f{i}: {{content: x}}\n",
    ),
    "services on hosts, in order": lambda size: fill(
        size,
        lambda i: f"  h{i}: {{root: ./r{i}, service-manager: none}}\n",
        CA
        + "".join(
            f"{head}{{command: [/bin/true], {after}hosts: [{', '.join(f'h{i}' for i in range(size // 256))}]}}\n"
            for head, after in (("services:\n  a: ", ""), ("  b: ", "after: [a], "), ("  c: ", "after: [a], "))
        )
        + "hosts:\n",
    ),
    "certificates times hosts": half_and_half(
        CA + "hosts:\n",
        lambda i: f"  h{i}: {{root: ./r{i}, service-manager: none}}\n",
        "certs:\n",
        lambda i: f"  c{i}: {{per: host}}\n",
    ),
    "names times hosts": half_and_half(
        CA + "hosts:\n",
        lambda i: f"  h{i}: {{root: ./r{i}, service-manager: none}}\n",
        "certs:\n  web:\n    per: host\n    hosts:\n",
        lambda i: f"    - n{i}.example\n",
    ),
    "services": lambda size: fill(
        size, lambda i: f"  s{i}: {{hosts: [w], command: [/bin/true]}}\n", SAFE + CA + "services:\n"
    ),
    "hosts of a service": services_on_hosts,
    "services in order": lambda size: fill(
        size, lambda i: f"  s{i}: {{hosts: [w], command: [/bin/true], after: [s{i + 1}]}}\n", SAFE + CA + "services:\n"
    ),
    "services behind one": lambda size: fill(
        size, lambda i: f"  s{i}: {{hosts: [w], command: [/bin/true], after: [t]}}\n",
        SAFE + CA + "services:\n  t: {hosts: [w], command: [/bin/true]}\n",
    ),
    "what a service comes after": service("    after: [", lambda i: f"x{i}, ", "]\n"),
    "words of a command": lambda size: fill(
        size, lambda i: f"w{i}, ", SAFE + CA + "services: {app: {hosts: [w], command: [/bin/true, ", "]}}\n"
    ),
    "files of a service": service("    files:\n", lambda i: f"      /etc/app/f{i}: {{content: x}}\n"),
    "folders of a service": service("    dirs:\n", lambda i: f"      /var/lib/app/d{i}: {{mode: 0700}}\n"),
    "nested folders": service("    dirs:\n", lambda i: f"      /d{'/d' * (i % 40)}{i}: {{mode: 0700}}\n"),
    "certificates of a service": service(
        "    certs:\n", lambda i: f"    - {{name: web, cert: /etc/app/{i}.pem, key: /etc/app/{i}-key.pem}}\n", "certs: {web: {}}\n"
    ),
    "environment": service("    environment:\n", lambda i: f"      V{i}: x\n"),
    "checks": service("    checks:\n", lambda i: f"    - tcp: 127.0.0.1:{i % 60000 + 1}\n"),
    "words of a check": service("    checks:\n    - exec: [/bin/true, ", lambda i: f"w{i}, ", "]\n"),
    "sections of a unit": service("    unit:\n", lambda i: f"      X-{i}: {{A: b}}\n"),
    "keys of a unit": service("    unit:\n      Service:\n", lambda i: f"        K{i}: x\n"),
    "values of a unit's key": service("    unit:\n      Service:\n        ExecStartPre: [", lambda i: f"/bin/x{i}, ", "]\n"),
    "further units": service("    units:\n", lambda i: f"      app-{i}.timer: {{Timer: {{OnBootSec: '1'}}}}\n"),
    "flags": lambda size: fill(
        size, lambda i: f"    f{i}: x\n", SAFE + CA + "certs: {k: {}}\netcd:\n  version: 3.4.15\n  cert: k\n  flags:\n"
    ),
    "refusals": lambda size: fill(size, lambda i: "no-cert, ", SAFE + CA + "verify: {refuse: [", "]}\n"),
    "digests of an archive": lambda size: fill(
        size, lambda i: f"      a{i}: x\n", SAFE + CA + "etcd:\n  version: 3.4.15\n  archive:\n    url: https://h/x\n    sha256:\n"
    ),
    "unknown keys": lambda size: fill(size, lambda i: f"k{i}: x\n", SAFE + CA),
    "duplicate keys": lambda size: fill(size, lambda i: "  w: {}\n", CA + "hosts:\n"),
    "errors in one line": lambda size: fill(size, lambda i: "a b, ", SAFE + CA + "certs: {web: {hosts: [", "]}}\n"),
    "errors in a line each": lambda size: fill(size, lambda i: "    - a b\n", SAFE + CA + "certs:\n  web:\n    hosts:\n"),
    "aliases of a text": lambda size: fill(
        size, lambda i: "*a, ", "apiVersion: &a kplan.dev/v1\n" + SAFE + CA + "certs: {web: {hosts: [", "]}}\n"
    ),
    "aliases of a list": lambda size: fill(
        size, lambda i: f"  c{i}: {{hosts: *a}}\n", SAFE + CA + "certs:\n  web: {hosts: &a [a.example, b.example, c.example, d.example]}\n"
    ),
    "anchors": lambda size: fill(size, lambda i: f"&a{i} h{i}.x, ", SAFE + CA + "certs: {web: {hosts: [", "]}}\n"),
    "comments": lambda size: fill(size, lambda i: "# x\n", SAFE + CA),
    "empty lines": lambda size: fill(size, lambda i: "\n", SAFE + CA),
    "a long line of comment": lambda size: fill(size, lambda i: "x", SAFE + CA + "# "),
    "a long text": service("    files:\n      /etc/x:\n        content: '", lambda i: "x", "'\n"),
    "a long text of lines": service("    files:\n      /etc/x:\n        content: |\n", lambda i: "          x\n"),
    "a long folded text": service("    files:\n      /etc/x:\n        content: >\n", lambda i: "          x\n\n"),
    "a long plain text": service("    files:\n      /etc/x:\n        content:\n", lambda i: "          x\n"),
    "escapes": service('    files:\n      /etc/x:\n        content: "', lambda i: "\\n", '"\n'),
    "a long key": lambda size: fill(size, lambda i: "k", SAFE + CA, ": x\n"),
    "brackets that open": lambda size: fill(size, lambda i: "[", "a: "),
    "braces that open": lambda size: fill(size, lambda i: "{a: ", "a: "),
    "dashes": lambda size: fill(size, lambda i: "- "),
    "question marks": lambda size: fill(size, lambda i: "? "),
    "tags": lambda size: fill(size, lambda i: f"%TAG !a{i}! x{i}\n", "", "---\na: 1\n"),
    "documents": lambda size: fill(size, lambda i: "---\n"),
    "JSON in a line": lambda size: fill(
        size, lambda i: f', "h{i}": {{"root": "./r{i}", "service-manager": "none"}}', '{"ca": {"CN": "x"}, "hosts": {"a": {"root": "./a"}', "}}\n"
    ),
}
