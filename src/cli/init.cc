// kplan init: a cluster.yaml to start from.

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/embedded.h"
#include "src/cli/terminal.h"

namespace kplan {
namespace {

constexpr char kTutorial[] = "tutorial";

}  // namespace

int InitCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("init", arguments)) return kExitUsage;
  const std::string from = options.Value("--from").empty() ? kTutorial : options.Value("--from");
  const std::string file = SpecOf(options);
  absl::Status status =
      WriteFile(file, Embedded(absl::StrCat("examples/starters/", from, ".yaml")), 0644, Overwrite::kNo);
  if (absl::IsAlreadyExists(status)) {
    return Fail(absl::StrCat(
        file, " is there already, and init replaces no file; name another one: kplan init FILE"));
  }
  if (!status.ok()) return Fail(status.message());
  std::string text = absl::StrCat("wrote ", file, "\nnext: edit it, then\n  kplan check ", file,
                                  "\n  kplan gen ", file, " && ninja\n");
  PrintText(text);
  return kExitDone;
}

}  // namespace kplan
