#include "src/spec/habits.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace kplan {
namespace {

constexpr absl::string_view kLife =
    "expiry|expires|ttl|days|validity|validityperiod|validfor|lifetime|duration";
constexpr absl::string_view kSans =
    "san|sans|subjectaltname|subjectaltnames|altname|altnames|dns|dnsname|dnsnames|ip|ips|ipaddress|"
    "ipaddresses|"
    "ipsans|domain|domains|hostname|hostnames|addresses|emails|uris";
constexpr absl::string_view kSubject =
    "c|st|l|o|ou|country|state|province|locality|city|org|organization|organisation|organizationalunit|"
    "organisationalunit|subject|dn|distinguishedname";
constexpr absl::string_view kKeySize = "size|keysize|keylength|bits|rsabits";
constexpr absl::string_view kKeyKind = "algo|algorithm|keyalgo|keyalgorithm|keytype|curve|eccurve|ecdsacurve";
constexpr absl::string_view kUsages =
    "usage|usages|keyusage|keyusages|extendedkeyusage|extkeyusage|eku|extensions";
constexpr absl::string_view kLogin =
    "auth|login|username|user|password|credentials|token|bearer|bearertoken|headers|header|authorization|"
    "netrcfile";
constexpr absl::string_view kLoginHelp =
    "a secret is never in this file: write netrc: FILE, with names and passwords by host, or token-file: "
    "FILE";
constexpr absl::string_view kProxyHelp =
    "a proxy is in the environment of ninja, as curl reads it: https_proxy, no_proxy";
constexpr absl::string_view kMode = "permissions|permission|perm|perms|chmod|defaultmode";
constexpr absl::string_view kOwner = "user|username|group|chown|ownership|uid|gid";

constexpr absl::string_view kNamesHelp =
    "the fields of a subject stand in a list: names: [{C: US, O: Kubernetes}]";
constexpr absl::string_view kSizeHelp = "the kind of key is one map: key: {algo: rsa, size: 4096}";
constexpr absl::string_view kAlgoHelp = "the kind of key is one map: key: {algo: ecdsa, size: 256}";
constexpr absl::string_view kUnitHelp =
    "systemd's own keys stand under `unit`: unit: {Service: {Restart: always, WorkingDirectory: /srv}}";

// By map, in the order of the file.
constexpr Habit kHabits[] = {
    {"cluster", "nodes|machines|servers|inventory", "hosts", ""},
    {"cluster", "certificates|tls", "certs", ""},
    {"cluster", "authorities|certificateauthorities|issuers|intermediates", "cas", ""},
    {"cluster", "name|clustername", "", "the name of a cluster stands in metadata: {name: NAME}"},
    {"cluster", "profiles|usages|caconfig", "",
     "profiles stand in signing: {profiles: {NAME: {usages: [...]}}}"},
    {"cluster", "spec|cluster", "", "the keys of a cluster stand at the top of the file, below no other key"},
    {"cluster", "crl|revocation|revocations|revocationlist", "revoked", ""},
    {"cluster", "units|service|daemons|apps|applications", "services", ""},
    {"cluster", "strategy|updatestrategy|rollingupdate", "rollout", ""},

    {"host", "ip|ips|ipaddress|addr|host|hostname|fqdn|privateip|publicip", "address", ""},
    {"host", "user|sshuser|sshhost|sshport|port|ansiblehost|ansibleuser|ansibleport|login", "",
     "how it is reached is one text: ssh: USER@HOST:PORT"},
    {"host", "sshkey|identityfile|privatekey|keyfile|password|sshpass", "",
     "keys and the like stand in ssh's own configuration (ssh_config), for the host of `ssh`"},
    {"host", "sudo|becomeuser|becomemethod|elevate", "", "write become: sudo"},
    {"host", "architecture|platform|cpu", "arch", ""},
    {"host", "role|roles|group|groups|labels|tags", "",
     "what runs on it says so: etcd.members, and hosts of each of services"},
    {"host", "path|chroot|prefix|dir|folder", "root", ""},
    {"host", "init|manager|servicemgr", "service-manager", ""},

    {"ca", kSubject, "", kNamesHelp},
    {"ca", "commonname|name", "CN", ""},
    {"ca", "expires|ttl|days|validity|validityperiod|validfor|lifetime|duration|years", "",
     "kplan calls this \"expiry\", in hours: expiry: 43800h is five years"},
    {"ca", kKeySize, "", kSizeHelp},
    {"ca", kKeyKind, "", kAlgoHelp},
    {"ca", "pathlen|pathlength|maxpathlen|maxpathlength", "", "write ca_constraint: {max_path_len: 0}"},
    {"ca", "certificate|certfile|crt|cacert|pem", "cert", ""},
    {"ca", "keyfile|privatekey|cakey", "key", ""},
    {"ca", kSans, "",
     "a CA has no hosts; what it may sign for is name-constraints: {permitted: [example.com]}"},
    {"ca", kUsages, "", "remove it: a CA's own certificate is for signing certificates and CRLs, always"},
    {"ca", "passphrase|password|passphrasefile", "", "write key: {passphrase-file: FILE}", /*secret=*/true},
    {"ca", "signer|signedby|parent|root", "issuer", ""},
    {"ca", "signing|profiles|profile|default", "",
     "profiles stand at the top of the file: signing: {profiles: ...}"},
    {"ca", "constraints|nameconstraint|permitted|excluded", "",
     "write name-constraints: {permitted: [example.com], excluded: [bad.example.com]}"},

    {"name", "cn|commonname", "", "CN stands beside `names`, not in it"},
    {"name", "country|countryname", "C", ""},
    {"name", "state|province|stateorprovince|stateorprovincename", "ST", ""},
    {"name", "locality|localityname|city|location", "L", ""},
    {"name", "organization|organisation|organizationname|org|company", "O", ""},
    {"name", "organizationalunit|organisationalunit|organizationalunitname|unit|department", "OU", ""},
    {"name", "email|emailaddress|e", "",
     "an e-mail address stands among the `hosts` of a certificate (RFC 5280)"},

    {"key", "type|kind|algorithm|alg|keytype", "algo", ""},
    {"key", "bits|keysize|length|keylength", "size", ""},
    {"key", "curve|eccurve|namedcurve", "",
     "kplan calls this \"size\": 256, 384 or 521 for P-256, P-384 or P-521"},
    {"key", "encoding|pem", "format", ""},
    {"ca-key", "type|kind|algorithm|alg|keytype", "algo", ""},
    {"ca-key", "bits|keysize|length|keylength", "size", ""},
    {"ca-key", "curve|eccurve|namedcurve", "",
     "kplan calls this \"size\": 256, 384 or 521 for P-256, P-384 or P-521"},
    {"ca-key", "passphrase|password", "", "a passphrase is never in this file: write passphrase-file: FILE",
     /*secret=*/true},
    {"ca-key", "path|keyfile", "file", ""},

    {"ca_constraint", "pathlen|pathlength|maxpathlen|maxpathlength|pathlenconstraint", "max_path_len", ""},
    {"ca_constraint", "ca|isca", "is_ca", ""},
    {"name-constraints", "permit|allow|allowed|permitteddnsdomains|permittedsubtrees", "permitted", ""},
    {"name-constraints", "exclude|deny|denied|forbidden|excludeddnsdomains|excludedsubtrees", "excluded", ""},

    {"profile", "usage|keyusage|keyusages|extendedkeyusage|eku", "usages", ""},
    {"profile", "expires|ttl|days|validity|lifetime|duration", "",
     "kplan calls this \"expiry\", in hours: expiry: 8760h is a year"},
    {"profile", "isca|ca|maxpathlen", "", "write ca_constraint: {is_ca: true, max_path_len: 0}"},
    {"default-profile", "usage|keyusage|keyusages|extendedkeyusage|eku", "usages", ""},
    {"default-profile", "expires|ttl|days|validity|lifetime|duration", "",
     "kplan calls this \"expiry\", in hours: expiry: 8760h is a year"},

    {"cert", kLife, "",
     "its profile says how long it lives: signing: {profiles: {NAME: {expiry: 2160h, usages: [...]}}}, and "
     "here "
     "profile: NAME"},
    {"cert", kUsages, "",
     "its profile says what it is for: signing: {profiles: {NAME: {usages: [signing, client auth]}}}, and "
     "here "
     "profile: NAME"},
    {"cert", "backdate|renewbefore|caconstraint|isca|maxpathlen|crlurl|ocspurl|issuerurls", "",
     "its profile says so: signing: {profiles: {NAME: ...}}, and here profile: NAME"},
    {"cert", kSans, "hosts", ""},
    {"cert", kSubject, "", kNamesHelp},
    {"cert", "commonname|name", "CN", ""},
    {"cert", kKeySize, "", kSizeHelp},
    {"cert", kKeyKind, "", kAlgoHelp},
    {"cert", "issuer|signer|signedby|parent|cacert", "ca", ""},
    {"cert", "perhost|foreach", "", "write per: host"},
    {"cert", "passphrase|password|passphrasefile|p12|pfx", "", "write pkcs12: {passphrase-file: FILE}",
     /*secret=*/true},
    {"cert", "bundle|chain|fullchain", "",
     "write files: [chain], or files: [bundle] for key and chain in one file"},
    {"cert", "owner|mode|path|dest|destination", "",
     "where a certificate goes on a host is said by who uses it: `etcd`, or certs of each of services"},
    {"pkcs12", "passphrase|password", "", "a passphrase is never in this file: write passphrase-file: FILE",
     /*secret=*/true},

    {"revoked", "name|certificate|cn", "cert", ""},
    {"revoked", "number|serialnumber|sn", "serial", ""},
    {"revoked", "at|on|when|since|revokedat|time|revocationdate", "date", ""},
    {"revoked", "issuer|signer", "ca", ""},

    {"etcd", "hosts|nodes|servers|peers|cluster|initialcluster", "members", ""},
    {"etcd", "dir|data|storage|datafolder", "data-dir", ""},
    {"etcd", "wal|waldir|walfolder|logdir", "wal-dir", ""},
    {"etcd", "bin|bindir|binaries|programs", "bin-dir", ""},
    {"etcd", "configdir|conf|certdir|certsdir|pkidir", "config-dir", ""},
    {"etcd", "port", "client-port", ""},
    {"etcd", "image|imagetag|repository|registry|container", "",
     "etcd runs under systemd, not in a container; its programs come from `archive`"},
    {"etcd", "env|environment|environmentvariables|envvars", "",
     "write flags, by etcd's own names: flags: {quota-backend-bytes: 8589934592}"},
    {"etcd", "args|arguments|extraargs|options|config|settings", "flags", ""},
    {"etcd", "token|clustertoken", "initial-cluster-token", ""},
    {"etcd", "certs|certificate|certificates|servercert|peercert|clientcert", "",
     "write cert: NAME, or tls: {server: NAME, peer: NAME, client: NAME}, by the names in `certs`"},
    {"etcd", "listen|listenclienturls|advertiseclienturls|name", "",
     "it is a flag of etcd's: flags: {listen-client-urls: \"https://127.0.0.1:2379\"}"},
    {"etcd", "user|group|restart|limits|service", "",
     "write unit: {Service: {User: etcd, LimitNOFILE: 65536}}"},
    {"etcd", "release|tag", "version", ""},
    {"etcd", "url|download|source|sha256|checksum", "", "write archive: {url: \"https://...\", sha256: ...}"},
    {"etcd", "hardened|security|sandbox", "", "write hardening: strict"},
    {"etcd-tls", "ca|cafile|trustedca|trustedcafile", "",
     "remove it: members trust the CA of these certificates"},
    {"archive", "checksum|digest|sha|sum|hash|shasum", "sha256", ""},
    {"archive", "uri|download|source|from|link", "url", ""},
    {"archive", "file|filename", "path", ""},
    {"archive", "urls|mirror", "mirrors", ""},
    {"archive", "cacert|cafile|cabundle|tlsca", "ca", ""},
    {"archive", kLogin, "", kLoginHelp, /*secret=*/true},
    {"archive", "proxy|httpsproxy|httpproxy", "", kProxyHelp},

    {"service", "exec|execstart|cmd|args|run|entrypoint|program|binary", "command", ""},
    {"service", "dependson|depends|requires|needs|wants|dependencies", "after", ""},
    {"service", "image|imagetag|build|ports|volumes|container|networks", "",
     "a service is a program under systemd, not a container: `command` runs it, `archive` brings it"},
    {"service", "env|environmentvariables|envvars|vars", "environment", ""},
    {"service", "envfile|environmentfile", "", "write the variables here: environment: {NAME: VALUE}"},
    {"service", "restart|restartpolicy|workingdir|workdir|workingdirectory|type|limits|group|capabilities",
     "", kUnitHelp},
    {"service", "host|on|runson|nodes|nodeselector|targets", "hosts", ""},
    {"service", "healthcheck|health|check|probe|probes|livenessprobe|readinessprobe|verify", "",
     "write a list: checks: [{systemd: active}, {tcp: \"127.0.0.1:8443\"}]"},
    {"service", "config|configs|configfiles|templates|secrets", "",
     "write files: {/etc/NAME/NAME.conf: {content: TEXT}}, or from: FILE in place of content"},
    {"service", "directories|folders|directory", "dirs", ""},
    {"service", "runas|username", "user", ""},
    {"service", "cert|certificate|certificates|tls", "certs", ""},
    {"service", "timer|timers|schedule|cron", "", "write units: {NAME.timer: {Timer: {OnCalendar: daily}}}"},
    {"service", "url|source|download|release", "",
     "write archive: {url: \"https://...\", sha256: ..., members: ...}"},
    {"service", "hardened|security|sandbox", "", "write hardening: strict"},

    {"service-file", "source|src|file|template|copy|local", "from", ""},
    {"service-file", "text|body|data|contents|inline", "content", ""},
    {"service-file", kMode, "mode", ""},
    {"service-file", kOwner, "", "write owner: USER, or owner: USER:GROUP"},
    {"service-file", "path|dest|destination|target", "",
     "the path on the host is the key: files: {/etc/x.conf: {...}}"},
    {"service-file", "notify|onupdate|handler|handlers", "on-change", ""},
    {"service-cert", "certificate|secret|source", "name", ""},
    {"service-cert", "crt|certfile|certpath|tlscert", "cert", ""},
    {"service-cert", "keyfile|keypath|privatekey|tlskey", "key", ""},
    {"service-cert", "cafile|capath|cacert|trustedcafile", "ca", ""},
    {"service-cert", "mode|permissions", "",
     "remove it: a key is 0600, a certificate 0644; `owner` says whose they are"},
    {"service-cert", kOwner, "", "write owner: USER, or owner: USER:GROUP"},
    {"service-cert", "part|chain|bundle|fullchain", "", "write include: chain, or include: bundle"},
    {"service-cert", "notify|onupdate|handler|handlers", "on-change", ""},
    {"service-dir", kMode, "mode", ""},
    {"service-dir", kOwner, "", "write owner: USER, or owner: USER:GROUP"},
    {"service-archive", "checksum|digest|sha|sum|hash|shasum", "sha256", ""},
    {"service-archive", "uri|download|source|from|link", "url", ""},
    {"service-archive", "file|filename", "path", ""},
    {"service-archive", "urls|mirror", "mirrors", ""},
    {"service-archive", "cacert|cafile|cabundle|tlsca", "ca", ""},
    {"service-archive", kLogin, "", kLoginHelp, /*secret=*/true},
    {"service-archive", "proxy|httpsproxy|httpproxy", "", kProxyHelp},
    {"service-archive", "files|extract|binaries|programs|contents", "members", ""},
    {"check", "http|httpget|get|url", "", "write https: {url: \"https://127.0.0.1:8443/healthz\"}"},
    {"check", "command|cmd|run|script|shell", "exec", ""},
    {"check", "port|address|tcpsocket|listen", "", "write tcp: HOST:PORT"},
    {"check", "unit|service|active", "", "write systemd: active"},
    {"check", "timeout|interval|retries|delay|period|initialdelayseconds", "",
     "remove it: a check is tried until it does or a minute is over"},
    {"https-check", "code|statuscode|expect|expectedstatus", "status", ""},
    {"https-check", "path|host|port|scheme", "", "write it whole: url: \"https://127.0.0.1:8443/healthz\""},
    {"https-check", "clientcert|certificate", "cert", ""},
    {"https-check", "cacert|cafile", "ca", ""},

    {"rollout", "serial|maxparallel|parallelism|concurrency|batch|batchsize|forks", "max-unavailable", ""},
    {"rollout", "backup|snapshots", "", "write snapshot: before-restart"},
    {"rollout", "keep|retention|keepbackups|historylimit", "keep-snapshots", ""},
};

}  // namespace

const Habit* FindHabit(absl::string_view map, absl::string_view key) {
  const std::string folded =
      absl::StrReplaceAll(absl::AsciiStrToLower(key), {{"-", ""}, {"_", ""}, {" ", ""}});
  for (const Habit& habit : kHabits) {
    if (habit.map != map) continue;
    for (absl::string_view word : absl::StrSplit(habit.words, '|')) {
      if (word == folded) return &habit;
    }
  }
  return nullptr;
}

absl::Span<const Habit> AllHabits() { return kHabits; }

}  // namespace kplan
