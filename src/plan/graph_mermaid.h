#ifndef KPLAN_PLAN_GRAPH_MERMAID_H_
#define KPLAN_PLAN_GRAPH_MERMAID_H_

#include "src/base/text_sink.h"
#include "src/plan/graph_view.h"

namespace kplan {

// For Mermaid (https://mermaid.js.org/syntax/flowchart.html), which Markdown of many hosts shows: a subgraph
// a host, colours by state, order-only edges dotted.
void WriteGraphMermaid(const GraphView& view, TextSink sink);

}  // namespace kplan

#endif  // KPLAN_PLAN_GRAPH_MERMAID_H_
