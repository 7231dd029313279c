"""Random valid cluster.yaml files about certificates alone, and what the certificates made from each have to be good for.

A Spec depends on the seed and its number alone. Each feature of the language is one method of _Generator.
"""

import dataclasses
import ipaddress
import json
import random

# As written, and as IDNA 2008 (RFC 5891) has it: computed once with `idn2`.
IDNS = [("bücher", "xn--bcher-kva"), ("straße", "xn--strae-oqa"), ("пример", "xn--e1afmkfd"), ("例え", "xn--r8jz45g"),
        ("ουτοπία", "xn--kxae4bafwg")]

# Subject values of every string type: PrintableString, what needs UTF8String, other scripts, beyond the BMP.
WORDS = ["Kubernetes", "Example Org", "R&D", "Müller & Söhne", "Καλημέρα", "東京都", "Ünïcødé", "O'Neil (Ltd.)", "a_b@c*d", "🔑 keys",
         "comma, plus+ equals=", "slash/quote\"back\\slash", "#hash", "Šiauliai"]

# cfssl's words for an extended key usage, and its OID.
EXTENDED = {
    "any": "2.5.29.37.0",
    "server auth": "1.3.6.1.5.5.7.3.1",
    "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4",
    "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5",
    "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9",
    "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
    "netscape sgc": "2.16.840.1.113730.4.1",
}
KEY_USAGES = ["signing", "digital signature", "content commitment", "key encipherment", "key agreement", "data encipherment"]
# What a key that is no RSA key cannot be used for, and is left out (RFC 5480 3, RFC 8410 5).
NOT_OF = {
    "rsa": set(),
    "ecdsa": {"key encipherment", "data encipherment"},
    "ed25519": {"key encipherment", "data encipherment", "key agreement"},
}


@dataclasses.dataclass
class Authority:
    """A CA of a spec."""

    label: str  # "ca", or "ca/NAME"
    stem: str  # pki/STEM.pem
    issuer: "Authority | None"
    algo: str
    size: int
    permitted: list = dataclasses.field(default_factory=list)  # name constraints, as written
    excluded: list = dataclasses.field(default_factory=list)
    encrypted: bool = False

    @property
    def chain(self):
        """From this one up to the root."""
        return [self] + (self.issuer.chain if self.issuer else [])


@dataclasses.dataclass
class Leaf:
    """A certificate of a spec, and what it has to be good for."""

    label: str
    stem: str
    ca: Authority
    algo: str
    size: int
    usages: set
    CN: str
    dns: list  # as the certificate has them
    ips: list
    emails: list
    uris: list
    names: list = dataclasses.field(default_factory=list)  # the subject's other values
    urls: list = dataclasses.field(default_factory=list)  # of OCSP and issuers
    is_ca: bool = False

    @property
    def chain(self):
        return self.ca.chain

    @property
    def extended(self):
        return {EXTENDED[usage] for usage in self.usages if usage in EXTENDED}

    @property
    def hosts(self):
        """Names that a client may connect to under one of the DNS names."""
        return [name.replace("*", "any-name") for name in self.dns]


@dataclasses.dataclass
class Spec:
    number: int
    yaml: str
    authorities: list
    leaves: list
    files: dict  # that cluster.yaml reads: name -> content
    environment: dict


class _Generator:

    def __init__(self, seed, number):
        self.random = random.Random(f"{seed}/{number}")
        self.number = number
        self.domain = f"s{number}.example.com"
        self.files = {}
        self.environment = {}
        self.document = {}
        self.authorities = []
        self.leaves = []

    def maybe(self, probability):
        return self.random.random() < probability

    # Keys. RSA seldom: its keys are slow to make.

    def key(self, rsa=0.06):
        if self.maybe(rsa):
            algo, size = "rsa", 2048
        elif self.maybe(0.25):
            algo, size = "ed25519", 0
        else:
            algo, size = "ecdsa", self.random.choice([256, 256, 384, 521])
        spec = {"algo": algo}
        if size and not (size in (256, 2048) and self.maybe(0.3)):
            spec["size"] = size
        if self.maybe(0.4):
            spec["format"] = self.random.choice({"rsa": ["pkcs1", "pkcs8"], "ecdsa": ["sec1", "pkcs8"], "ed25519": ["pkcs8"]}[algo])
        return spec, algo, size

    def passphrase(self, stem):
        if self.maybe(0.5):
            name = f"{stem}.passphrase"
            self.files[name] = "correct horse\n"
            return {"passphrase-file": name}
        self.environment["KPLAN_PROOF_PASSPHRASE"] = "battery staple"
        return {"passphrase-env": "KPLAN_PROOF_PASSPHRASE"}

    # Subjects.

    def names(self):
        """cfssl's `names`, and the values in it."""
        entries, values = [], []
        serial = False
        for _ in range(self.random.choice([0, 1, 1, 2])):
            entry = {}
            for field in ("ST", "L", "O", "OU"):
                if self.maybe(0.4):
                    entry[field] = self.random.choice(WORDS)
            values += entry.values()
            if self.maybe(0.4):
                entry["C"] = self.random.choice(["US", "DE", "JP"])
            if not serial and self.maybe(0.15):
                serial = True
                entry["SerialNumber"] = str(self.random.randrange(10**9))
            if entry:
                entries.append(entry)
        return entries, values

    # Life.

    def life(self, hours):
        spec = {"expiry": self.random.choice([f"{hours}h", f"{hours}h0m", f"{hours * 60}m"])}
        if self.maybe(0.2):
            spec["renew-before"] = f"{self.random.randint(10, hours * 30)}m"
        if self.maybe(0.2):
            spec["backdate"] = self.random.choice(["1s", "45s", "5m", f"{min(hours, 35040) * 15}m"])
        return spec

    def urls(self):
        """URLs of a profile or an intermediate, and those that end up in authority information access."""
        spec, access = {}, []
        if self.maybe(0.3):
            spec["crl_url"] = f"http://pki.{self.domain}/ca.crl"
        if self.maybe(0.3):
            spec["ocsp_url"] = f"http://ocsp.{self.domain}"
            access.append(spec["ocsp_url"])
        if self.maybe(0.3):
            spec["issuer_urls"] = [f"http://pki.{self.domain}/ca.pem", f"http://pki2.{self.domain}/ca.pem"][:self.random.randint(1, 2)]
            access += spec["issuer_urls"]
        return spec, access

    # CAs.

    def constraints(self, authority):
        """Name constraints that all names of this spec satisfy."""
        permitted, excluded = [], []
        if self.maybe(0.7):
            permitted += self.random.choice([[self.domain], [f".{self.domain}"], ["example.com", "example.net"]])
        if self.maybe(0.5):
            permitted += ["10.0.0.0/8", "fd00::/16"]
        if self.maybe(0.5):
            permitted.append(self.random.choice([f"@{self.domain}", f"@{self.domain}"]))
        if self.maybe(0.3):
            permitted.append(f"uri:.{self.domain}")
        if self.maybe(0.4) or not permitted:
            excluded.append(f"forbidden.{self.domain}")
        if self.maybe(0.3):
            excluded += ["192.168.0.0/16", "2001:db8::/32"]
        if self.maybe(0.3):
            excluded.append("@forbidden.example.org")
        if self.maybe(0.2):
            excluded.append("uri:forbidden.example.org")
        authority.permitted, authority.excluded = permitted, excluded
        return {key: value for key, value in (("permitted", permitted), ("excluded", excluded)) if value}

    def authority(self, name, issuer, below, hours):
        """One CA with BELOW intermediates under it."""
        key, algo, size = self.key(rsa=0.08)
        names, _ = self.names()
        stem = name
        authority = Authority("ca" if name == "ca" else f"ca/{name}", stem, issuer, algo, size)
        spec = {"CN": f"{self.random.choice(WORDS)} {name} {self.number}", "key": key, **self.life(hours)}
        if names:
            spec["names"] = names
        if self.maybe(0.05):
            key.pop("format", None)
            key.update(self.passphrase(stem))
            authority.encrypted = True
        if self.maybe(0.4):
            spec["ca_constraint"] = {"max_path_len": below + self.random.choice([0, 0, 1, 3])}
            if self.maybe(0.3):
                spec["ca_constraint"]["is_ca"] = True
        if self.maybe(0.25):
            spec["name-constraints"] = self.constraints(authority)
        if issuer:
            spec["issuer"] = issuer.label.removeprefix("ca/")
            urls, _ = self.urls()
            spec.update(urls)
        if self.maybe(0.1):
            spec["crl-expiry"] = "720h"
        self.authorities.append(authority)
        if name == "ca":
            self.document["ca"] = spec
        else:
            self.document.setdefault("cas", {})[name] = spec
        return authority

    def make_authorities(self):
        levels = self.random.choice([0, 0, 1, 1, 2])
        years = self.random.choice([2, 5, 10, 30])
        name = "ca" if self.maybe(0.7) else "root"
        authority = self.authority(name, None, levels, years * 8760)
        for level in range(levels):
            authority = self.authority(f"sub{level}", authority, levels - level - 1, years * 8760 // 2)
        if self.maybe(0.1):  # one that has nothing to do with the others
            self.authority("front-proxy", None, 0, 8760)

    # Profiles.

    def usages(self, algo):
        kind = self.random.random()
        if kind < 0.35:
            usages = ["signing", "key encipherment", "server auth", "client auth"]
        elif kind < 0.5:
            usages = ["signing", "server auth"]
        elif kind < 0.65:
            usages = ["digital signature", "client auth"]
        else:
            usages = self.random.sample(KEY_USAGES, self.random.randint(0, 3)) + self.random.sample(list(EXTENDED), self.random.randint(0, 3))
        # A key agreement key may be for one direction only; a signing key has neither word.
        if "key agreement" in usages and self.maybe(0.3):
            usages.append(self.random.choice(["encipher only", "decipher only"]))
        if not [usage for usage in usages if usage not in NOT_OF[algo] and usage not in ("encipher only", "decipher only")]:
            usages.append("signing")
        self.random.shuffle(usages)
        return usages

    def profile(self, algo, hours):
        """A new profile for one leaf: its name, usages as they have to come out, and URLs."""
        signing = self.document.setdefault("signing", {})
        usages = self.usages(algo)
        urls, access = self.urls()
        spec = {"usages": usages, **self.life(hours), **urls}
        is_ca = self.maybe(0.04)
        if is_ca:
            spec["usages"] = usages = ["cert sign", "crl sign", "signing"]
            spec["ca_constraint"] = {"is_ca": True, **({"max_path_len": 0} if self.maybe(0.5) else {})}
        dropped = set(NOT_OF[algo])
        if "ed25519" == algo:
            dropped |= {"encipher only", "decipher only"}
        if self.maybe(0.05) and "profiles" not in signing:
            signing["compat"] = "cfssl"
        if signing.get("compat"):
            dropped = set()
        if self.maybe(0.15) and not is_ca and "default" not in signing and "profiles" not in signing:
            # Profiles have from it what they do not say, and for a shorter life these would be too long.
            spec.pop("renew-before", None)
            spec.pop("backdate", None)
            signing["default"] = spec
            name = None
        else:
            name = f"profile-{len(signing.get('profiles', {}))}"
            signing.setdefault("profiles", {})[name] = spec
            # What a profile does not say about URLs it has from the default.
            default = signing.get("default", {})
            if "ocsp_url" in default and "ocsp_url" not in spec:
                access.append(default["ocsp_url"])
            if "issuer_urls" in default and "issuer_urls" not in spec:
                access += default["issuer_urls"]
        return name, set(usages) - dropped, access, is_ca

    # Leaves.

    def sans(self):
        """[(as written, kind, as the certificate has it)]"""
        found = []
        def host():
            return f"{self.random.choice(['node', 'api', 'db', 'x-1', '3com'])}{self.random.randrange(100)}.{self.domain}"
        makers = [
            lambda: (lambda name: (name, "dns", name))(host()),
            lambda: (lambda name: (name.upper() + ".", "dns", name))(host()),
            lambda: (lambda name: (f"*.{name}", "dns", f"*.{name}"))(host()),
            lambda: (lambda idn: (f"{idn[0]}.{self.domain}", "dns", f"{idn[1]}.{self.domain}"))(self.random.choice(IDNS)),
            lambda: (lambda ip: (ip, "ip", ip))(str(ipaddress.ip_address((10 << 24) + self.random.randrange(1 << 24)))),
            lambda: (lambda ip: (ip.exploded.upper(), "ip", str(ip)))(ipaddress.ip_address((0xFD00 << 112) + self.random.randrange(1 << 112))),
            lambda: (lambda ip: (f"::ffff:{ip}", "ip", ip))(str(ipaddress.ip_address((10 << 24) + self.random.randrange(1 << 24)))),
            lambda: (lambda mail: (mail, "email", mail))(f"user{self.random.randrange(100)}@{self.domain}"),
            lambda: (lambda uri: (uri, "uri", uri))(f"https://{host()}/path?q={self.random.randrange(100)}"),
            lambda: (lambda uri: (uri, "uri", uri))(f"spiffe://cluster.{self.domain}/ns/default/sa/app"),
        ]
        for _ in range(self.random.choice([0, 1, 2, 3, 5, 8])):
            san = self.random.choice(makers)()
            if san[2] not in [other[2] for other in found]:
                found.append(san)
        return found

    def leaf(self, index):
        name = self.random.choice([f"leaf-{index}", f"leaf.{index}", f"leaf_{index}"])
        key, algo, size = self.key()
        ca = self.random.choice([self.authorities[-1], self.authorities[-1], self.random.choice(self.authorities)])
        spec = {"key": key}
        # A path length of 0 allows no further CA, and a profile that makes one would be no use there.
        profile, usages, access, is_ca = self.profile(algo, self.random.choice([1, 24, 720, 8760, 8760, 26280]))
        if is_ca:
            ca = self.authorities[0]
            if self.authority_spec(ca).get("ca_constraint", {}).get("max_path_len") == 0:
                self.authority_spec(ca)["ca_constraint"]["max_path_len"] = 1
        if profile:
            spec["profile"] = profile
        if ca.label != "ca":
            spec["ca"] = ca.label.removeprefix("ca/")
        names, words = self.names()
        if names:
            spec["names"] = names
        # With a CN that looks like a DNS name, and no DNS SAN, name constraints are held against it.
        spec["CN"] = self.random.choice([f"Leaf {self.random.choice(WORDS)} {index}", f"cn{index}.{self.domain}"])
        sans = self.sans()
        hosts = [None]
        if not is_ca and self.maybe(0.12):
            spec["per"] = "host"
            spec["CN"] = f"$name {index}"
            hosts = self.hosts()
            sans = [("$name." + self.domain, "dns", "$name." + self.domain), ("$address", "ip", "$address")] + sans
        if is_ca:
            sans = []  # a CA has none
        if sans:
            spec["hosts"] = [written for written, _, _ in sans]
        if self.maybe(0.15):
            spec["key-generation"] = self.random.randint(1, 3)
        if not is_ca and self.maybe(0.3):
            spec["files"] = self.random.choice([["chain"], ["bundle"], ["chain", "bundle"]])
        self.document.setdefault("certs", {})[name] = spec
        for host in hosts:
            def there(value):
                return value if host is None else value.replace("$name", host[0]).replace("$address", host[1])
            def of(kind):
                return [there(value) for _, its_kind, value in sans if its_kind == kind]
            stem = name if host is None else f"{host[0]}/{name}"
            self.leaves.append(
                Leaf(f"cert/{stem}", stem, ca, algo, size, usages, there(spec["CN"]), of("dns"), of("ip"), of("email"), of("uri"),
                     words, access, is_ca))

    def authority_spec(self, authority):
        name = authority.label.removeprefix("ca/")
        return self.document["ca"] if name == "ca" else self.document["cas"][name]

    def hosts(self):
        if "hosts" not in self.document:
            self.document["hosts"] = {
                f"host-{i}": {"root": f"hosts/{i}", "service-manager": "none", "address": f"10.9.{i}.{self.number % 250 + 1}"}
                for i in range(self.random.randint(1, 2))
            }
        return [(name, host["address"]) for name, host in self.document["hosts"].items()]

    def generate(self):
        self.make_authorities()
        for index in range(self.random.choice([1, 1, 2, 3])):
            self.leaf(index)
        # JSON is YAML. The text says in which order; kplan has to make nothing of that.
        items = list(self.document.items())
        self.random.shuffle(items)
        text = json.dumps(dict(items), indent=1, ensure_ascii=False) + "\n"
        return Spec(self.number, text, self.authorities, self.leaves, self.files, self.environment)


def generate(seed, number):
    """The Spec of NUMBER."""
    return _Generator(seed, number).generate()
