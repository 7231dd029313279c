#ifndef KPLAN_SPEC_KEY_HELP_H_
#define KPLAN_SPEC_KEY_HELP_H_

// The keys of cluster.yaml by their paths, and what to say about one: `kplan help certs.hosts`.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/spec/schema.h"

namespace kplan {

struct KeyPlace {
  std::string path;  // from the top; NAME stands for a name: "certs.NAME.hosts"
  const MapSchema* map;
  const KeySchema* key;
};

// Every key, in the order of the table, each map before what is in it. Those of `ca` come again in
// `cas.NAME`.
std::vector<KeyPlace> AllKeys();

// The keys meant by PATH. Names may be written or left out: "certs.kubernetes.hosts", "certs.hosts". A path
// that is none from the top may be the end of some: "usages", "archive.url"; what several maps share counts
// once.
std::vector<KeyPlace> FindKeys(absl::string_view path);

// What there is to say about a key, as Markdown without a heading: what it is, then a list of its shape,
// values, default, example and, of a map, its keys.
std::string DescribeKey(const KeyPlace& place);

// "one of rsa, ecdsa or ed25519", "a number from 1 to 100": what a single value of KEY may be; "" for any
// text.
std::string DescribeValues(const KeySchema& key);

// The words of a kWord or kUsage, without other spellings.
std::vector<absl::string_view> WordsOf(const KeySchema& key);

}  // namespace kplan

#endif  // KPLAN_SPEC_KEY_HELP_H_
