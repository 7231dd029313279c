#include "src/step/step_testing.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/files.h"

namespace kplan {

void StepTest::SetUp() {
  std::string pattern = testing::TempDir() + "/step-XXXXXX";
  ASSERT_NE(mkdtemp(&pattern[0]), nullptr);
  char* real = realpath(pattern.c_str(), nullptr);
  ASSERT_NE(real, nullptr);
  working_folder_ = real;
  free(real);
  ASSERT_EQ(chmod(working_folder_.c_str(), 0755), 0);
  ASSERT_EQ(chdir(working_folder_.c_str()), 0);
}

absl::StatusOr<StepResult> StepTest::Run(const AnyStep& step, absl::string_view json) {
  absl::StatusOr<Json> record = ParseRecord(json);
  if (!record.ok()) return record.status();
  StepContext context;
  context.label = "test";
  context.now = absl::FromUnixSeconds(1700000000);
  return step(context, *record);
}

StepResult StepTest::MustRun(const AnyStep& step, absl::string_view json) {
  absl::StatusOr<StepResult> result = Run(step, json);
  EXPECT_TRUE(result.ok()) << result.status() << "\n" << json;
  return result.ok() ? *result : StepResult{"", {}, "(failed)", ""};
}

std::string StepTest::ErrorOf(const AnyStep& step, absl::string_view json) {
  absl::StatusOr<StepResult> result = Run(step, json);
  EXPECT_FALSE(result.ok()) << json;
  return std::string(result.status().message());
}

void StepTest::Write(const std::string& path, absl::string_view content, mode_t mode) {
  absl::Status status = WriteFile(path, content, mode);
  ASSERT_TRUE(status.ok()) << status;
}

std::string StepTest::Read(const std::string& path) {
  absl::StatusOr<std::string> content = ReadFile(path);
  return content.ok() ? *content : absl::StrCat("(", content.status().ToString(), ")");
}

struct stat StepTest::Look(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
  return info;
}

bool StepTest::Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

std::vector<std::string> StepTest::List(const std::string& folder) {
  std::vector<std::string> names;
  DIR* dir = opendir(folder.c_str());
  if (dir == nullptr) return {"(none)"};
  while (struct dirent* entry = readdir(dir)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

std::string StepTest::Everything(const std::string& folder) {
  std::string all;
  for (const std::string& name : List(folder)) {
    std::string path = absl::StrCat(folder, "/", name);
    struct stat info = Look(path);
    absl::StrAppend(&all, path, " ", absl::Hex(info.st_mode), " ", info.st_ino, " ", info.st_ctim.tv_sec, ".",
                    info.st_ctim.tv_nsec, "\n");
    if (S_ISDIR(info.st_mode)) absl::StrAppend(&all, Everything(path));
  }
  return all;
}

}  // namespace kplan
