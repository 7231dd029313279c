#ifndef KPLAN_SHOW_GRAPH_PAGE_GRAPH_PAGE_H_
#define KPLAN_SHOW_GRAPH_PAGE_GRAPH_PAGE_H_

#include "absl/strings/string_view.h"

namespace kplan {

// The page of `kplan graph --format=html` before its title, between that and its data, and after these, put
// together by embed.py when kplan is built (graph_page.cc, generated). Constant data: it costs nothing until
// it is written out.
absl::string_view GraphPageHead();
absl::string_view GraphPageBody();
absl::string_view GraphPageTail();

}  // namespace kplan

#endif  // KPLAN_SHOW_GRAPH_PAGE_GRAPH_PAGE_H_
