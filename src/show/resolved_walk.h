#ifndef KPLAN_SHOW_RESOLVED_WALK_H_
#define KPLAN_SHOW_RESOLVED_WALK_H_

// What the parts of WalkResolvedSpec share (resolved_spec.cc, resolved_pki.cc, resolved_etcd.cc,
// resolved_services.cc).

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/model/start_timeout.h"
#include "src/show/resolved_spec.h"

namespace kplan {

struct ResolvedWalk {
  const Spec& spec;
  const Cluster& cluster;
  const SourceFile& source;
  ResolvedSpecSink& sink;

  int LineOf(Range range) const { return range.known() ? source.PositionOf(range.begin).line : 0; }
  // "cluster.yaml:12"
  std::string Place(Range range) const { return absl::StrCat(source.path(), ":", LineOf(range)); }

  ValueOrigin File(Range range) const { return {ValueOrigin::Kind::kFile, LineOf(range), Place(range)}; }
  // WHY: what more there is to say.
  ValueOrigin Default(absl::string_view why = "") const {
    return {ValueOrigin::Kind::kDefault, 0, absl::StrCat("default", why.empty() ? "" : ", ", why)};
  }
  // FROM: "from signing.default"; the place is put behind it where it is known.
  ValueOrigin Derived(absl::string_view from, Range range = {}) const {
    return {ValueOrigin::Kind::kDerived, LineOf(range),
            absl::StrCat(from, range.known() ? absl::StrCat(", ", Place(range)) : "")};
  }

  // A value that has no default.
  void Put(absl::string_view key, const Text& text) const {
    if (text.set()) sink.Value(key, text.value, File(text.range));
  }
  // A value that is what is written, or RESOLVED.
  void Put(absl::string_view key, const Text& text, absl::string_view resolved,
           absl::string_view why = "") const {
    if (text.set()) {
      Put(key, text);
    } else {
      sink.Value(key, resolved, Default(why));
    }
  }
  // SECONDS: as resolved (model/start_timeout.h).
  void PutStartTimeout(const Text& text, int seconds) const {
    if (text.set()) {
      Put("start-timeout", text);
    } else {
      sink.Value("start-timeout", absl::StrCat(seconds, "s"),
                 seconds == kLeastStartTimeout ? Default() : Derived("as the unit"));
    }
  }
  // A list that has no default.
  void Put(absl::string_view key, const std::vector<Text>& texts) const {
    if (texts.empty()) return;
    std::vector<ResolvedSpecSink::Element> values;
    for (const Text& text : texts) values.push_back({text.value, File(text.range)});
    sink.List(key, values);
  }
  // What an archive's servers are, beside a `url`, and what they want.
  void PutAccess(const ArchiveSpec& archive) const {
    Put("mirrors", archive.mirrors);
    Put("ca", archive.ca);
    Put("netrc", archive.netrc);
    Put("token-file", archive.token.file);
    Put("token-env", archive.token.env);
  }
};

}  // namespace kplan

#endif  // KPLAN_SHOW_RESOLVED_WALK_H_
