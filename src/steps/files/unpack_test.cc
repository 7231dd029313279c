#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/archive/tar_testing.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The shape of a release of etcd.
TarBuilder Release() {
  TarBuilder tar;
  tar.Folder("etcd-v1/").File("etcd-v1/README.md", "read me", 0644).File("etcd-v1/etcd", "the server");
  tar.Folder("etcd-v1/Documentation/").File("etcd-v1/etcdctl", "the client", 0700);
  tar.Link("etcd-v1/Documentation/latest", "../README.md").Link("etcd-v1/copy", "etcd-v1/README.md", '1');
  return tar;
}

class UnpackTest : public StepTest {
 protected:
  // Puts BYTES into archives/X.tar.gz and returns a record that wants etcd and etcdctl out of it.
  std::string Archive(absl::string_view bytes) {
    Write("archives/X.tar.gz", bytes);
    return RecordFor(Sha256Hex(bytes));
  }

  static std::string RecordFor(absl::string_view sha256) {
    return absl::StrFormat(R"({"archive":"archives/X.tar.gz","dir":"archives/X","kind":"unpack","members":)"
                           R"([["etcd-v1/etcd","etcd"],["etcd-v1/etcdctl","etcdctl"]],"sha256":"%s"})",
                           sha256);
  }

  // That the archive is refused, and that nothing but the archive is there afterwards; the message.
  std::string Refused(absl::string_view bytes) {
    std::string record = Archive(bytes);
    std::string before = Everything();
    std::string message = ErrorOf(UnpackStep, record);
    EXPECT_EQ(List("archives"), std::vector<std::string>{"X.tar.gz"}) << message;
    EXPECT_EQ(List("."), std::vector<std::string>{"archives"}) << message;
    EXPECT_THAT(message, HasSubstr("archives/X.tar.gz"));
    return message;
  }

  std::string RefusedEntry(const TarBuilder::Entry& entry) {
    return Refused(Gzip(Release().Add(entry).Finish()));
  }
};

TEST_F(UnpackTest, TakesOnlyWhatIsWanted) {
  std::string record = Archive(Gzip(Release().Finish()));
  StepResult result = MustRun(UnpackStep, record);
  EXPECT_EQ(result.reason, "missing");
  EXPECT_THAT(List("archives/X"), ElementsAre(".kplan.json", "etcd", "etcdctl"));
  EXPECT_EQ(Read("archives/X/etcd"), "the server");
  EXPECT_EQ(Read("archives/X/etcdctl"), "the client");
  EXPECT_EQ(ModeOf("archives/X/etcd"), 0755u);
  EXPECT_EQ(ModeOf("archives/X/etcdctl"), 0755u) << "whatever the archive says";
  EXPECT_THAT(result.files, ElementsAre("archives/X/etcd", "archives/X/etcdctl"));
  EXPECT_EQ(result.digest, Sha256Hex(absl::StrCat("etcd ", Sha256Hex("the server"), "\netcdctl ",
                                                  Sha256Hex("the client"), "\n")));
}

TEST_F(UnpackTest, ASecondRunTouchesNothingAndNeedsNoArchive) {
  std::string record = Archive(Gzip(Release().Finish()));
  StepResult first = MustRun(UnpackStep, record);
  ASSERT_EQ(unlink("archives/X.tar.gz"), 0);
  std::string before = Everything();
  StepResult second = MustRun(UnpackStep, record);
  EXPECT_EQ(second.reason, "");
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(Everything(), before);
}

TEST_F(UnpackTest, RepairsWhatChangedAndOnlyThat) {
  std::string record = Archive(Gzip(Release().Finish()));
  StepResult first = MustRun(UnpackStep, record);
  struct Damage {
    void (*make)();
    const char* reason;
  } damages[] = {
      {[] { Write("archives/X/etcd", "THE SERVER", 0755); }, "etcd was edited"},
      {[] { unlink("archives/X/etcd"); }, "etcd is missing"},
      {[] { chmod("archives/X/etcd", 0644); }, "mode of etcd was 0644, is 0755"},
      {[] { (void)(unlink("archives/X/etcd") + symlink("/bin/true", "archives/X/etcd")); },
       "etcd is no regular file"},
  };
  for (const Damage& damage : damages) {
    ino_t other = Look("archives/X/etcdctl").st_ino;
    damage.make();
    StepResult result = MustRun(UnpackStep, record);
    EXPECT_EQ(result.reason, damage.reason);
    EXPECT_EQ(result.digest, first.digest);
    EXPECT_EQ(Read("archives/X/etcd"), "the server");
    EXPECT_EQ(ModeOf("archives/X/etcd"), 0755u);
    EXPECT_EQ(Look("archives/X/etcdctl").st_ino, other) << "what was right stays";
    EXPECT_EQ(MustRun(UnpackStep, record).reason, "");
  }
}

TEST_F(UnpackTest, ALostManifestChangesNoMember) {
  std::string record = Archive(Gzip(Release().Finish()));
  MustRun(UnpackStep, record);
  for (const char* manifest : {"", "{", "[]", R"({"archive":"x","members":[["a","etcd","b"]]})"}) {
    ino_t inode = Look("archives/X/etcd").st_ino;
    Write("archives/X/.kplan.json", manifest);
    EXPECT_THAT(MustRun(UnpackStep, record).reason, HasSubstr("not completely")) << manifest;
    EXPECT_EQ(Look("archives/X/etcd").st_ino, inode);
    EXPECT_EQ(MustRun(UnpackStep, record).reason, "");
  }
}

TEST_F(UnpackTest, AnotherArchiveReplacesTheMembers) {
  MustRun(UnpackStep, Archive(Gzip(Release().Finish())));
  TarBuilder tar;
  tar.File("etcd-v1/etcd", "newer").File("etcd-v1/etcdctl", "the client");
  EXPECT_THAT(MustRun(UnpackStep, Archive(Gzip(tar.Finish()))).reason, HasSubstr("another archive"));
  EXPECT_EQ(Read("archives/X/etcd"), "newer");
}

TEST_F(UnpackTest, AnotherDigestIsRefused) {
  Archive(Gzip(Release().Finish()));
  std::string wanted(64, 'a');
  std::string message = ErrorOf(UnpackStep, RecordFor(wanted));
  EXPECT_THAT(message, HasSubstr(wanted));
  EXPECT_THAT(message, HasSubstr(Sha256Hex(Gzip(Release().Finish()))));
  EXPECT_FALSE(Exists("archives/X"));
}

TEST_F(UnpackTest, AnArchiveThatIsNotThere) {
  EXPECT_THAT(ErrorOf(UnpackStep, RecordFor(std::string(64, 'a'))), HasSubstr("archives/X.tar.gz"));
  EXPECT_FALSE(Exists("archives/X"));
}

TEST_F(UnpackTest, AHostileArchiveLeavesAnEarlierOneAsItWas) {
  MustRun(UnpackStep, Archive(Gzip(Release().Finish())));
  std::string before = Everything("archives/X");
  std::string record = Archive(Gzip(Release().File("/etc/passwd", "root::0:0").Finish()));
  EXPECT_THAT(ErrorOf(UnpackStep, record), HasSubstr("\"/etc/passwd\": an absolute path"));
  EXPECT_EQ(List("archives/X"), (std::vector<std::string>{".kplan.json", "etcd", "etcdctl"}));
  EXPECT_EQ(Read("archives/X/etcd"), "the server");
}

TEST_F(UnpackTest, PathsThatLeaveTheArchive) {
  for (const char* name : {"/etc/cron.d/x", "../x", "etcd-v1/../../x", "etcd-v1/..", ".."}) {
    TarBuilder::Entry entry;
    entry.name = name;
    entry.content = "x";
    EXPECT_THAT(RefusedEntry(entry), HasSubstr(absl::StrCat("entry \"", name, "\""))) << name;
  }
}

TEST_F(UnpackTest, LinksThatLeaveTheArchive) {
  struct Case {
    const char *name, *target;
    char type;
  } cases[] = {
      {"etcd-v1/a", "/etc/shadow", '2'},  {"etcd-v1/a", "../../x", '2'},     {"a", "..", '2'},
      {"etcd-v1/a", "b/../../../x", '2'}, {"etcd-v1/a", "/etc/shadow", '1'}, {"etcd-v1/a", "../x", '1'},
  };
  for (const Case& c : cases) {
    TarBuilder::Entry entry;
    entry.name = c.name;
    entry.type = c.type;
    entry.link = c.target;
    std::string message = RefusedEntry(entry);
    EXPECT_THAT(message, HasSubstr(absl::StrCat("entry \"", c.name, "\": a link")));
    EXPECT_THAT(message, HasSubstr(c.target));
  }
}

TEST_F(UnpackTest, ALinkInThePlaceOfAWantedFile) {
  for (char type : {'1', '2'}) {
    TarBuilder tar;
    tar.File("etcd-v1/real", "x").Link("etcd-v1/etcd", type == '1' ? "etcd-v1/real" : "real", type);
    tar.File("etcd-v1/etcdctl", "x");
    EXPECT_THAT(Refused(Gzip(tar.Finish())),
                HasSubstr("\"etcd-v1/etcd\": a link in the place of a wanted file"));
  }
  TarBuilder folder;
  folder.Link("etcd-v1", "other").File("etcd-v1/etcd", "x").File("etcd-v1/etcdctl", "x");
  EXPECT_THAT(Refused(Gzip(folder.Finish())), HasSubstr("\"etcd-v1\": a link in the place of a folder"));
}

TEST_F(UnpackTest, AFolderInThePlaceOfAWantedFile) {
  TarBuilder tar;
  tar.Folder("etcd-v1/etcd/").File("etcd-v1/etcdctl", "x");
  EXPECT_THAT(Refused(Gzip(tar.Finish())), HasSubstr("\"etcd-v1/etcd/\": a folder in the place"));
}

TEST_F(UnpackTest, DevicesAndFifos) {
  struct Case {
    char type;
    const char* reason;
  } cases[] = {{'3', "a device"}, {'4', "a device"}, {'6', "a FIFO"}};
  for (const Case& c : cases) {
    TarBuilder::Entry entry;
    entry.name = "etcd-v1/special";
    entry.type = c.type;
    EXPECT_THAT(RefusedEntry(entry), HasSubstr(absl::StrCat("\"etcd-v1/special\": ", c.reason)));
    entry.name = "etcd-v1/etcd";  // wanted
    EXPECT_THAT(RefusedEntry(entry), HasSubstr(c.reason));
  }
}

TEST_F(UnpackTest, SetuidAndSetgid) {
  for (const char* name : {"etcd-v1/helper", "etcd-v1/etcd"}) {
    TarBuilder::Entry entry;
    entry.name = name;
    entry.content = "x";
    entry.mode = 04755;
    EXPECT_THAT(RefusedEntry(entry), HasSubstr(absl::StrCat("\"", name, "\": the setuid bit")));
    entry.mode = 02755;
    EXPECT_THAT(RefusedEntry(entry), HasSubstr(absl::StrCat("\"", name, "\": the setgid bit")));
  }
}

TEST_F(UnpackTest, AWantedMemberTwice) {
  for (const char* name : {"etcd-v1/etcd", "./etcd-v1//etcd"}) {
    TarBuilder::Entry entry;
    entry.name = name;
    entry.content = "another server";
    EXPECT_THAT(RefusedEntry(entry),
                HasSubstr(absl::StrCat("\"", name, "\": is in the archive more than once")));
  }
}

TEST_F(UnpackTest, ControlCharactersInANameDoNotReachTheTerminal) {
  TarBuilder::Entry entry;
  entry.name = "etcd-v1/\x1b[2J\n";
  std::string message = RefusedEntry(entry);
  EXPECT_THAT(message, HasSubstr("\"etcd-v1/\\x1b[2J\\n\": a control character"));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

TEST_F(UnpackTest, ANulInANameHidesNothing) {
  // A pax header can carry a NUL; the name is what comes before it, and is judged as that.
  TarBuilder tar = Release();
  tar.Pax("path", absl::string_view("etcd-v1/etcd\0.txt", 17)).File("x", "another server");
  std::string message = Refused(Gzip(tar.Finish()));
  EXPECT_THAT(message, HasSubstr("etcd-v1/etcd"));
}

TEST_F(UnpackTest, APaxHeaderCannotSmuggleANameIn) {
  TarBuilder tar = Release();
  tar.Pax("path", "../../x").File("etcd-v1/harmless", "x");
  EXPECT_THAT(Refused(Gzip(tar.Finish())), HasSubstr("\"../../x\": a path with"));
  TarBuilder link = Release();
  link.Pax("linkpath", "/etc/shadow").Link("etcd-v1/harmless", "x");
  EXPECT_THAT(Refused(Gzip(link.Finish())), HasSubstr("/etc/shadow"));
}

TEST_F(UnpackTest, NamesBeyondAsciiAreHarmless) {
  TarBuilder tar = Release();
  tar.Pax("path", "etcd-v1/caf\xc3\xa9.md").File("x", "x").File("etcd-v1/na\xc3\xafve.md", "x");
  EXPECT_EQ(MustRun(UnpackStep, Archive(Gzip(tar.Finish()))).reason, "missing");
}

TEST_F(UnpackTest, ALongName) {
  std::string name = absl::StrCat("etcd-v1/", std::string(250, 'd'), "/", std::string(250, 'f'));
  TarBuilder tar = Release();
  tar.Pax("path", name).File("x", "x");
  EXPECT_EQ(MustRun(UnpackStep, Archive(Gzip(tar.Finish()))).reason, "missing");
}

TEST_F(UnpackTest, TruncatedAnywhere) {
  std::string whole = Gzip(Release().Finish());
  for (size_t size = 0; size < whole.size(); size += 7) {
    std::string message = Refused(whole.substr(0, size));
    EXPECT_THAT(message, testing::AnyOf(HasSubstr("truncated"), HasSubstr("empty"))) << size;
  }
  EXPECT_THAT(Refused(whole.substr(0, whole.size() - 1)), HasSubstr("truncated"));
}

TEST_F(UnpackTest, ATarThatEndsTooEarly) {
  std::string tar = Release().WithoutEnd();
  EXPECT_THAT(Refused(Gzip(tar)), HasSubstr("truncated: the end of the tar is missing"));
  TarBuilder half = Release();
  TarBuilder::Entry entry;
  entry.name = "etcd-v1/half";
  entry.content = "x";
  entry.claimed_size = 100000;
  half.Add(entry);
  EXPECT_THAT(Refused(Gzip(half.Finish())), testing::ContainsRegex("[Tt]runcated"));
}

TEST_F(UnpackTest, ADamagedByteIsNoticedUnlessItMeansNothing) {
  // A few bits of deflate have no meaning (a code length of a symbol that never occurs): then what comes out
  // has to be what would have come out anyway.
  const std::string whole = Gzip(Release().Finish());
  int refused = 0, tried = 0;
  for (size_t at = 10; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    ++tried;
    absl::StatusOr<StepResult> result = Run(UnpackStep, Archive(damaged));
    if (result.ok()) {
      EXPECT_EQ(Read("archives/X/etcd"), "the server") << at;
      EXPECT_EQ(Read("archives/X/etcdctl"), "the client") << at;
      for (const std::string& name : List("archives/X")) unlink(absl::StrCat("archives/X/", name).c_str());
      ASSERT_EQ(rmdir("archives/X"), 0);
    } else {
      ++refused;
      ASSERT_FALSE(Exists("archives/X")) << at;
    }
  }
  EXPECT_GT(refused, tried * 9 / 10) << "of " << tried;
}

TEST_F(UnpackTest, AWrongCrcIsNoticed) {
  std::string damaged = Gzip(Release().Finish());
  damaged[damaged.size() - 8] ^= 1;
  EXPECT_THAT(Refused(damaged), HasSubstr("incorrect data check"));
}

TEST_F(UnpackTest, AWrongTarChecksumIsNoticed) {
  TarBuilder::Entry entry;
  entry.name = "etcd-v1/x";
  entry.bad_checksum = true;
  EXPECT_THAT(RefusedEntry(entry), HasSubstr("damaged tar"));
}

TEST_F(UnpackTest, BytesBehindTheEnd) {
  std::string tar = Release().Finish();
  EXPECT_THAT(Refused(Gzip(tar) + "garbage"), HasSubstr("bytes follow the end"));
  EXPECT_THAT(Refused(Gzip(tar + std::string(512, 'g') + std::string(1024, '\0'))),
              HasSubstr("data follows the end of the tar"));
  EXPECT_THAT(Refused(Gzip(tar + Release().Finish())), HasSubstr("data follows the end of the tar"));
}

TEST_F(UnpackTest, SeveralGzipMembersAreOneFile) {
  std::string tar = Release().Finish();
  std::string record = Archive(Gzip(tar.substr(0, 700)) + Gzip(tar.substr(700)));
  EXPECT_EQ(MustRun(UnpackStep, record).reason, "missing");
  EXPECT_EQ(Read("archives/X/etcd"), "the server");
}

TEST_F(UnpackTest, WhatIsNoArchive) {
  EXPECT_THAT(Refused("PK\x03\x04 a zip"), HasSubstr("no gzip file"));
  EXPECT_THAT(Refused(Release().Finish()), HasSubstr("no gzip file"));
  EXPECT_THAT(Refused(Gzip("just text")), HasSubstr("damaged tar"));
  EXPECT_THAT(Refused(""), HasSubstr("empty"));
}

TEST_F(UnpackTest, ADecompressionBomb) {
  TarBuilder tar = Release();
  tar.File("etcd-v1/zeros", std::string(100 << 20, '\0'));
  EXPECT_THAT(Refused(Gzip(tar.Finish())), HasSubstr("more than 100 times its size: a decompression bomb"));
}

TEST_F(UnpackTest, AMissingMemberIsNamedWithWhatIsThere) {
  TarBuilder tar;
  tar.File("etcd-v2/etcd", "x").File("etcd-v2/etcdctl", "x");
  std::string message = Refused(Gzip(tar.Finish()));
  EXPECT_THAT(message, HasSubstr("has no \"etcd-v1/etcd\"; there is \"etcd-v2/etcd\""));
  TarBuilder other;
  other.Folder("consul/").File("consul/consul", "x");
  EXPECT_THAT(Refused(Gzip(other.Finish())), HasSubstr("at the top there is \"consul\""));
}

TEST_F(UnpackTest, AFileInThePlaceOfTheFolder) {
  std::string record = Archive(Gzip(Release().Finish()));
  Write("archives/X", "a file");
  EXPECT_THAT(ErrorOf(UnpackStep, record), HasSubstr("archives/X"));
  EXPECT_EQ(Read("archives/X"), "a file");
}

TEST_F(UnpackTest, NamesThatCannotBeMembers) {
  for (const char* pair :
       {R"(["etcd-v1/etcd","../etcd"])", R"(["../etcd","etcd"])", R"(["/etcd","etcd"])",
        R"(["etcd-v1/etcd",".kplan.json"])", R"(["etcd-v1/etcd",""])", R"(["a","etcd"],["b","etcd"])"}) {
    std::string record =
        absl::StrFormat(R"({"archive":"a","dir":"d","kind":"unpack","members":[%s],"sha256":"%s"})", pair,
                        std::string(64, 'a'));
    EXPECT_THAT(ErrorOf(UnpackStep, record), HasSubstr("cannot be")) << pair;
  }
}

}  // namespace
}  // namespace kplan
