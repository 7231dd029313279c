#ifndef KPLAN_ETCD_WAL_TESTING_H_
#define KPLAN_ETCD_WAL_TESTING_H_

// Logs of etcd made by hand, for tests: the writing half of wal_segment.h.

#include <cstdint>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "src/etcd/crc32c.h"

namespace kplan {

inline std::string Unhex(absl::string_view hex) { return absl::HexStringToBytes(hex); }

class WalWriter {
 public:
  explicit WalWriter(uint32_t sum_so_far = 0) : crc_(sum_so_far) { Frame(4, ""); }

  WalWriter& Begin(uint64_t member_id, uint64_t cluster_id) { return Metadata(member_id, cluster_id); }
  WalWriter& Metadata(uint64_t member_id, uint64_t cluster_id) {
    return Frame(1, Number(1, member_id) + Number(2, cluster_id));
  }
  WalWriter& Entry(absl::string_view data) { return Frame(2, data); }
  WalWriter& State(uint64_t term, uint64_t commit) {
    return Frame(3, Number(1, term) + Number(2, 1) + Number(3, commit));
  }
  WalWriter& Snapshot(uint64_t index) { return Frame(5, Number(1, index) + Number(2, 1)); }

  // The entry number INDEX, which holds DATA.
  WalWriter& NumberedEntry(uint64_t index, absl::string_view data) {
    return Entry(Number(2, 2) + Number(3, index) + Bytes(4, data));
  }

  const std::string& bytes() const { return bytes_; }
  // As etcd has it on disk, with room for more.
  std::string WithRoom() const { return bytes_ + std::string(4096, '\0'); }

  // A field of a protobuf message.
  static std::string Number(int field, uint64_t value) {
    return Varint(static_cast<uint64_t>(field) << 3) + Varint(value);
  }
  static std::string Bytes(int field, absl::string_view bytes) {
    std::string text = Varint(static_cast<uint64_t>(field) << 3 | 2) + Varint(bytes.size());
    return text.append(bytes.data(), bytes.size());
  }
  // A request of the v2 API, as etcd 3.4 writes it.
  static std::string V2Request(absl::string_view method, absl::string_view path, absl::string_view value) {
    std::string request =
        Number(1, 77) + Bytes(2, method) + Bytes(3, path) + Bytes(4, value) + Number(5, 0) + Bytes(6, "");
    for (int field : {7, 9, 10, 11, 12, 13, 14, 15, 16}) request += Number(field, 0);
    return request;
  }

 private:
  static std::string Varint(uint64_t value) {
    std::string bytes;
    for (; value >= 128; value >>= 7) bytes.push_back(static_cast<char>(value | 128));
    bytes.push_back(static_cast<char>(value));
    return bytes;
  }
  WalWriter& Frame(int type, absl::string_view data) {
    if (type != 4) crc_ = Crc32c(crc_, data);
    std::string record = Number(1, type) + Number(2, crc_);
    if (!data.empty()) record += Bytes(3, data);
    uint64_t word = record.size();
    const uint64_t padding = (8 - record.size() % 8) % 8;
    if (padding != 0) word |= (0x80 | padding) << 56;
    for (int i = 0; i < 8; ++i) bytes_.push_back(static_cast<char>(word >> (8 * i)));
    bytes_ += record;
    bytes_.append(padding, '\0');
    return *this;
  }

  uint32_t crc_;
  std::string bytes_;
};

}  // namespace kplan

#endif  // KPLAN_ETCD_WAL_TESTING_H_
