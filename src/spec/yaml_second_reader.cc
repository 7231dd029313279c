#include "src/spec/yaml_second_reader.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <streambuf>
#include <string>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

// The text without a copy (std::istringstream would make one).
class TextBuffer : public std::streambuf {
 public:
  explicit TextBuffer(absl::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

uint64_t Digest(absl::string_view value) { return absl::Hash<absl::string_view>()(value); }

// Thrown through yaml-cpp to stop it at the first difference. It does not leave this file.
struct Difference {
  Range range;
  std::string what;
};

}  // namespace

class YamlSecondReading : public YAML::EventHandler {
 public:
  explicit YamlSecondReading(const std::vector<YamlSecondReader::Seen>& seen) : seen_(seen) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override { Expect(Kind::kNull, "nothing", "", false); }
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override { Expect(Kind::kAlias, "an alias", "", false); }
  void OnScalar(const YAML::Mark&, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    // Not which: it may be a secret's (base/secret_content.h).
    Expect(tag == "?" ? Kind::kPlain : Kind::kText, "another text", value, true);
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Expect(Kind::kList, "a list", "", false);
  }
  void OnSequenceEnd() override { Expect(Kind::kEnd, "an end", "", false); }
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    Expect(Kind::kMap, "a map", "", false);
  }
  void OnMapEnd() override { Expect(Kind::kEnd, "an end", "", false); }

  // What it has not come to.
  Range Rest() const { return next_ < seen_.size() ? seen_[next_].range : Range(); }

 private:
  using Kind = YamlSecondReader::Kind;

  void Expect(Kind kind, absl::string_view name, absl::string_view value, bool scalar) {
    if (next_ < seen_.size()) {
      const YamlSecondReader::Seen& seen = seen_[next_];
      if (seen.kind == kind && (!scalar || seen.digest == Digest(value))) {
        ++next_;
        return;
      }
    }
    const Range range = next_ < seen_.size() ? seen_[next_].range
                        : seen_.empty()      ? Range()
                                             : seen_.back().range;
    throw Difference{range, absl::StrCat("it reads ", name)};
  }

  const std::vector<YamlSecondReader::Seen>& seen_;
  size_t next_ = 0;
};

void YamlSecondReader::Saw(Kind kind, absl::string_view value, Range range) {
  if (!needed_) return;
  seen_.push_back({kind == Kind::kPlain || kind == Kind::kText ? Digest(value) : 0, range, kind});
}

void YamlSecondReader::Compare(Diagnostics* diagnostics) const {
  if (seen_.empty()) return;
  auto warn = [&](Range range, absl::string_view what) {
    diagnostics->Warning(
        Code::kYamlFeature, range,
        absl::StrCat("yaml-cpp, another reader of YAML, does not take this as kplan does: ", what),
        "kplan goes by YAML 1.2.2; to be read alike everywhere, write it more plainly, such as in one "
        "line, in double quotes");
  };
  TextBuffer buffer(diagnostics->source().text());
  std::istream stream(&buffer);
  YamlSecondReading reading(seen_);
  try {
    YAML::Parser parser(stream);
    parser.HandleNextDocument(reading);
    if (reading.Rest().known()) warn(reading.Rest(), "it reads nothing more");
  } catch (const Difference& difference) {
    warn(difference.range, difference.what);
  } catch (const YAML::Exception& e) {
    warn(reading.Rest(), e.msg);
  }
}

}  // namespace kplan
