// One mistake is one error: each value of rich specs is broken in turn, and nothing but that is said.

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/model/resolve.h"
#include "src/spec/spec.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The errors that TEXT has.
std::vector<Diagnostic> ErrorsOf(const std::string& text, std::string* shown) {
  SourceFile source("c", text);
  Diagnostics diagnostics(&source);
  Spec spec;
  if (ReadSpec(&diagnostics, &spec)) Resolve(spec, &diagnostics);
  std::vector<Diagnostic> errors;
  for (const Diagnostic& d : diagnostics.all())
    if (d.severity == Diagnostic::Severity::kError) errors.push_back(d);
  *shown = diagnostics.Format(false);
  return errors;
}

struct Place {
  Range range;
  bool is_name;  // of an entry, else a value
};

void Collect(const YamlNode& node, std::vector<Place>* places) {
  if (node.kind == YamlNode::Kind::kScalar) places->push_back({node.range, false});
  for (const YamlNode* item : node.items) Collect(*item, places);
  for (const YamlNode::Entry& entry : node.entries) {
    places->push_back({entry.key_range, true});
    Collect(*entry.value, places);
  }
}

class Cascade : public testing::TestWithParam<const char*> {};

TEST_P(Cascade, OneMistakeIsOneError) {
  const std::string text = ReadText(GetParam());
  std::string shown;
  ASSERT_TRUE(ErrorsOf(text, &shown).empty()) << shown;
  SourceFile source("c", text);
  Diagnostics diagnostics(&source);
  YamlTree tree;
  ASSERT_TRUE(tree.Parse(&diagnostics));
  std::vector<Place> places;
  Collect(tree.root(), &places);
  ASSERT_GT(places.size(), 20);
  for (const Place& place : places) {
    // A map where a value belongs; a word that is hardly anything; a variable. A name alone may well be used
    // elsewhere, which is another error unless it cannot be read.
    for (const char* broken : {"{zzzz: zzzz}", "zz zz", "$zzzz"}) {
      if (place.is_name && broken[0] != '$') continue;
      std::string changed = text;
      changed.replace(place.range.begin, place.range.end - place.range.begin, broken);
      const std::vector<Diagnostic> errors = ErrorsOf(changed, &shown);
      EXPECT_LE(errors.size(), 1) << broken << " for "
                                  << text.substr(place.range.begin, place.range.end - place.range.begin)
                                  << "\n"
                                  << shown;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Specs, Cascade,
                         testing::Values("examples/tutorial/cluster.yaml", "examples/cluster/cluster.yaml",
                                         "examples/pki/cluster.yaml", "examples/quickstart/cluster.yaml",
                                         "examples/metrics/cluster.yaml", "examples/apiserver/cluster.yaml"));

}  // namespace
}  // namespace kplan
