"""Random edits of a cluster.yaml, as people make them: each is one method of Editor, and changes the spec's tree.

The text is written with one value a line, so that an edit is a few lines, and which they are is known.
"""

import copy
import difflib
import json
import random

PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_./:")


def scalar(value):
    text = str(value)
    if text and set(text) <= PLAIN and text == text.strip() and not text.endswith(":") and ": " not in text and text[0] not in "-:":
        return text
    return json.dumps(text, ensure_ascii=False)


def dump(value, indent=0):
    """VALUE (maps, lists of single values or of maps, single values) as YAML, one value a line."""
    blank = "  " * indent
    lines = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines.append(f"{blank}{scalar(key)}:" + ("" if item else " {}"))
            lines += dump(item, indent + 1)
        elif isinstance(item, list):
            lines.append(f"{blank}{scalar(key)}:" + ("" if item else " []"))
            for each in item:
                if isinstance(each, dict):
                    inner = dump(each, indent + 2)
                    lines.append(f"{blank}  - {inner[0].strip()}")
                    lines += inner[1:]
                else:
                    lines.append(f"{blank}  - {scalar(each)}")
        else:
            lines.append(f"{blank}{scalar(key)}: {scalar(item)}")
    return lines


def text_of(spec):
    return "\n".join(dump(spec)) + "\n"


def edited_lines(old, new):
    """The numbers, from 1, of the lines of OLD that are gone and of those of NEW that came."""
    gone, came = set(), set()
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False).get_opcodes():
        if tag != "equal":
            gone.update(range(i1 + 1, i2 + 1))
            came.update(range(j1 + 1, j2 + 1))
    return gone, came


class Editor:
    """Edits SPEC at random; what it does depends on SEED and the spec alone."""

    # Flags that change nothing that a test would have to wait for, with values to choose from.
    FLAGS = {"max-wals": [3, 5, 7], "max-snapshots": [3, 5, 7], "snapshot-count": [10000, 20000], "log-level": ["info", "warn"],
             "auto-compaction-retention": ["1h", "2h"], "max-txn-ops": [128, 256]}
    UNIT = {"Service": {"LimitNOFILE": [1024, 65536], "Nice": [0, 5], "RestartSec": [5, 10]},
            "Unit": {"Description": ["etcd", "etcd of kplan", "the store: 100 percent"]}}

    def __init__(self, spec, seed, archives):
        self.spec = spec
        self.random = random.Random(seed)
        self.archives = archives  # [{"version":..., "path":..., "sha256":...}]
        self.count = 0

    def step(self):
        """One to three edits that may or may not have an effect; their names."""
        edits = sorted(name for name in dir(self) if name.startswith("edit_"))
        names = []
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            name = self.random.choice(edits)
            before = copy.deepcopy(self.spec)
            getattr(self, name)()
            if self.spec != before:
                names.append(name[len("edit_"):])
        return names

    def _some_cert(self):
        return self.spec["certs"][self.random.choice(sorted(self.spec["certs"]))]

    def edit_san_added(self):
        self.count += 1
        self._some_cert().setdefault("hosts", []).append(f"host-{self.count}.example.com")

    def edit_san_removed(self):
        hosts = self._some_cert().get("hosts", [])
        extra = [host for host in hosts if host.startswith("host-")]
        if extra:
            hosts.remove(self.random.choice(extra))

    def edit_sans_reordered(self):
        self.random.shuffle(self._some_cert().get("hosts", []))

    def edit_common_name(self):
        self._some_cert()["CN"] = self.random.choice(["alpha", "beta", "gamma of kplan"])

    def edit_subject(self):
        self._some_cert()["names"] = [{"C": "US", "O": self.random.choice(["Example", "Other", "Third"])}]

    def edit_expiry(self):
        profile = self.random.choice(sorted(self.spec["signing"]["profiles"]))
        self.spec["signing"]["profiles"][profile]["expiry"] = self.random.choice(["8760h", "4380h", "2190h"])

    def edit_renew_before(self):
        profile = self.random.choice(sorted(self.spec["signing"]["profiles"]))
        self.spec["signing"]["profiles"][profile]["renew-before"] = self.random.choice(["100h", "200h"])

    def edit_usages(self):
        usages = self.spec["signing"]["profiles"]["client"]["usages"]
        if "code signing" in usages:
            usages.remove("code signing")
        else:
            usages.append("code signing")

    def edit_key_kind(self):
        self._some_cert()["key"] = self.random.choice([{"algo": "ecdsa", "size": 256}, {"algo": "ecdsa", "size": 384}])

    def edit_key_format(self):
        self._some_cert().setdefault("key", {"algo": "ecdsa"})["format"] = self.random.choice(["pkcs8", "sec1"])

    def edit_key_generation(self):
        cert = self._some_cert()
        cert["key-generation"] = cert.get("key-generation", 1) + 1

    def edit_files(self):
        self.spec["certs"]["client"]["files"] = self.random.choice([["chain"], ["bundle"], ["chain", "bundle"]])

    def edit_cert_added(self):
        self.count += 1
        self.spec["certs"][f"extra-{self.count}"] = {"profile": "client", "key": {"algo": "ecdsa"}, "hosts": [f"extra-{self.count}"]}

    def edit_cert_removed(self):
        extra = sorted(name for name in self.spec["certs"] if name.startswith("extra-"))
        if extra:
            del self.spec["certs"][self.random.choice(extra)]

    def edit_ca_expiry(self):
        self.spec["ca"]["expiry"] = self.random.choice(["43800h", "35040h", "26280h"])

    def edit_intermediate_expiry(self):
        self.spec["cas"]["sub"]["expiry"] = self.random.choice(["17520h", "13140h"])

    def edit_intermediate_subject(self):
        self.spec["cas"]["sub"]["names"] = [{"O": self.random.choice(["Example", "Other"])}]

    def edit_revoked(self):
        revoked = self.spec.setdefault("revoked", [])
        revoked.append({"serial": str(self.random.randrange(1, 1 << 60)), "ca": "ca", "date": "2026-01-01"})

    def edit_host_added(self):
        self.count += 1
        self.spec["hosts"][f"node-{self.count}"] = {"root": f"./node-{self.count}", "service-manager": "none"}

    def edit_host_removed(self):
        nodes = sorted(name for name in self.spec["hosts"] if name.startswith("node-"))
        if len(nodes) > 1:
            del self.spec["hosts"][self.random.choice(nodes)]

    def edit_flag(self):
        flag = self.random.choice(sorted(self.FLAGS))
        self.spec["etcd"]["flags"][flag] = self.random.choice(self.FLAGS[flag])

    def edit_flag_removed(self):
        mine = sorted(set(self.spec["etcd"]["flags"]) & set(self.FLAGS))
        if mine:
            del self.spec["etcd"]["flags"][self.random.choice(mine)]

    def edit_unit(self):
        section = self.random.choice(sorted(self.UNIT))
        key = self.random.choice(sorted(self.UNIT[section]))
        self.spec["etcd"].setdefault("unit", {}).setdefault(section, {})[key] = self.random.choice(self.UNIT[section][key])

    def edit_version(self):
        archive = self.random.choice(self.archives)
        self.spec["etcd"]["version"] = archive["version"]
        self.spec["etcd"]["archive"] = {"path": archive["path"], "sha256": archive["sha256"]}

    # What a change needs; None: not written.
    NEEDS = [None, "nothing", "reload", "restart"]

    # A file that went never comes back: ninja, when it puts its notes in order, forgets what build.ninja has not at the time,
    # and so may run such a step once more, which plan cannot know.
    def edit_service_file(self):
        files = self.spec["services"]["web"]["files"]
        mine = sorted(path for path in files if path.endswith(".conf"))
        if len(mine) > 2 or (mine and self.random.random() < 0.2):
            del files[self.random.choice(mine)]
            return
        self.count += 1
        path = f"/etc/web/{self.count}.conf"
        if mine and self.random.random() < 0.6:
            path = self.random.choice(mine)
        files[path] = {"content": self.random.choice(["a", "b: c # d", "two\nlines\n", "$HOME %h"])}
        need = self.random.choice(self.NEEDS)
        if need is not None:
            files[path]["on-change"] = need

    def edit_service_cert(self):
        cert = {"name": self.random.choice(["client", "kubernetes"]), "cert": "/etc/web/web.pem",
                "key": "/etc/web/web-key.pem", "ca": "/etc/web/ca.pem"}
        need = self.random.choice(self.NEEDS)
        if need is not None:
            cert["on-change"] = need
        self.spec["services"]["web"]["certs"] = [cert]

    def edit_service_copy(self):
        self.spec["services"]["web"]["files"]["/etc/web/copy"]["mode"] = self.random.choice(["0644", "0600", "0640"])

    def edit_service_command(self):
        self.spec["services"]["web"]["command"] = ["/bin/sh", "/etc/web/program", self.random.choice(["x", "a b", "%n"])]

    def edit_service_environment(self):
        self.spec["services"]["web"]["environment"] = self.random.choice([{}, {"MODE": "x"}, {"MODE": "a \"b\"", "LEVEL": "5"}])

    def edit_service_unit(self):
        self.spec["services"]["web"]["unit"] = {"Service": {"Nice": self.random.choice([0, 5])}}

    def edit_order_of_keys(self):
        for part in (self.spec["certs"], self.spec["etcd"]["flags"]):
            items = list(part.items())
            self.random.shuffle(items)
            part.clear()
            part.update(items)
