#ifndef KPLAN_SHOW_GRAPH_LAYOUT_H_
#define KPLAN_SHOW_GRAPH_LAYOUT_H_

// What the page's picture is made of: a column a stage, and hosts by what they are for, so that a thousand
// alike ones can be drawn as one. Where the boxes of a column stand is up to the page, which knows what is
// open (graph_page/arrange.js).

#include <cstdint>
#include <string>
#include <vector>

#include "src/show/graph_view.h"

namespace kplan {

struct GraphColumn {
  int stage = 0;
  int x = 0;      // of its middle, in pixels at zoom 1
  int width = 0;  // of its boxes
};

struct GraphLayout {
  struct Place {
    std::string name;     // short enough for the box: the label without what column and row say already
    uint32_t column = 0;  // index into columns
  };
  // Hosts with the same services, in the order of the first of each.
  struct Group {
    std::string name;             // "etcd, metrics"; "": of what hosts share
    std::vector<uint32_t> hosts;  // indices into GraphView::hosts, ascending
  };
  std::vector<GraphColumn> columns;  // those in which there is something
  std::vector<Place> places;         // as GraphView::nodes
  std::vector<Group> groups;
};

GraphLayout MakeGraphLayout(const GraphView& view);

// A label as it is shown in a box in the band of HOST: at most kShortName characters.
inline constexpr size_t kShortName = 22;
std::string ShortName(absl::string_view label, StepKind kind, absl::string_view host);

}  // namespace kplan

#endif  // KPLAN_SHOW_GRAPH_LAYOUT_H_
