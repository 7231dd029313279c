#ifndef KPLAN_LOOK_LIMITED_FORECAST_H_
#define KPLAN_LOOK_LIMITED_FORECAST_H_

// The forecast of a part of a plan (graph/limit.h), and what that part leaves to be done.

#include <string>
#include <vector>

#include "src/graph/graph.h"
#include "src/graph/limit.h"
#include "src/look/forecast.h"

namespace kplan {

// FORECAST is of LimitedGraph: of the steps that LIMIT does for some hosts alone, the services of the others
// are taken out. One that has nothing left to do is fresh.
void KeepNamedServices(const Limit& limit, Forecast* forecast);

// What LIMIT leaves.
struct Owed {
  size_t steps = 0;                   // that are left out, or done in part
  size_t unknown = 0;                 // of these nobody knows: their hosts were not asked
  std::vector<std::string> services;  // that are yet to be started or restarted: "service/etcd-1/etcd"

  bool empty() const { return steps == 0 && unknown == 0; }
  // "12 steps, among them 2 services to be started or restarted: service/etcd-1/etcd, service/etcd-3/etcd"
  std::string Text() const;
};

// WHOLE is the forecast of GRAPH, of which LIMIT is a part.
Owed OwedBy(const Graph& graph, const Limit& limit, const Forecast& whole);

}  // namespace kplan

#endif  // KPLAN_LOOK_LIMITED_FORECAST_H_
