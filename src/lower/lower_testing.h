#ifndef KPLAN_LOWER_LOWER_TESTING_H_
#define KPLAN_LOWER_LOWER_TESTING_H_

#include <map>
#include <set>
#include <string>

#include "src/base/record.h"
#include "src/graph/graph.h"

namespace kplan {

// The graph of a cluster.yaml, in which nothing may be wrong.
Graph GraphOf(const std::string& text);

// TEXT with the first FROM, which must be there, made TO.
std::string Replace(std::string text, const std::string& from, const std::string& to);

// What each label is made from, by label: " ca/key". Behind "||" stands what only has to be there before.
std::map<std::string, std::string> InputsOf(const Graph& graph);

// The labels whose record is another in B than in A.
std::set<std::string> Changed(const Graph& a, const Graph& b);

Json RecordOf(const Graph& graph, const std::string& label);

}  // namespace kplan

#endif  // KPLAN_LOWER_LOWER_TESTING_H_
