#include "src/pki/distinguished_name.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/base/text.h"

namespace kplan {
namespace {

struct Field {
  absl::string_view name;
  int nid;
  int max;  // characters (RFC 5280 A.1, ub-...)
};

// In the order of the encoding.
constexpr Field kFields[] = {
    {"C", NID_countryName, 2},
    {"ST", NID_stateOrProvinceName, 128},
    {"L", NID_localityName, 128},
    {"O", NID_organizationName, 64},
    {"OU", NID_organizationalUnitName, 64},
    {"CN", NID_commonName, 64},
    {"serialNumber", NID_serialNumber, 64},
};

// PrintableString's characters (X.680 41.4): no * & @ _, which Go's encoder turns to UTF8String for, too.
bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::string_view(" '()+,-./:=?").find(c) != absl::string_view::npos;
  });
}

absl::Status CheckValue(const Field& field, absl::string_view value) {
  auto wrong = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("subject field ", field.name, " ", Quote(value), " ", why));
  };
  if (FindInvalidUtf8(value) != absl::string_view::npos) return wrong("is not UTF-8");
  if (std::any_of(value.begin(), value.end(), absl::ascii_iscntrl)) return wrong("has a control character");
  // Continuation bytes are not characters of their own.
  auto size = std::count_if(value.begin(), value.end(), [](char c) { return (c & 0xC0) != 0x80; });
  if (size > field.max) return wrong(absl::StrCat("has ", size, " characters; X.509 allows ", field.max));
  if (field.nid == NID_countryName &&
      !(size == 2 && absl::ascii_isalpha(value[0]) && absl::ascii_isalpha(value[1]))) {
    return wrong("is not a country code of two letters (ISO 3166)");
  }
  if (field.nid == NID_serialNumber && !IsPrintable(value)) return wrong("is not a PrintableString");
  return absl::OkStatus();
}

// An attribute's value as UTF-8, whatever string type encodes it.
std::string ValueOf(const X509_NAME_ENTRY* entry) {
  unsigned char* utf8 = nullptr;
  int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
  if (size < 0) return "";
  std::string value(reinterpret_cast<char*>(utf8), size);
  OPENSSL_free(utf8);
  return value;
}

std::string FieldName(const X509_NAME_ENTRY* entry) {
  const ASN1_OBJECT* object = X509_NAME_ENTRY_get_object(entry);
  int nid = OBJ_obj2nid(object);
  if (nid != NID_undef) return OBJ_nid2sn(nid);
  char dotted[128];
  OBJ_obj2txt(dotted, sizeof(dotted), object, /*no_name=*/1);
  return dotted;
}

}  // namespace

absl::StatusOr<NamePtr> MakeName(const StringPairs& subject) {
  NamePtr name(X509_NAME_new());
  if (name == nullptr) return OpenSslError("cannot make a subject");
  for (const auto& [key, value] : subject) {
    if (std::none_of(std::begin(kFields), std::end(kFields), [&](const Field& f) { return f.name == key; })) {
      return absl::InvalidArgumentError(absl::StrCat("no subject has a field ", Quote(key),
                                                     "; there are C, ST, L, O, OU, CN and serialNumber"));
    }
  }
  for (const Field& field : kFields) {
    bool first = true;
    for (const auto& [key, value] : subject) {
      if (key != field.name || value.empty()) continue;
      if (absl::Status status = CheckValue(field, value); !status.ok()) return status;
      if (!first && (field.nid == NID_commonName || field.nid == NID_serialNumber)) {
        return absl::InvalidArgumentError(absl::StrCat("a subject has one ", field.name, ", not several"));
      }
      // -1: into the RDN before, as one more of its values. The encoder sorts them (X.690 11.6).
      if (X509_NAME_add_entry_by_NID(name.get(), field.nid,
                                     IsPrintable(value) ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING,
                                     reinterpret_cast<const unsigned char*>(value.data()),
                                     static_cast<int>(value.size()), /*loc=*/-1, first ? 0 : -1) != 1) {
        return OpenSslError(absl::StrCat("cannot encode subject field ", field.name));
      }
      first = false;
    }
  }
  return name;
}

std::string NameText(const X509_NAME* name) {
  std::string text;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    absl::StrAppend(&text, text.empty() ? "" : ", ", FieldName(entry), "=", ValueOf(entry));
  }
  return text.empty() ? "(empty)" : text;
}

bool SameName(const X509_NAME* a, const X509_NAME* b) {
  // The values inside one RDN are a set, ordered by their encoding, so they are sorted by value to be
  // compared.
  using Attribute = std::tuple<int, std::string, std::string>;  // RDN's index, field, value
  auto attributes = [](const X509_NAME* name) {
    std::vector<Attribute> list;
    for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
      const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
      list.emplace_back(X509_NAME_ENTRY_set(entry), FieldName(entry), ValueOf(entry));
    }
    std::sort(list.begin(), list.end());
    return list;
  };
  return attributes(a) == attributes(b);
}

}  // namespace kplan
