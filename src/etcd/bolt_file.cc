#include "src/etcd/bolt_file.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

constexpr size_t kPageHeader = 16, kElement = 16, kBucket = 16, kMeta = 64;
constexpr uint32_t kMagic = 0xED0CDAED, kVersion = 2;
constexpr uint16_t kBranch = 1, kLeaf = 2, kMetaPage = 4;
constexpr size_t kMostPage = 16 << 20;
constexpr uint32_t kLeastPageSize = 512, kMostPageSize = 64 << 10;
constexpr int kMostLevels = 32;

absl::Status Damaged(absl::string_view how) {
  return absl::DataLossError(absl::StrCat("it is no database of etcd: ", how));
}

// The number of SIZE bytes at AT, which has to be inside of BYTES.
uint64_t Number(absl::string_view bytes, size_t at, size_t size) {
  uint64_t number = 0;
  for (size_t i = size; i > 0; --i) number = number << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
  return number;
}

// FNV-1a, 64 bits, as a meta page has it of itself.
uint64_t Checksum(absl::string_view bytes) {
  uint64_t sum = 14695981039346656037u;
  for (unsigned char byte : bytes) sum = (sum ^ byte) * 1099511628211u;
  return sum;
}

struct Meta {
  uint32_t page_size = 0;
  uint64_t root = 0, transaction = 0;
};

// PAGE, its first bytes, as a meta page; nothing when it is none.
std::optional<Meta> ParseMeta(absl::string_view page) {
  if (page.size() < kPageHeader + kMeta || (Number(page, 8, 2) & kMetaPage) == 0) return std::nullopt;
  page.remove_prefix(kPageHeader);
  if (Number(page, 0, 4) != kMagic || Number(page, 4, 4) != kVersion ||
      Number(page, 56, 8) != Checksum(page.substr(0, 56))) {
    return std::nullopt;
  }
  Meta meta;
  meta.page_size = static_cast<uint32_t>(Number(page, 8, 4));
  meta.root = Number(page, 16, 8);
  meta.transaction = Number(page, 48, 8);
  const bool power_of_two = (meta.page_size & (meta.page_size - 1)) == 0;
  if (!power_of_two || meta.page_size < kLeastPageSize || meta.page_size > kMostPageSize) return std::nullopt;
  return meta;
}

// What element I of PAGE points to: its key, and of a leaf what is behind that. False when it is not inside.
struct Element {
  absl::string_view key, value;
  uint32_t flags = 0;
  uint64_t child = 0;
};

bool ReadElement(absl::string_view page, size_t i, bool leaf, Element* element) {
  const size_t at = kPageHeader + i * kElement;
  if (at + kElement > page.size()) return false;
  const uint64_t position = at + Number(page, at + (leaf ? 4 : 0), 4);
  const uint64_t key = Number(page, at + (leaf ? 8 : 4), 4);
  const uint64_t value = leaf ? Number(page, at + 12, 4) : 0;
  if (position + key + value > page.size()) return false;
  element->key = page.substr(position, key);
  element->value = page.substr(position + key, value);
  if (leaf) {
    element->flags = static_cast<uint32_t>(Number(page, at, 4));
  } else {
    element->child = Number(page, at + 8, 8);
  }
  return true;
}

}  // namespace

absl::StatusOr<BoltFile> BoltFile::Open(ReadAt read_at) {
  BoltFile file(std::move(read_at));
  std::optional<Meta> best;
  const auto look = [&](uint64_t offset) {
    char page[kPageHeader + kMeta];
    std::optional<Meta> meta = ParseMeta({page, file.read_at_(offset, page, sizeof(page))});
    if (meta.has_value() && (!best.has_value() || meta->transaction > best->transaction)) best = meta;
  };
  look(0);
  // Where the second one is depends on what the first one says.
  for (uint32_t size = kLeastPageSize; size <= kMostPageSize; size *= 2) {
    if (!best.has_value() || best->page_size == size) look(size);
  }
  if (!best.has_value()) return Damaged("it has no meta page");
  file.page_size_ = best->page_size;
  file.root_ = best->root;
  return file;
}

absl::StatusOr<std::string> BoltFile::ReadPage(uint64_t number) const {
  if (number > (uint64_t{1} << 40)) return Damaged("a page is out of bounds");
  std::string page(page_size_, '\0');
  const uint64_t offset = number * page_size_;
  if (read_at_(offset, &page[0], page.size()) != page.size()) return Damaged("a page is not there");
  const uint64_t pages = Number(page, 12, 4) + 1;
  if (pages * page_size_ > kMostPage) return Damaged("a page is larger than 16 MiB");
  if (pages == 1) return page;
  page.resize(pages * page_size_);
  if (read_at_(offset, &page[0], page.size()) != page.size()) return Damaged("a page is not there");
  return page;
}

absl::StatusOr<std::optional<BoltFile::Entry>> BoltFile::Descend(uint64_t number, std::string page,
                                                                 absl::string_view key) const {
  for (int level = 0; level < kMostLevels; ++level) {
    if (number != 0) {
      absl::StatusOr<std::string> read = ReadPage(number);
      if (!read.ok()) return read.status();
      page = *std::move(read);
    }
    if (page.size() < kPageHeader) return Damaged("a page is cut off");
    const uint16_t flags = static_cast<uint16_t>(Number(page, 8, 2));
    const size_t count = Number(page, 10, 2);
    const bool leaf = flags == kLeaf;
    if (!leaf && flags != kBranch) return Damaged("a page is neither a branch nor a leaf");
    Element found, element;
    bool any = false;
    for (size_t i = 0; i < count; ++i) {
      if (!ReadElement(page, i, leaf, &element)) return Damaged("a key is outside of its page");
      if (leaf && element.key == key) {
        Entry entry;
        entry.bucket = (element.flags & 1) != 0;
        entry.value = std::string(element.value);
        return entry;
      }
      if (!leaf && (i == 0 || element.key <= key)) {
        found = element;
        any = true;
      }
    }
    if (leaf || !any) return std::optional<Entry>();
    number = found.child;
    if (number == 0) return Damaged("a branch leads to no page");
  }
  return Damaged("it is too deep");
}

absl::StatusOr<std::optional<std::string>> BoltFile::Find(absl::string_view bucket,
                                                          absl::string_view key) const {
  if (root_ == 0) return Damaged("it has no root");
  absl::StatusOr<std::optional<Entry>> found = Descend(root_, "", bucket);
  if (!found.ok()) return found.status();
  if (!found->has_value() || !(*found)->bucket) return std::optional<std::string>();
  const std::string& header = (*found)->value;
  if (header.size() < kBucket) return Damaged("a bucket is cut off");
  absl::StatusOr<std::optional<Entry>> entry = Descend(Number(header, 0, 8), header.substr(kBucket), key);
  if (!entry.ok()) return entry.status();
  if (!entry->has_value() || (*entry)->bucket) return std::optional<std::string>();
  return std::optional<std::string>(std::move((*entry)->value));
}

}  // namespace kplan
