#include "src/etcd/wal_segment.h"

#include <algorithm>
#include <optional>

#include "absl/strings/string_view.h"
#include "src/etcd/crc32c.h"
#include "src/etcd/protobuf_field.h"
#include "src/etcd/raft_entry.h"

namespace kplan {
namespace {

constexpr uint64_t kMaxRecord = uint64_t{64} << 20;
constexpr uint64_t kMaxSegment = uint64_t{256} << 20;

// wal.go
enum RecordType : uint64_t { kMetadata = 1, kEntry = 2, kState = 3, kCrc = 4, kSnapshot = 5 };

// The varint fields 1 to 3 of a message that has no others that count here.
struct Numbers {
  uint64_t at[4] = {};
};

std::optional<Numbers> ReadNumbers(absl::string_view message) {
  Numbers numbers;
  ProtobufField field;
  while (!message.empty()) {
    if (!ReadProtobufField(&message, &field)) return std::nullopt;
    if (!field.varint || field.number > 3) continue;
    numbers.at[field.number] = field.value;
  }
  return numbers;
}

struct WalRecord {
  uint64_t type = 0;
  uint32_t crc = 0;
  absl::string_view data;
};

std::optional<WalRecord> ReadRecord(absl::string_view message) {
  WalRecord record;
  ProtobufField field;
  while (!message.empty()) {
    if (!ReadProtobufField(&message, &field)) return std::nullopt;
    if (field.number == 1 && field.varint) {
      record.type = field.value;
    } else if (field.number == 2 && field.varint && field.value <= UINT32_MAX) {
      record.crc = static_cast<uint32_t>(field.value);
    } else if (field.number == 3 && !field.varint) {
      record.data = field.bytes;
    } else {
      return std::nullopt;
    }
  }
  return record;
}

// The records of a segment, one after the other, each with its checksum checked.
class Scanner {
 public:
  Scanner(uint64_t size, absl::FunctionRef<size_t(uint64_t, char*, size_t)> read_at)
      : size_(std::min(size, kMaxSegment)), read_at_(read_at) {}

  // False at the end, of which why_ended() says what it is. RECORD's data is good until the next call.
  bool Next(WalRecord* record) {
    absl::string_view header;
    if (offset_ == size_) return AtEnd("it is too short");
    if (!Read(8, &header)) return Ended("it is too short");
    uint64_t word = 0;
    for (int i = 7; i >= 0; --i) word = word << 8 | static_cast<unsigned char>(header[i]);
    if (word == 0) return AtEnd("it is empty");
    const uint64_t length = word & ~(uint64_t{0xff} << 56);
    const uint64_t padding = word >> 63 ? word >> 56 & 7 : 0;
    if (length > kMaxRecord || length + padding > size_ - offset_) return Ended("a length in it is wrong");
    absl::string_view frame;
    if (!Read(length + padding, &frame)) return Ended("it is too short");
    std::optional<WalRecord> found = ReadRecord(frame.substr(0, length));
    if (!found.has_value()) return Ended("a record in it cannot be read");
    if (found->type == kCrc) {
      // The sum so far: of the segments before, at the beginning of this one.
      if (crc_ != 0 && found->crc != crc_) return Ended("a checksum in it is wrong");
      crc_ = found->crc;
    } else {
      const uint32_t crc = Crc32c(crc_, found->data);
      if (crc != found->crc) return Ended("a checksum in it is wrong");
      crc_ = crc;
    }
    *record = *found;
    return true;
  }

  const char* why_ended() const { return why_ended_; }
  // It ended where the log does, and not at something that is wrong.
  bool at_end() const { return at_end_; }

 private:
  // WHY: where a log has to have more than that.
  bool AtEnd(const char* why) {
    at_end_ = true;
    return Ended(why);
  }
  bool Ended(const char* why) {
    why_ended_ = why;
    return false;
  }

  // The next N bytes of the segment, good until the next call; false when it has fewer.
  bool Read(uint64_t n, absl::string_view* bytes) {
    if (n > size_ - offset_) return false;
    if (offset_ < begin_ || offset_ + n > begin_ + filled_) {
      const uint64_t wanted = std::min(std::max(n, uint64_t{kWindow}), size_ - offset_);
      if (window_.size() < wanted) window_.resize(wanted);
      begin_ = offset_;
      filled_ = read_at_(offset_, &window_[0], wanted);
      if (filled_ < n) return false;
    }
    *bytes = absl::string_view(window_).substr(offset_ - begin_, n);
    offset_ += n;
    return true;
  }

  static constexpr size_t kWindow = 128 * 1024;

  const uint64_t size_;
  const absl::FunctionRef<size_t(uint64_t, char*, size_t)> read_at_;
  uint64_t offset_ = 0;  // of what Read gives next
  std::string window_;   // the bytes from begin_ on, filled_ of them
  uint64_t begin_ = 0, filled_ = 0;
  uint32_t crc_ = 0;
  const char* why_ended_ = "";
  bool at_end_ = false;
};

// What ENTRY of the log says, into SEGMENT.
void Note(absl::string_view bytes, WalSegment* segment) {
  const RaftEntry entry = ReadRaftEntry(bytes);
  if (entry.refused_by_36) segment->refused_by_36 = std::max(segment->refused_by_36, entry.index);
  if (!entry.version.empty()) segment->version = entry.version;
  if (entry.downgrade.has_value()) segment->downgrade = entry.downgrade;
}

}  // namespace

WalSegment ReadWalSegment(uint64_t size, absl::FunctionRef<size_t(uint64_t, char*, size_t)> read_at) {
  WalSegment segment;
  auto damaged = [](const char* why) {
    WalSegment nothing;
    nothing.damage = why;
    return nothing;
  };
  Scanner scanner(size, read_at);
  WalRecord record;
  if (!scanner.Next(&record)) return damaged(scanner.why_ended());
  if (record.type != kCrc) return damaged("it does not begin as a log of etcd does");
  if (!scanner.Next(&record)) return damaged(scanner.why_ended());
  std::optional<Numbers> ids = ReadNumbers(record.data);
  if (record.type != kMetadata || !ids.has_value() || ids->at[1] == 0 || ids->at[2] == 0) {
    return damaged("it does not say whose log it is");
  }
  segment.member_id = ids->at[1];
  segment.cluster_id = ids->at[2];
  while (scanner.Next(&record)) {
    std::optional<Numbers> numbers;
    if (record.type == kMetadata || record.type == kState || record.type == kSnapshot) {
      numbers = ReadNumbers(record.data);
      if (!numbers.has_value()) {
        segment.torn = "a record in it cannot be read";
        return segment;
      }
    }
    switch (record.type) {
      case kMetadata:
        if (numbers->at[1] != segment.member_id || numbers->at[2] != segment.cluster_id) {
          return damaged("it is the log of two members");
        }
        break;
      case kState:  // term, vote, commit
        segment.commit = std::max(segment.commit, numbers->at[3]);
        break;
      case kSnapshot:  // index, term; a log begins with one of index 0
        if (numbers->at[1] == 0) break;
        segment.snapshot = true;
        if (segment.snapshots.size() == WalSegment::kMaxSnapshots)
          segment.snapshots.erase(segment.snapshots.begin());
        segment.snapshots.push_back(numbers->at[1]);
        break;
      case kEntry:
        Note(record.data, &segment);
        break;
      case kCrc:
        break;
      default:
        segment.torn = "a record in it cannot be read";
        return segment;  // etcd stops at it, too
    }
  }
  if (!scanner.at_end()) segment.torn = scanner.why_ended();
  return segment;
}

}  // namespace kplan
