#include "src/ninja/ninja_file.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "src/base/find_byte.h"
#include "src/base/paths.h"

namespace kplan {
namespace {

// How many steps speak to hosts at a time, whatever -j says. All of them may be one host's, and share its
// connection: sshd takes 10 sessions of one (sshd_config(5), MaxSessions).
constexpr int kHostsAtATime = 8;

// What every build.ninja begins with, the stub included.
//
// `gen` runs before every build: ninja sees the times of files only, and a mode that was opened up, a service
// that stopped and a certificate that is due have none. The edge is made always dirty by an input that never
// exists; with restat, and a stamp that is rewritten only when the output changes, a build with nothing to do
// stays one. The output is a stamp and not build.ninja itself, because ninja deletes the output of an
// interrupted edge.
void AppendHeader(const NinjaOptions& options, std::string* out) {
  absl::StrAppend(out, "# Written by kplan from ", options.spec,
                  "; do not edit.\n"
                  "ninja_required_version = 1.10\n"
                  "builddir = ",
                  paths::kState,
                  "\n"
                  "kplan = ",
                  EscapeNinjaPath(options.kplan),
                  "\n"
                  "\n"
                  "rule gen\n"
                  "  command = $kplan gen --from-ninja --kplan $kplan $in\n"
                  "  description = LOOK $in\n"
                  "  generator = 1\n"
                  "  restat = 1\n"
                  "build ",
                  paths::kGenStamp, ": gen ", EscapeNinjaPath(options.spec),
                  " | .kplan/always\n"
                  "build .kplan/always: phony\n"
                  "build ",
                  options.limit == nullptr ? paths::kBuildNinja : paths::kLimitNinja, ": phony ",
                  paths::kGenStamp, "\n");
}

// See EscapeNinjaPath.
void AppendPath(absl::string_view path, std::string* out) {
  auto find = [path](size_t begin) {
    return FindByte(
        path, begin,
        [](uint64_t word) { return HasByte(word, '$') || HasByte(word, ':') || HasByte(word, ' '); },
        [](char c) { return c == '$' || c == ':' || c == ' '; });
  };
  size_t begin = 0;
  for (size_t next; (next = find(begin)) != path.size(); begin = next + 1) {
    out->append(path.data() + begin, next - begin);
    out->push_back('$');
    out->push_back(path[next]);
  }
  out->append(path.data() + begin, path.size() - begin);
}

void AppendStamp(const Step& step, std::string* out) {
  absl::StrAppend(out, paths::kStamps, "/");
  AppendPath(step.label, out);
}

// What ninja knows STEP by: its stamp, or, where the part of the graph has it in part, a file that is never
// made, so that it always runs.
void AppendOutput(const Graph& graph, StepId id, const NinjaOptions& options, std::string* out) {
  const LimitedStep* limited = options.limit == nullptr ? nullptr : options.limit->Find(id);
  if (limited == nullptr || !limited->partial()) return AppendStamp(graph.steps()[id], out);
  AppendPath(paths::Partial(graph.steps()[id].label), out);
}

void AppendOrder(const Graph& graph, absl::Span<const StepId> steps, const NinjaOptions& options,
                 std::string* out) {
  if (!steps.empty()) *out += " ||";
  for (StepId step : steps) {
    out->push_back(' ');
    AppendOutput(graph, step, options, out);
  }
}

void AppendStamps(const Graph& graph, absl::Span<const StepId> steps, absl::string_view before,
                  std::string* out) {
  if (steps.empty()) return;
  out->append(before.data(), before.size());
  for (StepId step : steps) {
    out->push_back(' ');
    AppendStamp(graph.steps()[step], out);
  }
}

// Ninja keeps what a step prints until it is done, but for those in its pool "console". They have the
// terminal for themselves, one at a time; the others go on beside it, and are printed afterwards. A download
// shows its progress, and a rollout each member. A rollout is then one more than kHostsAtATime that speaks to
// hosts.
bool TellsAsItGoes(StepKind kind) {
  return kind == StepKind::kArchive || kind == StepKind::kRollout || kind == StepKind::kTrust;
}

// UNTIL: what the step may wait for; empty: nothing.
void AppendValues(const Graph& graph, const Step& step, absl::string_view until, std::string* out) {
  *out += "\n  label = ";
  AppendPath(step.label, out);
  *out += "\n  shard = ";
  AppendPath(paths::Shard(graph.shards()[step.shard].name), out);
  absl::StrAppend(out, "\n  digest = ", step.digest(), "\n  verb = ", KindOf(step.kind).verb, "\n");
  // Ninja drops the blanks in front of a value.
  if (!until.empty()) absl::StrAppend(out, "  wait = $ (until ", EscapeNinjaText(until), ")\n");
  if (TellsAsItGoes(step.kind)) {
    *out += "  pool = console\n";
  } else if (step.contacts) {
    *out += "  pool = hosts\n";
  }
}

// AFTER: of the step, or of it in a part of the graph.
void AppendStep(const Graph& graph, const Step& step, const StepIds& after, absl::string_view until,
                const NinjaOptions& options, std::string* out) {
  *out += "\nbuild ";
  AppendStamp(step, out);
  *out += ": step";
  AppendStamps(graph, step.inputs, " |", out);
  AppendOrder(graph, after, options, out);
  AppendValues(graph, step, until, out);
  *out += "build ";
  AppendPath(step.label, out);
  *out += ": phony ";
  AppendStamp(step, out);
  out->push_back('\n');
}

// Ninja's last word, of hosts of which nothing is known (look/unasked.h). It is no artifact: it has nothing
// to do when it was never done, and is not removed by `ninja -t clean`; both is what "generator" is to ninja.
void AppendAsked(const Graph& graph, const std::vector<StepId>& leaves, const NinjaOptions& options,
                 std::string* out) {
  absl::StrAppend(out,
                  "rule asked\n"
                  "  command = $kplan asked\n"
                  "  description = ASK hosts",
                  HasHostsOverSsh(graph) ? " over ssh" : "",
                  "\n"
                  "  generator = 1\n"
                  "build ",
                  paths::kAsked, ": asked ", paths::kUnasked);
  AppendOrder(graph, leaves, options, out);
  out->push_back('\n');
}

// Whether agents are asked for what is built.
bool AsksHosts(const Graph& graph, const NinjaOptions& options) {
  if (options.limit == nullptr) return HasAgents(graph);
  return std::any_of(options.limit->steps.begin(), options.limit->steps.end(),
                     [&](const LimitedStep& it) { return graph.steps()[it.step].kind == StepKind::kHost; });
}

// The steps that are done in part. They leave nothing that ninja could note.
void AppendPartialSteps(const Graph& graph, const NinjaOptions& options, std::string* out) {
  bool any = false;
  for (const LimitedStep& limited : options.limit->steps) {
    if (!limited.partial()) continue;
    if (!any) {
      *out +=
          "\nrule part\n"
          "  command = $kplan step $shard $label $digest\n"
          "  description = $verb $label$wait\n";
    }
    any = true;
    const auto wait = std::find_if(graph.waits().begin(), graph.waits().end(),
                                   [&](const Wait& it) { return it.step == limited.step; });
    const Step& step = graph.steps()[limited.step];
    *out += "build ";
    AppendPath(paths::Partial(step.label), out);
    *out += ": part";
    AppendStamps(graph, limited.inputs, " |", out);
    AppendOrder(graph, limited.after, options, out);
    AppendValues(graph, step, wait == graph.waits().end() ? absl::string_view("") : wait->until, out);
  }
}

}  // namespace

std::string EscapeNinjaPath(absl::string_view path) {
  std::string out;
  AppendPath(path, &out);
  return out;
}

std::string EscapeNinjaText(absl::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '$') out.push_back('$');
    out.push_back(absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : '?');
  }
  return out;
}

std::string NinjaStub(const NinjaOptions& options) {
  std::string out;
  AppendHeader(options, &out);
  return out;
}

void WriteNinjaFile(const Graph& graph, const NinjaOptions& options, TextSink sink) {
  PieceWriter writer(sink);
  std::string& out = *writer.text();
  AppendHeader(options, &out);
  // Ninja shows this command when a step fails, and goes by its bytes: the digest is as long as it is in the
  // log of every folder that was ever provisioned, and without it, or with it in a response file, all steps
  // of these would run again.
  absl::StrAppend(&out,
                  "\n"
                  "rule step\n"
                  "  command = $kplan step $shard $label $digest\n"
                  "  description = $verb $label$wait\n"
                  "  depfile = .kplan/deps/$label\n"
                  "  deps = gcc\n"
                  "  restat = 1\n");
  if (!graph.Contacts().empty()) absl::StrAppend(&out, "\npool hosts\n  depth = ", kHostsAtATime, "\n");
  auto wait = graph.waits().begin();
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    const bool waits = wait != graph.waits().end() && wait->step == id;
    const LimitedStep* limited = options.limit == nullptr ? nullptr : options.limit->Find(id);
    const Step& step = graph.steps()[id];
    // One that is done in part is, as a whole, none of this file's business.
    const bool whole = limited != nullptr && !limited->partial();
    AppendStep(graph, step, whole ? limited->after : step.after, waits ? absl::string_view(wait->until) : "",
               options, &out);
    if (waits) ++wait;
    writer.MayFlush();
  }
  out += "\n";
  for (const Group& group : graph.groups()) {
    absl::StrAppend(&out, "build ", EscapeNinjaPath(group.name), ": phony");
    AppendStamps(graph, group.members, "", &out);
    out += "\n";
    writer.MayFlush();
  }
  const bool asks = AsksHosts(graph, options);
  if (options.limit != nullptr) AppendPartialSteps(graph, options, &out);
  const std::vector<StepId> leaves = options.limit == nullptr ? graph.Leaves() : options.limit->Leaves();
  if (asks) AppendAsked(graph, leaves, options, &out);
  out += "build all: phony";
  for (StepId leaf : leaves) {
    out.push_back(' ');
    AppendOutput(graph, leaf, options, &out);
  }
  if (asks) absl::StrAppend(&out, " ", paths::kAsked);
  out += "\ndefault all\n";
  writer.Flush();
}

}  // namespace kplan
