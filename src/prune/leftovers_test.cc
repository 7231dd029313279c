#include "src/prune/leftovers.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/prune/leftover_check.h"
#include "src/prune/prune.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

struct Made {
  std::string label, shard, record;
  StepKind kind = StepKind::kFile;
};

Made File(const std::string& host, const std::string& root, const std::string& path = "/etc/etcd/ca.pem") {
  return {absl::StrCat("file/", host, path), host,
          absl::StrCat(R"({"from":"pki/ca.pem","kind":"install","mode":"0644","path":")", path,
                       R"(","root":")", root, R"(","secret":false})")};
}

Made Key(const std::string& name, bool ca = false) {
  return {ca ? "ca/key" : absl::StrCat("key/", name), "shared",
          absl::StrCat(R"({"algo":"ecdsa","ca":)", ca ? "true" : "false", R"(,"kind":"key","path":"pki/)",
                       name, R"(-key.pem","size":256})"),
          StepKind::kKey};
}

Made Archive(const std::string& version, bool given = false) {
  return {"archive/etcd", "shared",
          absl::StrCat("{", given ? R"("given":true,)" : "", R"("kind":"fetch","path":"archives/)", version,
                       R"(.tar.gz","sha256":"00"})"),
          StepKind::kArchive};
}

Graph GraphOf(const std::vector<Made>& steps) {
  Graph graph;
  std::map<std::string, uint32_t> shards;
  shards["shared"] = graph.AddShard("shared");
  for (const Made& made : steps) {
    if (shards.count(made.shard) == 0) shards[made.shard] = graph.AddShard(made.shard);
    const StepId step = graph.AddStep(made.kind, shards[made.shard], made.label, made.record, {});
    if (!SshHostOf(ReadAnyRecord(made.record)).empty()) graph.AddContact(step);
  }
  return graph;
}

class LeftoversTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "/leftovers-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    ASSERT_EQ(chdir(folder.c_str()), 0);
  }

  static void Write(const std::string& path, const std::string& text) {
    ASSERT_EQ(WriteFile(path, text, 0644), absl::OkStatus());
  }
  static bool Exists(const std::string& path) {
    struct stat info;
    return lstat(path.c_str(), &info) == 0;
  }

  // As `gen` does it.
  static void Gen(const std::vector<Made>& steps) {
    const Graph graph = GraphOf(steps);
    ASSERT_EQ(UpdateLeftovers(graph), absl::OkStatus());
    std::filesystem::remove_all(paths::kShards);
    for (const Shard& shard : graph.shards()) Write(paths::Shard(shard.name), graph.ShardText(shard));
  }

  // As if the step had run: an artifact with CONTENT, the stamp and the journal of it.
  static void Run(const Made& made, const std::string& content = "content\n") {
    JournalEntry entry;
    entry.label = made.label;
    entry.at = 1;
    entry.record = Sha256Hex(made.record);
    entry.digest = Sha256Hex(content);
    for (const Holding& holding : HoldingsOf(ReadAnyRecord(made.record))) {
      Write(holding.Shown(), content);
      entry.files.emplace_back(holding.Shown(), FileSignature(holding.Shown()));
    }
    ASSERT_EQ(AppendEntry(paths::Journal(made.shard), entry), absl::OkStatus());
    Write(paths::Stamp(made.label), entry.digest + "\n");
  }

  static std::vector<std::string> Keys(const std::vector<Made>& steps) {
    std::vector<std::string> keys;
    for (const Leftover& leftover : FindLeftovers(GraphOf(steps))) keys.push_back(leftover.key);
    return keys;
  }

  // Removes what may go; gives what went and failed, as "KEY" and "KEY: message".
  static std::vector<std::string> PruneAll(const std::vector<Made>& steps, const PruneOptions& options = {}) {
    const Graph graph = GraphOf(steps);
    std::vector<std::string> done;
    EXPECT_EQ(Prune(graph, LookAtLeftovers(graph, options), options,
                    [&](const PruneItem& item, const absl::Status& status) {
                      done.push_back(status.ok() ? item.leftover.key
                                                 : absl::StrCat(item.leftover.key, ": ", status.message()));
                    }),
              absl::OkStatus());
    return done;
  }

  // Why the only leftover is kept; "" when it would go.
  static std::string WhyKept(const std::vector<Made>& steps, const PruneOptions& options = {}) {
    std::vector<PruneItem> items = LookAtLeftovers(GraphOf(steps), options);
    EXPECT_THAT(items, SizeIs(1));
    return items.empty() ? "there is none" : items[0].remove ? "" : items[0].why;
  }
};

// The file stays in the order of bytes; a person counts.
TEST_F(LeftoversTest, HostsAreListedAsPeopleCount) {
  const std::vector<Made> made = {File("n-10", "./n-10"), File("n-9", "./n-9"), File("n-100", "./n-100")};
  Gen(made);
  for (const Made& each : made) Run(each);
  Gen({});
  const std::vector<std::string> keys = Keys({});
  ASSERT_THAT(keys, SizeIs(3));
  EXPECT_THAT(keys[0], StartsWith("file/n-9/"));
  EXPECT_THAT(keys[1], StartsWith("file/n-10/"));
  std::vector<std::string> hosts;
  for (const PruneItem& item : LookAtLeftovers(GraphOf({}), {})) hosts.push_back(item.leftover.host);
  EXPECT_THAT(hosts, ElementsAre("n-9", "n-10", "n-100"));
  absl::StatusOr<std::string> file = ReadFile(paths::kLeftovers);
  ASSERT_TRUE(file.ok());
  EXPECT_LT(file->find("file/n-10/"), file->find("file/n-9/"));
}

TEST_F(LeftoversTest, WhatVanishesIsListedAndWhatComesBackIsNot) {
  const Made a = File("a", "./a"), b = File("b", "./b");
  Gen({a, b});
  Run(a);
  Run(b);
  EXPECT_THAT(Keys({a, b}), IsEmpty());
  // `plan` sees it before `gen` has run.
  EXPECT_THAT(Keys({b}), ElementsAre(a.label));
  EXPECT_FALSE(Exists(paths::kLeftovers));

  Gen({b});
  EXPECT_FALSE(Exists(paths::Shard("a")));
  EXPECT_THAT(Keys({b}), ElementsAre(a.label));
  EXPECT_THAT(Keys({a, b}), IsEmpty());
  Gen({});
  EXPECT_THAT(Keys({}), ElementsAre(a.label, b.label));
  Gen({a});
  EXPECT_THAT(Keys({a}), ElementsAre(b.label));
  Gen({a, b});
  EXPECT_THAT(Keys({a, b}), IsEmpty());
  EXPECT_FALSE(Exists(paths::kLeftovers));
}

TEST_F(LeftoversTest, TheRecordAndWhatIsKnownOfItArePreserved) {
  const Made a = File("a", "./a");
  Gen({a});
  Run(a);
  Gen({});
  std::filesystem::remove_all(paths::kJournals);
  std::filesystem::remove_all(paths::kStamps);
  std::vector<Leftover> found = FindLeftovers(GraphOf({}));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].record, a.record);
  EXPECT_EQ(found[0].host, "a");
  EXPECT_EQ(found[0].digest, Sha256Hex("content\n"));
  ASSERT_THAT(found[0].files, SizeIs(1));
  EXPECT_EQ(found[0].files[0].second, FileSignature("./a/etc/etcd/ca.pem"));
  EXPECT_EQ(WhyKept({}), "");
}

TEST_F(LeftoversTest, WhatWasNeverDoneLeavesNothing) {
  Gen({File("a", "./a")});
  EXPECT_THAT(Keys({}), IsEmpty());
  Gen({});
  EXPECT_FALSE(Exists(paths::kLeftovers));
}

// Its stamp is what says that it is complete; half of it may be there without.
TEST_F(LeftoversTest, AStepThatFailedMayHaveLeftSomething) {
  const Made a = File("a", "./a");
  Gen({a});
  JournalEntry entry;
  entry.label = a.label;
  entry.at = 1;
  entry.failed = true;
  ASSERT_EQ(AppendEntry(paths::Journal("a"), entry), absl::OkStatus());
  EXPECT_THAT(Keys({}), ElementsAre(a.label));
}

TEST_F(LeftoversTest, TheSameLabelAtAnotherRoot) {
  const Made old_one = File("a", "./old"), new_one = File("a", "./new");
  Gen({old_one});
  Run(old_one);
  Gen({new_one});
  EXPECT_THAT(Keys({new_one}), ElementsAre("file/a/etc/etcd/ca.pem@./old"));
  Run(new_one, "other\n");
  EXPECT_EQ(WhyKept({new_one}), "");  // the journal is of the new place, and leftovers.json of the old one

  // Back again, the other one is left.
  Gen({old_one});
  EXPECT_THAT(Keys({old_one}), ElementsAre("file/a/etc/etcd/ca.pem@./new"));
  // Without either, both are.
  Run(old_one);
  Gen({});
  EXPECT_THAT(Keys({}), ElementsAre("file/a/etc/etcd/ca.pem", "file/a/etc/etcd/ca.pem@./new"));
  EXPECT_THAT(PruneAll({}),
              testing::UnorderedElementsAre("file/a/etc/etcd/ca.pem", "file/a/etc/etcd/ca.pem@./new"));
  EXPECT_FALSE(Exists("old/etc/etcd/ca.pem"));
  EXPECT_FALSE(Exists("new/etc/etcd/ca.pem"));
}

TEST_F(LeftoversTest, ThreeRootsOfWhichTheSecondWasNeverDone) {
  const Made first = File("a", "./1"), second = File("a", "./2"), third = File("a", "./3");
  Gen({first});
  Run(first);
  Gen({second});
  Gen({third});
  EXPECT_THAT(Keys({third}), ElementsAre("file/a/etc/etcd/ca.pem@./1"));
}

TEST_F(LeftoversTest, ARootThatIsWrittenOtherwiseIsTheSameRoot) {
  const Made a = File("a", "./root");
  Gen({a});
  Run(a);
  EXPECT_THAT(Keys({File("a", "root")}), IsEmpty());
  EXPECT_THAT(Keys({File("a", "root/")}), IsEmpty());
  EXPECT_THAT(Keys({File("a", absl::StrCat(std::filesystem::current_path().string(), "/root"))}), IsEmpty());
  ASSERT_EQ(symlink("root", "link"), 0);
  EXPECT_THAT(Keys({File("a", "link")}), IsEmpty());
}

// The host has another name, and the same root: its files are those of the plan.
TEST_F(LeftoversTest, AHostThatWasRenamedLeavesNothing) {
  const Made a = File("a", "./root"), b = File("b", "./root");
  Gen({a});
  Run(a);
  EXPECT_THAT(Keys({b}), IsEmpty());
  Gen({b});
  EXPECT_FALSE(Exists(paths::kLeftovers));
  EXPECT_THAT(PruneAll({b}), IsEmpty());
  EXPECT_TRUE(Exists("root/etc/etcd/ca.pem"));
}

TEST_F(LeftoversTest, AnOtherVersionLeavesItsArchive) {
  const Made old_one = Archive("1"), new_one = Archive("2");
  Gen({old_one});
  Run(old_one);
  Gen({new_one});
  EXPECT_THAT(Keys({new_one}), ElementsAre("archive/etcd@archives/1.tar.gz"));
  EXPECT_THAT(PruneAll({new_one}), SizeIs(1));
  EXPECT_FALSE(Exists("archives/1.tar.gz"));
  EXPECT_TRUE(Exists(paths::Stamp("archive/etcd"))) << "the plan's own step has this label";
}

TEST_F(LeftoversTest, AnArchiveThatWasGivenIsNone) {
  const Made given = Archive("1", /*given=*/true);
  Gen({given});
  Run(given);
  Write("archives/1.tar.gz", "mine");
  EXPECT_THAT(Keys({}), IsEmpty());
}

TEST_F(LeftoversTest, PruneForgetsAllNotes) {
  const Made a = File("a", "./a"), b = File("b", "./b"), key = Key("x");
  Gen({a, b, key});
  for (const Made& made : {a, b, key}) Run(made);
  Write(paths::Depfile(a.label), "x");
  Gen({b});
  EXPECT_THAT(PruneAll({b}), ElementsAre(a.label, key.label));
  EXPECT_FALSE(Exists("a/etc/etcd"));
  EXPECT_FALSE(Exists("pki/x-key.pem"));
  EXPECT_FALSE(Exists(".kplan/stamps/file/a"));
  EXPECT_FALSE(Exists(paths::Depfile(a.label)));
  EXPECT_FALSE(Exists(paths::Journal("a")));
  EXPECT_FALSE(Exists(paths::kLeftovers));
  EXPECT_TRUE(Exists("b/etc/etcd/ca.pem"));
  EXPECT_TRUE(Exists(paths::Stamp(b.label)));
  EXPECT_NE(Journal::Read(paths::Journal("b")).Find(b.label), nullptr);
  EXPECT_THAT(PruneAll({b}), IsEmpty());
}

TEST_F(LeftoversTest, ACasKeyStaysAndIsNamed) {
  const Made key = Key("ca", /*ca=*/true);
  Gen({key});
  Run(key);
  Gen({});
  EXPECT_EQ(WhyKept({}), "a CA's key is never removed");
  EXPECT_THAT(PruneAll({}), IsEmpty());
  EXPECT_TRUE(Exists("pki/ca-key.pem"));
  EXPECT_THAT(Keys({}), ElementsAre("ca/key"));
  // Whoever edits that away in leftovers.json does not get it either.
  absl::StatusOr<std::string> text = ReadFile(paths::kLeftovers);
  ASSERT_TRUE(text.ok());
  text->replace(text->find("\"ca\":true"), 9, "\"ca\":false");
  Write(paths::kLeftovers, *text);
  EXPECT_EQ(WhyKept({}), "a CA's key is never removed");
  // Once the person has removed it, it is forgotten.
  ASSERT_EQ(unlink("pki/ca-key.pem"), 0);
  EXPECT_THAT(PruneAll({}), ElementsAre("ca/key"));
  EXPECT_FALSE(Exists(paths::kLeftovers));
}

TEST_F(LeftoversTest, WhatWasEditedStaysUnlessItIsNamed) {
  const Made a = File("a", "./a");
  Gen({a});
  Run(a);
  Gen({});
  // Other times and another mode are no edit.
  ASSERT_EQ(chmod("a/etc/etcd/ca.pem", 0600), 0);
  EXPECT_EQ(WhyKept({}), "");
  Write("a/etc/etcd/ca.pem", "edited\n");
  EXPECT_EQ(WhyKept({}), "was edited since kplan wrote it");
  EXPECT_THAT(PruneAll({}), IsEmpty());
  EXPECT_TRUE(Exists("a/etc/etcd/ca.pem"));
  EXPECT_THAT(PruneAll({}, {{a.label}}), ElementsAre(a.label));
  EXPECT_FALSE(Exists("a/etc/etcd/ca.pem"));
}

TEST_F(LeftoversTest, WhatWaitsGoesWithItsPlace) {
  Made a = File("a", "./a"), b = File("b", "./b");
  for (Made* made : {&a, &b}) {
    made->record.pop_back();
    made->record += R"(,"waits-for":{"manager":"process","name":"etcd"}})";
  }
  Gen({a, b});
  Run(a);
  Run(b);
  Write("a/etc/etcd/.ca.pem.kplan-next", "next\n");
  Write("b/etc/etcd/.ca.pem.kplan-next", "next\n");
  ASSERT_EQ(unlink("b/etc/etcd/ca.pem"), 0);  // it has never been in place
  Gen({});
  std::vector<PruneItem> items = LookAtLeftovers(GraphOf({}), {});
  ASSERT_THAT(items, SizeIs(2));
  EXPECT_THAT(items[0].what, ElementsAre("./a/etc/etcd/.ca.pem.kplan-next", "./a/etc/etcd/ca.pem"));
  EXPECT_THAT(items[1].what, ElementsAre("./b/etc/etcd/.ca.pem.kplan-next"));
  EXPECT_THAT(PruneAll({}), ElementsAre(a.label, b.label));
  EXPECT_FALSE(Exists("a/etc/etcd"));
  EXPECT_FALSE(Exists("b/etc/etcd"));
}

TEST_F(LeftoversTest, ALinkIsNotFollowedAndNotRemoved) {
  const Made a = File("a", "./a"), b = File("a", "./a", "/usr/local/bin/etcd");
  Gen({a, b});
  Run(a);
  Run(b);
  Gen({});
  Write("mine/ca.pem", "content\n");
  std::filesystem::remove_all("a/etc/etcd");
  ASSERT_EQ(symlink("../../mine", "a/etc/etcd"), 0);
  ASSERT_EQ(unlink("a/usr/local/bin/etcd"), 0);
  ASSERT_EQ(symlink("../../../../mine/ca.pem", "a/usr/local/bin/etcd"), 0);
  EXPECT_THAT(PruneAll({}, {{a.label, b.label}}), IsEmpty());
  EXPECT_TRUE(Exists("mine/ca.pem"));
  EXPECT_TRUE(Exists("a/usr/local/bin/etcd"));
}

TEST_F(LeftoversTest, ADataFolderWithDataStays) {
  const Made dir = {"dir/a/var/lib/etcd", "a",
                    R"({"kind":"dir","mode":"0700","path":"/var/lib/etcd","root":"./a"})", StepKind::kDir};
  Gen({dir});
  ASSERT_EQ(MakeFolders("a/var/lib/etcd/member"), absl::OkStatus());
  Write(paths::Stamp(dir.label), "x\n");
  Gen({});
  EXPECT_THAT(WhyKept({}, {{dir.label}}), HasSubstr("not empty"));
  ASSERT_EQ(rmdir("a/var/lib/etcd/member"), 0);
  EXPECT_THAT(PruneAll({}), ElementsAre(dir.label));
  EXPECT_FALSE(Exists("a/var/lib/etcd"));
}

// A service that is in the plan no longer: its files are leftovers, wherever they are, and so are its units.
// Its data is no leftover, and neither is the user that it had.
TEST_F(LeftoversTest, AServiceThatIsGoneLeavesItsDataAndItsUser) {
  auto made = [](const std::string& label, const std::string& record, StepKind kind) {
    return Made{label, "a", absl::StrCat("{", record, R"(,"root":"./a"})"), kind};
  };
  auto installed = [&](const std::string& label, const std::string& kind, const std::string& path,
                       StepKind step) {
    return made(label,
                absl::StrCat(R"("from":"x","kind":")", kind, R"(","mode":"0644","path":")", path,
                             R"(","secret":false)"),
                step);
  };
  const Made file = installed("file/a/opt/web/web.conf", "install", "/opt/web/web.conf", StepKind::kFile),
             unit = installed("unit/a/web", "unit", "/etc/systemd/system/web.service", StepKind::kUnit),
             timer = installed("unit/a/web.timer", "unit", "/etc/systemd/system/web.timer", StepKind::kUnit),
             users = installed("file/a/etc/sysusers.d/web.conf", "install", "/etc/sysusers.d/web.conf",
                               StepKind::kFile),
             user = made("user/a/web", R"("file":"/etc/sysusers.d/web.conf","kind":"sysusers","name":"web")",
                         StepKind::kUser),
             source = {"source/web/opt/web/web.conf", paths::kSharedShard,
                       R"({"kind":"source","path":"web.conf"})", StepKind::kSource},
             verdict = made("verify/a/web",
                            R"("checks":[],"kind":"check","manager":"none","name":"web","timeout":1)",
                            StepKind::kCheck);
  const std::vector<Made> all = {source, file, unit, timer, users, user, verdict};
  Write("web.conf", "mine\n");
  Gen(all);
  for (const Made& step : all) Run(step);
  Gen({});
  EXPECT_THAT(Keys({}), testing::UnorderedElementsAre(file.label, unit.label, timer.label, users.label));
  PruneAll({});
  for (const char* path : {"a/opt/web/web.conf", "a/etc/systemd/system/web.service",
                           "a/etc/systemd/system/web.timer", "a/etc/sysusers.d/web.conf"})
    EXPECT_FALSE(Exists(path)) << path;
  EXPECT_TRUE(Exists("web.conf"));
  EXPECT_THAT(Keys({}), IsEmpty());
}

// Files that a service of the plan had until its arguments changed: it runs with them until ninja has run.
TEST_F(LeftoversTest, AFileStaysUntilTheServiceWasStartedWithoutIt) {
  const Made old_file = File("a", "./a", "/etc/etcd/old.pem");
  Made service = {
      "service/a/etcd", "a",
      R"({"argv":[["","/usr/local/bin/etcd"]],"kind":"service","manager":"none","name":"etcd","root":"a",)"
      R"("timeout":90,"unit":"/etc/systemd/system/etcd.service"})",
      StepKind::kService};
  JournalEntry entry;
  entry.label = service.label;
  entry.at = 1;
  entry.record = Sha256Hex(service.record);
  ASSERT_EQ(AppendEntry(paths::Journal("a"), entry), absl::OkStatus());
  Gen({old_file, service});
  Run(old_file);
  service.record.insert(1, R"("answers":[],)");
  Gen({service});
  EXPECT_EQ(WhyKept({service}), "service/a/etcd may still use it; run ninja first");
  entry.record = Sha256Hex(service.record);
  ASSERT_EQ(AppendEntry(paths::Journal("a"), entry), absl::OkStatus());
  EXPECT_EQ(WhyKept({service}), "");
}

TEST_F(LeftoversTest, WhatPeopleWriteIntoTheFileIsNotBelieved) {
  const std::string digest = Sha256Hex("mine\n");
  Write("../outside", "mine\n");
  Write("mine", "mine\n");
  Write("etc/etcd/mine", "mine\n");
  const std::string left = absl::StrCat(R"("left":{"digest":")", digest, R"(","files":[]},)");
  // Complete as kplan writes them, but for what is said in the line.
  const std::string key = R"("algo":"rsa","kind":"key","size":2048)",
                    file = R"("from":"x","kind":"install","mode":"0644","secret":false)";
  const std::string lines[] = {
      absl::StrCat(R"("key/x":{LEFT"ca":false,"path":"../outside",)", key, "}"),
      absl::StrCat(R"("key/../../outside":{LEFT"ca":false,"path":"pki/../../outside-key.pem",)", key, "}"),
      R"("render/a/x":{LEFT"content":"x","kind":"render","path":"mine"})",
      R"("render/../mine":{LEFT"content":"x","kind":"render","path":"rendered/../mine"})",
      absl::StrCat(R"("file/a/etc/etcd/../../mine":{LEFT"path":"/etc/etcd/../../mine","root":".",)", file,
                   "}"),
      absl::StrCat(R"("file/a/mine":{LEFT"path":"/mine","root":".",)", file, "}"),
      absl::StrCat(R"("file/a/etc/passwd":{LEFT"path":"/etc/passwd","root":"/",)", file, "}"),
      absl::StrCat(R"("file/b/etc/etcd/mine":{LEFT"path":"/etc/etcd/other","root":".",)", file, "}"),
      absl::StrCat(R"("unit/a/x":{LEFT"path":"/etc/etcd/mine","root":".",)", file, "}"),
      R"("dir/a/etc/etcd":{LEFT"kind":"dir","mode":"0700","path":"/etc/etcd","root":"."})",
      R"("archive/x":{LEFT"kind":"fetch","path":"archives/../mine","sha256":"00"})",
      R"("unpack/x":{LEFT"archive":"x","dir":"archives/unpacked/../..","kind":"unpack",)"
      R"("members":[["x","mine"]],"sha256":"00"})",
      R"("verify/etcd":{LEFT"cacert":"","cert":"","cluster-id":"","etcdctl":"","key":"","kind":"verify-etcd",)"
      R"("manager":"none","members":[],"refuse":[],"report":"mine","root":"","service":"etcd","timeout":1})",
      R"("service/a/..":{LEFT"argv":[["","/x"]],"kind":"service","manager":"process","name":"..","root":".",)"
      R"("timeout":90,"unit":"/x"})",
      R"("cert/x":{LEFT"csr":"x","expiry":1,"issuer":"x","issuer-key":"k","key":"x",)"
      R"("kind":"cert","path":"mine"})",
      // Not complete.
      R"("key/x":{LEFT"ca":false,"kind":"key","path":"../outside"})",
      R"("cert/x" : [1])",
      "nonsense",
      "\"\\u0000\":{}",
  };
  for (std::string line : lines) {
    if (size_t at = line.find("LEFT"); at != std::string::npos) line.replace(at, 4, left);
    Write(paths::kLeftovers, absl::StrCat("{\n", line, "\n}\n"));
    PruneOptions options;
    for (const Leftover& leftover : FindLeftovers(GraphOf({}))) options.edited.insert(leftover.key);
    EXPECT_THAT(PruneAll({}, options), IsEmpty()) << line;
    for (const PruneItem& item : LookAtLeftovers(GraphOf({}), options)) {
      EXPECT_NE(item.why, "") << line;
      EXPECT_FALSE(item.remove) << line;
    }
    // What nobody understands stays where it is, also when gen writes the file again.
    const Made a = File("a", "./a");
    Gen({a});
    Run(a);
    Gen({});
    PruneAll({}, options);
  }
  EXPECT_TRUE(Exists("mine"));
  EXPECT_TRUE(Exists("etc/etcd/mine"));
  EXPECT_TRUE(Exists("../outside"));
}

TEST_F(LeftoversTest, ALineThatNobodyUnderstandsIsKeptAndShown) {
  Write(paths::kLeftovers, "{\nnonsense\n}\n");
  std::vector<Leftover> found = FindLeftovers(GraphOf({}));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].key, "line 2");
  EXPECT_EQ(found[0].problem, "is no \"KEY\":{RECORD}");
  const Made a = File("a", "./a");
  Gen({a});
  Run(a);
  Gen({});
  absl::StatusOr<std::string> text = ReadFile(paths::kLeftovers);
  ASSERT_TRUE(text.ok());
  EXPECT_THAT(*text, HasSubstr("\nnonsense\n"));
  EXPECT_THAT(PruneAll({}), ElementsAre(a.label));
  EXPECT_THAT(Keys({}), ElementsAre("line 2"));
}

TEST_F(LeftoversTest, ShardsOfLabels) {
  EXPECT_EQ(ShardOfLabel("file/worker/etc/etcd/ca.pem"), "worker");
  EXPECT_EQ(ShardOfLabel("service/worker/etcd"), "worker");
  EXPECT_EQ(ShardOfLabel("cert/kubernetes"), "shared");
  EXPECT_EQ(ShardOfLabel("cert/etcd-1/server"), "etcd-1");
  EXPECT_EQ(ShardOfLabel("ca/sub/key"), "shared");
  EXPECT_EQ(ShardOfLabel("archive/etcd"), "shared");
}

TEST_F(LeftoversTest, PruneWantsThePlanThatGenWrote) {
  const Made a = File("a", "./a"), b = File("b", "./b");
  Gen({a, b});
  EXPECT_EQ(CheckThatGenHasRun(GraphOf({a, b})), absl::OkStatus());
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckThatGenHasRun(GraphOf({a}))));
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckThatGenHasRun(GraphOf({a, b, Key("x")}))));
}

// A file on HOST over ssh, below ROOT there. This machine has such a path, too.
Made OverSsh(const std::string& host, const std::string& root) {
  return {absl::StrCat("file/", host, "/etc/etcd/ca.pem"), host,
          absl::StrCat(R"({"from":"pki/ca.pem","host":")", host,
                       R"(","kind":"install","mode":"0644","path":"/etc/etcd/ca.pem","root":")", root,
                       R"(","secret":false})")};
}

Made Rollout(const std::string& root, const std::vector<std::pair<std::string, bool>>& members) {
  std::string text;
  for (const auto& [host, remote] : members) {
    absl::StrAppend(
        &text, text.empty() ? "" : ",", R"({"client-urls":[],"host":")", host, R"(","id":"1","name":")", host,
        R"(","peer-urls":[],"probe":"","remote":)", remote ? "true" : "false",
        R"(,"service":{"argv":[["","/usr/local/bin/etcd"]],"kind":"service","manager":"process",)",
        R"("name":"etcd","root":")", root, "-", host, R"(","timeout":90,"unit":"/x"}})");
  }
  return {
      "rollout/etcd", "shared",
      absl::StrCat(R"({"cacert":"","cert":"","cluster-id":"","etcdctl":"","key":"","kind":"rollout-etcd",)",
                   R"("max-unavailable":1,"members":[)", text, R"(],"timeout":90})"),
      StepKind::kRollout};
}

class SshLeftoversTest : public LeftoversTest {
 protected:
  // As if the step had run there. What is at the path here is somebody else's.
  void RunThere(const Made& made) {
    JournalEntry entry;
    entry.label = made.label;
    entry.at = 1;
    entry.record = Sha256Hex(made.record);
    entry.digest = Sha256Hex("content\n");
    ASSERT_EQ(AppendEntry(paths::Journal(made.shard), entry), absl::OkStatus());
    Write(paths::Stamp(made.label), entry.digest + "\n");
    Write("rootfs/etc/etcd/ca.pem", "content\n");
  }
};

TEST_F(SshLeftoversTest, AFileOfThisMachineIsNotRemovedForAHostOverSsh) {
  const Made file = OverSsh("etcd-1", "rootfs");
  Gen({file});
  RunThere(file);
  Gen({});
  EXPECT_THAT(Keys({}), ElementsAre(file.label));
  std::vector<PruneItem> items = LookAtLeftovers(GraphOf({}), {});
  ASSERT_THAT(items, SizeIs(1));
  EXPECT_FALSE(items[0].remove);
  EXPECT_THAT(items[0].what, ElementsAre("etcd-1:rootfs/etc/etcd/ca.pem"));
  EXPECT_THAT(items[0].by_hand, ElementsAre("rm -f rootfs/etc/etcd/ca.pem"));
  Made waits = file;
  waits.record.pop_back();
  waits.record += R"(,"waits-for":{"manager":"systemd","name":"etcd"}})";
  Gen({waits});
  Gen({});
  EXPECT_THAT(LookAtLeftovers(GraphOf({}), {})[0].by_hand,
              ElementsAre("rm -f rootfs/etc/etcd/ca.pem rootfs/etc/etcd/.ca.pem.kplan-next"));
  EXPECT_THAT(PruneAll({}), IsEmpty());
  EXPECT_THAT(PruneAll({}, {{file.label}}), IsEmpty());
  EXPECT_TRUE(Exists("rootfs/etc/etcd/ca.pem"));
  // Forgetting removes notes, and nothing else.
  PruneOptions forget;
  forget.forget = {file.label};
  EXPECT_THAT(PruneAll({}, forget), ElementsAre(file.label));
  EXPECT_THAT(Keys({}), IsEmpty());
  EXPECT_TRUE(Exists("rootfs/etc/etcd/ca.pem"));
  EXPECT_FALSE(Exists(paths::Stamp(file.label)));
}

TEST_F(SshLeftoversTest, ForgettingIsForHostsOverSshAlone) {
  const Made file = File("worker", "rootfs");
  Gen({file});
  Run(file);
  Write("rootfs/etc/etcd/ca.pem", "edited\n");
  Gen({});
  PruneOptions forget;
  forget.forget = {file.label, "worker"};
  EXPECT_THAT(PruneAll({}, forget), IsEmpty());
  EXPECT_THAT(Keys({}), ElementsAre(file.label));
}

TEST_F(SshLeftoversTest, AHostThatBecomesOneOverSshLeavesItsFilesHere) {
  const Made here = File("worker", "rootfs");
  Gen({here});
  Run(here);
  const Made there = OverSsh("worker", "rootfs");
  Gen({there});
  EXPECT_THAT(Keys({there}), ElementsAre("file/worker/etc/etcd/ca.pem@rootfs"));
  EXPECT_THAT(PruneAll({there}), ElementsAre("file/worker/etc/etcd/ca.pem@rootfs"));
  EXPECT_FALSE(Exists("rootfs/etc/etcd/ca.pem"));
}

std::string Facts(const std::string& machine) {
  HostFacts facts;
  facts.machine_id = machine;
  return ToText(facts);
}

TEST_F(SshLeftoversTest, AnotherNameOfTheSameMachineLeavesNothing) {
  const Made before = OverSsh("etcd-1", "/"), after = OverSsh("node-1", "/"), other = OverSsh("node-2", "/");
  Gen({before});
  RunThere(before);
  Write(paths::HostFacts("etcd-1"), Facts("4711"));
  Write(paths::HostFacts("node-1"), Facts("4711"));
  Write(paths::HostFacts("node-2"), Facts("4712"));
  EXPECT_THAT(Keys({after}), IsEmpty());
  EXPECT_THAT(Keys({other}), ElementsAre(before.label));
}

TEST_F(SshLeftoversTest, NobodyEditsACommandIntoTheList) {
  for (const std::string root : {"/;reboot", "$(reboot)", "/ -rf"}) {
    const Made file = OverSsh("etcd-1", root);
    Write(paths::kLeftovers, absl::StrCat("{\n\"", file.label, "\":", file.record, "\n}\n"));
    std::vector<PruneItem> items = LookAtLeftovers(GraphOf({}), {});
    ASSERT_THAT(items, SizeIs(1)) << root;
    EXPECT_THAT(items[0].by_hand, IsEmpty()) << root;
    EXPECT_THAT(items[0].why, HasSubstr("kplan never wrote this")) << root;
  }
  // Nor another host's name.
  const Made file = OverSsh("etcd-2", "/");
  Write(paths::kLeftovers, absl::StrCat("{\n\"file/etcd-1/etc/etcd/ca.pem\":", file.record, "\n}\n"));
  EXPECT_THAT(LookAtLeftovers(GraphOf({}), {})[0].by_hand, IsEmpty());
}

TEST_F(SshLeftoversTest, AMemberThatIsGoneIsAServiceThatIsLeft) {
  const Made before = Rollout("root", {{"etcd-1", true}, {"etcd-2", true}, {"here", false}});
  Gen({before});
  RunThere(before);
  const Made after = Rollout("root", {{"etcd-1", true}});
  EXPECT_THAT(Keys({after}), ElementsAre("service/etcd-2/etcd", "service/here/etcd"));
  EXPECT_THAT(Keys({before}), IsEmpty());
  Gen({after});
  std::vector<PruneItem> items = LookAtLeftovers(GraphOf({after}), {});
  ASSERT_THAT(items, SizeIs(2));
  EXPECT_THAT(items[0].by_hand, ElementsAre(HasSubstr("--pidfile root-etcd-2/run/etcd.pid")));
  // Nothing of it is here any more: only the notes are left to go.
  EXPECT_EQ(items[1].why, "");
  EXPECT_TRUE(items[1].remove);
}

}  // namespace
}  // namespace kplan
