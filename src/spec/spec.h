#ifndef KPLAN_SPEC_SPEC_H_
#define KPLAN_SPEC_SPEC_H_

// A cluster.yaml as typed: every value that was written, with its place in the text, and nothing that was
// not. Defaults and meaning come later (src/model). docs/cluster-yaml.md is the reference of the keys.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/base/source.h"
#include "src/systemd/unit_spec.h"

namespace kplan {

// cfssl's "names": one entry of subject fields.
struct NameSpec {
  Text C, ST, L, O, OU, SerialNumber;
};

// Where a passphrase, or another secret of one line, is: at most one of the two.
struct PassphraseSpec {
  Text file, env;  // the keys "passphrase-file", "passphrase-env"

  bool set() const { return file.set() || env.set(); }
};

struct KeySpec {
  Range range;  // of the key "key", when there is one
  Text file;    // of a CA: the key that is there already; the others are then not set
  Text algo, size, format;
  PassphraseSpec passphrase;
};

// cfssl's "ca_constraint".
struct CaConstraintSpec {
  Range range;
  Text is_ca, max_path_len;
};

// Where verifiers find more about a certificate's issuer: cfssl's words.
struct UrlsSpec {
  Text crl_url, ocsp_url;
  std::vector<Text> issuer_urls;
};

// What is one member's own: `hosts.NAME.etcd`, or one entry of `hosts.NAME.etcds`.
struct MemberSpec {
  Text etcd;    // the key in `etcds`: of which etcd; not set() for `etcd`
  Range range;  // of the key `etcd` or NAME
  std::vector<Text> listen, advertise, peer_listen, peer_advertise;
  TextPairs flags;
};

struct HostSpec {
  Text name;  // the key in `hosts`
  Text address, root, arch, service_manager, ssh, become;
  std::vector<MemberSpec> members;  // of `etcd`, then those of `etcds`
};

struct CaSpec {
  Text name;    // "ca", or the key in `cas`
  Range range;  // of the key `ca` or NAME
  Text CN, expiry, backdate, renew_before, issuer, crl_expiry;
  Text key_generation, hold;
  std::vector<Text> revoked;  // generations
  Text cert;                  // the certificate that is there already
  std::vector<NameSpec> names;
  KeySpec key;
  CaConstraintSpec ca_constraint;
  Range name_constraints;
  std::vector<Text> permitted, excluded;
  UrlsSpec urls;
};

struct ProfileSpec {
  Text name;  // the key in `signing.profiles`; "default" for `signing.default`
  Text expiry, backdate, renew_before;
  std::vector<Text> usages;
  CaConstraintSpec ca_constraint;
  UrlsSpec urls;
};

struct CertSpec {
  Text name;  // the key in `certs`
  Text CN, profile, per, ca, key_generation;
  std::vector<NameSpec> names;
  std::vector<Text> hosts, files;
  KeySpec key;
  Range pkcs12_range;
  PassphraseSpec pkcs12;
};

// One entry of `revoked`.
struct RevokedSpec {
  Range range;
  Text serial, ca;  // either a certificate's serial number and its CA,
  Text cert;        // or the name of one of ours
  Text reason, date;
};

struct ArchiveSpec {
  Range range;
  // One of the three.
  Text url, path;
  std::vector<Text> mirrors;
  Text ca, netrc;
  PassphraseSpec token;      // the keys "token-file", "token-env"
  Text sha256;               // one digest,
  TextPairs sha256_by_arch;  // or one an architecture
};

// The certificates of a cluster's members.
struct EtcdTlsSpec {
  Range range;
  Text server, peer, client;
};

struct EtcdSpec {
  Text name;    // the key in `etcds`; not set() for `etcd`
  Range range;  // of the key `etcd` or NAME
  Text version, cert, initial_cluster_token;
  Text client_port, peer_port;
  Text bin_dir, config_dir, data_dir, wal_dir;
  EtcdTlsSpec tls;
  ArchiveSpec archive;
  std::vector<Text> members;
  TextPairs flags;
  std::vector<UnitSectionSpec> unit;
  Text hardening, start_timeout, replace;
};

// A file of a service, rendered or copied.
struct ServiceFileSpec {
  Text path;  // the key in `services.NAME.files`
  // One of the two; `content` may be empty and may have line ends and tabs.
  Text content, from;
  Text mode, owner, on_change;
};

// A certificate and what comes with it, as files of a service: one entry of `services.NAME.certs`.
struct ServiceCertSpec {
  Range range;
  Text name;           // one of `certs`
  Text cert, key, ca;  // paths on the host
  Text include;        // which part of the chain is in `cert`
  Text owner, on_change;
};

struct ServiceDirSpec {
  Text path;  // the key in `services.NAME.dirs`
  Text mode, owner;
};

// One entry of `services.NAME.checks`: exactly one of systemd, tcp, https, exec is set.
struct CheckSpec {
  Range range;
  Text systemd, tcp;
  std::vector<Text> exec;  // each may be empty
  // `https`:
  Range https_range;
  Text url, from, status, cert, ca, serves;
  Range refuse_range;
  std::vector<Text> refuse;
};

// What is taken out of a service's archive: a name in the archive, and where it goes on the host.
struct ServiceArchiveSpec {
  ArchiveSpec archive;
  TextPairs members;
};

struct GenericServiceSpec {
  Text name;  // the key in `services`
  std::vector<Text> hosts, after;
  std::vector<Text> command;  // each may be empty
  ServiceArchiveSpec archive;
  std::vector<ServiceFileSpec> files;
  std::vector<ServiceCertSpec> certs;
  std::vector<ServiceDirSpec> dirs;
  Text user, hardening, start_timeout, replace;
  TextPairs environment;  // values may be empty
  std::vector<UnitSectionSpec> unit;
  std::vector<FurtherUnitSpec> units;
  std::vector<CheckSpec> checks;
  // The keys `certs`, `user`, `unit` and `checks`, when they are there.
  Range certs_range, user_range, unit_range, checks_range;
};

struct RolloutSpec {
  Range range;
  Text max_unavailable, snapshot, keep_snapshots;
};

struct Spec {
  // False when something could not be read: what is absent here may then well be in the file.
  bool well_formed = true;
  // False when a name may be missing of the hosts, CAs, certificates, profiles, services: their map could not
  // be read, or stands under a key that is misspelt. That somebody names one that is not here is no error
  // then.
  bool knows_hosts = true, knows_cas = true, knows_certs = true, knows_profiles = true, knows_services = true;
  Text api_version, kind;
  Text metadata_name;
  std::vector<HostSpec> hosts;
  std::vector<CaSpec> cas;  // `ca` and those of `cas`
  Text compat;
  ProfileSpec default_profile;  // its name is not set() when there is none
  std::vector<ProfileSpec> profiles;
  std::vector<CertSpec> certs;
  std::vector<RevokedSpec> revoked;
  std::vector<EtcdSpec> etcds;               // `etcd`, then those of `etcds`
  std::vector<GenericServiceSpec> services;  // in the order of the text
  RolloutSpec rollout;
  Text contact_every;
  Range refuse_range;
  std::vector<Text> verify_refuse;
  Range ask_from_range;
  std::vector<Text> ask_from;  // `verify.from`
};

// Reads the source of DIAGNOSTICS. Everything that is wrong with its form (not YAML, an unknown key, a list
// where a single value belongs) is an error there; SPEC then holds what could be read, so that later checks
// can add what they find. False when the text is no YAML document at all: there is nothing to check further.
bool ReadSpec(Diagnostics* diagnostics, Spec* spec);

}  // namespace kplan

#endif  // KPLAN_SPEC_SPEC_H_
