#include "src/etcd/wal_segment.h"

#include <string.h>

#include <algorithm>
#include <optional>

#include "absl/strings/string_view.h"
#include "src/etcd/crc32c.h"

namespace kplan {
namespace {

constexpr uint64_t kMaxRecord = uint64_t{64} << 20;
constexpr uint64_t kMaxSegment = uint64_t{256} << 20;

// wal.go
enum RecordType : uint64_t { kMetadata = 1, kEntry = 2, kState = 3, kCrc = 4, kSnapshot = 5 };

// One field of a protobuf message (wire types 0 and 2; the fixed ones are passed over).
struct Field {
  uint64_t number = 0;
  bool varint = false;
  uint64_t value = 0;
  absl::string_view bytes;
};

bool ReadVarint(absl::string_view* message, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && !message->empty(); shift += 7) {
    const uint64_t byte = static_cast<unsigned char>(message->front());
    message->remove_prefix(1);
    if (shift == 63 && byte > 1) return false;
    *value |= (byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

// Takes the next field off MESSAGE; false when it has none that is whole.
bool ReadField(absl::string_view* message, Field* field) {
  uint64_t tag = 0, length = 0;
  if (!ReadVarint(message, &tag)) return false;
  field->number = tag >> 3;
  field->varint = false;
  switch (tag & 7) {
    case 0:
      field->varint = true;
      return field->number != 0 && ReadVarint(message, &field->value);
    case 1:
      length = 8;
      break;
    case 2:
      if (!ReadVarint(message, &length)) return false;
      break;
    case 5:
      length = 4;
      break;
    default:
      return false;
  }
  if (field->number == 0 || length > message->size()) return false;
  field->bytes = message->substr(0, length);
  message->remove_prefix(length);
  return true;
}

// The varint fields 1 to 3 of a message that has no others that count here.
struct Numbers {
  uint64_t at[4] = {};
};

std::optional<Numbers> ReadNumbers(absl::string_view message) {
  Numbers numbers;
  Field field;
  while (!message.empty()) {
    if (!ReadField(&message, &field)) return std::nullopt;
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
  Field field;
  while (!message.empty()) {
    if (!ReadField(&message, &field)) return std::nullopt;
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
    if (!Read(8, &header)) return Ended("it is too short");
    uint64_t word = 0;
    for (int i = 7; i >= 0; --i) word = word << 8 | static_cast<unsigned char>(header[i]);
    if (word == 0) return Ended("it is empty");
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

 private:
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
};

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
      if (!numbers.has_value()) break;
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
        if (numbers->at[1] > 0) segment.snapshot = true;
        break;
      case kEntry:
      case kCrc:
        break;
      default:
        return segment;  // etcd stops at it, too
    }
  }
  return segment;
}

}  // namespace kplan
