#ifndef KPLAN_BASE_FOLLOWED_PATH_H_
#define KPLAN_BASE_FOLLOWED_PATH_H_

// A folder of a host behind symbolic links.
//
// Below "/" a link on the way to a folder, or in its place, is followed when nobody but root, or who runs
// kplan, can have made it, and nobody else can put another folder where it leads (JudgeLink of folders.h, and
// the same of every folder behind it; the last one may be its service's own, if others may not write to it).
// All else is refused: a link of somebody else's, one that leads nowhere, one into a folder that others may
// write to. Inside of any other root a link would lead out of it, and none is followed. This is the rule of
// OpenFolderBelow, and so of everything that kplan puts on hosts; a link in the place of a file is replaced,
// or refused, and never followed.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

struct FollowedPath {
  std::string path;   // inside the root, without links; what is not there yet at its end
  std::string links;  // "through the link /var/lib/etcd -> /data/etcd"; "": none was on the way
};

// PATH, absolute, inside ROOT. FailedPrecondition for a link that is not followed.
absl::StatusOr<FollowedPath> FollowLinks(const std::string& root, const std::string& path);

}  // namespace kplan

#endif  // KPLAN_BASE_FOLLOWED_PATH_H_
