#include "src/pki/revocation.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "src/base/domain.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// By their codes, with "" where there is none.
constexpr std::array<absl::string_view, 11> kReasons = {
    "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
    "superseded",    "cessationOfOperation", "certificateHold", "",
    "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};
constexpr absl::string_view kRemoveFromCrl = "removeFromCRL";

constexpr size_t kMaxSerialHexDigits = 40;  // 20 octets

bool AllOf(absl::string_view text, bool (*is)(unsigned char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is);
}

// DIGITS, decimal, in hexadecimal without leading zeros.
std::string DecimalToHex(absl::string_view digits) {
  std::string nibbles;  // the least significant one first
  for (char c : digits) {
    int carry = c - '0';
    for (char& nibble : nibbles) {
      carry += nibble * 10;
      nibble = static_cast<char>(carry % 16);
      carry /= 16;
    }
    for (; carry > 0; carry /= 16) nibbles.push_back(static_cast<char>(carry % 16));
  }
  std::reverse(nibbles.begin(), nibbles.end());
  for (char& nibble : nibbles) nibble = "0123456789abcdef"[static_cast<int>(nibble)];
  return nibbles;
}

constexpr char kSerialForms[] = "write it in decimal, or in hexadecimal as 0x5a0f or 5a:0f";

// The digits of TEXT in hexadecimal, with leading zeros as they come.
absl::StatusOr<std::string> SerialDigits(absl::string_view text) {
  absl::Status wrong = RefuseName(absl::StrCat(Quote(text), " is not a serial number"), kSerialForms);
  absl::string_view digits = text;
  if (absl::ConsumePrefix(&digits, "0x") || absl::ConsumePrefix(&digits, "0X")) {
    if (!AllOf(digits, absl::ascii_isxdigit)) return wrong;
    return std::string(digits);
  }
  if (absl::StrContains(text, ':')) {
    for (absl::string_view pair : absl::StrSplit(text, ':')) {
      if (pair.size() != 2 || !AllOf(pair, absl::ascii_isxdigit)) return wrong;
    }
    return absl::StrReplaceAll(text, {{":", ""}});
  }
  if (AllOf(text, absl::ascii_isdigit)) {
    if (text.size() > 1 && text[0] == '0') {
      return RefuseName(
          absl::StrCat(Quote(text), " is a decimal number with a zero in front"),
          absl::StrCat("write 0x", text, " if it is hexadecimal, as openssl shows it; else remove the zero"));
    }
    // 2^160 has 49 digits; what is longer is too long in any case, and is not worth working out.
    return text.size() > 49 ? std::string(kMaxSerialHexDigits + 1, 'f') : DecimalToHex(text);
  }
  if (AllOf(text, absl::ascii_isxdigit)) return std::string(text);
  if (absl::StartsWith(text, "-"))
    return RefuseName("a negative serial number; they are positive (RFC 5280 4.1.2.2)", kSerialForms);
  return wrong;
}

// Removes COUNT digits from the front of REST into VALUE; false when there are fewer.
bool TakeNumber(absl::string_view* rest, size_t count, int* value) {
  if (rest->size() < count || !AllOf(rest->substr(0, count), absl::ascii_isdigit)) return false;
  bool good = absl::SimpleAtoi(rest->substr(0, count), value);
  rest->remove_prefix(count);
  return good;
}

}  // namespace

absl::StatusOr<std::string> ParseSerial(absl::string_view text) {
  absl::StatusOr<std::string> digits = SerialDigits(text);
  if (!digits.ok()) return digits.status();
  std::string hex = absl::AsciiStrToLower(*digits);
  hex.erase(0, std::min(hex.find_first_not_of('0'), hex.size()));
  if (hex.empty()) return RefuseName("no certificate has the serial number 0 (RFC 5280 4.1.2.2)", "");
  if (hex.size() > kMaxSerialHexDigits || (hex.size() == kMaxSerialHexDigits && hex[0] >= '8')) {
    return RefuseName("a serial number of more than 20 octets of DER (RFC 5280 4.1.2.2)",
                      "compare it with what `openssl x509 -noout -serial` says of the certificate");
  }
  return hex;
}

absl::StatusOr<std::string> ParseRevocationReason(absl::string_view text) {
  if (text == kRemoveFromCrl) {
    return RefuseName("removeFromCRL has a meaning in delta CRLs alone (RFC 5280 5.3.1)",
                      "remove the whole entry: the certificate will not be in the next CRL");
  }
  std::string word(text);
  if (text == "CACompromise") word = "cACompromise";
  if (text == "AACompromise") word = "aACompromise";
  std::vector<absl::string_view> words;
  // Also what differs in case and hyphens alone: KEY_COMPROMISE.
  std::string folded = absl::StrReplaceAll(absl::AsciiStrToLower(text), {{"-", ""}, {"_", ""}, {" ", ""}});
  Remedy help = "";
  for (size_t code = 0; code < kReasons.size(); ++code) {
    absl::string_view reason = kReasons[code];
    if (reason.empty() || reason == kRemoveFromCrl) continue;
    if (reason == word) return word;
    if (absl::AsciiStrToLower(reason) == folded || absl::StrCat(code) == text)
      help = {absl::StrCat("did you mean ", Quote(reason), "?"), reason};
    words.push_back(reason);
  }
  if (!help.instead)
    help = MeantOr(text, words, absl::StrCat("there are ", JoinAnd({words.begin(), words.end()})));
  return RefuseName(absl::StrCat("there is no reason ", Quote(text)), help);
}

absl::StatusOr<int64_t> ParseRevocationDate(absl::string_view text) {
  constexpr char kForms[] = "write 2026-11-22T10:00:00Z, or 2026-11-22 for its midnight in UTC";
  absl::Status wrong = RefuseName(absl::StrCat(Quote(text), " is not a date"), kForms);
  absl::string_view rest = text;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!TakeNumber(&rest, 4, &year) || !absl::ConsumePrefix(&rest, "-") || !TakeNumber(&rest, 2, &month) ||
      !absl::ConsumePrefix(&rest, "-") || !TakeNumber(&rest, 2, &day)) {
    return wrong;
  }
  int64_t offset = 0;  // seconds east of UTC
  if (!rest.empty()) {
    if (!absl::ConsumePrefix(&rest, "T") || !TakeNumber(&rest, 2, &hour) ||
        !absl::ConsumePrefix(&rest, ":") || !TakeNumber(&rest, 2, &minute) ||
        !absl::ConsumePrefix(&rest, ":") || !TakeNumber(&rest, 2, &second)) {
      return wrong;
    }
    if (absl::StartsWith(rest, ".")) {
      return RefuseName("a date with a fraction of a second, which a CRL cannot say (RFC 5280 5.1.2.6)",
                        "write whole seconds");
    }
    if (rest.empty())
      return RefuseName("a date without its zone", absl::StrCat("write ", text, "Z if it is in UTC"));
    if (rest != "Z") {
      int east = rest[0] == '+' ? 1 : rest[0] == '-' ? -1 : 0;
      int hours = 0, minutes = 0;
      rest.remove_prefix(1);
      if (east == 0 || !TakeNumber(&rest, 2, &hours) || !absl::ConsumePrefix(&rest, ":") ||
          !TakeNumber(&rest, 2, &minutes) || !rest.empty() || hours > 23 || minutes > 59) {
        return wrong;
      }
      offset = east * (hours * 3600 + minutes * 60);
    }
  }
  // A day or an hour that there is not would be carried over into the next.
  absl::CivilSecond civil(year, month, day, hour, minute, second);
  if (civil.month() != month || civil.day() != day || civil.hour() != hour || civil.minute() != minute ||
      civil.second() != second) {
    return RefuseName(absl::StrCat("there is no ", text), kForms);
  }
  int64_t seconds = civil - absl::CivilSecond(1970, 1, 1) - offset;
  if (seconds < absl::CivilSecond(1950, 1, 1) - absl::CivilSecond(1970, 1, 1) ||
      seconds >= absl::CivilSecond(10000, 1, 1) - absl::CivilSecond(1970, 1, 1)) {
    return RefuseName(
        "a date outside the years 1950 to 9999, which are all that X.509 knows (RFC 5280 4.1.2.5)", kForms);
  }
  return seconds;
}

}  // namespace kplan
