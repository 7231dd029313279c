#include "src/spec/schema.h"

namespace kplan {
namespace {

// Writes a KeySchema as a sentence, so that the tables below can be read:
//   Text("arch", "...").OneOf("amd64|arm64").Without("`amd64`", R"("amd64")")
struct Key : KeySchema {
  constexpr Key(absl::string_view name_is, KeyShape shape_is, absl::string_view doc_is) {
    name = name_is;
    shape = shape_is;
    doc = doc_is;
    fallback = "none";
  }

  // What it is when it is not written, in words and, where that is a fixed value, as JSON.
  constexpr Key Without(absl::string_view text, absl::string_view json = "") const {
    Key key = *this;
    key.fallback = text;
    key.json_default = json;
    return key;
  }
  constexpr Key Required() const { return Without("required"); }
  constexpr Key Example(absl::string_view yaml) const {
    Key key = *this;
    key.example = yaml;
    return key;
  }
  constexpr Key Is(KeyValues kind) const {
    Key key = *this;
    key.values = kind;
    return key;
  }
  constexpr Key OneOf(absl::string_view list, absl::string_view also = "") const {
    Key key = Is(KeyValues::kWord);
    key.words = list;
    key.also_words = also;
    return key;
  }
  constexpr Key Number(int from, int to) const {
    Key key = Is(KeyValues::kNumber);
    key.min = from;
    key.max = to;
    return key;
  }
  constexpr Key AtMost(int characters) const {
    Key key = *this;
    key.max = characters;
    return key;
  }
  constexpr Key OrEmpty() const {
    Key key = *this;
    key.or_empty = true;
    return key;
  }
  constexpr Key WithLines() const {
    Key key = OrEmpty();
    key.lines = true;
    return key;
  }
  // $name and $address of a host are put in.
  constexpr Key WithHost() const { return With(Variables::kHost); }
  // Variables are for whoever reads it.
  constexpr Key Literal() const { return With(Variables::kLiteral); }
  constexpr Key With(Variables what) const {
    Key key = *this;
    key.variables = what;
    return key;
  }
  constexpr Key OrText() const {
    Key key = *this;
    key.or_text = true;
    return key;
  }
  constexpr Key Of(const MapSchema& schema) const {
    Key key = *this;
    key.map = &schema;
    return key;
  }
  constexpr Key Named(absl::string_view list) const {
    Key key = *this;
    key.names = list;
    return key;
  }
  constexpr Key NamedLike(absl::string_view pattern) const {
    Key key = *this;
    key.name_pattern = pattern;
    return key;
  }
};

constexpr Key Text(absl::string_view name, absl::string_view doc) { return {name, KeyShape::kText, doc}; }
constexpr Key Texts(absl::string_view name, absl::string_view doc) { return {name, KeyShape::kTexts, doc}; }
constexpr Key TextMap(absl::string_view name, absl::string_view doc) {
  return {name, KeyShape::kTextMap, doc};
}
constexpr Key Map(absl::string_view name, absl::string_view doc, const MapSchema& map) {
  return Key(name, KeyShape::kMap, doc).Of(map);
}
constexpr Key Maps(absl::string_view name, absl::string_view doc, const MapSchema& map) {
  return Key(name, KeyShape::kMaps, doc).Of(map);
}
constexpr Key MapList(absl::string_view name, absl::string_view doc, const MapSchema& map) {
  return Key(name, KeyShape::kMapList, doc).Of(map);
}

// Names that become file names (model/pki_values.h IsFileName), and host names in lower case.
constexpr absl::string_view kFileName = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$";
constexpr absl::string_view kEtcdName = "^[a-z0-9]([a-z0-9-]{0,25}[a-z0-9])?$";
constexpr absl::string_view kHostName = "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$";

// ---- Keys that stand in more than one map.

constexpr absl::string_view kJsonYear = R"("8760h")", kJsonFiveYears = R"("43800h")";

constexpr Key kPassphraseFile =
    Text("passphrase-file",
         "a file whose first line is the passphrase, and that only its owner (and group) can read")
        .Is(KeyValues::kPath)
        .Example("root.passphrase");
constexpr Key kPassphraseEnv =
    Text("passphrase-env",
         "instead of `passphrase-file`: an environment variable of `ninja`'s whose value it is")
        .Example("CA_PASSPHRASE");

constexpr Key kBackdate = Text("backdate", "how long before it is made a certificate begins")
                              .Is(KeyValues::kDuration)
                              .Without("five minutes, as cfssl", R"("5m")");

// The URLs in what a profile signs, and then (kOwn) those in an intermediate's own certificate.
constexpr Key kCrlUrl = Text("crl_url", "what its certificates say about where the CRL of their issuer is")
                            .Is(KeyValues::kUrl)
                            .Example("http://pki.example.com/ca.crl");
constexpr Key kOcspUrl =
    Text("ocsp_url", "what its certificates say about where their issuer answers OCSP").Is(KeyValues::kUrl);
constexpr Key kIssuerUrls =
    Texts("issuer_urls", "what its certificates say about where the certificate of their issuer is")
        .Is(KeyValues::kUrl);

constexpr Key kOwnCrlUrl =
    Text("crl_url", "of an intermediate: what its own certificate says about where its issuer's CRL is")
        .Is(KeyValues::kUrl)
        .Example("http://pki.example.com/root.crl");
constexpr Key kOwnOcspUrl =
    Text("ocsp_url", "of an intermediate: what its own certificate says about where its issuer answers OCSP")
        .Is(KeyValues::kUrl);
constexpr Key kOwnIssuerUrls =
    Texts("issuer_urls", "of an intermediate: what its own certificate says about where its issuer's is")
        .Is(KeyValues::kUrl);

// ---- Subjects.

constexpr KeySchema kNameKeys[] = {
    Text("C", "country: two capital letters").Is(KeyValues::kCountry).Example("US"),
    Text("ST", "state or province, at most 128 characters").AtMost(128),
    Text("L", "locality, at most 128 characters").AtMost(128),
    Text("O", "organization, at most 64 characters").AtMost(64),
    Text("OU", "organizational unit, at most 64 characters").AtMost(64),
    Text("SerialNumber", "one in a subject, at most 64 letters, digits, spaces and `'()+,-./:=?`").AtMost(64),
};
constexpr MapSchema kName = {"name", "names", "names", "", kNameKeys};

constexpr Key kNames =
    MapList("names", "list of subject fields, which come before the CN in their order", kName)
        .Example("[{C: US, O: Kubernetes}]");

// ---- Keys (of certificates).

constexpr Key kAlgo =
    Text("algo", "`rsa`, `ecdsa` or `ed25519`").OneOf("rsa|ecdsa|ed25519").Without("`rsa`", R"("rsa")");
constexpr Key kSize =
    Text("size", "bits of an RSA key, 2048 to 8192; the curve of an ECDSA key: 256, 384, 521")
        .Number(256, 8192)
        .Without("2048 (RSA), 256 (ECDSA)");
constexpr Key kFormat = Text("format", "`pkcs1` or `pkcs8` of an RSA key, `sec1` or `pkcs8` of an ECDSA key")
                            .OneOf("pkcs1|sec1|pkcs8")
                            .Without("`pkcs1` (RSA), `sec1` (ECDSA), `pkcs8` (Ed25519): cfssl's");

constexpr KeySchema kKeyKeys[] = {kAlgo, kSize, kFormat};
constexpr MapSchema kKey = {"key", "a key", "Keys", "", kKeyKeys};

constexpr KeySchema kCaKeyKeys[] = {
    kAlgo,           kSize,
    kFormat,         Text("file", "of a CA with `cert`: the key that is there already").Is(KeyValues::kPath),
    kPassphraseFile, kPassphraseEnv,
};
constexpr MapSchema kCaKey = {"ca-key", "a key", "Keys", "", kCaKeyKeys};

constexpr absl::string_view kJsonKey = R"({"algo":"rsa","size":2048})";

// ---- CAs.

constexpr KeySchema kCaConstraintKeys[] = {
    Text("is_ca", "in a profile: its certificates are CAs'. A CA is one without it")
        .Is(KeyValues::kBool)
        .Without("`false` in a profile"),
    Text("max_path_len", "how many CAs may be below it, 0 to 100; 0 means none")
        .Number(0, 100)
        .Without("any number"),
};
constexpr MapSchema kCaConstraint = {"ca_constraint", "ca_constraint", "", "", kCaConstraintKeys};

constexpr KeySchema kNameConstraintsKeys[] = {
    Texts("permitted",
          "the names it may sign for: domains, networks, `@mail.example.com`, `uri:.example.com`")
        .Without("all")
        .Example("[example.com, 10.0.0.0/8]"),
    Texts("excluded", "the names it may not sign for, although they are permitted")
        .Example("[bad.example.com]"),
};
constexpr MapSchema kNameConstraints = {"name-constraints", "name-constraints", "", "permitted|excluded",
                                        kNameConstraintsKeys};

constexpr KeySchema kCaKeys[] = {
    Text("CN", "the CA's name, at most 64 characters")
        .AtMost(64)
        .Without("required, without `cert`")
        .Example("Kubernetes"),
    kNames,
    Map("key",
        "its kind of key, encrypted when it has a passphrase; or, with `cert`, its key's file: `key: FILE`, "
        "or with a passphrase `key: {file: FILE, passphrase-file: FILE}`",
        kCaKey)
        .OrText()
        .Without("`{algo: rsa, size: 2048}`; with `cert`: it signs elsewhere", kJsonKey)
        .Example("{algo: ecdsa, size: 384}"),
    Text("expiry", "how long it lives, in hours, minutes, seconds: `43800h`")
        .Is(KeyValues::kDuration)
        .Without("`43800h` (five years)", kJsonFiveYears),
    kBackdate,
    Text("renew-before",
         "how long before its end the CA certificate is made again, with the same key; with `cert`: when "
         "`kplan certs` says that it is due")
        .Is(KeyValues::kDuration)
        .Without("a third of its life; with `cert` 2160h"),
    Text("issuer", "the CA that signs this one, which is then an intermediate")
        .Is(KeyValues::kCa)
        .Without("none: self-signed"),
    Map("ca_constraint", "cfssl's: what may be below it", kCaConstraint)
        .Without("any number of CAs")
        .Example("{max_path_len: 0}"),
    Map("name-constraints", "the names that it, and CAs below it, may sign for", kNameConstraints)
        .Example("{permitted: [example.com, 10.0.0.0/8]}"),
    kOwnCrlUrl,
    kOwnOcspUrl,
    kOwnIssuerUrls,
    Text("crl-expiry", "how long a CRL is good; a CRL is made even while nothing is revoked")
        .Is(KeyValues::kDuration)
        .Without("`720h`, as soon as something is revoked"),
    Text("key-generation",
         "a number: raise it, and the CA is exchanged for one with another key, in files of its own "
         "(`pki/ca-g2.pem`), whose CN says the number; [clusters.md](clusters.md#another-ca) has how. To go "
         "back write the lower one")
        .Number(1, 1000)
        .Without("none: the first key", "1"),
    Texts("revoked",
          "numbers of generations whose key got out: an exchange then skips the time in which both are "
          "trusted, "
          "which costs an outage ([clusters.md](clusters.md#a-ca-that-got-out))")
        .Example("[1]"),
    Text("hold",
         "where an exchange stops: `trust-both`: everybody trusts the CA before and this one "
         "(`pki/ca-trust.pem`), and the one before signs")
        .OneOf("trust-both")
        .Without("nowhere"),
    Text("cert", "a CA that is there already: its certificate's file")
        .Is(KeyValues::kPath)
        .Without("none: it is made"),
};
constexpr MapSchema kCa = {"ca", "a CA", "ca, cas.NAME", "CN|cert", kCaKeys};

// ---- Profiles.

constexpr KeySchema kProfileKeys[] = {
    Texts("usages",
          "what its certificates are for, in cfssl's words: `signing` (or `digital signature`), `key "
          "encipherment`, `server auth`, `client auth`, `content commitment`, `key agreement`, `data "
          "encipherment`, `encipher only`, `decipher only`, `any`, `code signing`, `email protection` (or "
          "`s/mime`), `ipsec end system`, `ipsec tunnel`, `ipsec user`, `timestamping`, `ocsp signing`, "
          "`microsoft sgc`, `netscape sgc`; of CAs `cert sign` and `crl sign`")
        .Is(KeyValues::kUsage)
        .Required()
        .Example("[signing, key encipherment, server auth, client auth]"),
    Text("expiry", "how long a certificate lives, at least ten minutes")
        .Is(KeyValues::kDuration)
        .Without("`8760h` (one year)", kJsonYear),
    kBackdate,
    Text("renew-before", "how long before its end it is signed again, with the same key")
        .Is(KeyValues::kDuration)
        .Without("a third of its life"),
    Map("ca_constraint", "cfssl's: `{is_ca: true, max_path_len: 0}`: its certificates are CAs'",
        kCaConstraint)
        .Without("no CA")
        .Example("{is_ca: true, max_path_len: 0}"),
    kCrlUrl,
    kOcspUrl,
    kIssuerUrls,
};
constexpr MapSchema kProfile = {"profile", "a profile", "A profile", "usages", kProfileKeys};
// `signing.default` may say nothing but how long.
constexpr MapSchema kDefaultProfile = {"default-profile", "a profile", "A profile", "", kProfileKeys};

constexpr KeySchema kSigningKeys[] = {
    Maps("profiles", "map: name to profile", kProfile)
        .Without("`kubernetes` alone: `{usages: [signing, key encipherment, server auth, client auth], "
                 "expiry: 8760h}`"),
    Map("default",
        "the profile of certificates that name none, if it has usages; the others take from it what they do "
        "not say: `expiry`, `backdate`, `renew-before`, the URLs",
        kDefaultProfile)
        .Example("{expiry: 2160h}"),
    Text("compat", "`cfssl`: keys that cannot encipher (ECDSA, Ed25519) get `key encipherment` all the same")
        .OneOf("cfssl")
        .Without("such keys do not get it"),
};
constexpr MapSchema kSigning = {"signing", "signing", "signing", "", kSigningKeys};

// ---- Certificates.

constexpr KeySchema kPkcs12Keys[] = {kPassphraseFile, kPassphraseEnv};
constexpr MapSchema kPkcs12 = {"pkcs12", "pkcs12", "", "passphrase-file|passphrase-env", kPkcs12Keys};

constexpr KeySchema kCertKeys[] = {
    Text("CN", "common name, at most 64 characters").WithHost().Without("NAME"),
    kNames,
    Texts("hosts",
          "list of DNS names (wildcards as the whole first label), IP addresses, e-mail addresses, URIs")
        .WithHost()
        .Example("[worker, 127.0.0.1]"),
    Map("key", "its kind of key", kKey)
        .Without("`{algo: rsa, size: 2048}`", kJsonKey)
        .Example("{algo: ecdsa}"),
    Text("key-generation", "a number: raise it, and the key is made anew")
        .Number(1, 1000000)
        .Without("1", "1"),
    Text("profile", "the profile it is signed with")
        .Is(KeyValues::kProfile)
        .Without("`signing.default`, else `kubernetes`"),
    Text("ca", "the CA that signs").Is(KeyValues::kCa).Without("the one called \"ca\", or the only one"),
    Text("per",
         "`host`: one certificate a host, in `pki/HOST/NAME.pem`; `$name` and `$address` in `CN` and `hosts` "
         "are then that host's")
        .OneOf("host")
        .Without("one certificate"),
    Texts("files",
          "list of `chain` (`pki/NAME-chain.pem`: certificate and intermediates) and `bundle` "
          "(`pki/NAME-bundle.pem`: key, certificate, intermediates)")
        .OneOf("chain|bundle")
        .Without("none; the chain below an intermediate"),
    Map("pkcs12", "`pki/NAME.p12` as well, encrypted with a passphrase", kPkcs12)
        .Example("{passphrase-file: FILE}"),
};
constexpr MapSchema kCert = {"cert", "a certificate", "certs.NAME", "", kCertKeys};

constexpr KeySchema kRevokedKeys[] = {
    Text("cert",
         "a certificate of ours, as in its label: `kubernetes`, `etcd-1/server`. All those of that name that "
         "begin before `date` are revoked, and a new one is made. Its key stays, so raise `key-generation` "
         "too when that is what got out")
        .Is(KeyValues::kCert)
        .Without("required, without `serial`"),
    Text("serial", "instead of `cert`: any certificate by its number, in decimal or hex")
        .Example("\"0x5a3b\""),
    Text("ca", "with `serial`: the CA that signed it").Is(KeyValues::kCa).Without("as for `certs`"),
    Text("reason",
         "`unspecified`, `keyCompromise`, `cACompromise`, `affiliationChanged`, `superseded`, "
         "`cessationOfOperation`, `certificateHold`, `privilegeWithdrawn`, `aACompromise`")
        .OneOf("unspecified|keyCompromise|cACompromise|affiliationChanged|superseded|cessationOfOperation|"
               "certificateHold|"
               "privilegeWithdrawn|aACompromise",
               "CACompromise|AACompromise")
        .Without("`unspecified`", R"("unspecified")"),
    Text("date", "since when: `2026-11-22T10:00:00Z` or `2026-11-22`")
        .Is(KeyValues::kDate)
        .Without("required with `cert`, else when it first went into the CRL"),
};
constexpr MapSchema kRevoked = {"revoked", "a revoked certificate", "revoked", "cert|serial", kRevokedKeys};

// ---- Hosts.

constexpr KeySchema kMemberKeys[] = {
    Texts("listen",
          "where the member serves clients: IP addresses, or `ADDRESS:PORT`, for example `0.0.0.0` for all "
          "that the host has")
        .WithHost()
        .Without("`$address`, and `127.0.0.1` where the certificate is valid for it")
        .Example("[10.0.0.11, 192.168.7.11]"),
    Texts("advertise",
          "where clients reach it: addresses or DNS names, each with a port where it is not `client-port`; "
          "members are asked at the first")
        .WithHost()
        .Without("`$address`")
        .Example("[203.0.113.11]"),
    Texts("peer-listen", "where it serves the other members, as `listen`").WithHost().Without("`$address`"),
    Texts("peer-advertise", "where the other members reach it, as `advertise`")
        .WithHost()
        .Without("`$address`")
        .Example("[etcd-1.example.org]"),
    TextMap("flags", "flags of etcd that this member alone has, or has another value of than `etcd.flags`")
        .WithHost()
        .Without("those of `etcd.flags`")
        .Example("{listen-metrics-urls: http://10.9.0.11:2381}"),
};
constexpr MapSchema kMember = {"member", "what is one member's own", "hosts.NAME.etcd", "", kMemberKeys};

constexpr KeySchema kHostKeys[] = {
    Text("root",
         "a folder to use instead of `/`: an image, a sandbox; relative to the folder of build.ninja, with "
         "`ssh` or `become` an absolute path")
        .Is(KeyValues::kPath)
        .Without("`/`", R"("/")"),
    Text("service-manager",
         "`systemd`; `process`: runs services in the background without systemd (a container, a laptop, a "
         "test), with a pid file and a log below the root; `none`: files only")
        .OneOf("systemd|process|none")
        .Without("`systemd`, which needs `root: /`", R"("systemd")"),
    Text("address",
         "IP address or DNS name, for `$address`; of a cluster's member the IP address at which clients and "
         "the other members reach it, unless `etcd` says more")
        .Without("none; required for members of a cluster")
        .Example("10.0.0.11"),
    Text("arch", "`amd64` or `arm64`").OneOf("amd64|arm64").Without("`amd64`", R"("amd64")"),
    Text("ssh",
         "where it is reached: `[user@]host[:port]`, an IPv6 address in brackets, or a name of ssh's "
         "configuration")
        .Without("none: it is this machine, or a folder on it")
        .Example("ops@10.0.0.11"),
    Text("become",
         "`sudo`: how the user who logs in by `ssh`, or without it whoever runs kplan and ninja, may write "
         "there; sudo must ask for no password")
        .OneOf("sudo")
        .Without("none: the user may"),
    Map("etcd", "of a member of etcd: what it has that the other members have not", kMember)
        .Without("it is as all members"),
    Maps("etcds", "the same of members of `etcds`: map of an etcd's name there to what this member has",
         kMember)
        .NamedLike(kEtcdName)
        .Without("it is as all members")
        .Example("{events: {advertise: [203.0.113.11]}}"),
};
constexpr MapSchema kHost = {"host", "a host", "hosts.NAME", "", kHostKeys};

// ---- etcd.

constexpr Key kMirrors =
    Texts("mirrors", "instead of `url`: a list of such, asked in this order until one gives the archive")
        .Is(KeyValues::kHttpsUrl)
        .Example("[\"https://a.example.com/x.tar.gz\", \"https://b.example.com/x.tar.gz\"]");
constexpr Key kArchivePath = Text("path", "instead of `url`: a file that is here").Is(KeyValues::kPath);
constexpr Key kArchiveCa =
    Text("ca", "a PEM file with the CAs that vouch for these servers; no others are trusted then")
        .Is(KeyValues::kPath)
        .Without("those that this machine trusts")
        .Example("corp-ca.pem");
constexpr Key kNetrc =
    Text(
        "netrc",
        "a file with names and passwords for these servers, as curl and git read it, and that only its owner "
        "(and group) can read")
        .Is(KeyValues::kPath)
        .Example("mirror.netrc");
constexpr Key kTokenFile = Text("token-file",
                                "a file whose first line is a bearer token for this server, and that only "
                                "its owner (and group) can read")
                               .Is(KeyValues::kPath)
                               .Example("mirror.token");
constexpr Key kTokenEnv =
    Text("token-env", "instead of `token-file`: an environment variable of `ninja`'s whose value it is")
        .Example("MIRROR_TOKEN");

constexpr KeySchema kArchiveKeys[] = {
    Text("url",
         "where the release archive is downloaded from; https only. Behind a `/` at its end comes the name "
         "of the "
         "release, `etcd-vVERSION-linux-ARCH.tar.gz`")
        .Is(KeyValues::kHttpsUrl)
        .Without("GitHub's release of that version"),
    kMirrors,
    kArchivePath,
    kArchiveCa,
    kNetrc,
    kTokenFile,
    kTokenEnv,
    TextMap("sha256", "its digest, or a map `{amd64: ..., arm64: ...}`")
        .Named("amd64|arm64")
        .Is(KeyValues::kDigest)
        .OrText()
        .Without("known for 3.4.15 on amd64; required for the others, and with `path`"),
};
constexpr MapSchema kArchive = {"archive", "archive", "", "", kArchiveKeys};

constexpr MapSchema kUnitSection = {"unit-section", "", "", "", {}, /*open=*/true};

constexpr Key kUnit =
    Maps("unit", "map of `Unit`, `Service`, `Install` to systemd's keys: merged over the default unit",
         kUnitSection)
        .Named("Unit|Service|Install")
        .Example("{Service: {LimitNOFILE: 65536}}");

constexpr Key kHardening = Text("hardening",
                                "`strict`: a user of its own, and a unit that may do little else than what a "
                                "service needs; or `off`")
                               .OneOf("off|strict");

constexpr Key kStartTimeout =
    Text("start-timeout",
         "how long its start is waited for, and, of a member of etcd, until it serves: `5m`, at most a day. "
         "One that is still on its way up then is left alone, and waited for by the next run")
        .Is(KeyValues::kDuration)
        .Example("5m")
        .Without("what `unit` says (`TimeoutStartSec`; an hour for `infinity`), 90s at least");

constexpr Key kReplace =
    Text("replace",
         "`true`: a service of that name that somebody else set up there (a package's) may give way to this "
         "one; its files and its data stay")
        .Is(KeyValues::kBool)
        .Without("`false`: it is an error", "false");

constexpr KeySchema kTlsKeys[] = {
    Text("server",
         "the certificate that a member shows clients: with the usages `server auth` and `client auth`, and "
         "each member's `$address` among its `hosts`")
        .Is(KeyValues::kCert)
        .Required()
        .Example("server"),
    Text("peer", "the certificate that members show each other, likewise; its CA may be another one")
        .Is(KeyValues::kCert)
        .Required()
        .Example("peer"),
    Text(
        "client",
        "the certificate that kplan asks members with: with the usage `client auth`, and signed by the CA of "
        "`server`")
        .Is(KeyValues::kCert)
        .Required()
        .Example("root"),
};
constexpr MapSchema kTls = {"etcd-tls", "tls", "", "server peer client", kTlsKeys};

constexpr KeySchema kEtcdKeys[] = {
    Text("version", "all three numbers: `3.4.15`; 3.4 to 3.6").Is(KeyValues::kEtcdVersion).Required(),
    Text("cert",
         "the certificate that etcd serves and clients use: it needs the usages `server auth` and `client "
         "auth`, and the host of each client URL among its `hosts`")
        .Is(KeyValues::kCert)
        .Without("required, without `tls`")
        .Example("kubernetes"),
    Map("tls", "instead of `cert`: what a cluster's members use", kTls)
        .Without("in a cluster, `cert` for all three")
        .Example("{server: server, peer: peer, client: root}"),
    Map("archive", "where etcd comes from", kArchive).Without("GitHub's release"),
    Texts("members", "list of the hosts that run etcd, each of which is a member")
        .Is(KeyValues::kHost)
        .Without("the only host")
        .Example("[etcd-1, etcd-2, etcd-3]"),
    Text("initial-cluster-token", "etcd's word for telling clusters apart")
        .Without(
            "`etcd-cluster`; of a cluster `metadata.name`, if it has one, and behind it `-NAME` of one of "
            "`etcds`"),
    Text("client-port", "the port at which members serve clients").Number(1, 65535).Without("2379", "2379"),
    Text("peer-port", "the port at which members serve each other").Number(1, 65535).Without("2380", "2380"),
    Text("bin-dir", "the folder of etcd and etcdctl on the hosts, where `/usr` cannot be written to")
        .Is(KeyValues::kPath)
        .Without("`/usr/local/bin`; of one of `etcds` `/opt/etcd-NAME/bin`")
        .Example("/opt/bin"),
    Text("config-dir", "the folder of its certificates and keys on the hosts")
        .Is(KeyValues::kPath)
        .Without("`/etc/etcd`; of one of `etcds` `/etc/etcd-NAME`"),
    Text("data-dir",
         "the folder of its data on the hosts; where there is a mount point on the way to it, the unit waits "
         "for the mount")
        .Is(KeyValues::kPath)
        .Without("`/var/lib/etcd`; of one of `etcds` `/var/lib/etcd-NAME`")
        .Example("/srv/etcd"),
    Text("wal-dir",
         "the folder in which its write-ahead log is, in `wal`, where that is on a disk of its own; it may "
         "be a "
         "mount point, and the unit waits for the mount")
        .Is(KeyValues::kPath)
        .Without("the folder `member` in `data-dir`: `/var/lib/etcd/member`", R"("/var/lib/etcd/member")")
        .Example("/srv/etcd-wal"),
    TextMap("flags",
            "map of etcd's flags, without dashes, to values; of one member alone in `hosts.NAME.etcd.flags`")
        .WithHost()
        .Without("the tutorial's: `name: etcd`, and client URLs at `https://127.0.0.1:2379`; of a cluster "
                 "each member's own")
        .Example("{heartbeat-interval: 200}"),
    kUnit,
    kHardening.Without("`off`: the unit of the tutorials", R"("off")"),
    kStartTimeout,
    kReplace,
};
constexpr MapSchema kEtcd = {"etcd", "etcd", "etcd, etcds.NAME", "version cert|tls", kEtcdKeys};

// ---- Services.

constexpr Key kOnChange = Text("on-change",
                               "what a change of it needs: `nothing`, `reload` or `restart`; `systemctl "
                               "reload` sends SIGHUP unless `unit` has an `ExecReload`")
                              .OneOf("nothing|reload|restart")
                              .Without("`restart`", R"("restart")");

constexpr KeySchema kServiceFileKeys[] = {
    Text("content", "its text, taken literally; it may have several lines, and be empty")
        .WithLines()
        .Literal()
        .Without("required, without `from`")
        .Example("\"listen 127.0.0.1\\n\""),
    Text("from", "instead of `content`: a file that is here, copied as it is").Is(KeyValues::kPath),
    Text("mode", "who may read, write and execute it, in octal")
        .Is(KeyValues::kMode)
        .Without("`0644`", R"("0644")"),
    Text("owner", "the user it belongs to, or `user:group`").Without("root").Example("metrics:adm"),
    kOnChange,
};
constexpr MapSchema kServiceFile = {"service-file", "a file of a service", "services.NAME.files",
                                    "content|from", kServiceFileKeys};

constexpr KeySchema kServiceCertKeys[] = {
    Text("name", "the certificate; one made `per: host` is the host's own")
        .Is(KeyValues::kCert)
        .Required()
        .Example("kubernetes"),
    Text("cert", "the path of the certificate on the host, `0644`").Is(KeyValues::kPath),
    Text(
        "key",
        "the path of its key, `0600`, in the same folder as `cert`: the two are replaced at the same instant")
        .Is(KeyValues::kPath)
        .Without("required with `cert`, but for a bundle"),
    Text("ca", "the path of the certificate of the CA that signed it, `0644`").Is(KeyValues::kPath),
    Text("include",
         "what `cert` holds: `leaf`: the certificate alone; `chain`: it and the intermediates above it; "
         "`bundle`: key, certificate and intermediates in one file, `0600`, which needs `files: [bundle]` of "
         "the certificate")
        .OneOf("leaf|chain|bundle")
        .Without("`chain`", R"("chain")"),
    Text("owner", "the user that the key, or the bundle, belongs to, or `user:group`")
        .Without("the service's user, else root"),
    kOnChange,
};
constexpr MapSchema kServiceCert = {"service-cert", "a certificate of a service", "services.NAME.certs",
                                    "name", kServiceCertKeys};

constexpr KeySchema kServiceDirKeys[] = {
    Text("mode", "who may list, write and enter it, in octal")
        .Is(KeyValues::kMode)
        .Without("`0755`", R"("0755")"),
    Text("owner", "the user it belongs to, or `user:group`").Without("the service's user, else root"),
};
constexpr MapSchema kServiceDir = {"service-dir", "a folder of a service", "services.NAME.dirs", "",
                                   kServiceDirKeys};

constexpr KeySchema kHttpsCheckKeys[] = {
    Text("url", "what is asked for; `$address` and `$name` are the host's")
        .Is(KeyValues::kHttpsUrl)
        .Required()
        .WithHost()
        .Example("https://127.0.0.1:8443/metrics"),
    Text(
        "from",
        "whence: `here`, the machine that runs ninja, or `host`, by way of the host, whose agent carries the "
        "connection")
        .OneOf("here|host")
        .Without("`here`; `host` where the URL is the own address of a host over ssh (`127.0.0.1`)"),
    Text("status", "the status that has to come back").Number(100, 599).Without("200", "200"),
    Text("ca", "the CA that signs what is served")
        .Is(KeyValues::kCa)
        .Without("that of `serves`, else that of `cert`, else the only one"),
    Text("cert", "the certificate to show, with the usage `client auth`").Is(KeyValues::kCert),
    Text("serves", "the certificate that has to be served, byte for byte")
        .Is(KeyValues::kCert)
        .Without("any that `ca` signed"),
    Texts("refuse",
          "list of `no-cert`, `wrong-ca`, `plaintext`: who must not get in; the first two need `cert`")
        .OneOf("no-cert|wrong-ca|plaintext")
        .Example("[no-cert, plaintext]"),
};
constexpr MapSchema kHttpsCheck = {"https-check", "https", "", "url", kHttpsCheckKeys};

constexpr KeySchema kCheckKeys[] = {
    Text("systemd", "`active`: the unit is").OneOf("active"),
    Text("tcp",
         "`HOST:PORT`: somebody listens there, as seen from the host, whose `$address` and `$name` it may "
         "have")
        .WithHost()
        .Example("127.0.0.1:8443"),
    Map("https", "a request over TLS", kHttpsCheck).Example("{url: \"https://127.0.0.1:8443/metrics\"}"),
    Texts("exec", "a program and its arguments, run on the host without a shell: its exit code has to be 0")
        .OrEmpty()
        .Literal()
        .Example("[/usr/sbin/nginx, -t]"),
};
constexpr MapSchema kCheck = {"check", "a check", "services.NAME.checks", "systemd|tcp|https|exec",
                              kCheckKeys};

constexpr MapSchema kFurtherUnit = {"further-unit", "", "", "", {}, /*open=*/true, &kUnitSection};

constexpr KeySchema kServiceArchiveKeys[] = {
    Text("url", "where the archive is downloaded from; https only")
        .Is(KeyValues::kHttpsUrl)
        .Without("required, without `mirrors` or `path`"),
    kMirrors,
    kArchivePath,
    kArchiveCa,
    kNetrc,
    kTokenFile,
    kTokenEnv,
    TextMap("sha256", "its digest, or a map `{amd64: ..., arm64: ...}`, of which the hosts' is taken")
        .Named("amd64|arm64")
        .Is(KeyValues::kDigest)
        .OrText()
        .Required(),
    TextMap("members", "map: name in the archive to path on the host, `0755`")
        .Required()
        .Example("{metrics-1.0/metrics: /usr/local/bin/metrics}"),
};
constexpr MapSchema kServiceArchive = {"service-archive", "archive", "", "sha256 members url|mirrors|path",
                                       kServiceArchiveKeys};

constexpr KeySchema kServiceKeys[] = {
    Texts("hosts", "list of the hosts that run it, restarted in this order")
        .Is(KeyValues::kHost)
        .Without("the only host")
        .Example("[etcd-1, etcd-2]"),
    Texts("after",
          "list of services, or `etcd`, that are up and verified before it starts; also by label: "
          "`service/HOST/NAME`, `verify/NAME`, `verify/HOST/NAME`, `verify/etcd`")
        .Example("[etcd]"),
    Map("archive", "a `.tar.gz` that its programs come from", kServiceArchive)
        .Without("none: they are there already")
        .Example("{url: \"https://example.com/metrics.tar.gz\", sha256: "
                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, members: {metrics: "
                 "/usr/local/bin/metrics}}"),
    Maps("files", "map: path on the host to file", kServiceFile)
        .Example("{/etc/metrics/metrics.conf: {content: \"listen 127.0.0.1\\n\"}}"),
    MapList("certs", "list of certificates that it gets, and where they go", kServiceCert)
        .Example("[{name: kubernetes, cert: /etc/metrics/server.pem, key: /etc/metrics/server-key.pem}]"),
    Maps("dirs", "map: path on the host to folder", kServiceDir)
        .Example("{/var/lib/metrics: {mode: \"0700\"}}"),
    Text("user", "a system user that is made for it (systemd-sysusers), and that it runs as")
        .Without("none: root; with `hardening: strict` NAME")
        .Example("metrics"),
    kHardening.Without("`off`", R"("off")"),
    Texts("command",
          "the program, by its path, and its arguments, each taken literally: the unit's `ExecStart`")
        .OrEmpty()
        .Literal()
        .Required()
        .Example("[/usr/local/bin/metrics, --listen, \"127.0.0.1:8443\"]"),
    TextMap("environment", "map of environment variables to values, taken literally")
        .OrEmpty()
        .Literal()
        .Example("{GOMAXPROCS: 2}"),
    kUnit,
    Maps("units",
         "map: name to further unit (`NAME.timer`, `x@.service`), written as it is here by section and key; "
         "NAME.timer, NAME.socket or NAME.path starts the service, which kplan then does not",
         kFurtherUnit)
        .Example("{metrics.timer: {Timer: {OnCalendar: daily}, Install: {WantedBy: timers.target}}}"),
    kStartTimeout,
    kReplace,
    MapList("checks", "list of what proves that it serves, tried until it does or a minute is over", kCheck)
        .Without("none; then nobody waits but for its start")
        .Example("[{systemd: active}]"),
};
constexpr MapSchema kService = {"service", "a service", "services.NAME", "command", kServiceKeys};

// ---- The file.

constexpr KeySchema kMetadataKeys[] = {Text("name", "a name for people and tools")};
constexpr MapSchema kMetadata = {"metadata", "metadata", "", "", kMetadataKeys};

constexpr KeySchema kContactKeys[] = {
    Text("every",
         "for how long what a host over ssh has answered counts, when nothing was amiss: `10m`, at most a "
         "day. "
         "For fleets; the age is shown")
        .Is(KeyValues::kDuration)
        .Without("they are asked each time"),
};
constexpr MapSchema kContact = {"contact", "contact", "", "", kContactKeys};

constexpr KeySchema kRolloutKeys[] = {
    Text("max-unavailable",
         "how many members of etcd, or hosts of a service, may be down at a time while they are restarted, "
         "from 1 to what leaves etcd a quorum: 2 of five")
        .Number(1, 1000)
        .Without("1", "1"),
    Text("snapshot",
         "`before-restart`: a snapshot of etcd is taken, and checked, before the first restart of a run")
        .OneOf("before-restart"),
    Text("keep-snapshots", "with `snapshot`: how many of them are kept").Number(1, 1000).Without("3", "3"),
};
constexpr MapSchema kRollout = {"rollout", "rollout", "", "", kRolloutKeys};

constexpr KeySchema kVerifyKeys[] = {
    Texts("refuse", "list of `no-cert`, `wrong-ca`, `plaintext`: who must not get in")
        .OneOf("no-cert|wrong-ca|plaintext")
        .Without("all three", R"(["no-cert","wrong-ca","plaintext"])"),
    Texts("from",
          "list of `hosts`, `here`: whence the members of etcd on hosts over ssh are asked, by every "
          "command: by way of their hosts, whose agents carry the connections, or from this machine itself. "
          "`[hosts]`: no packet goes to a member from here")
        .OneOf("hosts|here")
        .Without("both: from here where a port answers here, otherwise by way of hosts",
                 R"(["hosts","here"])"),
};
constexpr MapSchema kVerify = {"verify", "verify", "", "", kVerifyKeys};

constexpr KeySchema kClusterKeys[] = {
    Text("apiVersion", "`kplan.dev/v1`, the version of these keys")
        .OneOf("kplan.dev/v1")
        .Without("the same", R"("kplan.dev/v1")"),
    Text("kind", "`Cluster`").OneOf("Cluster").Without("the same", R"("Cluster")"),
    Map("metadata", "about the file itself", kMetadata),
    Maps("hosts", "map: name to host", kHost)
        .NamedLike(kHostName)
        .Without("none; required for `etcd` and `per: host`")
        .Example("{worker: {}}"),
    Map("ca", "the certificate authority", kCa)
        .Without("required, here or in `cas`")
        .Example("{CN: Kubernetes}"),
    Maps("cas", "map: name to CA, with the same keys as `ca`", kCa).NamedLike(kFileName),
    Map("signing", "how certificates are signed: cfssl's ca-config.json", kSigning)
        .Without("the profile `kubernetes`"),
    Maps("certs", "map: name to certificate", kCert).NamedLike(kFileName),
    MapList("revoked", "list of certificates that their CA takes back", kRevoked)
        .Example("[{cert: kubernetes, date: 2026-11-22}]"),
    Map("etcd", "the etcd cluster", kEtcd).Without("none: PKI only"),
    Maps("etcds",
         "map: name to further etcd, on the same hosts or others, with the same keys as `etcd`: the unit is "
         "`etcd-NAME`",
         kEtcd)
        .NamedLike(kEtcdName)
        .Example("{events: {version: 3.4.15, client-port: 2381, peer-port: 2382}}"),
    Maps("services", "map: name to service, the unit's name: whatever else runs on the hosts", kService)
        .NamedLike(kFileName),
    Map("rollout", "how what runs on several hosts is restarted, when something needs it", kRollout)
        .Without("one at a time")
        .Example("{max-unavailable: 1}"),
    Map("contact", "when hosts over ssh are asked how they are", kContact)
        .Without("before every build")
        .Example("{every: 10m}"),
    Map("verify", "how etcd is tried once it runs", kVerify),
};

}  // namespace

constexpr MapSchema kClusterSchema = {"cluster", "a cluster.yaml", "cluster.yaml", "ca|cas", kClusterKeys};

}  // namespace kplan
