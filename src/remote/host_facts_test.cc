#include "src/remote/host_facts.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/fields.h"

namespace kplan {
namespace {

Json GoodFacts() {
  return {{"agent", "kplan-agent-0123456789abcdef"},
          {"arch", "amd64"},
          {"id", "0123456789abcdef"},
          {"kernel", "6.1.0-28-amd64"},
          {"machine-id", "4c4c4544003957108052b4c04f384833"},
          {"os", "Debian GNU/Linux 12 (bookworm)"},
          {"systemd", "252"}};
}

TEST(ParseFacts, TakesWhatMachinesSay) {
  Json json = GoodFacts();
  absl::StatusOr<HostFacts> facts = ParseFacts(json);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(ToJson(*facts), json);
  // A container, and a kernel that somebody gave a name.
  for (const char* key : {"systemd", "machine-id", "arch"}) json[key] = "";
  json["kernel"] = "6.1 (mine)";
  EXPECT_TRUE(ParseFacts(json).ok());
  EXPECT_TRUE(ParseFacts(ToJson(FactsOfThisMachine())).status().message().find("agent") != std::string::npos)
      << "which has no claim";
}

// The names are those of files and of what others compare.
TEST(ParseFacts, NamesAreNames) {
  for (const char* key : {"agent", "arch", "id", "machine-id"}) {
    for (const std::string& bad :
         {std::string("../../etc/passwd"), std::string("a b"), std::string("a\nb"), std::string("\x1b[2J"),
          std::string("a\0b", 3), std::string("b\u00fccher"), std::string(513, 'a')}) {
      Json json = GoodFacts();
      json[key] = bad;
      EXPECT_EQ(ParseFacts(json).status().code(), absl::StatusCode::kDataLoss) << key << ": " << bad;
      EXPECT_THAT(std::string(ParseFacts(json).status().message()),
                  testing::HasSubstr(absl::StrCat("\"", key, "\"")));
    }
  }
  for (const char* key : {"agent", "id"}) {
    Json json = GoodFacts();
    json[key] = "";
    EXPECT_FALSE(ParseFacts(json).ok()) << key;
  }
}

TEST(ParseFacts, WordsAreOneLine) {
  Json json = GoodFacts();
  for (const char* key : {"kernel", "os", "systemd"})
    json[key] = std::string("x\n\x1b]0;title\x07") + std::string(1000, 'a');
  absl::StatusOr<HostFacts> facts = ParseFacts(json);
  ASSERT_TRUE(facts.ok()) << facts.status();
  for (const std::string& text : {facts->kernel, facts->os, facts->systemd}) {
    EXPECT_THAT(text, testing::StartsWith("x\\x0a\\x1b]0;title\\x07a"));
    EXPECT_LT(text.size(), 600u);
  }
}

TEST(ParseFacts, SaysWhatIsMissing) {
  const Json good = GoodFacts();
  for (const auto& [key, value] : good.items()) {
    Json json = GoodFacts();
    json.erase(key);
    EXPECT_THAT(std::string(ParseFacts(json).status().message()), testing::HasSubstr(key));
    json[key] = 1;
    EXPECT_FALSE(ParseFacts(json).ok()) << key;
  }
  EXPECT_FALSE(ParseFacts(Json::array()).ok());
}

}  // namespace
}  // namespace kplan
