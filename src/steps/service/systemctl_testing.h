#ifndef KPLAN_STEPS_SERVICE_SYSTEMCTL_TESTING_H_
#define KPLAN_STEPS_SERVICE_SYSTEMCTL_TESTING_H_

#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/step/host_outlook_testing.h"

namespace kplan {

// A test of a look that asks systemd, with a systemctl of its own: it says what is in the file "state", and
// writes down what it is asked to do.
class SystemctlTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    // Run() gives a child no environment but PATH, so the paths are written into the script.
    Write("bin/systemctl",
          absl::StrCat("#!/bin/sh\necho \"$@\" >> ", Path("asked"), "\ncat ", Path("state"), "\n"), 0755);
    Write("asked", "");
    ASSERT_EQ(setenv("PATH", absl::StrCat(Path("bin"), ":/usr/bin:/bin").c_str(), 1), 0);
    Foresight::folders = {"bin"};
  }

  std::string Path(absl::string_view name) const { return absl::StrCat(working_folder_, "/", name); }

  // The arguments of each time it was asked.
  static std::vector<std::string> Asked() { return absl::StrSplit(Read("asked"), '\n', absl::SkipEmpty()); }
};

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_SYSTEMCTL_TESTING_H_
