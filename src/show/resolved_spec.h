#ifndef KPLAN_SHOW_RESOLVED_SPEC_H_
#define KPLAN_SHOW_RESOLVED_SPEC_H_

// A cluster.yaml with every default put in, and behind each value where it came from. The values are those
// that the model resolved, never a second idea of what a default is; the words about their origin are ours.
//
// What is shown as a key, and not as a note, is a cluster.yaml again: it compiles to the same graph. A secret
// (base/secret_content.h) is a note, so that whoever takes the rest is told that it is missing.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/source.h"
#include "src/base/text_sink.h"
#include "src/model/cluster.h"
#include "src/spec/spec.h"

namespace kplan {

// Where a value came from.
struct ValueOrigin {
  enum class Kind : uint8_t {
    kFile,     // it was written
    kDefault,  // nobody wrote anything
    kDerived,  // it follows from what was written elsewhere
  };

  Kind kind = Kind::kDefault;
  int line = 0;      // of cluster.yaml, from 1: where it, or what it follows from, was written; 0: nowhere
  std::string text;  // "cluster.yaml:12", "default", "from signing.default, cluster.yaml:8"
};

const char* KindName(ValueOrigin::Kind kind);  // "file", "default", "derived"

// Takes a resolved spec, piece by piece.
class ResolvedSpecSink {
 public:
  struct Element {
    std::string value;
    ValueOrigin origin;
  };
  struct Field {
    std::string key, value;
    ValueOrigin origin;
    bool note = false;
  };

  virtual ~ResolvedSpecSink() = default;

  // A map, until Close(). PLACE is where an entry with a name of the user's was written ("cluster.yaml:4"),
  // empty for kplan's own keys. No map is empty.
  virtual void Open(absl::string_view key, absl::string_view place = "") = 0;
  // The map with the index INDEX of a list that stands in place of the map which is open, until Close(). Its
  // first piece is no note.
  virtual void OpenItem(size_t index) = 0;
  virtual void Close() = 0;
  virtual void Value(absl::string_view key, absl::string_view value, const ValueOrigin& origin) = 0;
  virtual void List(absl::string_view key, const std::vector<Element>& values) = 0;
  // A list of maps that hold nothing but values.
  virtual void Items(absl::string_view key, const std::vector<std::vector<Field>>& items) = 0;
  // What no key says, or none needs to: "backdate", of a certificate its usages. KEY may have dots.
  virtual void Note(absl::string_view key, absl::string_view value, const ValueOrigin& origin) = 0;
  // The same of a list.
  virtual void NoteList(absl::string_view key, const std::vector<std::string>& values,
                        const ValueOrigin& origin) = 0;
  // What the certificate of a HOST, made per host, says.
  virtual void PerHost(const std::string& host, const LeafCertificate& certificate,
                       const ValueOrigin& origin) = 0;
};

// Walks SPEC, whose source is SOURCE, and CLUSTER, which it resolved to without an error, side by side.
void WalkResolvedSpec(const Spec& spec, const Cluster& cluster, const SourceFile& source,
                      ResolvedSpecSink* sink);

// As YAML that kplan reads; origins and notes are comments.
void WriteResolvedYaml(const Spec& spec, const Cluster& cluster, const SourceFile& source, TextSink out);

// As one JSON object, a line a value, in the order of the YAML:
//   "certs.kubernetes.CN": {"value": "kubernetes", "origin": {"kind": "default", "text": "default"}}
// "value" is a text, or a list of texts. "line" is in "origin" where there is one. A list has the origin of
// its first value, and "lines", one a value, where they differ. A name with other characters than letters,
// digits, "_" and "-" is written as ["a.b"]. With "note": true it is no key of cluster.yaml, or one that is
// better not written.
void WriteResolvedJson(const Spec& spec, const Cluster& cluster, const SourceFile& source, TextSink out);

}  // namespace kplan

#endif  // KPLAN_SHOW_RESOLVED_SPEC_H_
