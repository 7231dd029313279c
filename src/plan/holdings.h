#ifndef KPLAN_PLAN_HOLDINGS_H_
#define KPLAN_PLAN_HOLDINGS_H_

// Where on this machine the artifact of a step is, by its record.

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace kplan {

// One file, folder or service that is the artifact of a step, or part of it.
struct Holding {
  enum class Kind {
    kFile,        // below DIR
    kUnpacked,    // a folder below DIR with the programs of an archive
    kHostFile,    // below a host's root
    kHostFolder,  // below a host's root; what is inside is the service's
    kService,     // on the host with that root
  };
  Kind kind = Kind::kFile;
  std::string root;  // as in the record; empty below DIR
  std::string path;  // of a service: its name

  bool on_host() const { return kind != Kind::kFile && kind != Kind::kUnpacked; }
  // As seen from DIR; of a service its name.
  std::string Shown() const;
};

// What RECORD, canonical JSON, is about, in the order in which it has to be removed. Empty for a step that
// keeps nothing of its own (a list of requests, an archive that was given, a service that nobody starts), and
// for kinds that this kplan does not know. No JSON is parsed, so all records of a plan cost little; values
// with escapes, which kplan never writes in paths, come as they are.
std::vector<Holding> HoldingsOf(absl::string_view record);

// The text of the member KEY of RECORD, canonical JSON, when it is a string without escapes; "" otherwise.
absl::string_view FieldOf(absl::string_view record, absl::string_view key);

// What tells two artifacts of one label apart: the host's root, below DIR the path. "" without holdings.
std::string PlaceOf(absl::string_view record);

// One name for one thing, however its root is written ("./rootfs", "rootfs", by a link).
class HoldingNames {
 public:
  std::string Of(const Holding& holding);

 private:
  const std::string& RealRoot(const std::string& root);
  absl::flat_hash_map<std::string, std::string> roots_;
};

}  // namespace kplan

#endif  // KPLAN_PLAN_HOLDINGS_H_
