#ifndef KPLAN_SHOW_GRAPH_HTML_H_
#define KPLAN_SHOW_GRAPH_HTML_H_

#include "src/base/text_sink.h"
#include "src/show/graph_view.h"

namespace kplan {

// One page that needs nothing else, not even a network: the programs of graph_page/ and dagre
// (third_party/dagre), and the graph as JSON that no text in it can break out of.
void WriteGraphHtml(const GraphView& view, TextSink sink);

}  // namespace kplan

#endif  // KPLAN_SHOW_GRAPH_HTML_H_
