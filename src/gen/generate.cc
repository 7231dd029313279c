#include "src/gen/generate.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/digest.h"
#include "src/base/fields.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/piecewise_file.h"
#include "src/base/private_folder.h"
#include "src/prune/leftovers.h"
#include "src/step/kinds.h"

namespace kplan {
namespace {

// How many records of TEXT are not in OLD, both shards with a record a line.
size_t CountChanged(absl::string_view old, absl::string_view text) {
  absl::flat_hash_set<absl::string_view> lines;
  for (absl::string_view line : absl::StrSplit(old, '\n')) lines.insert(absl::StripSuffix(line, ","));
  size_t changed = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line.size() > 1 && !lines.contains(absl::StripSuffix(line, ","))) ++changed;
  }
  return changed;
}

// The shards on disk that are not among WANTED: those of hosts that are gone.
absl::StatusOr<std::vector<std::string>> OtherShards(const absl::flat_hash_set<std::string>& wanted) {
  absl::StatusOr<std::vector<std::string>> names = ShardsOnDisk();
  if (!names.ok()) return names;
  names->erase(std::remove_if(names->begin(), names->end(),
                              [&](const std::string& name) { return wanted.contains(paths::Shard(name)); }),
               names->end());
  return names;
}

absl::Status RemoveShards(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string path = paths::Shard(name);
    if (unlink(path.c_str()) != 0) return ErrnoStatus(errno, absl::StrCat("cannot remove ", path));
  }
  return absl::OkStatus();
}

absl::Status WriteShards(const Graph& graph, absl::Span<const Shard* const> shards) {
  // Durable together, and yet not all in memory at a time.
  constexpr size_t kBatch = 256;
  for (; !shards.empty(); shards.remove_prefix(std::min(kBatch, shards.size()))) {
    std::deque<std::string> texts;  // a deque: they stay where they are
    std::vector<FileContent> files;
    for (const Shard* shard : shards.subspan(0, kBatch)) {
      texts.push_back(graph.ShardText(*shard));
      files.push_back({paths::Shard(shard->name), texts.back()});
    }
    if (absl::Status status = WriteFiles(files, kPrivateFile); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// A digest of a record with a secret in it could be compared with those of guesses. Only rendered texts are
// in records.
mode_t NinjaMode(const Graph& graph) {
  const bool secret = std::any_of(graph.steps().begin(), graph.steps().end(), [](const Step& step) {
    return step.secret && step.kind == StepKind::kRender;
  });
  return secret ? kPrivateFile : 0644;
}

// A host, as plan.json has it.
struct HostLine {
  std::string address, arch, name, root;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("address", self.address);
    fields.Always("arch", self.arch);
    fields.Always("name", self.name);
    fields.Always("root", self.root);
  }
};

// Steps, as plan.json has them: by their labels.
struct Labels {
  const Graph& graph;
  absl::Span<const StepId> ids;
};

void AppendValue(const Labels& labels, std::string* out) {
  out->push_back('[');
  for (size_t i = 0; i < labels.ids.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(labels.graph.steps()[labels.ids[i]].label, out);
  }
  out->push_back(']');
}

// A step, as plan.json has it.
struct StepLine {
  Labels after, inputs;
  std::string digest, host, label, verb;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("after", self.after);
    fields.Always("digest", self.digest);
    fields.Always("host", self.host);
    fields.Always("inputs", self.inputs);
    fields.Always("label", self.label);
    fields.Always("verb", self.verb);
  }
};

}  // namespace

void WritePlanJson(const Compiled& compiled, TextSink sink) {
  const Graph& graph = compiled.graph;
  PieceWriter writer(sink);
  std::string& out = *writer.text();
  out += "{\n\"version\":1,\n\"hosts\":[";
  for (size_t i = 0; i < compiled.cluster.hosts.size(); ++i) {
    const Host& host = compiled.cluster.hosts[i];
    out += i > 0 ? ",\n" : "\n";
    out += ToText(HostLine{host.address, host.arch, host.name, host.root});
    writer.MayFlush();
  }
  out += "\n],\n\"steps\":[";
  for (size_t i = 0; i < graph.steps().size(); ++i) {
    const Step& step = graph.steps()[i];
    const std::string& shard = graph.shards()[step.shard].name;
    out += i > 0 ? ",\n" : "\n";
    out += ToText(StepLine{{graph, step.after},
                           {graph, step.inputs},
                           std::string(step.digest()),
                           shard == paths::kSharedShard ? "" : shard,
                           step.label,
                           std::string(KindOf(step.kind).verb)});
    writer.MayFlush();
  }
  out += "\n]\n}\n";
  writer.Flush();
}

absl::StatusOr<Written> WriteGenerated(const Compiled& compiled, const NinjaOptions& options) {
  auto write_ninja = [&](TextSink sink) { WriteNinjaFile(compiled.graph, options, sink); };
  auto write_plan = [&](TextSink sink) { WritePlanJson(compiled, sink); };
  const mode_t ninja_mode = NinjaMode(compiled.graph);
  Written written;
  std::vector<const Shard*> differing;
  LeftoverUpdate leftovers(compiled.graph);
  absl::flat_hash_set<std::string> shards;
  for (const Shard& shard : compiled.graph.shards()) {
    std::string path = paths::Shard(shard.name);
    // Small files: comparing costs a read each, and leaves their times alone.
    absl::StatusOr<std::string> old = ReadFile(path);
    std::string text = compiled.graph.ShardText(shard);
    if (!old.ok() || *old != text) {
      written.changed_steps += CountChanged(old.ok() ? *old : "{", text);
      differing.push_back(&shard);
      leftovers.Replace(shard.name, old.ok() ? *old : "");
    }
    shards.insert(std::move(path));
  }
  absl::StatusOr<std::vector<std::string>> others = OtherShards(shards);
  if (!others.ok()) return others.status();
  for (const std::string& name : *others) {
    absl::StatusOr<std::string> old = ReadFile(paths::Shard(name));
    if (!old.ok()) return old.status();
    leftovers.Replace(name, *old);
  }
  bool same_plan = FileHolds(paths::kPlan, write_plan);
  Sha256Stream digest;
  bool same_ninja = FileHolds(paths::kBuildNinja, [&](TextSink sink) {
    write_ninja([&](absl::string_view piece) {
      digest.Update(piece);
      sink(piece);
    });
  });
  if (!differing.empty() || !others->empty() || !same_plan || !same_ninja) {
    // Durable, as all of these are: ninja has nothing to do for an empty build.ninja, and does not say why.
    absl::Status status = WriteFile(paths::kBuildNinja, NinjaStub(options), 0644);
    // What vanishes from the records is remembered first.
    if (status.ok()) status = leftovers.Write();
    if (status.ok()) status = WriteShards(compiled.graph, differing);
    if (status.ok() && !same_plan) status = WritePiecewise(paths::kPlan, write_plan, 0644);
    if (status.ok()) status = RemoveShards(*others);
    if (status.ok()) status = WritePiecewise(paths::kBuildNinja, write_ninja, ninja_mode);
    if (!status.ok()) return status;
    written.changed = true;
  } else if (ninja_mode == kPrivateFile) {
    // One that an earlier kplan wrote.
    if (absl::Status status = ClosePrivateFile(paths::kBuildNinja); !status.ok()) return status;
  }
  // Ninja reads build.ninja again when this is newer than it was. Its content is a digest, so that it is
  // written exactly when build.ninja is another. It need not survive a power cut: an empty or an old one is
  // another one. Where it is that of the very build.ninja that a stub has stood in for, ninja still has the
  // stub in hand.
  std::string stamp = digest.FinishHex() + "\n";
  absl::StatusOr<std::string> old_stamp = ReadFile(paths::kGenStamp);
  if (!same_ninja || !old_stamp.ok() || *old_stamp != stamp) {
    if (absl::Status status = WriteScratchFile(paths::kGenStamp, stamp, 0644); !status.ok()) return status;
    written.changed = true;
  }
  return written;
}

}  // namespace kplan
