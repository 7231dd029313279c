#include "src/etcd/bolt_file.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/etcd/snapshot_auth.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

constexpr size_t kPage = 512;
constexpr uint16_t kBranch = 1, kLeaf = 2;

std::string Bytes(uint64_t number, size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(number >> (8 * i));
  return bytes;
}

struct Item {
  std::string key, value;
  uint32_t flags = 0;  // of a leaf: 1: a bucket
  uint64_t child = 0;  // of a branch
};

// A page as bbolt writes it; its size is not filled up.
std::string Page(uint64_t number, uint16_t flags, const std::vector<Item>& items, uint32_t overflow = 0) {
  std::string page =
      absl::StrCat(Bytes(number, 8), Bytes(flags, 2), Bytes(items.size(), 2), Bytes(overflow, 4));
  std::string elements, data;
  for (size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    const uint64_t position = (items.size() - i) * 16 + data.size();
    if (flags == kLeaf) {
      absl::StrAppend(&elements, Bytes(item.flags, 4), Bytes(position, 4), Bytes(item.key.size(), 4),
                      Bytes(item.value.size(), 4));
    } else {
      absl::StrAppend(&elements, Bytes(position, 4), Bytes(item.key.size(), 4), Bytes(item.child, 8));
    }
    absl::StrAppend(&data, item.key, item.value);
  }
  return absl::StrCat(page, elements, data);
}

std::string Meta(uint64_t number, uint64_t root, uint64_t transaction) {
  const std::string meta =
      absl::StrCat(Bytes(0xED0CDAED, 4), Bytes(2, 4), Bytes(kPage, 4), Bytes(0, 4), Bytes(root, 8),
                   Bytes(0, 8), Bytes(2, 8), Bytes(9, 8), Bytes(transaction, 8));
  uint64_t sum = 14695981039346656037u;
  for (unsigned char byte : meta) sum = (sum ^ byte) * 1099511628211u;
  return absl::StrCat(Bytes(number, 8), Bytes(4, 2), Bytes(0, 6), meta, Bytes(sum, 8));
}

// A bucket whose page is in its value.
std::string Inline(const std::vector<Item>& items) {
  return absl::StrCat(Bytes(0, 8), Bytes(0, 8), Page(0, kLeaf, items));
}

std::string At(uint64_t page) { return absl::StrCat(Bytes(page, 8), Bytes(0, 8)); }

// PAGES, each with its number in front.
std::string File(const std::vector<std::pair<size_t, std::string>>& pages) {
  std::string file;
  for (const auto& [number, page] : pages) {
    if (file.size() < number * kPage) file.resize(number * kPage, '\0');
    file.replace(number * kPage, std::min(page.size(), file.size() - number * kPage), page);
  }
  file.resize((file.size() + kPage - 1) / kPage * kPage, '\0');
  return file;
}

// Two buckets: "auth", within its page, and "users", whose pages are a branch and two leaves, the second of
// which is two pages long.
std::string Good() {
  const std::string large(700, 'x');
  return File({{0, Meta(0, 99, 6)},
               {1, Meta(1, 3, 7)},
               {3, Page(3, kLeaf,
                        {{"auth", Inline({{"authEnabled", "\1"}, {"authRevision", "12345678"}}), 1},
                         {"plain", "no bucket"},
                         {"users", At(4), 1}})},
               {4, Page(4, kBranch, {{"a", "", 0, 5}, {"m", "", 0, 6}})},
               {5, Page(5, kLeaf, {{"a", "1"}, {"b", ""}, {"inner", At(5), 1}})},
               {6, Page(6, kLeaf, {{"m", large}, {"z", "26"}}, 1)}});
}

absl::StatusOr<BoltFile> Open(const std::string& bytes) {
  return BoltFile::Open([bytes](uint64_t offset, char* to, size_t n) {
    if (offset >= bytes.size()) return size_t{0};
    n = std::min<size_t>(n, bytes.size() - offset);
    std::memcpy(to, bytes.data() + offset, n);
    return n;
  });
}

std::optional<std::string> Find(absl::string_view bucket, absl::string_view key) {
  absl::StatusOr<BoltFile> file = Open(Good());
  EXPECT_TRUE(file.ok()) << file.status();
  absl::StatusOr<std::optional<std::string>> found = file->Find(bucket, key);
  EXPECT_TRUE(found.ok()) << found.status();
  return found.ok() ? *found : std::nullopt;
}

TEST(BoltFile, KeysWhereverTheyAre) {
  EXPECT_THAT(Find("auth", "authEnabled"), Optional(std::string("\1")));
  EXPECT_THAT(Find("auth", "authRevision"), Optional(std::string("12345678")));
  EXPECT_THAT(Find("users", "a"), Optional(std::string("1")));
  EXPECT_THAT(Find("users", "b"), Optional(std::string()));
  EXPECT_THAT(Find("users", "m"), Optional(std::string(700, 'x')));
  EXPECT_THAT(Find("users", "z"), Optional(std::string("26")));
}

TEST(BoltFile, WhatIsNotThereIsNothing) {
  for (const char* key : {"", "A", "aa", "l", "n", "zz", "inner"})
    EXPECT_EQ(Find("users", key), std::nullopt);
  EXPECT_EQ(Find("missing", "a"), std::nullopt);
  EXPECT_EQ(Find("plain", "a"), std::nullopt);
}

TEST(BoltFile, TheMetaPageThatIsWholeAndNewerCounts) {
  std::string bytes = Good();
  ++bytes[kPage + 60];  // in the second one: the first one leads to a page that is not there
  absl::StatusOr<BoltFile> file = Open(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(absl::IsDataLoss(file->Find("auth", "authEnabled").status()));
  ++bytes[60];
  EXPECT_THAT(std::string(Open(bytes).status().message()), HasSubstr("no meta page"));
  bytes = Good();
  ++bytes[60];  // where the second one is, is then tried
  file = Open(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(*file->Find("users", "z"), Optional(std::string("26")));
}

// Whatever byte is another one: an answer, or an error, and the end of it.
TEST(BoltFile, NothingInItIsBelieved) {
  const std::string good = Good();
  size_t damaged = 0;
  for (size_t at = 0; at < good.size(); ++at) {
    for (const char change : {'\1', '\x80', '\xff'}) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      absl::StatusOr<BoltFile> file = Open(bytes);
      if (!file.ok()) continue;
      for (const auto& [bucket, key] :
           {std::make_pair("auth", "authEnabled"), std::make_pair("users", "z")}) {
        const absl::Status status = file->Find(bucket, key).status();
        if (!status.ok()) {
          ASSERT_TRUE(absl::IsDataLoss(status)) << at;
          ++damaged;
        }
      }
    }
  }
  EXPECT_GT(damaged, 100u);
  for (size_t size = 0; size < good.size(); size += 7) {
    absl::StatusOr<BoltFile> file = Open(good.substr(0, size));
    if (file.ok()) file->Find("users", "z").IgnoreError();
  }
}

TEST(BoltFile, ALoopOfPagesEnds) {
  absl::StatusOr<BoltFile> file =
      Open(File({{0, Meta(0, 3, 1)}, {1, Meta(1, 3, 2)}, {3, Page(3, kBranch, {{"a", "", 0, 3}})}}));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(std::string(file->Find("auth", "a").status().message()), HasSubstr("too deep"));
}

class SnapshotAuthTest : public StepTest {
 protected:
  // A user as protobuf: 1 name, 2 password, 3 roles, 4 options.
  static std::string User(const std::string& name, const std::vector<std::string>& roles) {
    std::string user;
    const auto add = [&](char tag, const std::string& text) {
      absl::StrAppend(&user, std::string(1, tag), Bytes(text.size(), 1), text);
    };
    add('\x0a', name);
    add('\x12', "secret");
    for (const std::string& role : roles) add('\x1a', role);
    add('\x22', std::string("\x08\x01", 2));
    return user;
  }

  static absl::StatusOr<SnapshotAuth> Of(const std::string& enabled, const std::string& name) {
    std::vector<Item> users = {
        {"ops", User("ops", {"kplan", "root"})}, {"web", User("web", {})}, {"zed", "\xff"}};
    const std::string page =
        Page(3, kLeaf, {{"auth", Inline({{"authEnabled", enabled}}), 1}, {"authUsers", Inline(users), 1}});
    Write("a.db", File({{0, Meta(0, 3, 1)}, {1, Meta(1, 3, 2)}, {3, page}}));
    return ReadSnapshotAuth("a.db", name);
  }
};

TEST_F(SnapshotAuthTest, WhoIsRootInIt) {
  const std::string on = "\1", off(1, '\0');
  absl::StatusOr<SnapshotAuth> auth = Of(on, "ops");
  ASSERT_TRUE(auth.ok()) << auth.status();
  EXPECT_TRUE(auth->enabled && auth->IsRoot());
  EXPECT_THAT(auth->roles, Optional(ElementsAre("kplan", "root")));
  auth = Of(on, "web");
  EXPECT_TRUE(auth->enabled && !auth->IsRoot() && auth->roles->empty());
  auth = Of(on, "nobody");
  EXPECT_TRUE(auth->enabled && !auth->IsRoot() && !auth->roles.has_value());
  EXPECT_TRUE(Of(off, "nobody")->IsRoot()) << "without auth everybody is";
  EXPECT_TRUE(absl::IsDataLoss(Of(on, "zed").status()));
  EXPECT_TRUE(absl::IsNotFound(ReadSnapshotAuth("missing.db", "ops").status()));
}

}  // namespace
}  // namespace kplan
