#ifndef KPLAN_ETCD_PROTOBUF_FIELD_H_
#define KPLAN_ETCD_PROTOBUF_FIELD_H_

// The fields of a protobuf message, one after the other, as they are on the wire
// (protobuf.dev/programming-guides/encoding).

#include <cstdint>

#include "absl/strings/string_view.h"

namespace kplan {

// Of a varint the value; of the other wire types (length-delimited, and those of fixed size) the bytes.
struct ProtobufField {
  uint64_t number = 0;
  bool varint = false;
  uint64_t value = 0;
  bool delimited = false;
  absl::string_view bytes;
};

// Takes the next field off MESSAGE; false when it has none that is whole, or one of another wire type.
bool ReadProtobufField(absl::string_view* message, ProtobufField* field);

}  // namespace kplan

#endif  // KPLAN_ETCD_PROTOBUF_FIELD_H_
