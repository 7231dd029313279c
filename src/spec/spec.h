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

namespace kplan {

// A single value. Not set() when the file does not have it. Never empty and without control characters when
// set.
struct Text {
  std::string value;
  Range range;

  bool set() const { return range.known(); }
};

using TextPairs = std::vector<std::pair<Text, Text>>;  // a map's keys and values

// cfssl's "names": one entry of subject fields.
struct NameSpec {
  Text C, ST, L, O, OU;
};

struct KeySpec {
  Range range;  // of the key "key", when there is one
  Text algo, size;
};

struct HostSpec {
  Text name;  // the key in `hosts`
  Text address, root, arch, service_manager;
};

struct CaSpec {
  Range range;
  Text CN, expiry, renew_before;
  std::vector<NameSpec> names;
  KeySpec key;
};

struct ProfileSpec {
  Text name;  // the key in `signing.profiles`
  Text expiry, renew_before;
  std::vector<Text> usages;
};

struct CertSpec {
  Text name;  // the key in `certs`
  Text CN, profile, per;
  std::vector<NameSpec> names;
  std::vector<Text> hosts;
  KeySpec key;
};

struct ArchiveSpec {
  Range range;
  Text url, path;
  Text sha256;               // one digest,
  TextPairs sha256_by_arch;  // or one an architecture
};

struct UnitSectionSpec {
  Text name;
  TextPairs keys;
};

struct EtcdSpec {
  Range range;
  Text version, cert, initial_cluster_token;
  ArchiveSpec archive;
  std::vector<Text> members;
  TextPairs flags;
  std::vector<UnitSectionSpec> unit;
};

struct Spec {
  // False when something could not be read: what is absent here may then well be in the file.
  bool well_formed = true;
  Text metadata_name;
  std::vector<HostSpec> hosts;
  CaSpec ca;
  std::vector<ProfileSpec> profiles;
  std::vector<CertSpec> certs;
  EtcdSpec etcd;
  Range refuse_range;
  std::vector<Text> verify_refuse;
};

// Reads the source of DIAGNOSTICS. Everything that is wrong with its form (not YAML, an unknown key, a list
// where a single value belongs) is an error there; SPEC then holds what could be read, so that later checks
// can add what they find. False when the text is no YAML document at all: there is nothing to check further.
bool ReadSpec(Diagnostics* diagnostics, Spec* spec);

}  // namespace kplan

#endif  // KPLAN_SPEC_SPEC_H_
