#include "src/model/host_variables.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/spec/variables.h"

namespace kplan {
namespace {

// "name" of "$name", "${name}", "{{ name }}"; empty of brackets alone.
absl::string_view WordIn(absl::string_view variable) {
  while (!variable.empty() && absl::StrContains("${(", variable.front())) variable.remove_prefix(1);
  while (!variable.empty() && absl::StrContains("})", variable.back())) variable.remove_suffix(1);
  return absl::StripAsciiWhitespace(variable);
}

}  // namespace

HostVariables PutHostIn(absl::string_view text, const Host* host, bool in_url) {
  HostVariables result;
  // "{{ name }}" and the like: none of them is one of ours.
  for (absl::string_view rest = text; !result.unknown;) {
    const absl::string_view variable = FindVariable(rest);
    if (variable.empty()) break;
    result.unknown = variable[0] == '{';
    rest.remove_prefix(static_cast<size_t>(variable.data() - rest.data()) + variable.size());
  }
  if (result.unknown) return result;
  for (size_t dollar; (dollar = text.find('$')) != absl::string_view::npos;) {
    absl::StrAppend(&result.text, text.substr(0, dollar));
    text.remove_prefix(dollar + 1);
    size_t length = 0;
    while (length < text.size() && OnlyAlnumAnd(text.substr(length, 1), "_")) ++length;
    const absl::string_view variable = text.substr(0, length);
    text.remove_prefix(length);
    if (host != nullptr && variable == "name") {
      result.text += host->name;
    } else if (host != nullptr && variable == "address") {
      result.address_missing = result.address_missing || host->address.empty();
      const std::string address = host->address.empty() ? "0.0.0.0" : host->address;
      const bool brackets = in_url && absl::StrContains(address, ':');
      absl::StrAppend(&result.text, brackets ? "[" : "", address, brackets ? "]" : "");
    } else {
      result.unknown = true;
      result.text.clear();
      return result;
    }
  }
  absl::StrAppend(&result.text, text);
  return result;
}

Remedy HostVariableMeant(absl::string_view text, absl::string_view otherwise) {
  std::string meant;
  for (absl::string_view variable = FindVariable(text); !variable.empty(); variable = FindVariable(text)) {
    const size_t before = static_cast<size_t>(variable.data() - text.data());
    absl::StrAppend(&meant, text.substr(0, before));
    text.remove_prefix(before + variable.size());
    const absl::string_view word = WordIn(variable);
    const absl::string_view name =
        word == "name" || word == "address" ? word : Nearest(word, {"name", "address"});
    // "${name}s" has no other form: "$names" is another variable.
    const bool ends = text.empty() || !OnlyAlnumAnd(text.substr(0, 1), "_");
    if (name.empty() || !ends) return otherwise;
    absl::StrAppend(&meant, "$", name);
  }
  absl::StrAppend(&meant, text);
  if (absl::StrContains(meant, "{")) return otherwise;
  return Write(meant);
}

}  // namespace kplan
