#include "src/step/kinds.h"

#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/step/any_record.h"

namespace kplan {
namespace {

// A record of R in which every field has the value that it begins with.
template <typename R>
void ExpectThatItIsRead(StepKind kind) {
  const AnyRecord read = ReadAnyRecord(ToText(R()));
  ASSERT_TRUE(std::holds_alternative<R>(read)) << R::kWord;
  ASSERT_NE(KindOf(read), nullptr);
  EXPECT_EQ(KindOf(read)->kind, kind);
  EXPECT_FALSE(WhatItIs(read).empty()) << R::kWord;
  EXPECT_EQ(SshHostOf(read), "") << R::kWord;
}

TEST(Kinds, ARowHasEverything) {
  for (const Kind& kind : AllKinds()) {
    SCOPED_TRACE(kind.word);
    EXPECT_EQ(&KindOf(kind.kind), &kind) << "rows stand in the order of the enum";
    EXPECT_FALSE(kind.word.empty());
    EXPECT_FALSE(kind.what.empty());
    EXPECT_FALSE(kind.digest_of.empty());
    // What `kplan restore` has done, or another step, is in no plan.
    const bool part = kind.kind == StepKind::kRestorePart || kind.kind == StepKind::kTrustPart;
    EXPECT_EQ(kind.verb.empty(), part);
    EXPECT_EQ(kind.label.empty(), part);
    EXPECT_EQ(kind.verb, absl::AsciiStrToUpper(kind.verb));
  }
}

TEST(Kinds, AWordIsOneKinds) {
  std::set<absl::string_view> words;
  for (const Kind& kind : AllKinds()) {
    // It is the file of a unit, which is a file.
    if (kind.kind == StepKind::kUnitFile) continue;
    EXPECT_TRUE(words.insert(kind.word).second) << kind.word;
    EXPECT_EQ(FindKind(kind.word), &kind) << kind.word;
  }
  EXPECT_EQ(FindKind(KindOf(StepKind::kUnitFile).word), &KindOf(StepKind::kFile));
  EXPECT_EQ(FindKind(""), nullptr);
  EXPECT_EQ(FindKind("nothing"), nullptr);
}

TEST(Kinds, EveryRecordIsReadByItsWord) {
#define KPLAN_KIND(Name, word, ...)     \
  EXPECT_EQ(Name##Record::kWord, word); \
  ExpectThatItIsRead<Name##Record>(StepKind::k##Name);
#define KPLAN_REMOTE_KIND KPLAN_KIND
#include "src/step/kinds.def"
  EXPECT_TRUE(std::holds_alternative<std::monostate>(ReadAnyRecord(R"({"kind":"nothing"})")));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(ReadAnyRecord(R"({"kind":"key"})"))) << "it lacks all";
  EXPECT_TRUE(std::holds_alternative<std::monostate>(ReadAnyRecord("[")));
}

// docs/steps.md has a chapter for each, which ends with what its stamp stands for.
TEST(Kinds, TheManualKnowsThem) {
  absl::StatusOr<std::string> page = ReadFile("docs/steps.md");
  ASSERT_TRUE(page.ok()) << page.status();
  for (const Kind& kind : AllKinds()) {
    if (kind.kind == StepKind::kUnitFile || kind.kind == StepKind::kRestorePart) continue;
    const std::string title = absl::StrCat("\n## ", kind.word, "\n");
    const size_t at = page->find(title);
    ASSERT_NE(at, std::string::npos) << kind.word;
    const size_t end = page->find("\n## ", at + title.size());
    const std::string chapter = page->substr(at, end - at);
    EXPECT_TRUE(absl::StrContains(chapter, absl::StrCat("- Its stamp: a digest of ", kind.digest_of, ".\n")))
        << kind.word << ": - Its stamp: a digest of " << kind.digest_of << ".";
  }
}

TEST(AnyRecord, WhereItIs) {
  FileRecord file;
  file.root = "./rootfs";
  file.path = "/etc/x";
  EXPECT_EQ(HoldingsOf(file)[0].Shown(), "./rootfs/etc/x");
  file.host = "etcd-1";
  file.root = "/";
  EXPECT_EQ(SshHostOf(file), "etcd-1");
  EXPECT_EQ(HoldingsOf(file)[0].Shown(), "etcd-1:/etc/x");
  // The checks of a service elsewhere are made from here.
  CheckRecord check;
  check.host = "etcd-1";
  EXPECT_EQ(SshHostOf(check), "");
  RolloutRecord rollout;
  MemberRecord member;
  member.host = "etcd-2";
  member.remote = true;
  member.service.emplace();
  member.service->name = "etcd";
  rollout.cluster.members = {member};
  ASSERT_EQ(HoldingsOf(rollout).size(), 1u);
  EXPECT_EQ(HoldingsOf(rollout)[0].host, "etcd-2");
}

}  // namespace
}  // namespace kplan
