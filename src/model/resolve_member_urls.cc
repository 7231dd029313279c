// `hosts.NAME.etcd`: where one member listens, and where it is reached, when that is not its host's address:
// behind NAT, on several interfaces, at other ports, by a name.

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/domain.h"
#include "src/base/ip_address.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/model/host_variables.h"
#include "src/model/resolve_etcd_internal.h"

namespace kplan {
namespace {

// More than any host has interfaces that somebody would list.
constexpr size_t kMostUrls = 20;

// The host of a URL in its one form; "localhost" is what etcd makes of it.
std::string Canonical(absl::string_view host) {
  std::string address;
  if (host == "localhost") return "127.0.0.1";
  return ParseIpAddress(host, &address) ? address : std::string(host);
}

// Whether nobody can listen at A while somebody does at B, of one port. Of an IPv6 socket for any address Go
// makes one for IPv4, too (net.Listen, "tcp").
bool Clash(const std::string& a, const std::string& b) {
  if (a == b || a == "::" || b == "::") return true;
  const bool both_four = !absl::StrContains(a, ':') && !absl::StrContains(b, ':');
  return both_four && (IsAnyAddress(a) || IsAnyAddress(b));
}

// The URLs behind one key of `hosts.NAME.etcd`.
class UrlList {
 public:
  // LISTEN: it is for listening, and not for being reached.
  UrlList(const EtcdContext& context, const Host& host, absl::string_view key, bool listen, int port)
      : context_(context),
        host_(host),
        key_(key),
        listen_(listen),
        port_(port),
        diagnostics_(context.diagnostics) {}

  std::vector<std::string> Read(const std::vector<Text>& texts) {
    if (texts.size() > kMostUrls) {
      diagnostics_->Error(
          Code::kBadValue, texts[kMostUrls].range,
          absl::StrCat(texts.size(), " entries of ", key_, "; at most ", kMostUrls, " are taken"),
          listen_ ? "write 0.0.0.0 to listen at every address" : "remove some");
      return {};
    }
    std::vector<std::string> urls;
    for (const Text& text : texts) {
      std::optional<std::string> url = ReadOne(text);
      if (!url.has_value()) continue;
      auto same = std::find(urls.begin(), urls.end(), *url);
      if (same != urls.end()) {
        diagnostics_->Error(Code::kDuplicateEntry, text.range, absl::StrCat(*url, " stands twice in ", key_),
                            "remove one of the two");
        continue;
      }
      urls.push_back(*std::move(url));
    }
    return urls;
  }

 private:
  std::optional<std::string> ReadOne(const Text& text) {
    const HostVariables put = PutHostIn(text.value, &host_, /*in_url=*/true);
    if (put.unknown) {
      ReportUnknownVariable(text, HostVariableMeant(text.value, kHostVariables), diagnostics_);
      return std::nullopt;
    }
    if (put.address_missing) {
      ReportNoAddress(text, host_, context_.all, diagnostics_);
      return std::nullopt;
    }
    absl::string_view rest = put.text;
    if (absl::StartsWith(rest, "http://")) {
      diagnostics_->Error(Code::kBadValue, text.range,
                          absl::StrCat(key_, " ", Quote(put.text), ": members are reached by TLS alone"),
                          Write(absl::StrReplaceAll(text.value, {{"http://", ""}})));
      return std::nullopt;
    }
    absl::ConsumePrefix(&rest, "https://");
    HostPort place;
    if (!Split(rest, &place)) {
      diagnostics_->Error(Code::kBadValue, text.range,
                          absl::StrCat(key_, " ", Quote(put.text), " is not an address, or ADDRESS:PORT"),
                          "for example 10.0.0.11, or 10.0.0.11:2379, or [2001:db8::11]:2379");
      return std::nullopt;
    }
    if (!IsGood(text, &place.host)) return std::nullopt;
    return HttpsUrl(place.host, place.port);
  }

  // "ADDRESS", "[ADDRESS]", "NAME", each with ":PORT" or without; an IPv6 address without one needs no
  // brackets.
  bool Split(absl::string_view text, HostPort* place) const {
    place->port = port_;
    absl::string_view bare = text;
    if (absl::ConsumePrefix(&bare, "[") && absl::ConsumeSuffix(&bare, "]")) text = bare;
    if (IsIpAddress(text) || !absl::StrContains(text, ':')) {
      place->host = std::string(text);
      return !text.empty() && !absl::StrContains(text, '/');
    }
    absl::StatusOr<HostPort> both = ParseHostPort(text);
    if (!both.ok()) return false;
    *place = *std::move(both);
    return place->port >= 1 && place->port <= 65535;
  }

  bool IsGood(const Text& text, std::string* host) {
    std::string address;
    if (ParseIpAddress(*host, &address)) {
      *host = address;
      if (listen_ || !IsAnyAddress(address)) return true;
      diagnostics_->Error(Code::kBadHost, text.range,
                          absl::StrCat(address, " means any address: nobody can be told to connect there"),
                          "write the address at which the member is reached");
      return false;
    }
    absl::Status status = CheckDnsName(*host);
    if (!status.ok()) {
      Report(Code::kBadHost, status, text.range, absl::StrCat(key_, " ", Quote(*host)), diagnostics_);
      return false;
    }
    if (!listen_) return true;
    diagnostics_->Error(Code::kBadHost, text.range,
                        absl::StrCat("etcd cannot listen on the name ", Quote(*host)),
                        *host == "localhost" ? Write("127.0.0.1") : Remedy("write an IP address"));
    return false;
  }

  const EtcdContext& context_;
  const Host& host_;
  const absl::string_view key_;
  const bool listen_;
  const int port_;
  Diagnostics* diagnostics_;
};

// The addresses at which one member of ETCD listens.
class SocketList {
 public:
  explicit SocketList(const Etcd& etcd) : etcd_(etcd) {}

  void Add(absl::string_view what, absl::string_view urls, Range range) {
    for (absl::string_view text : absl::StrSplit(urls, ',')) {
      Url url;
      if (!ParseUrl(text, &url)) continue;
      sockets_.push_back(
          {&etcd_, Canonical(url.host), url.port, std::string(what), std::string(text), range});
    }
  }
  void Add(absl::string_view what, const std::vector<std::string>& urls, Range range) {
    for (const std::string& url : urls) Add(what, url, range);
  }

  // SAID: where an error of another member stands already, which is that of a flag that they all have.
  void Check(const Host& host, std::set<size_t>* said, Diagnostics* diagnostics) const {
    for (size_t i = 1; i < sockets_.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        const MemberSocket &later = sockets_[i], &earlier = sockets_[j];
        if (!Meet(later, earlier)) continue;
        if (!said->insert(later.range.begin).second) break;
        diagnostics
            ->Error(Code::kConflict, later.range,
                    absl::StrCat(etcd_.name, " on ", host.name, " cannot listen at both ", earlier.url, " (",
                                 earlier.what, ") and ", later.url, " (", later.what, ")"),
                    "write another port for one of the two")
            .Relate(earlier.range.begin != later.range.begin ? earlier.range : Range(),
                    "the other one is here");
        break;
      }
    }
  }

  // The same beside those of other etcds, TAKEN, which gets these. SPEC: where ETCD is written.
  void CheckBeside(const Host& host, const EtcdSpec& spec, std::vector<MemberSocket>* taken,
                   Diagnostics* diagnostics) const {
    for (const MemberSocket& socket : sockets_) {
      const auto other = std::find_if(taken->begin(), taken->end(), [&](const MemberSocket& one) {
        return one.etcd != &etcd_ && Meet(one, socket);
      });
      if (other == taken->end()) continue;
      const Text& port = socket.what == "for members" ? spec.peer_port : spec.client_port;
      diagnostics
          ->Error(Code::kConflict, port.set() ? port.range : spec.range,
                  absl::StrCat(etcd_.name, " on ", host.name, " cannot listen at ", socket.url, " (",
                               socket.what, "): ", other->etcd->name, " listens at ", other->url),
                  "give it ports of its own, for example\n  client-port: 2381\n  peer-port: 2382")
          .Relate(other->etcd->place, "the other one is here");
      break;
    }
    taken->insert(taken->end(), sockets_.begin(), sockets_.end());
  }

 private:
  static bool Meet(const MemberSocket& a, const MemberSocket& b) {
    return a.port == b.port && Clash(a.host, b.host);
  }

  const Etcd& etcd_;
  std::vector<MemberSocket> sockets_;
};

}  // namespace

bool IsAnyAddress(absl::string_view address) { return address == "0.0.0.0" || address == "::"; }

std::string HttpsUrl(absl::string_view address, int port) {
  const bool brackets = absl::StrContains(address, ':');
  return absl::StrCat("https://", brackets ? "[" : "", address, brackets ? "]" : "", ":", port);
}

std::string HostOfUrl(absl::string_view url) {
  const std::optional<UrlParts> parts = SplitUrl(url);
  return std::string(parts.has_value() ? parts->host : "");
}

const HostSpec& WrittenHost(const EtcdContext& context, int host) {
  return *std::find_if(context.all.hosts.begin(), context.all.hosts.end(), [&](const HostSpec& written) {
    return written.name.value == context.cluster.hosts[host].name;
  });
}

const MemberSpec& WrittenMember(const EtcdContext& context, int host) {
  static const auto* nothing = new MemberSpec;
  for (const MemberSpec& member : WrittenHost(context, host).members) {
    if (member.etcd.value == context.spec.name.value) return member;
  }
  return *nothing;
}

bool ResolveMemberUrls(const EtcdContext& context, int host, MemberUrls* urls) {
  const MemberSpec& spec = WrittenMember(context, host);
  const int errors_before = context.diagnostics->error_count();
  const auto read = [&](absl::string_view key, const std::vector<Text>& texts, bool listen, int port,
                        std::vector<std::string>* out) {
    if (texts.empty()) return;
    std::vector<std::string> good =
        UrlList(context, context.cluster.hosts[host], key, listen, port).Read(texts);
    if (!good.empty()) *out = std::move(good);
  };
  read("listen", spec.listen, true, context.etcd.client_port, &urls->listen);
  read("advertise", spec.advertise, false, context.etcd.client_port, &urls->advertise);
  read("peer-listen", spec.peer_listen, true, context.etcd.peer_port, &urls->peer_listen);
  read("peer-advertise", spec.peer_advertise, false, context.etcd.peer_port, &urls->peer_advertise);
  return context.diagnostics->error_count() == errors_before;
}

void CheckListening(const EtcdContext& context, size_t member, const MemberUrls& urls,
                    std::set<size_t>* said) {
  if (context.etcd.client_port == context.etcd.peer_port) return;  // said already
  const int index = context.etcd.members[member].host;
  const Host& host = context.cluster.hosts[index];
  const HostSpec& written = WrittenHost(context, index);
  const auto place = [&](const std::vector<Text>& texts) {
    if (!texts.empty()) return texts[0].range;
    return written.address.set() ? written.address.range : written.name.range;
  };
  const MemberSpec& own = WrittenMember(context, index);
  SocketList sockets(context.etcd);
  const auto add = [&](const char* flag, const std::vector<std::string>& otherwise, absl::string_view what,
                       Range range) {
    if (const Text* text = context.Flag(flag, member)) {
      sockets.Add(absl::StrCat("the flag ", flag), text->value, text->range);
    } else {
      sockets.Add(what, otherwise, range);
    }
  };
  add("listen-client-urls", urls.listen, "for clients", place(own.listen));
  add("listen-peer-urls", urls.peer_listen, "for members", place(own.peer_listen));
  add("listen-client-http-urls", {}, "", {});
  add("listen-metrics-urls", {}, "", {});
  sockets.Check(host, said, context.diagnostics);
  constexpr int kThisMachine = -1;
  sockets.CheckBeside(host, context.spec, &context.sockets[host.here() ? kThisMachine : index],
                      context.diagnostics);
}

std::string AnswersAt(const std::vector<std::string>& listen, const std::string& probe) {
  const auto place = [](const std::string& url) {
    const std::optional<UrlParts> parts = SplitUrl(url);
    return parts.has_value() ? std::string(parts->host_port) : "";
  };
  if (listen.empty() || std::find(listen.begin(), listen.end(), probe) != listen.end()) return place(probe);
  Url first;
  if (!ParseUrl(listen[0], &first) || !IsAnyAddress(first.host)) return place(listen[0]);
  return absl::StrCat(first.host == "::" ? "[::1]" : "127.0.0.1", ":", first.port);
}

}  // namespace kplan
