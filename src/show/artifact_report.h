#ifndef KPLAN_SHOW_ARTIFACT_REPORT_H_
#define KPLAN_SHOW_ARTIFACT_REPORT_H_

// `kplan show LABEL` as text and as JSON.

#include <string>
#include <vector>

#include "src/show/artifact_view.h"

namespace kplan {

// For people, on a terminal: what could disturb one is escaped. FILE is cluster.yaml as they know it.
std::string ArtifactText(const ArtifactView& view, const std::string& file);

// One object; docs/commands.md has its members.
std::string ArtifactJson(const ArtifactView& view, const std::string& file);

// The members of the group NAME: a line each; an object with a list.
std::string GroupText(const std::vector<ArtifactNeighbour>& members);
std::string GroupJson(const std::string& name, const std::vector<ArtifactNeighbour>& members);

}  // namespace kplan

#endif  // KPLAN_SHOW_ARTIFACT_REPORT_H_
