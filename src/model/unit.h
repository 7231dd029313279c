#ifndef KPLAN_MODEL_UNIT_H_
#define KPLAN_MODEL_UNIT_H_

// The text of a systemd unit (systemd.syntax(7), systemd.service(5)).

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"
#include "src/model/cluster.h"
#include "src/spec/spec.h"

namespace kplan {

struct Unit {
  struct Section {
    std::string name;
    StringPairs keys;  // in the order written to the file
  };

  std::vector<Section> sections;

  // Null when there is no such section or key.
  std::string* Find(absl::string_view section, absl::string_view key);
  void Set(absl::string_view section, absl::string_view key, std::string value);
  std::string Text() const;
};

// ARGUMENTS as the value of ExecStart: the program, then one flag a line. An argument with characters that
// systemd reads specially is quoted, "%" and "$" doubled, so that the service gets it byte for byte. A flag
// written in two arguments ("--name", "etcd") stays on one line.
std::string ExecStart(const std::vector<Argument>& arguments);

// Merges what the spec adds (`unit: {Service: {User: etcd}}`) into UNIT: a key that is there gets the new
// value, the others follow in alphabetical order, so that their order in the file does not matter.
void MergeUnit(const std::vector<UnitSectionSpec>& spec, Unit* unit, Diagnostics* diagnostics);

}  // namespace kplan

#endif  // KPLAN_MODEL_UNIT_H_
