#ifndef KPLAN_SPEC_YAML_COMMON_H_
#define KPLAN_SPEC_YAML_COMMON_H_

// The part of YAML that nobody reads in two ways. yaml-cpp is slower than all else that `gen` does with a
// cluster.yaml, and is to find where readers differ (yaml_second_reader.h): in texts of several lines, in
// tags and anchors, in values that are not there. A text without any of these it need not see.
//
// What is in that part: keys and entries of a list, each in a line of its own; a value behind it that is one
// word, several words of one line, a text of one line in quotes, or lists and maps in brackets of these;
// comments. Words are of ASCII letters, digits and a few signs that mean nothing in YAML.

#include "absl/strings/string_view.h"

namespace kplan {

// Whether yaml-cpp takes TEXT as the strict reader does, which has read it whole and without an error. False
// also where that is not known. The test (yaml_common_test.cc) has both read all short texts of that part.
bool IsCommonYaml(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_SPEC_YAML_COMMON_H_
