#include "src/systemd/environment_file.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ParseEnvironmentFile, WhatSystemdReads) {
  absl::StatusOr<std::vector<std::string>> variables = ParseEnvironmentFile(
      "# made by kplan\n"
      "; so\n"
      "\n"
      "ETCD_INITIAL_CLUSTER=a=https://10.0.0.1:2380,b=https://10.0.0.2:2380\n"
      "EMPTY=\n"
      "BLANKS=two words\n"
      "SINGLE='a \"b\" \\c'\n"
      "DOUBLE=\"a \\\"b\\\" \\\\ \\$c \\`d\\` 'e'\"");
  ASSERT_TRUE(variables.ok()) << variables.status();
  EXPECT_THAT(*variables, ElementsAre("ETCD_INITIAL_CLUSTER=a=https://10.0.0.1:2380,b=https://10.0.0.2:2380",
                                      "EMPTY=", "BLANKS=two words", "SINGLE=a \"b\" \\c",
                                      "DOUBLE=a \"b\" \\ $c `d` 'e'"));
  EXPECT_THAT(*ParseEnvironmentFile(""), IsEmpty());
}

TEST(ParseEnvironmentFile, WhatWouldBeReadInAnotherWayIsRefusedWithItsLine) {
  for (const char* line : {"no equal sign", "=value", "1A=x", "A B=x", "A=x\\", "A=it's", "A=x ", "A= x",
                           "A='x", "A='x'y", "A=\"x\\n\"", "A=\"x\\", " A=x", "export A=x"}) {
    absl::Status status = ParseEnvironmentFile(absl::StrCat("GOOD=1\n", line, "\n")).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << line;
    EXPECT_THAT(std::string(status.message()), HasSubstr("line 2")) << line;
  }
}

TEST(WithVariables, TheFileHasTheLastWord) {
  EXPECT_THAT(WithVariables({"A=1", "B=2", "AB=3"}, {"A=x", "C=y", "C=z"}),
              ElementsAre("B=2", "AB=3", "A=x", "C=z"));
}

}  // namespace
}  // namespace kplan
