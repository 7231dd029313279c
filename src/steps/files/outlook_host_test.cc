// The looks of the steps that put files on hosts: whatever the situation, they say what the step then does.

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/step/host_outlook.h"
#include "src/step/host_outlook_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kUnit[] = "[Service]\nExecStart=/usr/local/bin/etcd \\\n  --name etcd\nLimitNOFILE=1024\n";
constexpr char kRendered[] = "rendered/worker/etc/systemd/system/etcd.service";
constexpr char kOnHost[] = "./rootfs/etc/systemd/system/etcd.service";

class HostOutlookTest : public StepTest {
 protected:
  static LookedStep Render(const std::string& content) {
    return {RenderStep, RenderLook, {{"content", content}, {"kind", "render"}, {"path", kRendered}}};
  }
  static LookedStep Install(const std::string& from, const std::string& path,
                            const std::string& mode = "0644") {
    return {FileStep,
            FileLook,
            {{"from", from},
             {"kind", "install"},
             {"mode", mode},
             {"path", path},
             {"root", "./rootfs"},
             {"secret", false}}};
  }
  static std::vector<LookedStep> Unit(const std::string& content) {
    return {Render(content), Install(kRendered, "/etc/systemd/system/etcd.service")};
  }
  static LookedStep Dir(const std::string& mode) {
    return {
        DirStep, DirLook, {{"kind", "dir"}, {"mode", mode}, {"path", "/var/lib/etcd"}, {"root", "./rootfs"}}};
  }

  // A situation that is made of one in which all is right, and what the looks at STEPS have to say to it: the
  // names of the reasons, step by step.
  struct Situation {
    const char* name;
    std::function<void()> make;
    std::vector<LookedStep> steps;
    std::vector<std::vector<std::string>> reasons;  // {"error"}: it fails
  };
  static void Check(const std::vector<Situation>& situations, const std::vector<LookedStep>& right) {
    for (const Situation& situation : situations) {
      SCOPED_TRACE(situation.name);
      ASSERT_EQ(system("chmod -R u+rwX . && rm -rf rootfs rendered"), 0);
      std::map<size_t, std::string> digests;
      Foresight::LookThenRun(right, &digests);
      situation.make();
      std::vector<absl::StatusOr<Outlook>> outlooks = Foresight::LookThenRun(situation.steps, &digests);
      std::vector<std::vector<std::string>> names;
      for (const absl::StatusOr<Outlook>& outlook : outlooks) {
        names.push_back(outlook.ok() ? NamesOf(outlook->reasons) : std::vector<std::string>{"error"});
      }
      EXPECT_EQ(names, situation.reasons);
    }
  }
};

TEST_F(HostOutlookTest, ARenderedUnit) {
  const std::string other = absl::StrReplaceAll(kUnit, {{"1024", "65536"}});
  const std::vector<LookedStep> same = Unit(kUnit), edited = Unit(other);
  auto remove = [](const char* path) { return [path] { ASSERT_EQ(unlink(path), 0); }; };
  // As kplan writes it, and as it does not.
  auto write = [](const char* path, absl::string_view text) {
    return [path, text] { Write(path, text, absl::string_view(path) == kRendered ? 0600 : 0644); };
  };
  auto mode = [](const char* path) {
    return [path] { ASSERT_EQ(chmod(path, absl::string_view(path) == kRendered ? 0644 : 0600), 0); };
  };
  using Names = std::vector<std::string>;
  Check(
      {
          {"nothing", [] {}, same, {{}, {}}},
          {"the spec says something else", [] {}, edited, {{"content"}, {"content"}}},
          {"both are gone",
           [&] {
             remove(kRendered)();
             remove(kOnHost)();
           },
           same,
           {{"missing"}, {"missing"}}},
          {"the rendered one is gone", remove(kRendered), same, {{"missing"}, {}}},
          {"the host's is gone", remove(kOnHost), same, {{}, {"missing"}}},
          {"the host's folder is gone",
           [] { ASSERT_EQ(system("rm -rf rootfs"), 0); },
           same,
           {{}, {"missing"}}},
          {"edited on the host", write(kOnHost, "[Service]\n"), same, {{}, {"content"}}},
          {"the rendered one was edited", write(kRendered, "[Service]\n"), same, {{"content"}, {}}},
          {"the rendered one grew by nothing", write(kRendered, kUnit), same, {{}, {}}},
          {"edited to what it now is to be", write(kOnHost, other), edited, {{"content"}, {}}},
          {"closed to others", mode(kOnHost), same, {{}, {"mode"}}},
          {"the rendered one opened to others", mode(kRendered), same, {{"mode"}, {}}},
          {"both differ", [&] { mode(kOnHost)(); }, edited, {{"content"}, Names{"content", "mode"}}},
          {"a link in its place",
           [&] {
             remove(kRendered)();
             ASSERT_EQ(symlink("elsewhere", kRendered), 0);
           },
           same,
           {{"content"}, {}}},
          {"a link on the host",
           [&] {
             remove(kOnHost)();
             ASSERT_EQ(symlink("elsewhere", kOnHost), 0);
           },
           same,
           {{}, {"error"}}},
          {"a folder in its place",
           [&] {
             remove(kRendered)();
             ASSERT_EQ(mkdir(kRendered, 0755), 0);
           },
           same,
           {{"error"}, {"error"}}},
          {"another mode is asked for",
           [] {},
           {Render(kUnit), Install(kRendered, "/etc/systemd/system/etcd.service", "0600")},
           {{}, {"mode"}}},
          {"no mode at all", [] {}, {Install(kRendered, "/etc/x", "rw")}, {{"error"}}},
          {"nothing to install", [] {}, {Install("nowhere", "/etc/x")}, {{"error"}}},
      },
      same);
}

TEST_F(HostOutlookTest, AFolder) {
  const std::vector<LookedStep> same = {Dir("0700")};
  Check(
      {
          {"nothing", [] {}, same, {{}}},
          {"gone", [] { ASSERT_EQ(rmdir("rootfs/var/lib/etcd"), 0); }, same, {{"missing"}}},
          {"open", [] { ASSERT_EQ(chmod("rootfs/var/lib/etcd", 0755), 0); }, same, {{"mode"}}},
          {"another mode is asked for", [] {}, {Dir("0750")}, {{"mode"}}},
          {"a file in its place",
           [] {
             ASSERT_EQ(rmdir("rootfs/var/lib/etcd"), 0);
             Write("rootfs/var/lib/etcd", "");
           },
           same,
           {{"error"}}},
          {"something in it", [] { Write("rootfs/var/lib/etcd/member", ""); }, same, {{}}},
          {"no path", [] {}, {{DirStep, DirLook, {{"kind", "dir"}, {"mode", "0700"}}}}, {{"error"}}},
      },
      same);
}

TEST_F(HostOutlookTest, AUnitsChangesAreToldByKeyAndFlag) {
  std::map<size_t, std::string> digests;
  Foresight::LookThenRun(Unit(kUnit), &digests);
  ASSERT_EQ(chmod(kOnHost, 0664), 0);
  const std::string other =
      absl::StrReplaceAll(kUnit, {{"1024", "65536"}, {"--name etcd", "--name etcd \\\n  --max-wals=10"}});
  auto outlooks = Foresight::LookThenRun(Unit(other), &digests);
  EXPECT_THAT(
      LinesOf(outlooks[1]->changes),
      ElementsAre("flag --max-wals:  -> 10", "[Service] LimitNOFILE: 1024 -> 65536", "mode: 0664 -> 0644"));
}

TEST_F(HostOutlookTest, OtherTextsAreToldByDigest) {
  Write("a", "one");
  std::map<size_t, std::string> digests;
  Foresight::LookThenRun({Install("a", "/etc/a")}, &digests);
  Write("a", "two");
  auto outlooks = Foresight::LookThenRun({Install("a", "/etc/a")}, &digests);
  EXPECT_THAT(LinesOf(outlooks[0]->changes),
              ElementsAre(absl::StrCat("content: sha256:", Sha256Hex("one").substr(0, 8),
                                       "… -> sha256:", Sha256Hex("two").substr(0, 8), "…")));
}

TEST_F(HostOutlookTest, WhatIsTooLargeToHoldIsForeseenByDigest) {
  const std::string large(kMaxForeseenText + 1, 'x');
  Write("program", large);
  std::map<size_t, std::string> digests;
  auto outlooks = Foresight::LookThenRun({Install("program", "/bin/program", "0755")}, &digests);
  ASSERT_EQ(outlooks[0]->files.size(), 1u);
  EXPECT_FALSE(outlooks[0]->files[0].second.content.has_value());
  EXPECT_EQ(outlooks[0]->files[0].second.sha256, Sha256Hex(large));
  Write("program", large + "y");
  outlooks = Foresight::LookThenRun({Install("program", "/bin/program", "0755")}, &digests);
  EXPECT_THAT(NamesOf(outlooks[0]->reasons), ElementsAre("content"));
  EXPECT_THAT(LinesOf(outlooks[0]->changes), ElementsAre(HasSubstr("content: sha256:")));
}

TEST_F(HostOutlookTest, AFileOfWhichNothingIsKnownCountsAsAnother) {
  Write("a", "one");
  std::map<size_t, std::string> digests;
  Foresight::LookThenRun({Install("a", "/etc/a")}, &digests);
  Foreseen foreseen;
  foreseen.Add("a", ForeseenFile());
  absl::StatusOr<Outlook> outlook = Foresight::Look(Install("a", "/etc/a"), foreseen);
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_THAT(NamesOf(outlook->reasons), ElementsAre("content"));
  EXPECT_TRUE(outlook->changes_digest);
  EXPECT_EQ(outlook->digest, "");
  EXPECT_THAT(outlook->changes, IsEmpty());
  ASSERT_EQ(outlook->files.size(), 1u);
  EXPECT_FALSE(DigestOf(outlook->files[0].second).has_value());
}

TEST_F(HostOutlookTest, OwnersByName) {
  Write("passwd", "root:x:0:0:root:/root:/bin/sh\netcd:x:990:980::/:/bin/false\n");
  Write("group", "root:x:0:\netcd:x:980:\nadm:x:4:\n");
  const AccountFiles files = {"passwd", "group"};
  EXPECT_EQ(OwnerText({0, 0}, files), "root");
  EXPECT_EQ(OwnerText({990, 980}, files), "etcd");
  EXPECT_EQ(OwnerText({990, 4}, files), "etcd:adm");
  EXPECT_EQ(OwnerText({990, 5}, files), "etcd:5");
  EXPECT_EQ(OwnerText({7, 980}, files), "7:etcd");
  EXPECT_EQ(OwnerText({7, 8}, {"none", "none"}), "7:8");
}

TEST_F(HostOutlookTest, AnOwnerIsAReason) {
  HostFileState state;
  state.exists = state.regular = true;
  state.mode = 0644;
  state.uid = state.gid = 4294967294u;
  std::vector<Reason> reasons;
  std::vector<Change> changes;
  AddAttributes(AttributeDifferences(state, 0600, HostOwner()), "", &reasons, &changes);
  EXPECT_THAT(NamesOf(reasons), ElementsAre("mode", "owner"));
  EXPECT_THAT(LinesOf(changes), ElementsAre("mode: 0644 -> 0600", "owner: 4294967294:4294967294 -> root"));
}

}  // namespace
}  // namespace kplan
