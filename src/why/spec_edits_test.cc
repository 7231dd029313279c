#include "src/why/spec_edits.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/lower/compile.h"
#include "src/why/random_spec_testing.h"

namespace kplan {
namespace {

// One line an edit: "path 3->4: from -> to +added -removed", the lines being of the old and the new text.
std::string Edits(const std::string& before, const std::string& after) {
  absl::StatusOr<std::vector<SpecEdit>> edits = SpecEdits(before, after);
  if (!edits.ok()) return std::string(edits.status().message());
  std::string out;
  for (const SpecEdit& edit : *edits) {
    absl::StrAppend(&out, edit.path, " ", edit.old_line, "->", edit.line, ": ", edit.from, " -> ", edit.to);
    for (const std::string& text : edit.added) absl::StrAppend(&out, " +", text);
    for (const std::string& text : edit.removed) absl::StrAppend(&out, " -", text);
    out += "\n";
  }
  return out;
}

std::string Example(const std::string& name) {
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat("examples/", name, "/cluster.yaml"));
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? *text : "";
}

const char* const kExamples[] = {"tutorial", "quickstart", "pki"};

TEST(SpecEditsTest, ATextOfSeveralLinesIsEditedByLines) {
  EXPECT_EQ(Edits("a:\n  content: |\n    one;\n      two;\n    three;\n",
                  "a:\n  content: |\n    one;\n    three;\n      four;\n"),
            "a.content 2->2: \"one;\\u000A  two;\\u000Athree;\\u000A\" -> "
            "\"one;\\u000Athree;\\u000A  four;\\u000A\" +four; -two;\n");
}

// What stands in the place of a secret is the same for all of them.
TEST(SpecEditsTest, ASecretIsNotShown) {
  const auto spec = [](absl::string_view file) {
    return absl::StrCat("services:\n  a:\n    files:\n      /t: ", file, "\n");
  };
  const std::string path = "services.a.files.\"/t\"";
  EXPECT_EQ(Edits(spec("{content: one, mode: '0600'}"), spec("{content: two, mode: '0600'}")),
            absl::StrCat(path, ".content 4->4: (secret) -> another (secret)\n"));
  EXPECT_EQ(Edits(spec("{content: \"one\\ntwo\\n\", mode: '0600'}"),
                  spec("{content: \"one\\nthree\\n\", mode: '0600'}")),
            absl::StrCat(path, ".content 4->4: (secret) -> another (secret)\n"));
  // Nor where it comes, goes, or is a secret on one side alone.
  EXPECT_EQ(Edits("services: {}\n", spec("{content: one, mode: '0600'}")),
            "services.a 0->2:  -> {files: {/t: {content: (secret), mode: 0600}}}\n");
  EXPECT_EQ(Edits(spec("{content: one, mode: '0600'}"), "services: {}\n"),
            "services.a 2->1: {files: {/t: {content: (secret), mode: 0600}}} -> \n");
  EXPECT_EQ(Edits(spec("{content: one, mode: '0640'}"), spec("{content: two, mode: '0644'}")),
            absl::StrCat(path, ".content 4->4: (secret) -> another (secret)\n", path,
                         ".mode 4->4: 0640 -> 0644\n"));
}

TEST(SpecEditsTest, NothingIsEditedByCommentsOrderOfKeysAndQuotes) {
  EXPECT_EQ(Edits("a: 1\nb: {c: x, d: [y, z]}\n",
                  "# why\nb:   # because\n  d:\n    - 'y'\n    - \"z\"\n  c: x\n\na: '1'\n"),
            "");
  EXPECT_EQ(Edits("a: &x {p: 1}\nb: *x\n", "a: {p: 1}\nb: {p: 1}\n"), "");
  EXPECT_EQ(Edits("", ""), "");
  EXPECT_EQ(Edits("", "# nothing\n"), "");
  EXPECT_EQ(Edits("l: [{a: 1, b: 2}]", "l:\n- b: 2\n  a: 1\n"), "");
}

TEST(SpecEditsTest, SingleValues) {
  EXPECT_EQ(Edits("etcd:\n  version: 3.4.15\n", "etcd:\n\n  version: 3.4.23\n"),
            "etcd.version 2->3: 3.4.15 -> 3.4.23\n");
  EXPECT_EQ(Edits("a: 1\n", "a:\n  'x: y'\n"), "a 1->2: 1 -> 'x: y'\n");
  EXPECT_EQ(Edits("a: 'null'\n", "a: null\n"), "a 1->1: 'null' -> null\n");
  EXPECT_EQ(Edits("a:\n", "a: ''\n"), "a 1->1: null -> ''\n");
}

TEST(SpecEditsTest, NumbersAndDatesKeepTheirText) {
  EXPECT_EQ(Edits("a: 010\nb: 2026-11-22\n", "a: 10\nb: 2026-11-22T00:00:00Z\n"),
            "a 1->1: 010 -> 10\nb 2->2: 2026-11-22 -> 2026-11-22T00:00:00Z\n");
}

TEST(SpecEditsTest, WhatComesAndGoesIsOneEditHoweverMuchIsInIt) {
  const char kBefore[] = "hosts:\n  a: {address: 10.0.0.1}\n  b: {}\nca: {CN: x}\n";
  EXPECT_EQ(Edits(kBefore,
                  "hosts:\n  a: {address: 10.0.0.1}\n  b: {}\n  c:\n    address: 10.0.0.3\n    root: "
                  "./c\nca: {CN: x}\n"),
            "hosts.c 0->4:  -> {address: 10.0.0.3, root: ./c}\n");
  EXPECT_EQ(Edits(kBefore, "# first\nhosts:\n  b: {}\nca: {CN: x}\n"),
            "hosts.a 2->2: {address: 10.0.0.1} -> \n");
  EXPECT_EQ(Edits(kBefore, "ca: {CN: x}\n"), "hosts 1->1: {a: {address: 10.0.0.1}, b: {}} -> \n");
}

TEST(SpecEditsTest, ARenamedKeyIsOneThatWentAndOneThatCame) {
  EXPECT_EQ(Edits("hosts:\n  a: {}\n  b: {}\n", "hosts:\n  a2: {}\n  b: {}\n"),
            "hosts.a 2->1: {} -> \nhosts.a2 0->2:  -> {}\n");
}

TEST(SpecEditsTest, EditsComeInTheOrderOfTheNewText) {
  EXPECT_EQ(Edits("a: 1\nb: 2\nc: 3\nd: 4\n", "d: 5\nc: 3\nz: 0\na: 2\n"),
            "d 4->1: 4 -> 5\nz 0->3:  -> 0\na 1->4: 1 -> 2\nb 2->1: 2 -> \n");
}

TEST(SpecEditsTest, KeysThatAreNoWordsAreQuoted) {
  EXPECT_EQ(Edits("hosts: {etcd-1.example.com: {address: a}}", "hosts: {etcd-1.example.com: {address: b}}"),
            "hosts.\"etcd-1.example.com\".address 1->1: a -> b\n");
  EXPECT_EQ(Edits("{}", "'': 1\n'a\"[0]': 2\n'ü': 3\n"),
            "\"\" 0->1:  -> 1\n\"a\\\"[0]\" 0->2:  -> 2\n\"ü\" 0->3:  -> 3\n");
}

TEST(SpecEditsTest, AListOfSingleValuesIsOneEdit) {
  EXPECT_EQ(Edits("h: [a, b]\n", "h: [a, c, b, d]\n"), "h 1->1: [a, b] -> [a, c, b, d] +c +d\n");
  EXPECT_EQ(Edits("h:\n  - a\n  - b\n", "h:\n  - a\n  - b\n  - 127.0.0.1\n"),
            "h 1->4: [a, b] -> [a, b, 127.0.0.1] +127.0.0.1\n");
  // The line is that of the entry also where a line has several.
  EXPECT_EQ(Edits("h: [a, b,\n    c]\n", "h: [a, b,\n    c, d]\n"), "h 2->2: [a, b, c] -> [a, b, c, d] +d\n");
  EXPECT_EQ(Edits("h: [a, b,\n    c, d]\n", "h: [a, b,\n    c]\n"), "h 2->2: [a, b, c, d] -> [a, b, c] -d\n");
  EXPECT_EQ(Edits("h:\n  - a\n  - b\n", "h:\n  - b\n"), "h 2->1: [a, b] -> [b] -a\n");
  EXPECT_EQ(Edits("h: [a, a, b]\n", "h: [a, b, b]\n"), "h 1->1: [a, a, b] -> [a, b, b] +b -a\n");
  EXPECT_EQ(Edits("h: [a]\n", "h: []\n"), "h 1->1: [a] -> [] -a\n");
  EXPECT_EQ(Edits("h: ['null']\n", "h: [null]\n"), "h 1->1: ['null'] -> [null] +null -null\n");
}

TEST(SpecEditsTest, AReorderedListIsOneEditWithNothingAddedOrRemoved) {
  EXPECT_EQ(Edits("h:\n- a\n- b\n- c\n", "h:\n- a\n- c\n- b\n"), "h 3->3: [a, b, c] -> [a, c, b]\n");
  EXPECT_EQ(Edits("h:\n- {a: 1}\n- {a: 2}\n", "h:\n- {a: 2}\n- {a: 1}\n"),
            "h 1->1: [{a: 1}, {a: 2}] -> [{a: 2}, {a: 1}]\n");
}

TEST(SpecEditsTest, AListOfMapsIsComparedEntryByEntry) {
  EXPECT_EQ(Edits("names: [{C: US, O: x}]", "names: [{C: US, O: z}]"), "names[0].O 1->1: x -> z\n");
  EXPECT_EQ(Edits("names: [{C: US}]", "names: [{C: US, O: z}]"), "names[0].O 0->1:  -> z\n");
  // An entry in front, and one of those behind it edited.
  EXPECT_EQ(Edits("r:\n- {s: 1, d: a}\n- {s: 2, d: a}\n- {s: 3, d: a}\n",
                  "r:\n- {s: 0, d: a}\n- {s: 1, d: a}\n- {s: 2, d: b}\n- {s: 3, d: a}\n"),
            "r[0] 0->2:  -> {s: 0, d: a}\nr[2].d 3->4: a -> b\n");
  EXPECT_EQ(Edits("r:\n- {s: 1}\n- {s: 2}\n- {s: 3}\n", "r:\n- {s: 1}\n- {s: 3}\n"),
            "r[1] 3->1: {s: 2} -> \n");
  // One went in front and one came at the end: nothing between them is edited.
  EXPECT_EQ(Edits("r: [{s: 1}, {s: 2}, {s: 3}]", "r: [{s: 2}, {s: 3}, {s: 4}]"),
            "r[0] 1->1: {s: 1} -> \nr[2] 0->1:  -> {s: 4}\n");
  EXPECT_EQ(Edits("r: []", "r: [{s: 1}]"), "r[0] 0->1:  -> {s: 1}\n");
}

TEST(SpecEditsTest, AnotherKindOfValueIsAnotherValue) {
  EXPECT_EQ(Edits("h: a\n", "h:\n  - a\n"), "h 1->1: a -> [a]\n");
  EXPECT_EQ(Edits("sha256: abc\n", "sha256:\n  amd64: abc\n"), "sha256 1->1: abc -> {amd64: abc}\n");
  EXPECT_EQ(Edits("r: [a, {b: 1}]\n", "r: [a, {b: 2}]\n"), "r 1->1: [a, {b: 1}] -> [a, {b: 2}]\n");
  EXPECT_EQ(Edits("a: 1", ""), " 1->1: {a: 1} -> null\n");
}

TEST(SpecEditsTest, AnEditBelowAnAnchorIsOneWhereverItIsUsedAtItsOwnLine) {
  EXPECT_EQ(Edits("x: &k\n  size: 256\ny: *k\n", "x: &k\n  size: 384\ny: *k\n"),
            "x.size 2->2: 256 -> 384\ny.size 2->2: 256 -> 384\n");
}

TEST(SpecEditsTest, WhatIsNotYamlIsRefused) {
  for (const char* bad : {"a: [", "a: 1\na: 2\n", "a: \x01\n", ","}) {
    EXPECT_EQ(SpecEdits(bad, "a: 1").status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_EQ(SpecEdits("a: 1", bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

// Aliases of aliases of deep lists: small to read, and as deep as one likes when written out.
TEST(SpecEditsTest, AliasesThatMakeTheTreeTooDeepOrTooLargeAreRefused) {
  std::string deep = "a0: &a0 x\n";
  for (int i = 1; i < 300; ++i) {
    absl::StrAppend(&deep, "a", i, ": &a", i, " ", std::string(50, '['), "*a", i - 1, std::string(50, ']'),
                    "\n");
  }
  EXPECT_EQ(SpecEdits(deep, "a: 1").status().code(), absl::StatusCode::kInvalidArgument);
  std::string large = absl::StrCat("a: &a ", std::string(1 << 20, 'x'), "\nb: [",
                                   absl::StrJoin(std::vector<std::string>(100, "*a"), ", "), "]\n");
  EXPECT_EQ(SpecEdits("a: 1", large).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SpecEditsTest, TwoLongListsCostNoSquareOfTheirLength) {
  std::string before = "r:\n", after = "r:\n";
  for (int i = 0; i < 20000; ++i) {
    absl::StrAppend(&before, "- {s: ", i, "}\n");
    absl::StrAppend(&after, "- {s: ", i + 100000, "}\n");
  }
  absl::StatusOr<std::vector<SpecEdit>> edits = SpecEdits(before, after);
  ASSERT_TRUE(edits.ok());
  EXPECT_EQ(edits->size(), 20000u);
}

TEST(ApplyEditsTest, OneOfThree) {
  const char kBefore[] = "a: 1\nb: {x: [p, q], w: 2}\nl: [{s: 1}, {s: 2}]\n";
  const char kAfter[] = "a: 2\nb: {x: [q, p]}\nl: [{s: 2}]\n";
  absl::StatusOr<std::vector<SpecEdit>> edits = SpecEdits(kBefore, kAfter);
  ASSERT_TRUE(edits.ok());
  ASSERT_EQ(edits->size(), 4u);
  auto apply = [&](std::vector<bool> which) { return *ApplyEdits(kBefore, kAfter, *edits, which); };
  EXPECT_EQ(apply({false, true, false, false}),
            "a: 1\nb:\n x:\n  - q\n  - p\n w: 2\nl:\n -\n  s: 1\n -\n  s: 2\n");
  EXPECT_EQ(apply({true, false, true, true}), "a: 2\nb:\n x:\n  - p\n  - q\nl:\n -\n  s: 2\n");
}

TEST(ApplyEditsTest, EditsOfOtherTextsAreRefused) {
  absl::StatusOr<std::vector<SpecEdit>> edits = SpecEdits("a: 1", "a: 2");
  ASSERT_TRUE(edits.ok());
  EXPECT_FALSE(ApplyEdits("a: 1", "a: 3", *edits, {true}).ok());
  EXPECT_FALSE(ApplyEdits("a: 1", "a: 2", *edits, {}).ok());
  EXPECT_FALSE(ApplyEdits("a: 1", "a: 2\nb: 1", *edits, {true}).ok());
}

std::set<std::string> RecordsOf(const SpecFile& file) {
  std::set<std::string> records;
  for (const Step& step : file.compiled()->graph.steps())
    records.insert(absl::StrCat(step.label, " ", step.digest()));
  return records;
}

// All edits make the new tree, none the old one, and any others one that is read; and no layout is an edit.
void CheckBothEnds(const std::string& before, const std::string& after, RandomSpec* random, int* compiled) {
  absl::StatusOr<SpecDiff> diff = SpecDiff::Between(before, after);
  ASSERT_TRUE(diff.ok()) << diff.status() << before << after;
  const size_t n = diff->edits().size();
  EXPECT_EQ(n == 0, TreeOf(before) == TreeOf(after)) << before << after;
  std::string all = diff->Apply(std::vector<bool>(n, true)), none = diff->Apply(std::vector<bool>(n, false));
  EXPECT_EQ(TreeOf(all), TreeOf(after)) << all;
  EXPECT_EQ(TreeOf(none), TreeOf(before)) << none;
  EXPECT_EQ(*ApplyEdits(before, after, diff->edits(), std::vector<bool>(n, true)), all);
  // Some: between what they lead to and the new text there is something exactly when some were left.
  std::vector<bool> some(n);
  size_t left = 0;
  for (size_t i = 0; i < n; ++i) {
    some[i] = random->Below(2) == 0;
    left += some[i] ? 0 : 1;
  }
  std::string middle = diff->Apply(some);
  absl::StatusOr<std::vector<SpecEdit>> rest = SpecEdits(middle, after);
  ASSERT_TRUE(rest.ok()) << middle;
  EXPECT_EQ(rest->empty(), left == 0) << middle << "\n" << after;
  // Lines are of the text that they are about.
  for (const SpecEdit& edit : diff->edits()) {
    EXPECT_GE(edit.line, 1) << edit.path << after;
    EXPECT_EQ(edit.old_line == 0, edit.from.empty()) << edit.path << before;
    EXPECT_TRUE(!edit.from.empty() || !edit.to.empty());
    EXPECT_NE(edit.from, edit.to) << edit.path;
  }
  // And it compiles to the same.
  SpecFile typed = SpecFile::CompileText("cluster.yaml", after),
           made = SpecFile::CompileText("cluster.yaml", all);
  ASSERT_EQ(typed.compiled() != nullptr, made.compiled() != nullptr)
      << typed.diagnostics().Format(false) << made.diagnostics().Format(false) << after << all;
  if (typed.compiled() == nullptr) return;
  ++*compiled;
  EXPECT_EQ(RecordsOf(typed), RecordsOf(made)) << after << all;
}

TEST(ApplyEditsTest, AllMakeTheNewTreeAndNoneTheOldOneForRandomEdits) {
  RandomSpec random(20261122);
  int compiled = 0;
  for (const char* name : kExamples) {
    std::string text = Example(name);
    for (int round = 0; round < 40; ++round) {
      int edits = 1 + static_cast<int>(random.Below(6));
      CheckBothEnds(text, random.Edit(text, edits, /*sensible=*/true), &random, &compiled);
      std::string wild = random.Edit(text, edits, /*sensible=*/false);
      CheckBothEnds(text, wild, &random, &compiled);
      CheckBothEnds(wild, random.Edit(wild, edits, /*sensible=*/false), &random, &compiled);
      // Another layout of the same.
      CheckBothEnds(wild, random.Edit(wild, 0, false), &random, &compiled);
      if (HasFatalFailure()) return;
    }
  }
  // Not only such as are refused anyway.
  EXPECT_GE(compiled, 100);
}

}  // namespace
}  // namespace kplan
