#ifndef KPLAN_HOST_HOST_FILE_H_
#define KPLAN_HOST_HOST_FILE_H_

// Files and folders below a host's root ("/", or a folder that holds an image or a sandbox). A path here is
// absolute as seen inside the root; no symbolic link on the way is followed (OpenFolderBelow in
// src/base/files.h).

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

struct HostFileState {
  bool exists = false;  // when false nothing below is set
  mode_t mode = 0;      // permission bits only (07777)
  uid_t uid = 0;
  gid_t gid = 0;
  bool regular = false, folder = false, link = false;  // none of them: a device, FIFO or socket
  std::string kind;                                    // "file", "folder", "symbolic link to /x", "FIFO"
};

// What is at PATH inside ROOT, itself not followed when it is a link. A missing ROOT or parent folder is
// exists == false; a link or a file where a parent folder should be is FailedPrecondition.
absl::StatusOr<HostFileState> LookAtHostFile(const std::string& root, absl::string_view path);

// "/etc/etcd/ca.pem" as the folder "/etc/etcd" and the name "ca.pem". InvalidArgument when it is not
// absolute, has a
// "." or ".." component, ends in "/" or names the root itself.
struct HostPath {
  std::string folder, name;
};
absl::StatusOr<HostPath> SplitHostPath(absl::string_view path);

// The same file as seen from here: "./rootfs" and "/etc/x" give "./rootfs/etc/x". An empty ROOT leaves PATH
// as it is.
std::string PathFromHere(absl::string_view root, absl::string_view path);

// "0640" as 0640. InvalidArgument for anything but three or four octal digits.
absl::StatusOr<mode_t> ParseMode(absl::string_view text);

// 0640 as "0640".
std::string ModeText(mode_t mode);

// STATUS with what a person was about to do in front of it and, where there is one, what to do now behind it.
absl::Status ExplainHostError(const absl::Status& status, absl::string_view doing);

}  // namespace kplan

#endif  // KPLAN_HOST_HOST_FILE_H_
