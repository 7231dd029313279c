#include "src/etcd/member_read.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/record.h"
#include "src/probe/stranger.h"

namespace kplan {
namespace {

// The key that is read. It need not be there.
constexpr char kKey[] = "health";
constexpr char kKeyInBase64[] = "aGVhbHRo";

// Whether it may see the key is another question: etcd looks at that after it has read through the quorum
// (v3_server.go, Range), and its own health check takes it for an answer, too.
bool IsForWantOfRights(absl::string_view text) {
  return absl::StrContains(text, "etcdserver: permission denied") ||
         absl::StrContains(text, "etcdserver: user name is empty");
}

// Whether RESPONSE is not of the member but of its gateway: there is none (enable-grpc-gateway: false), or it
// takes nobody by a certificate (embed/serve.go, accessController: with auth enabled, 3.4 to 3.6).
bool IsGatewayAlone(absl::string_view response) {
  const int status = HttpStatus(response);
  return status == 404 ||
         (status == 400 &&
          absl::StrContains(HttpBody(response), "CommonName of client sending a request against gateway"));
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

ProbeRequest VersionRequest() {
  ProbeRequest request;
  request.path = "/version";
  return request;
}

bool HasRead(absl::string_view response) {
  const absl::string_view body = HttpBody(response);
  const int status = HttpStatus(response);
  if (status != 200) return (status == 400 || status == 403) && IsForWantOfRights(body);
  const absl::StatusOr<Json> json = ParseJson(body);
  return json.ok() && json->is_object() && json->contains("header");
}

absl::StatusOr<MemberRead> ReadThroughMember(const MemberEndpoint& endpoint, const Etcdctl& etcdctl,
                                             absl::Time deadline) {
  absl::StatusOr<ProbeResult> probe =
      ProbeTls(endpoint.target, endpoint.ca_pem, endpoint.client, deadline, QuorumReadRequest());
  if (!probe.ok()) return probe.status();
  MemberRead read;
  read.probe = *std::move(probe);
  read.served = HasRead(read.probe.response);
  if (read.served) return read;
  read.seen = DescribeProbe(read.probe);
  if (!IsGatewayAlone(read.probe.response)) return read;
  const absl::Status asked =
      ReadByEtcdctl(etcdctl, endpoint.url, std::max(deadline - absl::Now(), absl::Seconds(1)));
  read.served = asked.ok();
  if (!read.served) read.seen = absl::StrCat("`etcdctl get ", kKey, "`: ", asked.message());
  return read;
}

absl::Status ReadByEtcdctl(const Etcdctl& etcdctl, const std::string& url, absl::Duration timeout) {
  absl::Status status =
      RunEtcdctl(etcdctl, {url}, {"get", kKey, "--limit=1", "--keys-only"}, timeout).status();
  return IsForWantOfRights(status.message()) ? absl::OkStatus() : status;
}

}  // namespace kplan
