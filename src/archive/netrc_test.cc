#include "src/archive/netrc.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::HasSubstr;
using testing::Not;

// "NAME:PASSWORD", "none", or the error.
std::string Found(absl::string_view text, absl::string_view host = "mirror.example.com") {
  absl::StatusOr<std::optional<Login>> login = FindLogin(text, host);
  if (!login.ok()) {
    EXPECT_TRUE(absl::IsInvalidArgument(login.status())) << login.status();
    return std::string(login.status().message());
  }
  if (!login->has_value()) return "none";
  return absl::StrCat((*login)->name.view(), ":", (*login)->password.view());
}

TEST(Netrc, FormsOfAnEntry) {
  for (const char* text : {
           "machine mirror.example.com login ops password s3cret",
           "machine mirror.example.com\n\tlogin ops\r\n\tpassword s3cret\r\n",
           "machine mirror.example.com password s3cret login ops\n",
           "machine MIRROR.example.com login ops account x password s3cret\n",
           "machine other login x password y\nmachine mirror.example.com login ops password s3cret\n",
           "# machine mirror.example.com login x password y\nmachine mirror.example.com login ops password "
           "s3cret\n",
           "  # indented\n\nmachine \"mirror.example.com\" login \"ops\" password \"s3cret\"",
           "macdef init\nmachine mirror.example.com login x password y\n\n"
           "machine mirror.example.com login ops password s3cret\n",
           "default login x password y\nmachine mirror.example.com login ops password s3cret\n",
           "machine mirror.example.com login ops password s3cret\nmachine mirror.example.com login x "
           "password y\n",
       }) {
    EXPECT_EQ(Found(text), "ops:s3cret") << text;
  }
}

TEST(Netrc, ForWhom) {
  const char text[] = "machine a login in-a password pa\nmachine 10.0.0.1 login in-b password pb\n";
  EXPECT_EQ(Found(text, "a"), "in-a:pa");
  EXPECT_EQ(Found(text, "10.0.0.1"), "in-b:pb");
  EXPECT_EQ(Found(text, "a.example.com"), "none");
  EXPECT_EQ(Found(text, ""), "none");
  EXPECT_EQ(Found("", "a"), "none");
  EXPECT_EQ(Found(absl::StrCat(text, "default login any password p"), "c"), "any:p");
}

TEST(Netrc, WhatAPasswordMayBe) {
  const char before[] = "machine mirror.example.com login ops password ";
  EXPECT_EQ(Found(absl::StrCat(before, "#no:comment\\n\n")), "ops:#no:comment\\n");
  EXPECT_EQ(Found(absl::StrCat(before, "a\"b\n")), "ops:a\"b");
  EXPECT_EQ(Found(absl::StrCat(before, R"("with space, \" and \\")")), "ops:with space, \" and \\");
  EXPECT_EQ(Found(absl::StrCat(before, "\"\"")), "ops:");
  EXPECT_EQ(Found(absl::StrCat(before, "g\xC3\xBCnstig")), "ops:g\xC3\xBCnstig");
}

TEST(Netrc, WhatIsWrongIsNamedByItsLineAlone) {
  struct Case {
    const char *text, *why;
  };
  for (const Case& each : std::vector<Case>{
           {"machine mirror.example.com login ops password s3cret s3cret2\n",
            "line 1 has a word that is no keyword"},
           {"\n\nlogin ops password s3cret", "line 3 has no `machine` before it"},
           {"machine mirror.example.com login ops password", "line 1 ends with a keyword"},
           {"machine", "line 1 ends with a keyword"},
           {"# x\nmachine mirror.example.com login ops\n", "line 2 has an entry without"},
           {"machine mirror.example.com password s3cret", "line 1 has an entry without"},
           {"machine mirror.example.com\nlogin o:ps password s3cret", "line 1 has an entry whose `login`"},
           {"machine mirror.example.com login \"\" password s3cret", "line 1 has an entry whose `login`"},
           {"machine mirror.example.com login ops password \"s3cret\n\"",
            "line 1 has a quote that nothing closes"},
           {"machine mirror.example.com login ops password \"s3cret\\",
            "line 1 has a quote that nothing closes"},
           {R"(machine mirror.example.com login ops password "s3cret\nX: y")", "control character"},
           {"s3cret", "line 1 has a word that is no keyword"}}) {
    EXPECT_THAT(Found(each.text), HasSubstr(each.why)) << each.text;
    EXPECT_THAT(Found(each.text), Not(HasSubstr("s3cret"))) << each.text;
  }
  // What is wrong with another's entry is not this one's.
  EXPECT_EQ(Found("machine a login x\nmachine mirror.example.com login ops password p"), "ops:p");
  EXPECT_THAT(Found(std::string("machine mirror.example.com login ops password a\0b", 49)),
              HasSubstr("control character"));
}

}  // namespace
}  // namespace kplan
