#include "src/etcd/raft_entry.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "src/etcd/protobuf_field.h"

namespace kplan {
namespace {

// Versions are short; longer ones are none.
constexpr size_t kMaxVersion = 32;

// The fields of InternalRaftRequest that count.
enum InternalField : uint64_t { kId = 1, kV2 = 2, kClusterVersionSet = 1300, kDowngradeInfoSet = 1302 };

// "/0/members/8e9e05c52164694d/attributes", as 3.6 finds it anywhere in a path (apply.go,
// storeMemberAttributeRegexp).
bool IsOfMemberAttributes(absl::string_view path) {
  constexpr absl::string_view kMembers = "/0/members/", kAttributes = "/attributes";
  for (size_t at = path.find(kMembers); at != absl::string_view::npos; at = path.find(kMembers, at + 1)) {
    absl::string_view rest = path.substr(at + kMembers.size());
    size_t digits = 0;
    while (digits < rest.size() && digits < 16 && absl::ascii_isxdigit(rest[digits])) ++digits;
    if (digits > 0 && absl::StartsWith(rest.substr(digits), kAttributes)) return true;
  }
  return false;
}

// What a Request of the v2 API says, into ENTRY: 2 Method, 3 Path, 4 Val.
void NoteV2(absl::string_view request, RaftEntry* entry) {
  absl::string_view method, path, value;
  ProtobufField field;
  while (!request.empty() && ReadProtobufField(&request, &field)) {
    if (field.number == 2) method = field.bytes;
    if (field.number == 3) path = field.bytes;
    if (field.number == 4) value = field.bytes;
  }
  const bool sets_version = method == "PUT" && path == "/0/version";
  if (sets_version && IsVersionText(value)) entry->version = std::string(value);
  entry->refused_by_36 = !sets_version && !(method == "PUT" && IsOfMemberAttributes(path));
}

// False when DATA is no InternalRaftRequest.
bool NoteV3(absl::string_view data, RaftEntry* entry) {
  ProtobufField field;
  while (!data.empty()) {
    if (!ReadProtobufField(&data, &field)) return false;
    if (field.number == kId ? !field.varint : !field.delimited) return false;
    absl::string_view message = field.bytes;
    ProtobufField inner;
    switch (field.number) {
      case kV2:
        NoteV2(message, entry);
        break;
      case kClusterVersionSet:  // 1 ver
        while (!message.empty() && ReadProtobufField(&message, &inner)) {
          if (inner.number == 1 && inner.delimited && IsVersionText(inner.bytes))
            entry->version = std::string(inner.bytes);
        }
        break;
      case kDowngradeInfoSet: {  // 1 enabled, 2 ver
        bool enabled = false;
        std::string version;
        while (!message.empty() && ReadProtobufField(&message, &inner)) {
          if (inner.number == 1 && inner.varint) enabled = inner.value != 0;
          if (inner.number == 2 && inner.delimited && IsVersionText(inner.bytes))
            version = std::string(inner.bytes);
        }
        entry->downgrade = enabled ? version : "";
        break;
      }
      default:
        break;
    }
  }
  return true;
}

}  // namespace

bool IsVersionText(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxVersion && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '+';
  });
}

RaftEntry ReadRaftEntry(absl::string_view bytes) {
  RaftEntry entry;
  uint64_t type = 0;  // 0: normal; others change the members
  absl::string_view data;
  ProtobufField field;
  while (!bytes.empty()) {
    if (!ReadProtobufField(&bytes, &field)) return RaftEntry();
    if (field.number == 1 && field.varint) type = field.value;
    if (field.number == 3 && field.varint) entry.index = field.value;
    if (field.number == 4 && field.delimited) data = field.bytes;
  }
  // A new leader's first entry is empty.
  if (type != 0 || data.empty()) return entry;
  RaftEntry as_v3 = entry;
  if (NoteV3(data, &as_v3)) return as_v3;
  NoteV2(data, &entry);
  return entry;
}

}  // namespace kplan
