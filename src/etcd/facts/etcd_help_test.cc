// The table of flags against the etcd that is here: what its help lists, and what it takes.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "src/base/process.h"
#include "src/etcd/facts/etcd_flags.h"
#include "src/steps/service/etcd_testing.h"

namespace kplan {
namespace {

using Type = EtcdFlag::Type;

class EtcdHelp : public testing::Test {
 protected:
  void SetUp() override {
    if (EtcdFolder().empty()) GTEST_SKIP() << "no etcd here: neither KPLAN_TEST_ETCD_DIR nor an archive";
    std::string text = Ask({"--version"});
    const std::vector<std::string> lines = absl::StrSplit(text, '\n');
    ASSERT_TRUE(absl::StartsWith(lines[0], "etcd Version: ")) << text;
    ASSERT_TRUE(ParseEtcdVersion(lines[0].substr(14), &version_)) << lines[0];
  }

  // All that etcd says to ARGUMENTS.
  static std::string Ask(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = {absl::StrCat(EtcdFolder(), "/etcd")};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    absl::StatusOr<RunResult> result = kplan::Run(argv);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? absl::StrCat(result->out, result->err) : "";
  }

  EtcdVersion version_;
};

// What help shows as the default of a flag of TYPE: quoted or bare, 'true', '100', '5s', '/a/b'.
bool Fits(Type type, absl::string_view shown) {
  int64_t nanoseconds;
  const bool digits = !shown.empty() && absl::c_all_of(shown, [](char c) { return absl::ascii_isdigit(c); });
  switch (type) {
    case Type::kBool:
      return shown == "true" || shown == "false";
    case Type::kNumber:
    case Type::kBytes:
    case Type::kMegabytes:
    case Type::kMilliseconds:
    case Type::kSeconds:
      return digits || shown == "math.MaxUint32";  // etcd's help names that constant, 3.4.20
    case Type::kDuration:
      return ParseGoDuration(shown, &nanoseconds);
    case Type::kUrls:
      return shown.empty() || absl::StartsWith(shown, "http");
    case Type::kRetention:
      return digits;
    default:
      return shown != "true" && shown != "false";
  }
}

// "  --NAME 'DEFAULT'" is what a line of help begins with.
TEST_F(EtcdHelp, EveryFlagIsInTheTableWithItsType) {
  int seen = 0;
  for (absl::string_view line : absl::StrSplit(Ask({"--help"}), '\n')) {
    if (!absl::ConsumePrefix(&line, "  --")) continue;
    const std::string name(line.substr(0, line.find(' ')));
    line.remove_prefix(std::min(line.size(), name.size() + 1));
    SCOPED_TRACE(absl::StrCat(name, " ", line));
    ++seen;
    const EtcdFlag* flag = FindEtcdFlag(name);
    ASSERT_NE(flag, nullptr);
    EXPECT_TRUE(HasFlag(version_, *flag));
    EXPECT_NE(flag->type, Type::kIgnored);
    line = absl::StripAsciiWhitespace(line);
    const bool quoted = absl::ConsumePrefix(&line, "'");
    if (quoted) line = line.substr(0, line.find('\''));
    if (line.empty() && (!quoted || flag->type == Type::kDuration)) continue;  // no default is shown
    EXPECT_TRUE(Fits(flag->type, line)) << "the type is not that of the default";
  }
  EXPECT_GT(seen, 60) << "is help another one now?";
}

// Go's flag package ends at the first flag that it does not know or whose value is none; it goes through all
// of these and meets the last.
TEST_F(EtcdHelp, EtcdTakesEveryFlagOfTheTable) {
  std::vector<std::string> arguments;
  for (const EtcdFlag& flag : AllEtcdFlags()) {
    if (!HasFlag(version_, flag)) continue;
    std::string value = "text";
    switch (flag.type) {
      case Type::kBool:
        value = "false";
        break;
      case Type::kNumber:
      case Type::kBytes:
      case Type::kMegabytes:
      case Type::kMilliseconds:
      case Type::kSeconds:
        value = std::to_string(flag.most == EtcdFlag::kNoLimit ? 7 : flag.most);
        break;
      case Type::kDuration:
        value = "1h30m0.5s";
        break;
      case Type::kUrls:
      case Type::kOrigins:
        value = "http://127.0.0.1:7,https://[::1]:8";
        break;
      case Type::kWord:
        value = std::string(WordsOfFlag(version_, flag).back());
        break;
      case Type::kFeatures:
        value = "CompactHashCheck=true,AllAlpha=false";
        break;
      default:
        break;
    }
    arguments.push_back(absl::StrCat("--", flag.name, "=", value));
  }
  ASSERT_GT(arguments.size(), 100);
  const size_t known = arguments.size();
  arguments.push_back("--no-flag-of-any-etcd=1");
  const std::string said = Ask(arguments);
  EXPECT_TRUE(absl::StrContains(said, "flag provided but not defined: -no-flag-of-any-etcd")) << said;

  // So it would have been said of any other that is not there.
  arguments.resize(known);
  arguments.insert(arguments.begin(), "--also-none=1");
  EXPECT_TRUE(absl::StrContains(Ask(arguments), "flag provided but not defined: -also-none"));
}

// What a type refuses etcd refuses, too; what it takes etcd takes.
TEST_F(EtcdHelp, TypesAreWhatEtcdTakes) {
  auto invalid = [&](const std::string& argument) {
    return absl::StrContains(Ask({argument, "--no-flag-of-any-etcd=1"}), "invalid");
  };
  EXPECT_TRUE(invalid("--pre-vote=maybe"));
  EXPECT_TRUE(invalid("--snapshot-count=many"));
  EXPECT_TRUE(invalid("--quota-backend-bytes=8GiB"));
  EXPECT_TRUE(invalid("--grpc-keepalive-interval=2d"));
  EXPECT_TRUE(invalid("--grpc-keepalive-interval=inf"));
  EXPECT_TRUE(invalid("--listen-metrics-urls=127.0.0.1:1"));
  EXPECT_TRUE(invalid("--cors=https://a.example"));
  EXPECT_TRUE(invalid("--initial-cluster-state=newish"));
  EXPECT_FALSE(invalid("--quota-backend-bytes=-1"));
  EXPECT_FALSE(invalid("--cors=*"));
  EXPECT_FALSE(invalid("--grpc-keepalive-interval=.5s"));
  EXPECT_FALSE(invalid("--grpc-keepalive-interval=1.s"));
}

}  // namespace
}  // namespace kplan
