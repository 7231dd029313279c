#include "src/step/unit_changes.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/step/command_changes.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Lines(const std::vector<Change>& changes) {
  std::vector<std::string> lines;
  for (const Change& change : changes) {
    lines.push_back(absl::StrCat(change.what, ": ", change.from, " -> ", change.to));
  }
  return lines;
}

std::vector<std::string> UnitLines(absl::string_view from, absl::string_view to) {
  std::optional<std::vector<Change>> changes = UnitChanges(from, to);
  if (!changes.has_value()) return {"no unit"};
  return Lines(*changes);
}

constexpr char kUnit[] =
    "[Unit]\nDescription=etcd\n\n[Service]\nType=notify\nExecStart=/usr/local/bin/etcd \\\n  --name etcd \\\n"
    "  --client-cert-auth \\\n  --data-dir=/var/lib/etcd\nRestart=on-failure\n\n[Install]\n"
    "WantedBy=multi-user.target\n";

TEST(UnitChangesTest, KeysBySection) {
  std::string other = kUnit;
  other.replace(other.find("Restart=on-failure"), 18, "LimitNOFILE=65536\nRestart=always");
  other.replace(other.find("Description=etcd\n"), 17, "");
  EXPECT_THAT(UnitLines(kUnit, other),
              ElementsAre("[Service] LimitNOFILE:  -> 65536", "[Service] Restart: on-failure -> always",
                          "[Unit] Description: etcd -> "));
}

TEST(UnitChangesTest, TheCommandFlagByFlag) {
  std::string other = kUnit;
  other.replace(other.find("--name etcd"), 11, "--name=\"etcd\" \\\n  --max-wals=10");
  other.replace(other.find("  --client-cert-auth \\\n"), 23, "");
  EXPECT_THAT(UnitLines(kUnit, other),
              ElementsAre("flag --max-wals:  -> 10", "flag --client-cert-auth: true -> "));
}

TEST(UnitChangesTest, KeysThatAreListed) {
  EXPECT_THAT(UnitLines("[Service]\nEnvironment=A=1\nEnvironment=B=2\n",
                        "[Service]\nEnvironment=B=2\n"
                        "Environment=C=3\nEnvironment=D=4\n"),
              ElementsAre("[Service] Environment:  -> C=3", "[Service] Environment:  -> D=4",
                          "[Service] Environment: A=1 -> "));
}

TEST(UnitChangesTest, CommentsAndSpacesSayNothing) {
  EXPECT_THAT(UnitLines("# old\n[Service]\nType = notify\n", "; new\n\n[Service]\nType=notify\n"), IsEmpty());
  EXPECT_THAT(UnitLines("[Service]\nExecStart=a \\\n# why\n  b\n", "[Service]\nExecStart=a b\n"), IsEmpty());
}

TEST(UnitChangesTest, OtherTextsAreNoUnits) {
  for (const char* text : {"", "hello\n", "a=b\n", "[Service]\nhello\n", "[Service]\n=x\n", "[a]\nb c=d\n"}) {
    EXPECT_THAT(UnitLines(text, kUnit), ElementsAre("no unit")) << text;
    EXPECT_THAT(UnitLines(kUnit, text), ElementsAre("no unit")) << text;
  }
}

TEST(SplitExecStartTest, UndoesWhatSystemdUndoes) {
  EXPECT_THAT(SplitExecStart("/bin/x  a 'b c' \"d\\\"e\" f%%g $$h \"\" i\\x20j"),
              ElementsAre("/bin/x", "a", "b c", "d\"e", "f%g", "$h", "", "i j"));
  EXPECT_THAT(SplitExecStart(""), IsEmpty());
}

TEST(CommandChangesTest, EveryFormOfAFlag) {
  EXPECT_THAT(Lines(CommandChanges({"/a", "--name", "x", "--old=1", "--quiet=true", "word"},
                                   {"/b", "--name=y", "--quiet", "--new", "other"})),
              ElementsAre("program: /a -> /b", "flag --name: x -> y", "flag --new:  -> other",
                          "flag --old: 1 -> ", "argument: word -> "));
}

TEST(CommandChangesTest, OrderSaysNothingAndRepeatsAreListed) {
  EXPECT_THAT(Lines(CommandChanges({"/a", "--x=1", "--y=2"}, {"/a", "--y=2", "--x", "1"})), IsEmpty());
  EXPECT_THAT(Lines(CommandChanges({"/a", "--x=1"}, {"/a", "--x=1", "--x=2"})),
              ElementsAre("flag --x: 1 -> 1,2"));
}

TEST(EnvironmentChangesTest, ByName) {
  EXPECT_THAT(Lines(EnvironmentChanges({"PATH=/bin", "A=1", "B=2"}, {"B=3", "C=4=5"})),
              ElementsAre("environment B: 2 -> 3", "environment C:  -> 4=5", "environment A: 1 -> "));
}

}  // namespace
}  // namespace kplan
