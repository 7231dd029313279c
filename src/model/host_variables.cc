#include "src/model/host_variables.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {

HostVariables PutHostIn(absl::string_view text, const Host* host, bool in_url) {
  HostVariables result;
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

}  // namespace kplan
