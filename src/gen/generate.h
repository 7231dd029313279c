#ifndef KPLAN_GEN_GENERATE_H_
#define KPLAN_GEN_GENERATE_H_

// The files that `gen` writes, and their writing.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/text_sink.h"
#include "src/lower/compile.h"
#include "src/ninja/ninja_file.h"

namespace kplan {

// plan.json: labels, kinds, inputs and hosts, for tools.
void WritePlanJson(const Compiled& compiled, TextSink sink);

struct Written {
  size_t changed_steps = 0;  // records that are new or other than before
  bool changed = false;      // whether any file was written
};

// Brings the files below the current folder to what COMPILED says: records, plan.json and build.ninja. Files
// that are right already are not touched. While records and build.ninja do not fit each other, a stub stands
// in for the latter, which can only generate again; so a kill at any point leaves a folder in which `ninja`
// completes the work.
absl::StatusOr<Written> WriteGenerated(const Compiled& compiled, const NinjaOptions& options);

}  // namespace kplan

#endif  // KPLAN_GEN_GENERATE_H_
