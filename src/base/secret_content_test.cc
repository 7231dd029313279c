#include "src/base/secret_content.h"

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(SecretContentTest, EveryModeIsSecretThatOthersCannotRead) {
  for (mode_t mode = 0; mode <= 0777; ++mode) {
    const int others = static_cast<int>(mode % 8);
    const bool readable = others >= 4;
    EXPECT_EQ(IsSecretMode(mode), !readable) << mode;
    EXPECT_EQ(IsSecretMode(absl::StrFormat("%03o", mode)), !readable) << mode;
    EXPECT_EQ(IsSecretMode(absl::StrFormat("%04o", mode)), !readable) << mode;
  }
}

TEST(SecretContentTest, WhatIsNoModeIsSecret) {
  for (absl::string_view mode :
       {"", "4", "44", "00644", "0684", "0o644", "rw-r--r--", "u=rw,o=r", "644 ", "-644"})
    EXPECT_TRUE(IsSecretMode(mode)) << mode;
}

}  // namespace
}  // namespace kplan
