// What the value of one flag looks like (etcd's pkg/flags, Go's flag package, embed/config.go).

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/domain.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/etcd/facts/etcd_flags.h"

namespace kplan {
namespace {

using Type = EtcdFlag::Type;

absl::Status Refuse(absl::string_view reason, const Remedy& remedy) { return Refusal(reason, remedy); }

// What is wrong with the parts of a list, all of it: each part is looked at, and where every wrong one has a
// text that is meant, the whole list is proposed with those.
class ListCheck {
 public:
  void Good(absl::string_view part) { Add(part); }
  void Bad(absl::string_view part, std::string reason, const Remedy& remedy) {
    reasons_.push_back(std::move(reason));
    if (std::find(remedies_.begin(), remedies_.end(), remedy.words) == remedies_.end())
      remedies_.push_back(remedy.words);
    known_ = known_ && remedy.instead.has_value();
    Add(remedy.instead ? *remedy.instead : part);
  }
  absl::Status Result() const {
    if (reasons_.empty()) return absl::OkStatus();
    Remedy remedy(absl::StrJoin(remedies_, "; "));
    if (known_) remedy.instead = absl::StrJoin(parts_, ",");
    return Refusal(absl::StrJoin(reasons_, "; "), remedy);
  }

 private:
  void Add(absl::string_view part) { parts_.emplace_back(part); }

  std::vector<std::string> parts_, reasons_, remedies_;
  bool known_ = true;
};

// "a, b or c"
std::string JoinOr(const std::vector<absl::string_view>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    absl::StrAppend(&text, i == 0 ? "" : i + 1 == words.size() ? " or " : ", ", words[i]);
  return text;
}

// One of WORDS, WHAT in the singular.
absl::Status CheckWord(absl::string_view value, const std::vector<absl::string_view>& words) {
  if (absl::c_linear_search(words, value)) return absl::OkStatus();
  const std::string lower = absl::AsciiStrToLower(value);
  for (absl::string_view word : words) {
    if (absl::AsciiStrToLower(word) == lower) return Refuse(absl::StrCat("not ", JoinOr(words)), Write(word));
  }
  return Refuse(absl::StrCat("not ", JoinOr(words)),
                MeantOr(value, words, absl::StrCat("write ", JoinOr(words))));
}

// "the milliseconds" ... for the remedy of a number; "" for a plain one.
absl::string_view UnitOf(Type type) {
  switch (type) {
    case Type::kBytes:
      return "bytes";
    case Type::kMegabytes:
      return "megabytes";
    case Type::kMilliseconds:
      return "milliseconds";
    case Type::kSeconds:
      return "seconds";
    default:
      return "";
  }
}

// "8GiB", "512 MB", "1.5g": how many bytes.
bool ParseSize(absl::string_view text, double* bytes) {
  const size_t end = text.find_first_not_of("0123456789.");
  if (end == 0 || end == absl::string_view::npos || !absl::SimpleAtod(text.substr(0, end), bytes))
    return false;
  const std::string unit = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text.substr(end)));
  if (unit == "b") return true;
  const size_t power = absl::string_view("kmgt").find(unit.substr(0, 1));
  const absl::string_view rest = absl::string_view(unit).substr(1);
  if (power == absl::string_view::npos || (rest != "" && rest != "b" && rest != "i" && rest != "ib"))
    return false;
  for (size_t i = 0; i <= power; ++i) *bytes *= rest == "b" ? 1000 : 1024;
  return true;
}

// What to write for VALUE, which has a unit of its own.
std::string NumberWithoutUnit(Type type, absl::string_view value) {
  double bytes = 0;
  int64_t nanoseconds = 0;
  double number = 0;
  switch (type) {
    case Type::kBytes:
    case Type::kMegabytes:
      if (!ParseSize(value, &bytes)) return "";
      number = type == Type::kBytes ? bytes : bytes / (1024 * 1024);
      break;
    case Type::kMilliseconds:
    case Type::kSeconds:
      if (!ParseGoDuration(value, &nanoseconds)) return "";
      number = static_cast<double>(nanoseconds) / (type == Type::kSeconds ? 1e9 : 1e6);
      break;
    default:
      return "";
  }
  if (number < 0 || number > 1e15 || number != static_cast<double>(static_cast<int64_t>(number))) return "";
  return absl::StrCat(static_cast<int64_t>(number));
}

absl::Status CheckNumber(const EtcdFlag& flag, absl::string_view value) {
  const absl::string_view unit = UnitOf(flag.type);
  absl::string_view digits = value;
  if (flag.least < 0) absl::ConsumePrefix(&digits, "-");
  const bool plain = !digits.empty() && absl::c_all_of(digits, [](char c) { return absl::ascii_isdigit(c); });
  if (!plain) {
    const std::string number = NumberWithoutUnit(flag.type, value);
    if (!number.empty()) {
      const std::string reason = absl::StrCat("it is a number of ", unit, ", without a unit");
      const absl::Status meant = CheckNumber(flag, number);
      return meant.ok() ? Refuse(reason, Write(number))
                        : Refuse(absl::StrCat(reason, "; and ", number, " is ", ReasonOf(meant)),
                                 RemedyOf(meant).words);
    }
    return Refuse("not a number",
                  absl::StrCat("write a decimal number", unit.empty() ? "" : absl::StrCat(" of ", unit)));
  }
  // Go takes 010 for 8.
  if (digits.size() > 1 && digits[0] == '0') {
    const absl::string_view rest = digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
    const std::string decimal = absl::StrCat(digits.size() < value.size() ? "-" : "", rest);
    Remedy remedy("write it without the 0");
    if (CheckNumber(flag, decimal).ok()) remedy.instead = decimal;
    return Refuse("etcd takes a number that begins with 0 for an octal one", remedy);
  }
  int64_t number;
  if (!absl::SimpleAtoi(value, &number))
    return Refuse("larger than etcd takes", absl::StrCat("the largest number is ", flag.most));
  if (number < flag.least)
    return Refuse(flag.least > 1 ? "less than etcd can work with" : "less than etcd takes",
                  absl::StrCat("the least is ", flag.least));
  if (number > flag.most) return Refuse("larger than etcd takes", absl::StrCat("the largest is ", flag.most));
  return absl::OkStatus();
}

constexpr char kDurationExample[] = "write for example 5s, 100ms or 1h30m";

absl::Status CheckDuration(const EtcdFlag& flag, absl::string_view value) {
  int64_t nanoseconds;
  if (!ParseGoDuration(value, &nanoseconds) || nanoseconds < 0) {
    int64_t number;
    const bool days = absl::ConsumeSuffix(&value, "d") && absl::SimpleAtoi(value, &number) && number >= 0 &&
                      number < 100000;
    const std::string hours = days ? absl::StrCat(number * 24, "h") : "";
    return Refuse("not a duration",
                  days ? Remedy(absl::StrCat("hours are the largest unit: write ", hours), hours)
                       : Remedy(kDurationExample));
  }
  if (nanoseconds < flag.least) return Refuse("etcd wants more than 0 here", kDurationExample);
  return absl::OkStatus();
}

absl::Status CheckUrls(absl::string_view value) {
  ListCheck list;
  for (absl::string_view text : absl::StrSplit(value, ',')) {
    Url url;
    if (ParseUrl(text, &url)) {
      list.Good(text);
      continue;
    }
    const absl::string_view meant = absl::StripSuffix(absl::StripAsciiWhitespace(text), "/");
    list.Bad(text, absl::StrCat(Quote(text), " is not a URL that etcd takes"),
             ParseUrl(meant, &url) ? Write(meant)
                                   : "write scheme, host and port, for example https://127.0.0.1:2379");
  }
  return list.Result();
}

absl::Status CheckList(const EtcdVersion& version, const EtcdFlag& flag, absl::string_view value) {
  if (!flag.list_since.Has(version) && absl::StrContains(value, ','))
    return Refuse("a list only from 3.5.15 on: before, etcd takes the commas for a part of one name",
                  "write one name, or change `version`");
  return absl::OkStatus();
}

// etcd's log outputs (embed/config_logging.go); each other word is a file's path.
absl::Status CheckOutputs(absl::string_view value) {
  const std::vector<absl::string_view> outputs = absl::StrSplit(value, ',');
  ListCheck list;
  for (absl::string_view output : outputs) {
    const bool alone = output == "default" || output == "systemd/journal";
    if (alone && outputs.size() > 1) {
      list.Bad(output, absl::StrCat(output, " does not go with other outputs"),
               "write it alone, or remove it");
    } else if (alone || output == "stdout" || output == "stderr" || absl::StartsWith(output, "/")) {
      list.Good(output);
    } else {
      std::vector<absl::string_view> known = {"stderr", "stdout"};
      if (outputs.size() == 1) known = {"default", "stderr", "stdout", "systemd/journal"};
      list.Bad(
          output, absl::StrCat(Quote(output), " is no output and no absolute path"),
          MeantOr(output, known, "there are default, stderr, stdout, systemd/journal, and paths of files"));
    }
  }
  return list.Result();
}

// Those of crypto/tls; the last ones since etcd asks Go itself for the names (3.4.22, pkg/tlsutil).
constexpr absl::string_view kCiphers[] = {
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
};
constexpr size_t kOldCiphers = 22;

absl::Status CheckCiphers(const EtcdVersion& version, absl::string_view value) {
  std::vector<absl::string_view> known(std::begin(kCiphers), std::end(kCiphers));
  if (version.minor == 4 && version.patch < 22) known.resize(kOldCiphers);
  ListCheck list;
  for (absl::string_view name : absl::StrSplit(value, ',')) {
    if (absl::c_linear_search(known, name)) {
      list.Good(name);
    } else {
      list.Bad(name, absl::StrCat("there is no cipher suite ", Quote(name)),
               MeantOr(name, known,
                       "they are called as in Go, for example TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
    }
  }
  return list.Result();
}

// Those of 3.6 (server/features), and the groups of pkg/featuregate.
constexpr absl::string_view kGates[] = {
    "AllAlpha",
    "AllBeta",
    "CompactHashCheck",
    "InitialCorruptCheck",
    "LeaseCheckpoint",
    "LeaseCheckpointPersist",
    "SetMemberLocalAddr",
    "StopGRPCServiceOnDefrag",
    "TxnModeWriteWithSharedBuffer",
};

absl::Status CheckFeatures(absl::string_view value) {
  const std::vector<absl::string_view> known(std::begin(kGates), std::end(kGates));
  ListCheck list;
  for (absl::string_view text : absl::StrSplit(value, ',')) {
    const size_t equals = text.find('=');
    const absl::string_view gate = text.substr(0, equals);
    const absl::string_view state = equals == absl::string_view::npos ? "" : text.substr(equals + 1);
    const bool there = absl::c_linear_search(known, gate), said = state == "true" || state == "false";
    if (there && said) list.Good(text);
    if (!there) {
      Remedy meant = MeantOr(gate, known, absl::StrCat("there are ", absl::StrJoin(known, ", ")));
      if (meant.instead) meant.instead = absl::StrCat(*meant.instead, "=", state);
      list.Bad(text, absl::StrCat("there is no feature gate ", Quote(gate)), meant);
    }
    if (!said) {
      list.Bad(text, absl::StrCat("whether ", gate, " is on or off is not said"),
               absl::StrCat("write ", there ? gate : "GATE", "=true or ", there ? gate : "GATE", "=false"));
    }
  }
  return list.Result();
}

// The texts that etcd takes apart.
absl::Status CheckText(absl::string_view flag, absl::string_view value) {
  // etcd makes initial-cluster of it, "NAME=URL,...", and then cannot take that apart (etcd v3.4,
  // types.NewURLsMap).
  if (flag == "name" && value.find_first_of("=,") != absl::string_view::npos)
    return Refuse("a member's name with a comma or an equals sign, at which etcd ends it", "use a hyphen");
  if (flag == "auth-token") {  // etcd v3.4, auth/store.go NewTokenProvider and auth/options.go
    const std::vector<absl::string_view> parts = absl::StrSplit(value, ',');
    if (parts[0] == "simple" && parts.size() == 1) return absl::OkStatus();
    if (parts[0] != "jwt") return Refuse("not simple and no jwt", "write simple, or jwt,sign-method=...");
    const bool method =
        absl::c_any_of(parts, [](absl::string_view part) { return absl::StartsWith(part, "sign-method="); });
    if (!method)
      return Refuse("jwt without a sign-method",
                    "for example jwt,pub-key=FILE,priv-key=FILE,sign-method=RS256");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckEtcdFlagValue(const EtcdVersion& version, const EtcdFlag& flag, absl::string_view value) {
  if (value.empty()) return Refuse("empty", "remove it, or write a value");
  switch (flag.type) {
    case Type::kText:
      return CheckText(flag.name, value);
    case Type::kBool:
      if (value == "true" || value == "false") return absl::OkStatus();
      return CheckWord(value, {"true", "false"});
    case Type::kNumber:
    case Type::kBytes:
    case Type::kMegabytes:
    case Type::kMilliseconds:
    case Type::kSeconds:
      return CheckNumber(flag, value);
    case Type::kDuration:
      return CheckDuration(flag, value);
    case Type::kUrls:
      return CheckUrls(value);
    case Type::kOrigins:
      return value == "*" ? absl::OkStatus() : CheckUrls(value);
    case Type::kPath:
      if (value[0] == '/' && IsPlainPath(value) && !absl::StrContains(value, "..")) return absl::OkStatus();
      return Refuse("not an absolute path of letters, digits and / . _ - + @ = ~",
                    "for example /etc/etcd/crl.der");
    case Type::kWord:
      if (flag.name == absl::string_view("initial-cluster-state") && value != "new" && value != "existing")
        return Refuse("not new or existing",
                      "write new, or existing for members that join a cluster that is there");
      return CheckWord(value, WordsOfFlag(version, flag));
    case Type::kList:
      return CheckList(version, flag, value);
    case Type::kCiphers:
      return CheckCiphers(version, value);
    case Type::kOutputs:
      return CheckOutputs(value);
    case Type::kFeatures:
      return CheckFeatures(value);
    case Type::kRetention: {  // by auto-compaction-mode: see CheckEtcdFlagsTogether
      int64_t nanoseconds, number;
      const bool good = (absl::ascii_isdigit(value[0]) && absl::SimpleAtoi(value, &number)) ||
                        (ParseGoDuration(value, &nanoseconds) && nanoseconds >= 0);
      if (good) return absl::OkStatus();
      return Refuse("no number and no duration",
                    "write for example 1h or 30m; with auto-compaction-mode: revision a number of revisions");
    }
    case Type::kJson:
      if (Json::accept(std::string(value))) return absl::OkStatus();
      return Refuse("not JSON", R"(for example '{"maxsize": 100, "compress": true}')");
    case Type::kIgnored:
      return Refuse("etcd takes it and does nothing", "remove it");
  }
  return absl::OkStatus();
}

}  // namespace kplan
