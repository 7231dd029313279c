#include "src/etcd/protobuf_field.h"

namespace kplan {
namespace {

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

}  // namespace

bool ReadProtobufField(absl::string_view* message, ProtobufField* field) {
  uint64_t tag = 0, length = 0;
  if (!ReadVarint(message, &tag)) return false;
  field->number = tag >> 3;
  field->varint = field->delimited = false;
  switch (tag & 7) {
    case 0:
      field->varint = true;
      return field->number != 0 && ReadVarint(message, &field->value);
    case 1:
      length = 8;
      break;
    case 2:
      field->delimited = true;
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

}  // namespace kplan
