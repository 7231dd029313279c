#ifndef KPLAN_ETCD_WAL_SEGMENT_H_
#define KPLAN_ETCD_WAL_SEGMENT_H_

// One file of etcd's write-ahead log, as etcd 3.4 to 3.6 write it (server/wal: encoder.go, decoder.go,
// wal.go; walpb/record.proto; raftpb/raft.proto). It is a row of frames:
//
//   8 bytes      the length of the record, least significant byte first, in the low 56 bits. When the top bit
//                is set, the low 3 bits of the top byte are the number of padding bytes behind the record.
//                0: here the log ends, the rest of the file is room for more
//   record       a protobuf: 1 type, 2 crc, 3 data
//
// crc is the CRC-32C over the data of all records so far, through all segments; a segment begins with a
// record of type crc that has the sum so far, then metadata (whose log it is) and the state so far.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"

namespace kplan {

struct WalSegment {
  // Why this does not begin as a segment does ("its checksum is wrong"); nothing else is set then.
  std::string damage;
  uint64_t member_id = 0, cluster_id = 0;
  uint64_t commit = 0;    // the highest of the state records
  bool snapshot = false;  // it records a snapshot (of more than nothing)
  std::string torn;       // why it was not read to its end; "": it was
  // The index of each snapshot that it records, the last ones.
  static constexpr size_t kMaxSnapshots = 64;
  std::vector<uint64_t> snapshots;
  // Of its entries (raft_entry.h): the highest index of one that etcd 3.6 refuses, 0: of none; the version
  // that the cluster was given last, "3.5.0", and where to it may go down; "" and nothing: no entry says.
  uint64_t refused_by_36 = 0;
  std::string version;
  std::optional<std::string> downgrade;
};

// Reads a segment of SIZE bytes up to its end, or to the first frame that is not right: of a log in use, or
// after a crash, the tail is torn, and etcd cuts it off. READ_AT copies at most the number of bytes given
// from an offset, and returns how many it could. No length in the file is believed: at most one record, and
// at most 64 MiB, is in memory, and at most 256 MiB are read (etcd begins a new segment at 64 MB).
WalSegment ReadWalSegment(uint64_t size,
                          absl::FunctionRef<size_t(uint64_t offset, char* to, size_t n)> read_at);

}  // namespace kplan

#endif  // KPLAN_ETCD_WAL_SEGMENT_H_
