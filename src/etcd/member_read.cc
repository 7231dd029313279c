#include "src/etcd/member_read.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/record.h"
#include "src/etcd/facts/etcd_rights.h"
#include "src/probe/stranger.h"

namespace kplan {
namespace {

// The key that is read. It need not be there.
constexpr char kKey[] = "health";
constexpr char kKeyInBase64[] = "aGVhbHRo";

// A gateway takes nobody by a certificate (embed/serve.go, accessController: with auth enabled, 3.4 to 3.6).
bool SaysThatNamesDoNotCount(absl::string_view response) {
  return HttpStatus(response) == 400 &&
         absl::StrContains(HttpBody(response), "CommonName of client sending a request against gateway");
}

// Whether RESPONSE is not of the member but of its gateway: there is none (enable-grpc-gateway: false), or it
// does not let us in.
bool IsGatewayAlone(absl::string_view response) {
  return HttpStatus(response) == 404 || SaysThatNamesDoNotCount(response);
}

}  // namespace

ProbeRequest QuorumReadRequest() {
  ProbeRequest request;
  request.method = "POST";
  request.path = "/v3/kv/range";
  // The gateway hands both on: who knows no leader says so at once, and nobody tries for longer than for
  // /health of etcd 3.5.
  request.headers = {
      {"Content-Type", "application/json"}, {"Grpc-Metadata-Hasleader", "true"}, {"Grpc-Timeout", "5S"}};
  request.body = absl::StrCat("{\"key\":\"", kKeyInBase64, "\",\"limit\":\"1\",\"keys_only\":true}");
  return request;
}

ProbeRequest StatusRequest() {
  ProbeRequest request;
  request.method = "POST";
  request.path = "/v3/maintenance/status";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = "{}";
  return request;
}

ProbeRequest VersionRequest() {
  ProbeRequest request;
  request.path = "/version";
  return request;
}

bool HasRead(absl::string_view response) {
  const absl::string_view body = HttpBody(response);
  const int status = HttpStatus(response);
  // Whether it may see the key is another question: etcd looks at that after it has read through the quorum
  // (v3_server.go, Range), and its own health check takes it for an answer, too.
  if (status != 200) return (status == 400 || status == 403) && IsForWantOfRights(body);
  const absl::StatusOr<Json> json = ParseJson(body);
  return json.ok() && json->is_object() && json->contains("header");
}

absl::StatusOr<MemberRead> ReadThroughMember(const MemberEndpoint& endpoint, const Etcdctl& etcdctl,
                                             absl::Time deadline) {
  absl::StatusOr<ProbeResult> probe = ProbeTls(endpoint.target, endpoint.ca_pem, endpoint.client, deadline,
                                               QuorumReadRequest(), etcdctl.dialer.get());
  if (!probe.ok()) return probe.status();
  MemberRead read;
  read.probe = *std::move(probe);
  read.served = HasRead(read.probe.response);
  read.auth =
      SaysThatNamesDoNotCount(read.probe.response) || IsForWantOfRights(HttpBody(read.probe.response));
  if (read.served) return read;
  read.seen = DescribeProbe(read.probe);
  if (!IsGatewayAlone(read.probe.response)) return read;
  const absl::Status asked =
      ReadByEtcdctl(etcdctl, endpoint.url, std::max(deadline - absl::Now(), absl::Seconds(1)));
  read.served = asked.ok();
  if (!read.served) read.seen = absl::StrCat("`etcdctl get ", kKey, "`: ", asked.message());
  return read;
}

std::vector<EtcdAlarm> AlarmsIn(absl::string_view response) {
  const absl::StatusOr<Json> json = ParseJson(HttpBody(response));
  if (HttpStatus(response) != 200 || !json.ok() || !json->is_object()) return {};
  const auto errors = json->find("errors");
  if (errors == json->end() || !errors->is_array()) return {};
  std::vector<std::string> texts;
  for (const Json& error : *errors) {
    if (error.is_string()) texts.push_back(error.get<std::string>());
  }
  return AlarmsAmong(texts);
}

std::vector<EtcdAlarm> AlarmsAtMember(const MemberEndpoint& endpoint, const Etcdctl& etcdctl,
                                      absl::Time deadline) {
  absl::StatusOr<ProbeResult> probe = ProbeTls(endpoint.target, endpoint.ca_pem, endpoint.client, deadline,
                                               StatusRequest(), etcdctl.dialer.get());
  if (!probe.ok() || !probe->chain_error.empty()) return {};
  if (!IsGatewayAlone(probe->response)) return AlarmsIn(probe->response);
  absl::StatusOr<std::string> text =
      RunEtcdctl(etcdctl, {endpoint.url}, {"endpoint", "status", "--write-out=json"},
                 std::max(deadline - absl::Now(), absl::Seconds(1)));
  absl::StatusOr<std::vector<EndpointStatus>> statuses =
      text.ok() ? ParseEndpointStatus(*text) : absl::StatusOr<std::vector<EndpointStatus>>(text.status());
  if (!statuses.ok() || statuses->empty()) return {};
  return AlarmsAmong(statuses->front().errors);
}

absl::Status ReadByEtcdctl(const Etcdctl& etcdctl, const std::string& url, absl::Duration timeout) {
  absl::Status status =
      RunEtcdctl(etcdctl, {url}, {"get", kKey, "--limit=1", "--keys-only"}, timeout).status();
  return IsForWantOfRights(status.message()) ? absl::OkStatus() : status;
}

}  // namespace kplan
