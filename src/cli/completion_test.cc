#include "src/cli/completion.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

CompletionSources Sources() {
  CompletionSources sources;
  sources.command_summary = [](absl::string_view command) { return absl::StrCat("what ", command, " does"); };
  sources.option_summary = [](absl::string_view command, absl::string_view option) {
    return absl::StrCat(command, " ", option);
  };
  sources.topics = [] { return std::vector<Candidate>{{"etcd.flags", "its flags"}, {"gen", ""}}; };
  sources.labels = [](const std::string& folder, absl::string_view prefix) {
    return std::vector<std::string>{absl::StrCat(prefix, "/"), absl::StrCat(prefix, "-", folder)};
  };
  sources.names = [](const std::string& folder, absl::string_view prefix) {
    return std::vector<std::string>{absl::StrCat(prefix, "host"), absl::StrCat(prefix, "@", folder)};
  };
  return sources;
}

// "word word", and the files after a "+".
std::string After(const std::vector<std::string>& words) {
  Completion completion = Complete(words, Sources());
  std::vector<std::string> texts;
  for (const Candidate& candidate : completion.candidates) texts.push_back(candidate.text);
  const char* files[] = {"", "+files", "+folders", "+specs"};
  return absl::StrCat(absl::StrJoin(texts, " "), files[static_cast<int>(completion.files)]);
}

TEST(Complete, Commands) {
  EXPECT_EQ(After({"gr"}), "graph");
  EXPECT_EQ(After({"c"}), "certs check completion");
  EXPECT_EQ(After({"--v"}), "--version");
  EXPECT_EQ(After({"nonsense", ""}), "");
  EXPECT_EQ(Complete({"gen"}, Sources()).candidates, (std::vector<Candidate>{{"gen", "what gen does"}}));
  EXPECT_EQ(After({}), "");
}

TEST(Complete, OptionsOnceAndNoHiddenOnes) {
  EXPECT_EQ(After({"gen", "-"}), "-C --contact --kplan= --help");
  EXPECT_EQ(After({"gen", "-C", "x", "--"}), "--contact --kplan= --help");
  EXPECT_EQ(After({"gen", "--kplan=/x", "--k"}), "");
  EXPECT_EQ(Complete({"gen", "--k"}, Sources()).candidates,
            (std::vector<Candidate>{{"--kplan=", "gen --kplan"}}));
}

TEST(Complete, ValuesOfOptions) {
  EXPECT_EQ(After({"graph", "--format=m"}), "--format=mermaid");
  EXPECT_EQ(After({"graph", "--format", "h"}), "html");
  EXPECT_EQ(After({"graph", "--output="}), "+files");
  EXPECT_EQ(After({"graph", "--output", ""}), "+files");
  EXPECT_EQ(After({"graph", "-C", ""}), "+folders");
  EXPECT_EQ(After({"graph", "--spec="}), "+specs");
  EXPECT_EQ(After({"plan", "--max-restarts="}), "");
  EXPECT_EQ(After({"plan", "-C", "x", "--limit="}), "--limit=host --limit=@x");
  EXPECT_EQ(After({"apply", "--limit", "e"}), "ehost e@");
  EXPECT_EQ(After({"plan", "--json=x"}), "") << "a flag has no value";
}

TEST(Complete, Operands) {
  EXPECT_EQ(After({"gen", ""}), "+specs");
  EXPECT_EQ(After({"gen", "cluster.yaml", ""}), "") << "one is all it takes";
  EXPECT_EQ(After({"gen", "-C", "x", ""}), "+specs") << "a value is no operand";
  EXPECT_EQ(After({"import", "c"}), "cfssl");
  EXPECT_EQ(After({"import", "cfssl", "a", "b", ""}), "+files") << "as many as one likes";
  EXPECT_EQ(After({"help", "etcd"}), "etcd.flags");
  EXPECT_EQ(After({"completion", ""}), "bash zsh fish");
  EXPECT_EQ(After({"why", "key", ""}), "+specs");
}

TEST(Complete, LabelsOfTheFolder) {
  EXPECT_EQ(After({"why", "ca"}), "ca/ ca-");
  EXPECT_EQ(After({"why", "-C", "there", "ca"}), "ca/ ca-there");
  EXPECT_EQ(After({"show", "-C=there", "ca"}), "cahost ca@there");
  EXPECT_EQ(After({"show", "--", "-x"}), "-xhost -x@");
}

TEST(Complete, TextForShells) {
  EXPECT_EQ(CompletionText(Complete({"help", "g"}, Sources())), "gen\t\n");
  EXPECT_EQ(CompletionText(Complete({"check", ""}, Sources())), ":specs\t\n");
}

TEST(NextLabels, GoAsFarAsThereIsOneWay) {
  std::string plan = "{\"steps\":[";
  for (const char* label :
       {"ca/cert", "ca/key", "cert/web", "key/web", "file/h/etc/etcd/a.pem", "file/h/etc/etcd/b"}) {
    absl::StrAppend(&plan, "\n{\"after\":[],\"inputs\":[\"ca/no\"],\"label\":\"", label,
                    "\",\"verb\":\"X\"}");
  }
  using Labels = std::vector<std::string>;
  EXPECT_EQ(NextLabels(plan, ""), (Labels{"ca/", "cert/", "file/", "key/"}));
  EXPECT_EQ(NextLabels(plan, "c"), (Labels{"ca/", "cert/"}));
  EXPECT_EQ(NextLabels(plan, "ca/"), (Labels{"ca/cert", "ca/key"}));
  EXPECT_EQ(NextLabels(plan, "f"), (Labels{"file/h/etc/etcd/a.pem", "file/h/etc/etcd/b"}));
  EXPECT_EQ(NextLabels(plan, "ke"), (Labels{"key/web"}));
  EXPECT_EQ(NextLabels(plan, "x"), Labels());
  EXPECT_EQ(NextLabels("", ""), Labels());
}

TEST(NextNames, AreWhatNinjaCanBuild) {
  const char ninja[] =
      "rule gen\n  command = x\n"
      "build .kplan/always: phony\n"
      "build build.ninja: phony .kplan/gen.stamp\n"
      "build .kplan/stamps/ca/key: step\n"
      "build ca/key: phony .kplan/stamps/ca/key\n"
      "build ca/cert: phony .kplan/stamps/ca/cert\n"
      "build etcd: phony ca/key\n"
      "build etcd-1: phony ca/key\n"
      "build service/etcd-1/etcd: phony ca/key\n"
      "build service/etcd-2/etcd: phony ca/key\n";
  using Names = std::vector<std::string>;
  EXPECT_EQ(NextNames(ninja, ""), (Names{"ca/", "etcd", "etcd-1", "service/"}));
  EXPECT_EQ(NextNames(ninja, "etcd"), (Names{"etcd", "etcd-1"}));
  EXPECT_EQ(NextNames(ninja, "s"), (Names{"service/etcd-1/", "service/etcd-2/"}));
  EXPECT_EQ(NextNames(ninja, "service/etcd-2/"), (Names{"service/etcd-2/etcd"}));
  EXPECT_EQ(NextNames(ninja, "."), Names());
  EXPECT_EQ(NextNames("build a", ""), Names());
}

}  // namespace
}  // namespace kplan
