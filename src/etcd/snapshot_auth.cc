// etcd keeps its auth in buckets of its own (auth/store.go; since 3.6 server/storage/schema/bucket.go):
// "auth" has the key authEnabled, one byte, and "authUsers" has by name a protobuf User
// (auth/authpb/auth.proto: 1 name, 2 password, 3 roles).

#include "src/etcd/snapshot_auth.h"

#include <errno.h>
#include <fcntl.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/etcd/bolt_file.h"
#include "src/etcd/protobuf_field.h"

namespace kplan {
namespace {

constexpr uint64_t kRolesField = 3;

absl::StatusOr<std::vector<std::string>> RolesOf(absl::string_view user) {
  std::vector<std::string> roles;
  while (!user.empty()) {
    ProtobufField field;
    if (!ReadProtobufField(&user, &field)) return absl::DataLossError("a user in it cannot be read");
    if (field.number == kRolesField && field.delimited) roles.emplace_back(field.bytes);
  }
  return roles;
}

}  // namespace

bool SnapshotAuth::IsRoot() const {
  return !enabled || (roles.has_value() && std::find(roles->begin(), roles->end(), "root") != roles->end());
}

absl::StatusOr<SnapshotAuth> ReadSnapshotAuth(const std::string& path, const std::string& name) {
  UniqueFd fd(disk::Open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  absl::StatusOr<BoltFile> file = BoltFile::Open([&](uint64_t offset, char* to, size_t n) {
    size_t done = 0;
    while (done < n) {
      const ssize_t read = disk::ReadAt(fd.get(), to + done, n - done, static_cast<off_t>(offset + done));
      if (read <= 0) break;
      done += static_cast<size_t>(read);
    }
    return done;
  });
  if (!file.ok()) return file.status();
  absl::StatusOr<std::optional<std::string>> enabled = file->Find("auth", "authEnabled");
  if (!enabled.ok()) return enabled.status();
  SnapshotAuth auth;
  auth.enabled = enabled->has_value() && **enabled == std::string(1, '\1');
  if (!auth.enabled) return auth;
  absl::StatusOr<std::optional<std::string>> user = file->Find("authUsers", name);
  if (!user.ok()) return user.status();
  if (!user->has_value()) return auth;
  absl::StatusOr<std::vector<std::string>> roles = RolesOf(**user);
  if (!roles.ok()) return roles.status();
  auth.roles = *std::move(roles);
  return auth;
}

}  // namespace kplan
