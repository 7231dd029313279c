#ifndef KPLAN_ETCD_HOST_GROUND_H_
#define KPLAN_ETCD_HOST_GROUND_H_

// Whether a host will do for a member that is to run there: its addresses, its file systems and the room in
// them. What etcd would end with, or a file could not be put because of, is known before any file is.
//
// What is there already is not asked for again: programs of the same size, the log of a member that has data,
// its addresses.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "src/step/questions.h"

namespace kplan {

// The file system that a folder is in, or is going to be made in.
struct FileSystemSight {
  std::string place;  // its topmost folder on the way: "/srv/disk"
  dev_t device = 0;
  int64_t free = 0;        // bytes that who runs this can still write
  bool read_only = false;  // statvfs(3), ST_RDONLY
  bool no_exec = false;    // ST_NOEXEC
};

// Of the nearest folder on the way to FOLDER that is there; none: it cannot be seen.
std::optional<FileSystemSight> SeeFileSystem(const std::string& folder);

// What is going to be put into a folder.
struct GroundFolder {
  std::string path;   // as seen from here
  std::string what;   // "etcd's programs"
  std::string key;    // of cluster.yaml, that names another one: "bin-dir"; "": none does
  int64_t bytes = 0;  // that it takes, where that is known
  bool runs = false;  // programs are started from it
};

using SeeFolder = absl::FunctionRef<std::optional<FileSystemSight>(const std::string& folder)>;

// Why FOLDERS will not do, each a text of its own with what to do: read-only or noexec file systems, and one
// text for each file system that has not the room for all of them.
std::vector<std::string> FolderLacks(const std::vector<GroundFolder>& folders, SeeFolder see);

// The answer to QUESTION, which has a ground. INITIALISED: there is data. AGENT: the folder in which files
// arrive; "": they do not.
std::vector<std::string> GroundLacks(const EtcdDataQuestion& question, bool initialised,
                                     const std::string& agent);

}  // namespace kplan

#endif  // KPLAN_ETCD_HOST_GROUND_H_
