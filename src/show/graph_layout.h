#ifndef KPLAN_SHOW_GRAPH_LAYOUT_H_
#define KPLAN_SHOW_GRAPH_LAYOUT_H_

// Where everything stands on the page: a band of rows a host, a column a stage. It is worked out here, so
// that the page draws the same graph in the same way every time, and at once.

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
    uint32_t slot = 0;    // from 0, downwards within the cell of its host and column
  };
  std::vector<GraphColumn> columns;  // those in which there is something
  std::vector<Place> places;         // as GraphView::nodes
};

GraphLayout MakeGraphLayout(const GraphView& view);

// A label as it is shown in a box in the band of HOST: at most kShortName characters.
inline constexpr size_t kShortName = 22;
std::string ShortName(absl::string_view label, StepKind kind, absl::string_view host);

}  // namespace kplan

#endif  // KPLAN_SHOW_GRAPH_LAYOUT_H_
