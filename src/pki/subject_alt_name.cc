#include "src/pki/subject_alt_name.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "src/base/ip_address.h"
#include "src/base/text.h"
#include "src/pki/names.h"

namespace kplan {
namespace {

struct Type {
  absl::string_view name;
  int general_name;
};

// In the order of the encoding.
constexpr Type kTypes[] = {{"dns", GEN_DNS}, {"email", GEN_EMAIL}, {"ip", GEN_IPADD}, {"uri", GEN_URI}};

std::string ListText(const StringPairs& sans) {
  return absl::StrJoin(sans, ", ", [](std::string* out, const std::pair<std::string, std::string>& san) {
    absl::StrAppend(out, san.first, " ", san.second);
  });
}

}  // namespace

absl::StatusOr<StringPairs> CanonicalSans(const StringPairs& sans) {
  for (const auto& [type, text] : sans) {
    if (std::none_of(std::begin(kTypes), std::end(kTypes),
                     [&t = type](const Type& k) { return k.name == t; })) {
      return absl::InvalidArgumentError(absl::StrCat("no SAN has the type ", Quote(type)));
    }
    if (type != "ip" && (text.empty() || !std::all_of(text.begin(), text.end(), absl::ascii_isgraph))) {
      return absl::InvalidArgumentError(
          absl::StrCat("the ", type, " SAN ", Quote(text), " has to be visible ASCII characters only"));
    }
  }
  StringPairs canonical;
  for (const Type& type : kTypes) {
    for (const auto& [name, text] : sans) {
      if (name != type.name) continue;
      std::string value = text;
      if (type.general_name == GEN_IPADD) {
        value = IpText(IpOctets(text));
        if (value.empty()) {
          return absl::InvalidArgumentError(
              absl::StrCat("the ip SAN ", Quote(text), " is not an IP address"));
        }
      }
      std::pair<std::string, std::string> san(name, std::move(value));
      if (std::find(canonical.begin(), canonical.end(), san) == canonical.end())
        canonical.push_back(std::move(san));
    }
  }
  return canonical;
}

absl::StatusOr<GeneralNamePtr> MakeGeneralName(int type, const std::string& value) {
  GeneralNamePtr name(GENERAL_NAME_new());
  ASN1_STRING* string = ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
  if (name == nullptr || string == nullptr ||
      ASN1_STRING_set(string, value.data(), static_cast<int>(value.size())) != 1) {
    ASN1_STRING_free(string);
    return OpenSslError("cannot make a name");
  }
  GENERAL_NAME_set0_value(name.get(), type, string);
  return name;
}

absl::StatusOr<GeneralNamesPtr> MakeGeneralNames(const StringPairs& sans) {
  GeneralNamesPtr names(GENERAL_NAMES_new());
  if (names == nullptr) return OpenSslError("cannot make a SAN");
  for (const auto& [name, text] : sans) {
    const Type* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                    [&n = name](const Type& k) { return k.name == n; });
    if (type == std::end(kTypes))
      return absl::InvalidArgumentError(absl::StrCat("no SAN has the type ", Quote(name)));
    const bool ip = type->general_name == GEN_IPADD;
    const std::string value = ip ? IpOctets(text) : text;
    absl::StatusOr<GeneralNamePtr> general = MakeGeneralName(type->general_name, value);
    if (!general.ok()) return general.status();
    if (sk_GENERAL_NAME_push(names.get(), general->get()) <= 0) return OpenSslError("cannot make a SAN");
    general->release();
  }
  return names;
}

StringPairs SansOf(const GENERAL_NAMES& names) {
  StringPairs sans;
  for (int i = 0; i < sk_GENERAL_NAME_num(&names); ++i) {
    int number = 0;
    void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(&names, i), &number);
    const Type* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                    [number](const Type& k) { return k.general_name == number; });
    if (type == std::end(kTypes)) {
      sans.emplace_back("other", absl::StrCat(number));
      continue;
    }
    const ASN1_STRING* string = static_cast<const ASN1_STRING*>(value);
    std::string octets(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                       ASN1_STRING_length(string));
    if (number == GEN_IPADD) octets = IpText(octets);
    sans.emplace_back(type->name, std::move(octets));
  }
  return sans;
}

StringPairs CanonicalFound(const StringPairs& sans) {
  StringPairs canonical;
  absl::flat_hash_set<std::pair<std::string, std::string>> seen;
  for (const auto& san : sans) {
    absl::StatusOr<std::pair<std::string, std::string>> form = ClassifySan(san.second);
    const auto& one = form.ok() && form->first == san.first ? *form : san;
    if (seen.insert(one).second) canonical.push_back(one);
  }
  return canonical;
}

std::string SanDifference(const StringPairs& spec, const StringPairs& found) {
  if (spec == found) return "";
  auto without = [](const StringPairs& from, const StringPairs& names) {
    const absl::flat_hash_set<std::pair<std::string, std::string>> known(names.begin(), names.end());
    StringPairs rest;
    std::copy_if(from.begin(), from.end(), std::back_inserter(rest),
                 [&known](const auto& san) { return !known.contains(san); });
    return rest;
  };
  const StringPairs wanted = CanonicalFound(spec), is = CanonicalFound(found);
  std::vector<std::string> parts;
  if (StringPairs added = without(wanted, is); !added.empty()) parts.push_back("added " + ListText(added));
  if (StringPairs removed = without(is, wanted); !removed.empty())
    parts.push_back("removed " + ListText(removed));
  return parts.empty() ? "" : absl::StrCat("SAN differs: ", absl::StrJoin(parts, ", "));
}

}  // namespace kplan
