#ifndef KPLAN_SHOW_GRAPH_DOT_H_
#define KPLAN_SHOW_GRAPH_DOT_H_

#include "src/base/text_sink.h"
#include "src/show/graph_view.h"

namespace kplan {

// For Graphviz (https://graphviz.org/doc/info/lang.html): a box a host, stages from left to right, colours by
// state, order-only edges dashed.
void WriteGraphDot(const GraphView& view, TextSink sink);

}  // namespace kplan

#endif  // KPLAN_SHOW_GRAPH_DOT_H_
