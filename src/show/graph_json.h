#ifndef KPLAN_SHOW_GRAPH_JSON_H_
#define KPLAN_SHOW_GRAPH_JSON_H_

#include "src/base/text_sink.h"
#include "src/show/graph_view.h"

namespace kplan {

// {"version":1,"nodes":[{"label","verb","host","stage","state","reasons","inputs","after"}]}, a node a line;
// "days-left" and "last-run" where they are known. docs/commands.md has what each is.
void WriteGraphJson(const GraphView& view, TextSink sink);

}  // namespace kplan

#endif  // KPLAN_SHOW_GRAPH_JSON_H_
