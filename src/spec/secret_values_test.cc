#include "src/spec/secret_values.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/base/diagnostic.h"
#include "src/base/source.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

// All lines of TEXT as they may be shown.
std::string Shown(const std::string& text) {
  SourceFile source("cluster.yaml", text);
  Diagnostics diagnostics(&source);
  YamlTree tree;
  tree.Parse(&diagnostics);
  HideSecretValues(tree, &diagnostics);
  std::string shown;
  for (int line = 1; line <= source.line_count(); ++line)
    absl::StrAppend(&shown, diagnostics.ShownLine(line), "\n");
  return shown;
}

std::string File(absl::string_view file) {
  return absl::StrCat("services:\n  app:\n    files:\n      /etc/app/token: ", file, "\n");
}

TEST(SecretValuesTest, AContentThatNotEverybodyMayReadIsHidden) {
  for (const char* file : {
           R"({content: CANARY, mode: "0600"})",
           R"({content: CANARY, mode: 0640})",
           R"({mode: 600, content: "CANARY\n"})",
           R"({content: 'CANARY', mode: "0601", owner: app})",
           "\n        mode: \"0600\"\n        content: |\n          first\n\n          CANARY\n          "
           "CANARY\n",
           "\n        content: >-\n          CANARY\n        mode: \"0600\"\n",
           "\n        content: first\n          CANARY\n\n          CANARY\n        mode: \"0600\"\n",
           "\n        content: \"first\n          CANARY\"\n        mode: \"0600\"\n",
       }) {
    const std::string shown = Shown(File(file));
    EXPECT_FALSE(absl::StrContains(shown, "CANARY")) << shown;
    EXPECT_TRUE(absl::StrContains(shown, "mode: ")) << shown;
    EXPECT_TRUE(absl::StrContains(shown, "/etc/app/token")) << shown;
  }
}

TEST(SecretValuesTest, WhatEverybodyMayReadIsShown) {
  for (const char* file :
       {R"({content: CANARY})", R"({content: CANARY, mode: "0644"})", R"({content: CANARY, mode: 444})"}) {
    const std::string text = File(file);
    EXPECT_EQ(Shown(text), text);
  }
}

// A mistake must not make a secret public.
TEST(SecretValuesTest, WhatIsNoFileIsHidden) {
  for (const char* file : {
           "CANARY",
           "[CANARY]",
           R"({contents: CANARY, mode: "0600"})",
           R"({content: CANARY, modes: "0600"})",
           R"({content: [CANARY], mode: "0600"})",
           R"({content: {a: CANARY}, mode: "0600"})",
           R"({content: CANARY, mode: rw-------})",
           R"({content: CANARY, mode: [0644]})",
       }) {
    const std::string shown = Shown(File(file));
    EXPECT_FALSE(absl::StrContains(shown, "CANARY")) << shown;
  }
}

TEST(SecretValuesTest, AnAliasIsHiddenWhereItsAnchorIs) {
  const std::string shown = Shown(
      "services:\n  app:\n    environment: {A: &a CANARY}\n    files:\n      /t: {content: *a, mode: "
      "\"0600\"}\n");
  EXPECT_FALSE(absl::StrContains(shown, "CANARY")) << shown;
}

TEST(SecretValuesTest, EveryOtherCharacterStaysInItsPlace) {
  EXPECT_EQ(Shown(File(R"({content: "abc", mode: "0600"})")), File(R"({content: *****, mode: "0600"})"));
}

// Where the text is no YAML nobody knows a mode.
TEST(SecretValuesTest, OfWhatIsNoYamlEveryContentIsHidden) {
  const std::string files =
      "services:\n"
      "  app:\n"
      "    files:\n"
      "      /etc/a: {content: CANARY, mode: \"0600\"}\n"
      "      /etc/b:\n"
      "        content: |\n"
      "          CANARY: x\n"
      "\n"
      "          CANARY\n"
      "        mode: \"0600\"\n"
      "      /etc/c: {\"content\" : \"CANARY\n"
      "  CANARY\n"
      "CANARY: CANARY\n"
      "a: \\\"CANARY\"\n"
      "CANARY}\n";
  for (const char* broken : {"a: ]\n", "\t\n", "a: {b: c\n"}) {
    for (const std::string& text : {absl::StrCat(broken, files), absl::StrCat(files, broken)}) {
      const std::string shown = Shown(text);
      EXPECT_FALSE(absl::StrContains(shown, "CANARY")) << shown;
      EXPECT_TRUE(absl::StrContains(shown, "/etc/b")) << shown;
    }
  }
}

}  // namespace
}  // namespace kplan
