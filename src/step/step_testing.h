#ifndef KPLAN_STEP_STEP_TESTING_H_
#define KPLAN_STEP_STEP_TESTING_H_

#include <sys/stat.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {

// A step of any kind, as a test names it: KeyStep. It is given the record as JSON, as it is kept.
class AnyStep {
 public:
  template <typename R>
  AnyStep(absl::StatusOr<StepResult> (*step)(const StepContext&, const R&))  // NOLINT: as if it were one
      : step_([step](const StepContext& context, const Json& json) -> absl::StatusOr<StepResult> {
          absl::StatusOr<R> record = FromJson<R>(json);
          if (!record.ok()) return record.status();
          return step(context, *record);
        }) {}

  absl::StatusOr<StepResult> operator()(const StepContext& context, const Json& record) const {
    return step_(context, record);
  }

 private:
  std::function<absl::StatusOr<StepResult>(const StepContext&, const Json&)> step_;
};

// A look of any kind, likewise: KeyLook.
class AnyLook {
 public:
  template <typename R>
  AnyLook(absl::StatusOr<Outlook> (*look)(const LookContext&, const R&))  // NOLINT: as if it were one
      : look_([look](const LookContext& context, const Json& json) -> absl::StatusOr<Outlook> {
          absl::StatusOr<R> record = FromJson<R>(json);
          if (!record.ok()) return record.status();
          return look(context, *record);
        }) {}

  absl::StatusOr<Outlook> operator()(const LookContext& context, const Json& record) const {
    return look_(context, record);
  }

 private:
  std::function<absl::StatusOr<Outlook>(const LookContext&, const Json&)> look_;
};

// A test of a step, in a working folder of its own (so paths can be written as in a record).
class StepTest : public testing::Test {
 protected:
  void SetUp() override;

  // Runs STEP on the record JSON.
  static absl::StatusOr<StepResult> Run(const AnyStep& step, absl::string_view json);
  // The same; the result has to be good.
  static StepResult MustRun(const AnyStep& step, absl::string_view json);
  // The message of the error that the step has to give.
  static std::string ErrorOf(const AnyStep& step, absl::string_view json);

  static void Write(const std::string& path, absl::string_view content, mode_t mode = 0644);
  static std::string Read(const std::string& path);  // "(...)" with the error when it cannot
  static struct stat Look(const std::string& path);  // itself, when it is a link
  static mode_t ModeOf(const std::string& path) { return Look(path).st_mode & 07777; }
  static bool Exists(const std::string& path);
  static std::vector<std::string> List(
      const std::string& folder);  // names, sorted; "(none)" without the folder

  // One line for everything below FOLDER: path, kind, mode, inode, time of the last change to inode or
  // content. Equal before and after means that nothing was touched.
  static std::string Everything(const std::string& folder = ".");

  std::string working_folder_;
};

}  // namespace kplan

#endif  // KPLAN_STEP_STEP_TESTING_H_
