// yaml_events_testing FILE...: for each file a line with its name, then its events in the notation of
// yaml-test-suite (https://github.com/yaml/yaml-test-suite), or "error: " and what is wrong; then "tree: "
// and what becomes of it as a cluster.yaml: "read", "warning: ..." or "refused: ...", with the code.
// tests/yaml_suite_test.py reads this.

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "src/base/diagnostic.h"
#include "src/base/source.h"
#include "src/spec/yaml_parser.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

std::string Escaped(absl::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\0':
        out += "\\0";
        break;
      default:
        out += c;
    }
  }
  return out;
}

class Printer : public YamlEvents {
 public:
  void OnDocumentStart(bool written, Range) override { out += written ? "+DOC ---\n" : "+DOC\n"; }
  void OnDocumentEnd(bool written) override { out += written ? "-DOC ...\n" : "-DOC\n"; }
  void OnAlias(absl::string_view name, Range) override { out += "=ALI *" + std::string(name) + "\n"; }
  void OnScalar(const YamlProperties& properties, YamlStyle style, std::string value, Range) override {
    out += "=VAL" + Shown(properties) + " " + ":'\"|>"[static_cast<int>(style)] + Escaped(value) + "\n";
  }
  void OnListStart(const YamlProperties& properties, bool flow, Range) override {
    out += std::string("+SEQ") + (flow ? " []" : "") + Shown(properties) + "\n";
  }
  void OnListEnd() override { out += "-SEQ\n"; }
  void OnMapStart(const YamlProperties& properties, bool flow, Range) override {
    out += std::string("+MAP") + (flow ? " {}" : "") + Shown(properties) + "\n";
  }
  void OnMapEnd() override { out += "-MAP\n"; }

  std::string out = "+STR\n";

 private:
  static std::string Shown(const YamlProperties& properties) {
    std::string shown;
    if (!properties.anchor.empty()) shown += " &" + std::string(properties.anchor);
    if (!properties.tag.empty()) shown += " <" + properties.tag + ">";
    return shown;
  }
};

std::string First(const Diagnostics& diagnostics) {
  const Diagnostic& first = diagnostics.all().front();
  return first.message + " [" + std::string(Slug(first.code)) + "]";
}

void Print(const char* path) {
  std::ifstream file(path, std::ios::binary);
  SourceFile source(path, std::string(std::istreambuf_iterator<char>(file), {}));
  Diagnostics events_diagnostics(&source), tree_diagnostics(&source);
  Printer printer;
  std::cout << path << "\n";
  if (ParseYaml(&events_diagnostics, &printer)) {
    std::cout << printer.out << "-STR\n";
  } else {
    std::cout << "error: " << First(events_diagnostics) << "\n";
  }
  YamlTree tree;
  const bool read = tree.Parse(&tree_diagnostics);
  std::cout << "tree: ";
  if (tree_diagnostics.all().empty()) {
    std::cout << (read ? "read" : "refused without a word") << "\n";
  } else {
    std::cout << (read ? "warning: " : "refused: ") << First(tree_diagnostics) << "\n";
  }
}

}  // namespace
}  // namespace kplan

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) kplan::Print(argv[i]);
}
