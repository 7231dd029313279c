#include "src/model/pki_values.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/model/durations.h"
#include "src/model/resolve_internal.h"
#include "src/pki/names.h"

namespace kplan {
namespace {

constexpr int kDefaultRsaBits = 2048, kDefaultCurve = 256;
constexpr int64_t kBackdate = 5 * 60;  // cfssl's
// What must be left of a certificate's life when it is new, before its renewal is due.
constexpr int64_t kShortestUse = 5 * 60;
constexpr int kLongestPath = 100;

// What a format is called, and whether it is PKCS#8.
struct Format {
  absl::string_view algo, name;
  bool pkcs8;
};
constexpr Format kFormats[] = {
    {"rsa", "pkcs1", false},
    {"rsa", "pkcs8", true},
    {"ecdsa", "sec1", false},
    {"ecdsa", "pkcs8", true},
    {"ed25519", "pkcs8", true},
    // What people mean by it of an ECDSA key: not PKCS#8.
    {"ecdsa", "pkcs1", false},
};

// What is taken for true and false elsewhere (YAML 1.1, Python, the shell).
Remedy BoolMeant(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  for (absl::string_view word : {"true", "yes", "on", "y", "t", "1", "enabled"})
    if (lower == word) return Write("true");
  for (absl::string_view word : {"false", "no", "off", "n", "f", "0", "disabled"})
    if (lower == word) return Write("false");
  return "write true or false";
}

// Other names of the algorithms; "" for none of them.
absl::string_view AlgoMeant(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  for (absl::string_view word : {"rsa", "rsa-2048", "rsassa"})
    if (lower == word) return "rsa";
  for (absl::string_view word :
       {"ec", "ecc", "ecdsa", "p-256", "p256", "prime256v1", "secp256r1", "ecdsa-p256"})
    if (lower == word) return "ecdsa";
  for (absl::string_view word : {"ed25519", "eddsa"})
    if (lower == word) return "ed25519";
  return "";
}

bool IsEnvironmentName(absl::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(name[0]) && OnlyAlnumAnd(name, "_");
}

}  // namespace

Life PkiValues::ResolveLife(const Text& expiry, const Text& backdate, const Text& renew_before,
                            const Life& fallback) {
  Life life = fallback;
  auto parse = [&](const Text& text, absl::string_view key,
                   absl::StatusOr<int64_t> (*parse)(absl::string_view), int64_t* seconds) {
    if (!text.set()) return true;
    absl::StatusOr<int64_t> parsed = parse(text.value);
    if (parsed.ok()) {
      *seconds = *parsed;
    } else {
      Report(Code::kBadDuration, parsed.status(), text.range, key, diagnostics_);
    }
    return parsed.ok();
  };
  const bool knows_expiry = parse(expiry, "expiry", ParseExpiry, &life.expiry_seconds);
  const bool knows_start = parse(backdate, "backdate", ParseBackdate, &life.backdate_seconds);
  const bool knows_notice = parse(renew_before, "renew-before", ParseNotice, &life.renew_before_seconds);
  // Of what is not known nothing can be said together.
  if (!knows_expiry || !knows_start || !knows_notice) return life;
  const int64_t when_new =
      life.expiry_seconds - (life.backdate_seconds != 0 ? life.backdate_seconds : kBackdate);
  const bool is_said = life.renew_before_seconds != 0;
  const int64_t before_its_end = is_said ? life.renew_before_seconds : life.expiry_seconds / 3;
  if (when_new - before_its_end >= kShortestUse) return life;
  // Where nothing is left to be renewed before, backdate is at fault. One that is taken from the default is
  // too long for some profiles, too.
  const bool said_here = backdate.set() || (expiry.set() && life.backdate_seconds != 0);
  const int64_t most = when_new - kShortestUse;
  if (said_here && (!is_said || most < 1)) {
    diagnostics_
        ->Error(Code::kBadLifetime, backdate.set() ? backdate.range : expiry.range,
                "backdate leaves so little of the certificate's life that it would be renewed at once",
                "write a shorter one, or a longer expiry")
        .Relate(backdate.set() ? expiry.range : Range(), "the expiry is here");
    life.backdate_seconds = fallback.backdate_seconds;
  } else if (is_said) {
    const Text& place = renew_before.set() ? renew_before : expiry;
    const std::string shorter =
        most < 1
            ? ""
            : absl::StrCat("write at most ", WrittenDuration(most < 60 ? most : most / 60 * 60), ", or ");
    diagnostics_
        ->Error(
            Code::kBadLifetime, place.range,
            "renew-before leaves so little of the certificate's life that it would be made again and again",
            absl::StrCat(shorter, shorter.empty() ? "write " : "", "a longer expiry"))
        .Relate(renew_before.set() ? expiry.range : Range(), "the expiry is here");
    life.renew_before_seconds = 0;
  }
  return life;
}

IssuerUrls PkiValues::ResolveUrls(const UrlsSpec& spec, const IssuerUrls& fallback) {
  IssuerUrls urls = fallback;
  auto check = [&](const Text& text) {
    auto kind = ClassifySan(text.value);
    if (kind.ok() && kind->first == "uri") return;
    diagnostics_->Error(Code::kBadUrl, text.range,
                        absl::StrCat(Quote(text.value), " is not a URL (RFC 3986)"),
                        "for example http://pki.example.com/ca.crl");
  };
  for (auto [text, url] : {std::make_pair(&spec.crl_url, &urls.crl), {&spec.ocsp_url, &urls.ocsp}}) {
    if (!text->set()) continue;
    check(*text);
    *url = text->value;
  }
  if (!spec.issuer_urls.empty()) urls.issuers.clear();
  for (const Text& text : spec.issuer_urls) {
    check(text);
    urls.issuers.push_back(text.value);
  }
  return urls;
}

KeyKind PkiValues::ResolveKey(const KeySpec& spec) {
  KeyKind key;
  key.algo = spec.algo.set() ? spec.algo.value : "rsa";
  key.passphrase = ResolvePassphrase(spec.passphrase);
  if (key.algo != "rsa" && key.algo != "ecdsa" && key.algo != "ed25519") {
    absl::string_view meant = AlgoMeant(key.algo);
    if (meant.empty()) meant = Nearest(key.algo, {"rsa", "ecdsa", "ed25519"});
    diagnostics_->Error(Code::kUnknownValue, spec.algo.range,
                        absl::StrCat("there is no key algo ", Quote(key.algo)),
                        meant.empty() ? Remedy("write rsa, ecdsa or ed25519") : Write(meant));
    return {"rsa", kDefaultRsaBits, false, {}};
  }
  bool rsa = key.algo == "rsa", ed25519 = key.algo == "ed25519";
  key.pkcs8 = ed25519;
  // An algorithm that could not be read is perhaps another one than the default.
  if (!spec.algo.set() && !complete_) return key;
  key.size = rsa ? kDefaultRsaBits : ed25519 ? 0 : kDefaultCurve;
  if (spec.size.set() && ed25519) {
    diagnostics_
        ->Error(Code::kKeyKind, spec.size.range, "an ed25519 key has no size: there is only one", "remove it")
        .Relate(spec.algo.range, "its algo is here");
  } else if (spec.size.set()) {
    int size = 0;
    bool good =
        absl::SimpleAtoi(spec.size.value, &size) &&
        (rsa ? size >= 2048 && size <= 8192 && size % 64 == 0 : size == 256 || size == 384 || size == 521);
    if (good) {
      key.size = size;
    } else {
      diagnostics_
          ->Error(Code::kKeyKind, spec.size.range,
                  absl::StrCat("there is no ", key.algo, " key of size ", Quote(spec.size.value)),
                  rsa ? "write 2048, 3072 or 4096 (up to 8192 bits, a multiple of 64)"
                      : "write 256, 384 or 521: the curves P-256, P-384 and P-521")
          .Relate(spec.algo.range, "its algo is here");
    }
  }
  if (!spec.format.set()) return key;
  std::vector<std::string> known;
  for (const Format& format : kFormats) {
    if (format.algo != key.algo) continue;
    known.emplace_back(format.name);
    if (format.name != spec.format.value) continue;
    key.pkcs8 = format.pkcs8;
    if (!format.pkcs8 && key.passphrase.kind != PassphraseSource::Kind::kNone) {
      Diagnostic& error =
          diagnostics_->Error(Code::kConflict, spec.format.range,
                              "a key that is encrypted with a passphrase is in PKCS#8", "remove `format`");
      error.Relate(spec.passphrase.file.set() ? spec.passphrase.file.range : spec.passphrase.env.range,
                   "the passphrase is here");
    }
    return key;
  }
  diagnostics_
      ->Error(Code::kKeyKind, spec.format.range,
              absl::StrCat("an ", key.algo, " key has no format ", Quote(spec.format.value)),
              absl::StrCat("write ", known.front(), known.size() > 1 ? absl::StrCat(" or ", known[1]) : "",
                           ", or leave it out: cfssl's is the default"))
      .Relate(spec.algo.range, "its algo is here");
  return key;
}

PassphraseSource PkiValues::ResolveSecret(const PassphraseSpec& spec, absl::string_view name) {
  if (spec.file.set() && spec.env.set()) {
    Diagnostic& both =
        diagnostics_->Error(Code::kConflict, spec.env.range,
                            absl::StrCat("a ", name, " is in a file or in the environment, not in both"),
                            "remove one of the two");
    both.Relate(spec.file.range, "the file is here");
  }
  if (spec.file.set()) {
    return {PassphraseSource::Kind::kFile, ResolvePath(spec.file, absl::StrCat(name, "-file"))};
  }
  if (!spec.env.set()) return {};
  if (!IsEnvironmentName(spec.env.value)) {
    diagnostics_->Error(Code::kBadValue, spec.env.range,
                        absl::StrCat(Quote(spec.env.value), " is not the name of an environment variable"),
                        absl::StrCat("write the variable's name, not the ", name, ": letters, digits and _"));
  }
  return {PassphraseSource::Kind::kEnvironment, spec.env.value};
}

StringPairs PkiValues::ResolveNames(const std::vector<NameSpec>& names) {
  StringPairs subject;
  auto add = [&](absl::string_view field, const Text& text) {
    if (!text.set()) return;
    CheckField(field, text.value, text.range);
    subject.emplace_back(std::string(field), text.value);
  };
  const Text* serial_number = nullptr;
  for (const NameSpec& name : names) {
    add("C", name.C);
    add("ST", name.ST);
    add("L", name.L);
    add("O", name.O);
    add("OU", name.OU);
    add("serialNumber", name.SerialNumber);
    if (!name.SerialNumber.set()) continue;
    if (serial_number != nullptr) {
      Diagnostic& twice = diagnostics_->Error(Code::kDuplicateEntry, name.SerialNumber.range,
                                              "a subject has one SerialNumber", "remove one");
      twice.Relate(serial_number->range, "the other one is here");
    }
    serial_number = &name.SerialNumber;
  }
  return subject;
}

void PkiValues::CheckField(absl::string_view field, absl::string_view value, Range range) {
  absl::Status status = CheckSubjectField(field, value);
  if (!status.ok()) Report(Code::kBadSubject, status, range, Quote(value), diagnostics_);
}

int PkiValues::ResolvePathLength(const Text& text) {
  if (!text.set()) return kNoPathLength;
  int length = 0;
  if (absl::SimpleAtoi(text.value, &length) && length >= 0 && length <= kLongestPath) return length;
  diagnostics_->Error(Code::kBadValue, text.range,
                      absl::StrCat("there is no path length ", Quote(text.value)),
                      absl::StrCat("write how many CAs may be below this one, 0 to ", kLongestPath,
                                   ", or leave it out for any number"));
  return kNoPathLength;
}

bool PkiValues::ResolveBool(const Text& text, absl::string_view key, bool fallback) {
  if (!text.set()) return fallback;
  const Remedy meant = BoolMeant(text.value);
  if (text.value != "true" && text.value != "false") {
    diagnostics_->Error(Code::kBadValue, text.range,
                        absl::StrCat(key, ": ", Quote(text.value), " is neither true nor false"), meant);
  }
  return meant.instead == "true";
}

std::string PkiValues::ResolvePath(const Text& text, absl::string_view key) {
  if (!IsPlainPath(text.value)) {
    diagnostics_->Error(
        Code::kBadPath, text.range,
        absl::StrCat(key, " ", Quote(text.value), " has characters that cannot be in a path here"),
        "letters, digits and / . _ - + @ = ~ can");
  }
  return text.value;
}

absl::string_view FormatName(const KeyKind& key) {
  const auto* found = std::find_if(std::begin(kFormats), std::end(kFormats), [&](const Format& format) {
    return format.algo == key.algo && format.pkcs8 == key.pkcs8;
  });
  return found == std::end(kFormats) ? "" : found->name;
}

bool IsFileName(absl::string_view name) {
  return OnlyAlnumAnd(name, "._-") && name.size() <= 64 && !absl::StartsWith(name, ".") &&
         !absl::StartsWith(name, "-");
}

}  // namespace kplan
