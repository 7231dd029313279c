#ifndef KPLAN_SHOW_GRAPH_MERMAID_H_
#define KPLAN_SHOW_GRAPH_MERMAID_H_

#include "src/base/text_sink.h"
#include "src/show/graph_view.h"

namespace kplan {

// For Mermaid (https://mermaid.js.org/syntax/flowchart.html), which Markdown of many hosts shows: a subgraph
// a host, colours by state, order-only edges dotted.
void WriteGraphMermaid(const GraphView& view, TextSink sink);

}  // namespace kplan

#endif  // KPLAN_SHOW_GRAPH_MERMAID_H_
