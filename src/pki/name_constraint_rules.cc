#include "src/pki/name_constraint_rules.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/pki/ip_network.h"
#include "src/pki/names.h"

namespace kplan {
namespace {

using Pair = std::pair<std::string, std::string>;

// A domain, or what is below it when a dot is in front. KIND stands in front of it: "uri:".
absl::StatusOr<std::string> ParseDomain(absl::string_view text, absl::string_view kind) {
  absl::string_view name = text;
  bool below = absl::ConsumePrefix(&name, ".");
  if (absl::StrContains(name, '*')) {
    // "*.example.com" covers what is one label below; the nearest that there is covers all below.
    const absl::string_view below_it = absl::StripPrefix(text, "*");
    if (!absl::StartsWith(below_it, ".") || absl::StrContains(below_it, '*') ||
        !CanonicalDomain(below_it.substr(1)).ok())
      return RefuseName("a name constraint has no wildcards",
                        "write a domain, with a dot in front for what is below");
    return RefuseName("a name constraint has no wildcards",
                      Write(absl::StrCat(kind, below_it), " for all names below it"));
  }
  absl::StatusOr<std::string> domain = CanonicalDomain(name);
  if (!domain.ok()) return domain.status();
  return absl::StrCat(below ? "." : "", *domain);
}

absl::StatusOr<Pair> OfKind(absl::string_view kind, const absl::StatusOr<std::string>& value) {
  if (!value.ok()) return value.status();
  return Pair(kind, *value);
}

absl::StatusOr<Pair> ParseUriConstraint(absl::string_view host) {
  if (host.find_first_of("/@?#") != absl::string_view::npos) {
    return RefuseName("a name constraint for URIs is about their host alone",
                      "write uri:host.example.com, or uri:.example.com for what is below");
  }
  if (IsIpAddress(host) || absl::StartsWith(host, "[")) {
    return RefuseName("a name constraint for URIs is a host name, never an address (RFC 5280 4.2.1.10)", "");
  }
  if (absl::StrContains(host, ':')) return RefuseName("a name constraint has no ports", "remove the port");
  return OfKind("uri", ParseDomain(host, "uri:"));
}

absl::StatusOr<Pair> ParseMailConstraint(absl::string_view text) {
  if (!absl::StartsWith(text, "@")) return OfKind("email", CanonicalMailbox(text));
  return OfKind("email", ParseDomain(text.substr(1), "@"));
}

// A constraint as it is written.
std::string Written(const Pair& constraint) {
  const auto& [kind, value] = constraint;
  if (kind == "uri") return "uri:" + value;
  if (kind == "email" && !absl::StrContains(value, '@')) return "@" + value;
  return value;
}

// Matching. All names are in lower case, but for the local part of e-mail addresses, which is compared with
// its case.

// What each verifier says to the question whether a constraint holds of a name.
struct Verdict {
  bool openssl = false, go = false;
};

// NAME is DOMAIN or below it; with a dot in front, below it.
bool IsWithin(absl::string_view name, absl::string_view domain) {
  if (absl::StartsWith(domain, ".")) return name.size() > domain.size() && absl::EndsWith(name, domain);
  return name == domain || absl::EndsWith(name, absl::StrCat(".", domain));
}

// Whether some name that NAME, a wildcard, covers is DOMAIN: "*.example.com" and "bar.example.com".
bool WildcardCovers(absl::string_view name, absl::string_view domain) {
  size_t dot = domain.find('.');
  return absl::ConsumePrefix(&name, "*") && dot != absl::string_view::npos && dot > 0 &&
         domain.substr(dot) == name;
}

// DOMAIN alone, or with a dot in front what is below it: how OpenSSL and the RFC have hosts of mailboxes and
// URIs.
bool IsHostOf(absl::string_view host, absl::string_view domain) {
  return absl::StartsWith(domain, ".") ? IsWithin(host, domain) : host == domain;
}

// Behind "scheme://"; as OpenSSL finds it, see the header.
absl::string_view OpenSslUriHost(absl::string_view uri) {
  uri.remove_prefix(uri.find("://") + 3);
  size_t colon = uri.find(':');
  return uri.substr(0, colon != absl::string_view::npos ? colon : uri.find('/'));
}

// Without port and brackets.
absl::string_view UriHost(absl::string_view uri) {
  const std::optional<UrlParts> parts = SplitUrl(uri);
  return parts ? parts->host : "";
}

// CONSTRAINT and SAN are of the same kind.
Verdict Matches(const Pair& constraint, const Pair& san) {
  const std::string& base = constraint.second;
  const std::string& name = san.second;
  if (san.first == "dns") {
    bool within = IsWithin(name, base);
    return {within, within};
  }
  if (san.first == "ip") {
    auto network = IpNetwork::Parse(base);
    IpNetwork address;
    bool within = network.ok() && IpNetwork::OfAddress(name, &address) && network->Contains(address);
    return {within, within};
  }
  if (san.first == "email") {
    if (absl::StrContains(base, '@')) return {name == base, name == base};
    absl::string_view host = absl::string_view(name).substr(name.rfind('@') + 1);
    return {IsHostOf(host, base), IsWithin(host, base)};
  }
  return {IsHostOf(absl::AsciiStrToLower(OpenSslUriHost(name)), base), IsWithin(UriHost(name), base)};
}

// What only one of the two verifiers says.
absl::string_view Who(const Verdict& verdict) {
  if (verdict.openssl == verdict.go) return "";
  return verdict.openssl ? " (for OpenSSL; not for Go)" : " (for Go; not for OpenSSL)";
}

constexpr char kRemedy[] = "remove the name, or change the CA's name-constraints";

// Those of KIND in words. A CA may permit thousands: the first ones tell what is meant.
std::string FirstOfKind(const StringPairs& constraints, absl::string_view kind) {
  constexpr size_t kShown = 8;
  std::vector<std::string> words;
  for (const Pair& constraint : constraints) {
    if (constraint.first != kind) continue;
    if (words.size() == kShown) {
      words.push_back("others");
      break;
    }
    words.push_back(Written(constraint));
  }
  return JoinAnd(words);
}

// Keys, by which constraints and names find each other.

std::string KeyOf(absl::string_view kind, absl::string_view name) { return absl::StrCat(kind, " ", name); }

// NAME, and what is behind each of its dots.
void AddSuffixes(absl::string_view kind, absl::string_view name, std::vector<std::string>* keys) {
  for (;;) {
    keys->push_back(KeyOf(kind, name));
    size_t dot = name.find('.');
    if (dot == absl::string_view::npos) return;
    name.remove_prefix(dot + 1);
  }
}

// The network of PREFIX bits that ADDRESS is in.
IpNetwork NetworkOf(IpNetwork address, int prefix) {
  for (int bit = prefix; bit < address.bits(); ++bit) address.octets[bit / 8] &= ~(1 << (7 - bit % 8));
  address.prefix = prefix;
  return address;
}

// Whether OpenSSL takes CN for a DNS name (cn2dnsid): two labels or more of letters, digits, "_" and inner
// hyphens.
bool OpenSslSeesDnsName(absl::string_view cn) {
  std::vector<absl::string_view> labels = absl::StrSplit(cn, '.');
  return labels.size() > 1 && std::all_of(labels.begin(), labels.end(), [](absl::string_view label) {
           return OnlyAlnumAnd(label, "-_") && label.front() != '-' && label.back() != '-';
         });
}

// Go 1.12's validHostname.
bool OldGoSeesHostName(absl::string_view cn) {
  std::vector<absl::string_view> labels = absl::StrSplit(absl::StripSuffix(cn, "."), '.');
  for (size_t i = 0; i < labels.size(); ++i) {
    if (i == 0 && labels[i] == "*") continue;
    if (!OnlyAlnumAnd(labels[i], "-_:") || labels[i].front() == '-') return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<Pair> ParseNameConstraint(absl::string_view text) {
  if (text.empty())
    return RefuseName("an empty name constraint, which would hold of every name", "remove it");
  absl::string_view host = text;
  if (absl::ConsumePrefix(&host, "uri:")) return ParseUriConstraint(host);
  if (absl::StrContains(text, "://")) {
    return RefuseName("a name constraint for URIs is about their host alone",
                      "write uri:host.example.com, or uri:.example.com for what is below");
  }
  size_t colon = text.find(':');
  std::string prefix = absl::AsciiStrToLower(text.substr(0, colon));
  for (absl::string_view kind : {"dns", "ip", "email", "uri"}) {
    if (colon == absl::string_view::npos || prefix != kind) continue;
    absl::string_view rest = text.substr(colon + 1);
    const std::string reason =
        absl::StrCat("a name constraint with its kind in front: ", Quote(text.substr(0, colon + 1)));
    const bool mail = kind == "email" && !absl::StrContains(rest, '@');
    const std::string meant = absl::StrCat(kind == "uri" ? "uri:" : mail ? "@" : "", rest);
    const absl::StatusOr<Pair> good = ParseNameConstraint(meant);
    if (good.ok()) return RefuseName(reason, Write(meant));
    return RefuseName(absl::StrCat(reason, "; and without it: ", ReasonOf(good.status())),
                      RemedyOf(good.status()));
  }
  if (absl::StrContains(text, '@')) return ParseMailConstraint(text);
  if (absl::StrContains(text, '/')) {
    auto network = IpNetwork::Parse(text);
    if (!network.ok()) return network.status();
    return Pair("ip", network->ToString());
  }
  if (IsIpAddress(text)) {
    return RefuseName(
        "an address, while a name constraint is a network",
        Write(absl::StrCat(text, absl::StrContains(text, ':') ? "/128" : "/32"), " for the address alone"));
  }
  if (absl::StrContains(text, ':'))
    return RefuseName("neither a domain nor a network", "a name constraint has no ports");
  return OfKind("dns", ParseDomain(text, ""));
}

NameConstraintList::NameConstraintList(const StringPairs& constraints) : constraints_(constraints) {
  for (size_t i = 0; i < constraints_.size(); ++i) {
    const auto& [kind, value] = constraints_[i];
    kinds_.insert(kind);
    const int index = static_cast<int>(i);
    if (kind == "ip") {
      auto network = IpNetwork::Parse(value);
      if (!network.ok()) continue;  // it holds of nothing
      prefixes_.emplace(network->v6, network->prefix);
      by_key_[KeyOf(kind, network->ToString())].push_back(index);
      continue;
    }
    by_key_[KeyOf(kind, absl::StripPrefix(value, "."))].push_back(index);
    const size_t dot = value.find('.');
    // The wildcard that covers it.
    if (kind == "dns" && dot != std::string::npos && dot > 0) {
      by_key_[KeyOf(kind, absl::StrCat("*", value.substr(dot)))].push_back(index);
    }
  }
}

std::vector<const Pair*> NameConstraintList::CandidatesFor(const Pair& san) const {
  const auto& [kind, name] = san;
  std::vector<std::string> keys;
  IpNetwork address;
  if (kind == "ip" && IpNetwork::OfAddress(name, &address)) {
    for (const auto& [v6, prefix] : prefixes_) {
      if (v6 == address.v6) keys.push_back(KeyOf(kind, NetworkOf(address, prefix).ToString()));
    }
  } else if (kind == "email") {
    keys.push_back(KeyOf(kind, name));
    AddSuffixes(kind, absl::string_view(name).substr(name.rfind('@') + 1), &keys);
  } else if (kind == "uri") {
    AddSuffixes(kind, absl::AsciiStrToLower(OpenSslUriHost(name)), &keys);
    AddSuffixes(kind, UriHost(name), &keys);
  } else {
    AddSuffixes(kind, name, &keys);
  }
  std::set<int> found;
  for (const std::string& key : keys) {
    auto indices = by_key_.find(key);
    if (indices != by_key_.end()) found.insert(indices->second.begin(), indices->second.end());
  }
  std::vector<const Pair*> candidates;
  for (int index : found) candidates.push_back(&constraints_[index]);
  return candidates;
}

NameConstraintRules::NameConstraintRules(const StringPairs& permitted, const StringPairs& excluded)
    : permitted_(permitted), excluded_(excluded) {}

// WHAT is the name in words.
absl::Status NameConstraintRules::CheckOne(const Pair& san, absl::string_view what) const {
  for (const Pair* constraint : excluded_.CandidatesFor(san)) {
    Verdict matches = Matches(*constraint, san);
    if (matches.openssl || matches.go) {
      return RefuseName(
          absl::StrCat(what, " is excluded by the CA's name constraint ", Written(*constraint), Who(matches)),
          kRemedy);
    }
    if (san.first == "dns" && WildcardCovers(san.second, constraint->second)) {
      return RefuseName(
          absl::StrCat(what, " covers ", constraint->second, ", which the CA's name constraints exclude"),
          kRemedy);
    }
  }
  if (!permitted_.Has(san.first)) return absl::OkStatus();
  Verdict any;
  for (const Pair* constraint : permitted_.CandidatesFor(san)) {
    Verdict matches = Matches(*constraint, san);
    any.openssl = any.openssl || matches.openssl;
    any.go = any.go || matches.go;
  }
  if (any.openssl && any.go) return absl::OkStatus();
  return RefuseName(absl::StrCat(what, " is not among what the CA's name constraints permit: ",
                                 FirstOfKind(permitted_.all(), san.first),
                                 any.go        ? " (for OpenSSL; for Go it is)"
                                 : any.openssl ? " (for Go; for OpenSSL it is)"
                                               : ""),
                    kRemedy);
}

absl::Status NameConstraintRules::Check(const StringPairs& sans, absl::string_view cn) const {
  const bool about_uris = permitted_.Has("uri") || excluded_.Has("uri");
  bool has_dns = false;
  for (const Pair& san : sans) {
    has_dns = has_dns || san.first == "dns";
    if (about_uris && san.first == "uri" && IsIpAddress(UriHost(san.second))) {
      return RefuseName(
          absl::StrCat("the URI ", Quote(san.second),
                       " has an address for its host, while the CA has name constraints for URIs"),
          "write the host's name");
    }
    constexpr std::pair<absl::string_view, absl::string_view> kKinds[] = {{"dns", "the DNS name "},
                                                                          {"ip", "the address "},
                                                                          {"email", "the e-mail address "},
                                                                          {"uri", "the URI "}};
    std::string what;
    for (const auto& [kind, word] : kKinds) {
      if (san.first == kind) what = absl::StrCat(word, Quote(san.second));
    }
    if (absl::Status status = CheckOne(san, what); !status.ok()) return status;
  }
  if (has_dns || !OpenSslSeesDnsName(cn)) return absl::OkStatus();
  // Among these characters a trailing dot or a wildcard cannot be.
  return CheckOne(
      Pair("dns", absl::AsciiStrToLower(cn)),
      absl::StrCat("the CN ", Quote(cn), ", which OpenSSL checks as a DNS name where there is no other,"));
}

absl::Status CheckSanForOldGo(const StringPairs& sans, absl::string_view cn) {
  if (!sans.empty() || cn.empty() || !OldGoSeesHostName(cn)) return absl::OkStatus();
  return RefuseName(
      absl::StrCat("a certificate with the CN ", Quote(cn),
                   " and no SAN, which Go before 1.15 refuses below a CA with name constraints"),
      "give it a name in `hosts` that the constraints permit, or a CN that is no host name (with a space in "
      "it)");
}

}  // namespace kplan
