#include "src/base/domain.h"

#include <idn2.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"

namespace kplan {
namespace {

constexpr size_t kMaxLabel = 63;  // RFC 1035 2.3.4
constexpr absl::string_view kAcePrefix = "xn--";

// IDN2_USE_STD3_ASCII_RULES is not among them: it removes what is not a letter, digit or hyphen without a
// word ("ü_b" becomes "üb"). CheckLabel refuses such characters instead.
constexpr int kIdnFlags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;

struct FreeIdn {
  void operator()(char* text) const { idn2_free(text); }
};

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isascii(static_cast<unsigned char>(c)); });
}

// LABEL, without NUL, as an A-label, or as it is when it is ASCII after all; libidn2's code is the result.
int ToALabel(const std::string& label, std::string* a_label) {
  char* raw = nullptr;
  int code = idn2_to_ascii_8z(label.c_str(), &raw, kIdnFlags);
  std::unique_ptr<char, FreeIdn> text(raw);
  if (code == IDN2_OK) *a_label = text.get();
  return code;
}

std::string IdnaReason(int code) {
  switch (code) {
    case IDN2_DISALLOWED:
      return "has a character that IDNA2008 does not allow in names (RFC 5892)";
    case IDN2_CONTEXTJ:
    case IDN2_CONTEXTJ_NO_RULE:
    case IDN2_CONTEXTO:
    case IDN2_CONTEXTO_NO_RULE:
      return "has a character that may not stand where it stands (RFC 5892, appendix A)";
    case IDN2_UNASSIGNED:
      return "has a code point that stands for no character yet";
    case IDN2_BIDI:
      return "mixes writing directions (RFC 5893)";
    case IDN2_LEADING_COMBINING:
      return "begins with a mark that combines with a letter before it";
    case IDN2_HYPHEN_STARTEND:
      return "begins or ends with a hyphen";
    case IDN2_2HYPHEN:
      return "has hyphens as its third and fourth character, which only A-labels (xn--...) have";
    case IDN2_TOO_BIG_LABEL:
    case IDN2_TOO_BIG_DOMAIN:
    case IDN2_PUNYCODE_BIG_OUTPUT:
      return "is longer than 63 characters as an A-label";
    default:
      return absl::StrCat("cannot be written as an A-label (", idn2_strerror_name(code), ")");
  }
}

// LABEL begins with "xn--" and is in lower case.
absl::Status CheckALabel(absl::string_view label) {
  constexpr char kRemedy[] =
      "write the name in its own script; its A-label is worked out, as browsers and Go do it";
  std::string back;
  int code = ToALabel(std::string(label), &back);
  if (code == IDN2_OK && back == label) return absl::OkStatus();
  switch (code) {
    case IDN2_OK:
    case IDN2_PUNYCODE_BAD_INPUT:
    case IDN2_PUNYCODE_BIG_OUTPUT:
    case IDN2_PUNYCODE_OVERFLOW:
    case IDN2_INVALID_ALABEL:
    case IDN2_UALABEL_MISMATCH:
    case IDN2_ALABEL_ROUNDTRIP_FAILED:
    case IDN2_INVALID_NONTRANSITIONAL:
    case IDN2_NOT_NFC:
    case IDN2_ENCODING_ERROR:
      return RefuseName(
          absl::StrCat("the label ", Quote(label), " begins with xn-- and is no A-label (RFC 5890)"),
          kRemedy);
    default:
      return RefuseName(absl::StrCat("the label ", Quote(label), " stands for one that ", IdnaReason(code)),
                        "");
  }
}

absl::Status CheckLabel(absl::string_view label) {
  if (label.empty()) {
    return RefuseName("a DNS name with an empty label (two dots, or a dot at the start or the end)", "");
  }
  if (label.size() > kMaxLabel) {
    return RefuseName(
        absl::StrCat("a DNS name with a label of ", label.size(), " characters; at most ", kMaxLabel), "");
  }
  if (absl::StrContains(label, '_')) {
    return RefuseName("a DNS name with an underscore, which no host name may have (RFC 1123)",
                      "use a hyphen");
  }
  if (!OnlyAlnumAnd(label, "-")) {
    return RefuseName("not a DNS name: only letters, digits, hyphens and dots", "");
  }
  if (label.front() == '-' || label.back() == '-') {
    return RefuseName("a DNS name with a label that begins or ends with a hyphen", "");
  }
  if (absl::StartsWithIgnoreCase(label, kAcePrefix)) return CheckALabel(absl::AsciiStrToLower(label));
  return absl::OkStatus();
}

// What URL parsers and inet_aton take for the last part of an IPv4 address (WHATWG URL, "ends in a number").
bool IsNumber(absl::string_view label) {
  if (absl::ConsumePrefix(&label, "0x") || absl::ConsumePrefix(&label, "0X")) {
    return std::all_of(label.begin(), label.end(), absl::ascii_isxdigit);
  }
  return std::all_of(label.begin(), label.end(), absl::ascii_isdigit);
}

absl::Status CheckAsciiName(absl::string_view name) {
  if (name.size() > kMaxDnsName) {
    return RefuseName(absl::StrCat("a DNS name of ", name.size(), " characters; at most ", kMaxDnsName), "");
  }
  absl::string_view last;
  for (absl::string_view label : absl::StrSplit(name, '.')) {
    if (absl::Status status = CheckLabel(label); !status.ok()) return status;
    last = label;
  }
  if (IsNumber(last)) {
    return RefuseName("looks like an IP address, but is none",
                      "write the four numbers of an IPv4 address without leading zeros");
  }
  return absl::OkStatus();
}

// The other dots of UTS 46, ideographic, full-width and half-width, as ".".
std::string WithPlainDots(absl::string_view name) {
  std::string plain(name);
  for (absl::string_view dot : {"\xE3\x80\x82", "\xEF\xBC\x8E", "\xEF\xBD\xA1"}) {
    for (size_t at; (at = plain.find(dot.data(), 0, dot.size())) != std::string::npos;)
      plain.replace(at, dot.size(), ".");
  }
  return plain;
}

}  // namespace

absl::Status RefuseName(absl::string_view reason, const Remedy& remedy) { return Refusal(reason, remedy); }

absl::Status CheckDnsName(absl::string_view name) {
  if (IsAscii(name)) return CheckAsciiName(name);
  absl::StatusOr<std::string> ascii = CanonicalDomain(name);
  if (!ascii.ok()) return ascii.status();
  return RefuseName("a name with characters that are not ASCII",
                    Remedy(absl::StrCat("write its A-label: ", *ascii), *ascii));
}

absl::StatusOr<std::string> CanonicalDomain(absl::string_view name) {
  if (IsAscii(name)) {
    std::string lower = absl::AsciiStrToLower(absl::StripSuffix(name, "."));
    if (absl::Status status = CheckAsciiName(lower); !status.ok()) return status;
    return lower;
  }
  if (FindInvalidUtf8(name) != absl::string_view::npos) return RefuseName("a name that is not UTF-8", "");
  // Label by label, so that a message can name the one that is wrong.
  std::vector<std::string> labels = absl::StrSplit(WithPlainDots(name), '.');
  if (labels.size() > 1 && labels.back().empty()) labels.pop_back();
  for (std::string& label : labels) {
    if (IsAscii(label)) {
      absl::AsciiStrToLower(&label);
      continue;
    }
    std::string ascii;
    if (label.find('\0') != std::string::npos) return RefuseName("a name with a NUL", "");
    if (int code = ToALabel(label, &ascii); code != IDN2_OK) {
      return RefuseName(
          absl::StrCat("the label ", Quote(label), " ", IdnaReason(code)),
          code == IDN2_DISALLOWED ? "letters, digits and hyphens of any script are allowed" : "");
    }
    label = ascii;
  }
  std::string joined = absl::StrJoin(labels, ".");
  if (absl::Status status = CheckAsciiName(joined); !status.ok()) return status;
  return joined;
}

}  // namespace kplan
