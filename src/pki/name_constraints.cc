#include "src/pki/name_constraints.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "src/base/ip_address.h"
#include "src/base/text.h"
#include "src/pki/subject_alt_name.h"

namespace kplan {
namespace {

struct Type {
  absl::string_view name;
  int general_name;
};

// In the order of the encoding, which is not that of the SANs.
constexpr Type kTypes[] = {{"dns", GEN_DNS}, {"ip", GEN_IPADD}, {"email", GEN_EMAIL}, {"uri", GEN_URI}};

using SubtreePtr = std::unique_ptr<GENERAL_SUBTREE, OpenSslDelete<GENERAL_SUBTREE_free>>;

// LENGTH ones, and zeros up to SIZE octets.
std::string Mask(int length, size_t size) {
  std::string mask(size, '\0');
  for (int bit = 0; bit < length; ++bit) mask[bit / 8] |= static_cast<char>(0x80 >> (bit % 8));
  return mask;
}

// Address and mask, 8 or 32 octets (RFC 5280 4.2.1.10); empty when TEXT is not a network in CIDR notation.
std::string NetworkOctets(const std::string& text) {
  std::vector<std::string> parts = absl::StrSplit(text, '/');
  int length = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &length)) return "";
  std::string address = IpOctets(parts[0]);
  if (address.empty() || length < 0 || length > static_cast<int>(address.size()) * 8) return "";
  std::string mask = Mask(length, address.size());
  for (size_t i = 0; i < address.size(); ++i) {
    if ((address[i] & ~mask[i]) != 0) return "";
  }
  return address + mask;
}

std::string NetworkText(const std::string& octets) {
  const size_t half = octets.size() / 2;
  const std::string address = octets.substr(0, half), mask = octets.substr(half);
  for (int length = 0; length <= static_cast<int>(half) * 8; ++length) {
    if (mask == Mask(length, half)) return absl::StrCat(IpText(address), "/", length);
  }
  return absl::StrCat(IpText(address), "/", IpText(mask));
}

std::string Octets(const Type& type, const std::string& text) {
  if (type.general_name == GEN_IPADD) return NetworkOctets(text);
  return std::all_of(text.begin(), text.end(), absl::ascii_isgraph) ? text : "";
}

const Type* FindType(absl::string_view name) {
  const Type* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [name](const Type& known) { return known.name == name; });
  return type == std::end(kTypes) ? nullptr : type;
}

absl::Status AddSubtrees(const StringPairs& constraints, STACK_OF(GENERAL_SUBTREE) * *subtrees) {
  if (constraints.empty()) return absl::OkStatus();  // an empty list may not be encoded
  *subtrees = sk_GENERAL_SUBTREE_new_null();
  for (const auto& [name, text] : constraints) {
    const Type* type = FindType(name);
    if (type == nullptr || *subtrees == nullptr) return OpenSslError("cannot make name constraints");
    absl::StatusOr<GeneralNamePtr> base = MakeGeneralName(type->general_name, Octets(*type, text));
    if (!base.ok()) return base.status();
    SubtreePtr subtree(GENERAL_SUBTREE_new());
    if (subtree == nullptr) return OpenSslError("cannot make name constraints");
    GENERAL_NAME_free(subtree->base);
    subtree->base = base->release();
    if (sk_GENERAL_SUBTREE_push(*subtrees, subtree.get()) <= 0)
      return OpenSslError("cannot make name constraints");
    subtree.release();
  }
  return absl::OkStatus();
}

StringPairs Read(const STACK_OF(GENERAL_SUBTREE) * subtrees) {
  StringPairs list;
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); ++i) {
    int number = 0;
    void* value = GENERAL_NAME_get0_value(sk_GENERAL_SUBTREE_value(subtrees, i)->base, &number);
    const Type* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                    [number](const Type& known) { return known.general_name == number; });
    if (type == std::end(kTypes)) {
      list.emplace_back("other", absl::StrCat(number));
      continue;
    }
    const ASN1_STRING* string = static_cast<const ASN1_STRING*>(value);
    std::string octets(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                       ASN1_STRING_length(string));
    list.emplace_back(type->name, number == GEN_IPADD ? NetworkText(octets) : octets);
  }
  return list;
}

}  // namespace

absl::StatusOr<StringPairs> CanonicalConstraints(const StringPairs& constraints) {
  for (const auto& [name, text] : constraints) {
    const Type* type = FindType(name);
    if (type == nullptr)
      return absl::InvalidArgumentError(absl::StrCat("no name constraint has the type ", Quote(name)));
    if (Octets(*type, text).empty()) {
      return absl::InvalidArgumentError(absl::StrCat("the ", name, " name constraint ", Quote(text),
                                                     type->general_name == GEN_IPADD
                                                         ? " is not a network such as 10.0.0.0/8"
                                                         : " has to be visible ASCII characters only"));
    }
  }
  StringPairs canonical;
  for (const Type& type : kTypes) {
    for (const auto& [name, text] : constraints) {
      if (name != type.name) continue;
      std::pair<std::string, std::string> constraint(
          name, type.general_name == GEN_IPADD ? NetworkText(NetworkOctets(text)) : text);
      if (std::find(canonical.begin(), canonical.end(), constraint) == canonical.end())
        canonical.push_back(std::move(constraint));
    }
  }
  return canonical;
}

absl::StatusOr<NameConstraintsPtr> MakeNameConstraints(const StringPairs& permitted,
                                                       const StringPairs& excluded) {
  NameConstraintsPtr constraints(NAME_CONSTRAINTS_new());
  if (constraints == nullptr) return OpenSslError("cannot make name constraints");
  for (const absl::Status& status : {AddSubtrees(permitted, &constraints->permittedSubtrees),
                                     AddSubtrees(excluded, &constraints->excludedSubtrees)}) {
    if (!status.ok()) return status;
  }
  return constraints;
}

void ConstraintsOf(const NAME_CONSTRAINTS& constraints, StringPairs* permitted, StringPairs* excluded) {
  *permitted = Read(constraints.permittedSubtrees);
  *excluded = Read(constraints.excludedSubtrees);
}

}  // namespace kplan
