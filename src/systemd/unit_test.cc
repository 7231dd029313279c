#include "src/systemd/unit.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "src/systemd/hardening.h"

namespace kplan {
namespace {

TEST(ExecStart, PutsAFlagALine) {
  EXPECT_EQ(ExecStart({{"", "/usr/local/bin/etcd"},
                       {"--client-cert-auth", ""},
                       {"--name", ""},
                       {"etcd", ""},
                       {"--data-dir=", "/var/lib/etcd"}}),
            "/usr/local/bin/etcd \\\n  --client-cert-auth \\\n  --name etcd \\\n  --data-dir=/var/lib/etcd");
}

TEST(ExecStart, QuotesWhatSystemdWouldRead) {
  EXPECT_EQ(ExecStart({{"/e", ""}, {"--name", ""}, {"a b", ""}}), "/e \\\n  --name \"a b\"");
  EXPECT_EQ(ExecStart({{"/e", ""}, {"--x=100%$HOME", ""}}), "/e \\\n  --x=100%%$$HOME");
  EXPECT_EQ(ExecStart({{"/e", ""}, {"--x=a\"b\\c'd;e", ""}}), "/e \\\n  \"--x=a\\\"b\\\\c'd;e\"");
  EXPECT_EQ(ExecStart({{"/e", ""}, {"--name", ""}, {";", ""}}), "/e \\\n  --name \";\"");
  EXPECT_EQ(ExecStart({{"/e", ""}, {"--name=bücher", ""}}), "/e \\\n  --name=bücher");
}

TEST(ExecStart, NoWordBeginsAComment) {
  // systemd leaves out a line that begins with "#" or ";", also where a command goes on.
  EXPECT_EQ(ExecStart({{"/e", ""}, {"#a", ""}, {";b", ""}}), "/e \\\n  \"#a\" \\\n  \";b\"");
  EXPECT_EQ(ExecStart({{"/e", ""}, {"a#b", ""}, {"", ""}}), "/e \\\n  a#b \\\n  \"\"");
}

TEST(ExecStart, EscapesControlCharacters) {
  EXPECT_EQ(ExecStart({{"/e", ""}, {"a\n1\t\x7f", ""}}), "/e \\\n  \"a\\0121\\011\\177\"");
}

TEST(EnvironmentValue, TakesVariablesLiterally) {
  EXPECT_EQ(EnvironmentValue({"A=b", "B=c d", "C=", "D=50%$x", "E=\"'\\"}),
            "A=b \"B=c d\" C= D=50%%$x \"E=\\\"'\\\\\"");
  EXPECT_EQ(EnvironmentValue({}), "");
}

TEST(ExecStart, EscapesWhatSystemdTakesForBadUtf8) {
  EXPECT_EQ(ExecStart({{"/e", ""}, {"\uFFFEa", ""}, {"\U0001FFFF\uFFFD", ""}}),
            "/e \\\n  \"\\357\\277\\276a\" \\\n  \"\\360\\237\\277\\277\uFFFD\"");
}

TEST(VariableProblem, IsWhatSystemdWouldLeaveOut) {
  for (const char* good : {"A=", "a_1=b=c", "_=%d $x \"'\\", "A=größer"})
    EXPECT_EQ(VariableProblem(good), "") << good;
  for (const char* bad :
       {"", "A", "=b", "1A=b", "A B=c", "A-B=c", "Ä=b", "A=\uFFFE", "A=\uFDD0", "A=\U0010FFFF"}) {
    EXPECT_NE(VariableProblem(bad), "") << bad;
  }
}

TEST(FindNonCharacter, FindsThoseOfEveryPlane) {
  EXPECT_EQ(FindNonCharacter("a\uFFFE"), 1u);
  for (const char* bad : {"\uFDD0", "\uFDEF", "\uFFFF", "\U0001FFFE", "\U0002FFFF", "\U0010FFFE"}) {
    EXPECT_EQ(FindNonCharacter(bad), 0u) << bad;
  }
  for (const char* good :
       {"", "a", "\uFDCF", "\uFDF0", "\uFFFD", "\uEFFF", "\U0001FFFD", "\U0001EFFF", "\U00010000", "ö"}) {
    EXPECT_EQ(FindNonCharacter(good), absl::string_view::npos) << good;
  }
}

class UnitTest : public testing::Test {
 protected:
  static Text At(std::string value) { return {std::move(value), {1, 2}}; }
  static UnitKeySpec Key(std::string name, std::vector<std::string> values) {
    UnitKeySpec key = {At(std::move(name)), {}};
    for (std::string& value : values) key.values.push_back(value.empty() ? Text() : At(std::move(value)));
    return key;
  }
  // What is wrong with VALUE in a unit of the name NAME; empty when nothing is.
  std::string ProblemWith(const std::string& name, const std::string& value) {
    return ProblemOf({At(name), {{At("Unit"), {Key("Description", {value})}}}});
  }
  std::string ProblemOf(const FurtherUnitSpec& unit) {
    Diagnostics diagnostics(&source_);
    text_ = FurtherUnitText(unit, &diagnostics);
    if (!diagnostics.has_errors()) return "";
    EXPECT_TRUE(diagnostics.all()[0].range.known());
    return diagnostics.all()[0].message + "; " + diagnostics.all()[0].help;
  }

  SourceFile source_{"c", std::string(100, ' ')};
  Diagnostics diagnostics_{&source_};
  std::string text_;
};

TEST_F(UnitTest, MergeReplacesInPlaceAndAddsInTheOrderOfTheText) {
  Unit unit;
  unit.sections = {{"Unit", {{"Description", {"etcd"}}}},
                   {"Service", {{"Restart", {"on-failure"}}, {"RestartSec", {"5"}}}}};
  MergeUnit(
      {{At("Service"), {Key("User", {"etcd"}), Key("Restart", {"always"}), Key("LimitNOFILE", {"65536"})}},
       {At("Install"), {Key("WantedBy", {"a.target", "b.target"})}},
       {At("Unit"), {Key("After", {"", "c.service"}), Key("Wants", {""})}}},
      UnitRules(), &unit, &diagnostics_);
  EXPECT_FALSE(diagnostics_.has_errors()) << diagnostics_.Format(false);
  EXPECT_EQ(unit.Text(),
            "[Unit]\nDescription=etcd\nAfter=\nAfter=c.service\nWants=\n\n"
            "[Service]\nRestart=always\nRestartSec=5\nUser=etcd\nLimitNOFILE=65536\n\n"
            "[Install]\nWantedBy=a.target\nWantedBy=b.target\n");
}

TEST_F(UnitTest, SeveralLinesReplaceSeveral) {
  Unit unit;
  unit.SetLines("Service", "SystemCallFilter", {"@system-service", "~@privileged"});
  unit.Set("Service", "Type", "exec");
  MergeUnit({{At("Service"), {Key("SystemCallFilter", {"", "@basic-io"})}}}, UnitRules(), &unit,
            &diagnostics_);
  EXPECT_EQ(unit.Text(), "[Service]\nSystemCallFilter=\nSystemCallFilter=@basic-io\nType=exec\n");
}

TEST_F(UnitTest, FixedKeysAreRefused) {
  Unit unit;
  UnitRules rules;
  rules.fixed = {{"Service", "ExecStart", "it is made from `command`", "write `command`"}};
  MergeUnit({{At("Service"), {Key("ExecStart", {"/bin/x"}), Key("Type", {"exec"})}}}, rules, &unit,
            &diagnostics_);
  ASSERT_EQ(diagnostics_.error_count(), 1);
  EXPECT_EQ(diagnostics_.all()[0].message, "ExecStart cannot be set here: it is made from `command`");
  EXPECT_EQ(diagnostics_.all()[0].help, "write `command`");
  EXPECT_EQ(unit.Text(), "[Service]\nType=exec\n");
}

TEST_F(UnitTest, ValuesThatWouldMeanSomethingElseAreRefused) {
  for (const char* good : {"a", "100%", "50%%", "%", "a % b", "100%!", "%%h", "a\\b", "a\\\\n", "größer",
                           "#a", "[Service]", "\"quoted\"", "'", "$HOME"}) {
    EXPECT_EQ(ProblemWith("a.timer", good), "") << good;
    EXPECT_EQ(text_, std::string("[Unit]\nDescription=") + good + "\n");
  }
  for (const char* bad : {"a\n[Service]", "a\r", "\t", "a\x7f", "\u0085", "\u2028", " a", "a ", "a\\", "\\\\",
                          "%h", "%%%h", "%i", "a%Zb", "a%8"}) {
    EXPECT_NE(ProblemWith("a.timer", bad), "") << bad;
  }
}

TEST_F(UnitTest, TemplatesMaySpeakOfTheirInstance) {
  for (const char* good : {"%i", "%I %j %J %n %N %p %P %f", "100%"})
    EXPECT_EQ(ProblemWith("a@.service", good), "");
  for (const char* bad : {"%h", "%m", "%%%u", "%Z"}) EXPECT_NE(ProblemWith("a@.service", bad), "") << bad;
  EXPECT_NE(ProblemWith("a@1.service", "%i"), "") << "an instance is a unit like others";
}

TEST_F(UnitTest, NamesOfFurtherUnits) {
  for (const char* good : {"a.timer", "a.b.socket", "A-1_x@.service", "a@b.mount", "x.path", "x.target"}) {
    EXPECT_EQ(ProblemWith(good, "a"), "") << good;
  }
  for (const char* bad :
       {"a", ".timer", "a.conf", "@.service", "a@b@.service", "a/b.timer", "a b.timer", "a:b.timer",
        "a\\x2d.mount", "-.scope", "ä.timer", "..timer", "a.timer.d", "%i.service"}) {
    EXPECT_NE(ProblemWith(bad, "a"), "") << bad;
    EXPECT_EQ(text_, "");
  }
  EXPECT_EQ(ProblemWith(std::string(224, 'a') + ".timer", "a"), "");
  EXPECT_NE(ProblemWith(std::string(225, 'a') + ".timer", "a"), "");
  EXPECT_THAT(ProblemWith("a.timr", "a"), testing::HasSubstr("did you mean \"timer\"?"));
}

TEST_F(UnitTest, SectionsAreThoseOfTheType) {
  auto with = [&](std::string name, std::string section) {
    return ProblemOf({At(std::move(name)), {{At(std::move(section)), {Key("A", {"b"})}}}});
  };
  EXPECT_EQ(with("a.timer", "Timer"), "");
  EXPECT_EQ(with("a.timer", "Install"), "");
  EXPECT_EQ(with("a.socket", "Socket"), "");
  EXPECT_EQ(with("a.timer", "Service"),
            "a timer unit has no section \"Service\"; there are Unit, Timer and Install");
  EXPECT_EQ(with("a.timer", "timer"), "a timer unit has no section \"timer\"; did you mean \"Timer\"?");
  EXPECT_EQ(with("a.target", "Target"),
            "a target unit has no section \"Target\"; there are Unit and Install");
  EXPECT_THAT(with("a.automount", "Mount"), testing::HasSubstr("an automount unit"));
}

TEST_F(UnitTest, KeysAreLettersOnly) {
  for (const char* bad : {"", "a", "A b", "A=", "A\nB", "Ä", "[A]", "X-A"}) {
    EXPECT_NE(ProblemOf({At("a.timer"), {{At("Timer"), {Key(bad, {"b"})}}}}), "") << bad;
  }
}

TEST_F(UnitTest, StrictComesUnderTheSpec) {
  Unit unit;
  unit.sections = {{"Service", {{"Type", {"notify"}}}}};
  HardenStrictly("etcd", "etcd", &unit);
  EXPECT_EQ(*unit.Find("Service", "User"), "etcd");
  EXPECT_EQ(*unit.Find("Service", "Group"), "etcd");
  EXPECT_EQ(*unit.Find("Service", "StateDirectory"), "etcd");
  EXPECT_EQ(*unit.Find("Service", "CapabilityBoundingSet"), "");
  MergeUnit({{At("Service"), {Key("ProtectHome", {"read-only"})}}}, UnitRules(), &unit, &diagnostics_);
  EXPECT_EQ(*unit.Find("Service", "ProtectHome"), "read-only");
  Unit plain;
  HardenStrictly("", "", &plain);
  EXPECT_EQ(plain.Find("Service", "User"), nullptr);
  EXPECT_EQ(plain.Find("Service", "StateDirectory"), nullptr);
}

TEST_F(UnitTest, HardeningIsOffOrStrict) {
  EXPECT_FALSE(IsStrict(Text(), &diagnostics_));
  EXPECT_FALSE(IsStrict(At("off"), &diagnostics_));
  EXPECT_TRUE(IsStrict(At("strict"), &diagnostics_));
  EXPECT_FALSE(diagnostics_.has_errors());
  EXPECT_FALSE(IsStrict(At("strikt"), &diagnostics_));
  EXPECT_EQ(diagnostics_.all()[0].help, "did you mean \"strict\"?");
}

}  // namespace
}  // namespace kplan
