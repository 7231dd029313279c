#ifndef KPLAN_SHOW_GRAPH_TESTING_H_
#define KPLAN_SHOW_GRAPH_TESTING_H_

#include <string>

#include "src/base/text_sink.h"
#include "src/show/graph_view.h"

namespace kplan {

// A CA, a certificate, and a host with that certificate in a file, a folder, a service and its verdict. The
// CA is fresh; the certificate was edited in cluster.yaml, and so it and its file are stale; the step of the
// folder failed the last time; service and verdict wait.
struct GraphSample {
  GraphSample();

  GraphView View() const;  // of everything, at 2026-01-31 12:00 UTC

  Graph graph;
  Forecast forecast;
  StepId key, ca, leaf, file, folder, service, verdict;
};

// What WRITE writes of VIEW.
std::string GraphText(void (*write)(const GraphView&, TextSink), const GraphView& view);

}  // namespace kplan

#endif  // KPLAN_SHOW_GRAPH_TESTING_H_
