#include "src/cli/question.h"

#include <stdio.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"

namespace kplan {
namespace {

bool SaysYes(const std::string& text) {
  PrintText(absl::StrCat(text, " [y/N] "));
  FlushOutput();
  char answer[16] = "";
  if (fgets(answer, sizeof(answer), stdin) == nullptr) PrintText("\n");
  const std::string line(answer);
  return line == "y\n" || line == "Y\n" || line == "yes\n";
}

}  // namespace

int Ask(const Question& question) {
  if (question.yes) return kExitDone;
  if (question.nobody || isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
    return Fail(absl::StrCat(question.declined, ": there is nobody to ask; --yes ", question.does));
  return SaysYes(question.text) ? kExitDone : Fail(question.declined);
}

}  // namespace kplan
