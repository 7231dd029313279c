#ifndef KPLAN_SHOW_PLAN_VIEW_H_
#define KPLAN_SHOW_PLAN_VIEW_H_

// What is said of a plan to people, whichever way: by host, in the order of causes, a line a step. The text
// for a terminal, Markdown, the annotations of a workflow and SARIF are written from this, so that none says
// what another does not. (JSON is for programs, has everything, and is never grouped: plan_json.cc.)

#include <string>
#include <vector>

#include "src/base/source.h"
#include "src/show/plan_report.h"

namespace kplan {

// All texts are on one line, and as somebody wrote them: each writer escapes.
struct PlanLine {
  // '+' new, '~' changes, '!' restarts, '^' reloads, '?' only checked, '=' keeps running, '-' goes, 'x' would
  // fail,
  // '.' waits
  char sign = '~';
  std::string label;
  std::string what;                  // "SAN + dns etcd.example.com"
  std::vector<std::string> because;  // "of cert/kubernetes", "certs.kubernetes.hosts: + a (cluster.yaml:21)"
  std::vector<std::string> needs;    // the private keys that it takes, and that are not here
  // The services of a step about several, and what becomes of each.
  std::vector<PlanLine> parts;
  std::string host;  // of a part: its host
  // The place in cluster.yaml: of the edit, or of the entry that it is made for. From 1; 0: it has none, or
  // (COLUMN) all of the line is meant.
  int line = 0, column = 0;
};

struct PlanSection {
  // One host, or paths::kSharedShard; or several hosts that are alike: then the word HOST stands in LINES for
  // the name of each.
  std::vector<std::string> hosts;
  std::string title;  // "etcd-1", "node-1 to node-100 (100 alike)"
  std::vector<PlanLine> lines;

  bool alike() const { return hosts.size() > 1; }
};

struct PlanView {
  std::string file;  // cluster.yaml, as the person wrote it
  std::vector<PlanSection> sections;
  std::vector<std::string> gone;   // the labels of what earlier plans left, or the new one does not have
  std::string gone_title;          // what is said above them
  std::vector<std::string> edits;  // of cluster.yaml, where two are compared
  std::vector<std::string> notes;  // what else there is to know, a line each
  std::string legend;              // "~ changes, ! restarts"; of the signs in it alone
  std::string summary;             // "4 to run, 1 restart, 18 up to date"
};

struct ViewOptions {
  // Each host by itself, and also the steps that are only looked at because there are no notes
  // (look/notes.h).
  bool all = false;
  // The text of cluster.yaml, for the places of steps that no edit is about; null: those have none.
  const SourceFile* source = nullptr;
};

PlanView MakePlanView(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                      const std::string& file, const ViewOptions& options = {});

// The legend of the signs in VIEW.
std::string LegendOf(const PlanView& view);

// What SIGN stands for: "restarts"; "" for none of them.
const char* MeaningOf(char sign);

// How much a line matters to who reviews it.
enum class Weight : uint8_t {
  kNote,     // nobody is hurt
  kWarning,  // something that runs is restarted, or goes
  kError,    // it would fail, or cannot be done without a key that is not here
};
Weight WeightOf(const PlanLine& line);

// At least so many hosts have to be alike before they are one section.
inline constexpr size_t kFewestAlike = 4;

// Joins the sections of hosts of which the same is said but for their names, at the place of the first one;
// likewise the parts of a line. ORDER: the hosts of the plan, in their order.
void GroupAlike(const std::vector<std::string>& order, PlanView* view);

// HOSTS, which are in ORDER: "node-1 to node-9", "node-1, node-3 to node-9"; of many ranges the first few.
std::string RangesOf(const std::vector<std::string>& hosts, const std::vector<std::string>& order);

}  // namespace kplan

#endif  // KPLAN_SHOW_PLAN_VIEW_H_
