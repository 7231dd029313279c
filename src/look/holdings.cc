#include "src/look/holdings.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/host/host_file.h"

namespace kplan {
namespace {

constexpr size_t kMaxFacts = 1 << 20;

}  // namespace

std::string Holding::Shown() const {
  if (kind == Kind::kService) return path;
  return over_ssh() ? OnHost(host, root, path) : PathFromHere(root, path);
}

std::vector<Holding> HoldingsOf(absl::string_view record) {
  std::vector<Holding> holdings;
  const absl::string_view kind = FieldOf(record, "kind");
  auto add = [&](Holding::Kind what, absl::string_view key) {
    absl::string_view path = FieldOf(record, key);
    absl::string_view root = what == Holding::Kind::kFile || what == Holding::Kind::kUnpacked
                                 ? absl::string_view()
                                 : FieldOf(record, "root");
    absl::string_view host = SshHostOf(record);
    if (!path.empty()) holdings.push_back({what, std::string(root), std::string(path), std::string(host)});
  };
  if (kind == "install" || kind == "unit") {
    add(Holding::Kind::kHostFile, "path");
  } else if (kind == "install-pair") {
    // The key first: what is left then can still be told by the certificate.
    add(Holding::Kind::kHostFile, "key-path");
    add(Holding::Kind::kHostFile, "cert-path");
  } else if (kind == "dir") {
    add(Holding::Kind::kHostFolder, "path");
  } else if (kind == "service" && FieldOf(record, "manager") != "none") {
    add(Holding::Kind::kService, "name");
  } else if (kind == "activate") {
    add(Holding::Kind::kService, "name");
  } else if (kind == "rollout-etcd") {
    for (const ServiceRecord& service : ServicesOf(record)) {
      std::vector<Holding> of_it = HoldingsOf(service.record);
      holdings.insert(holdings.end(), of_it.begin(), of_it.end());
    }
  } else if (kind == "unpack") {
    add(Holding::Kind::kUnpacked, "dir");
  } else if (kind == "verify-etcd") {
    add(Holding::Kind::kFile, "report");
  } else if (kind == "fetch") {
    if (!absl::StrContains(record, "\"given\":true")) add(Holding::Kind::kFile, "path");
  } else if (kind == "adopt-ca") {
    // Used where it is, it is its owner's.
    if (FieldOf(record, "from") != FieldOf(record, "path")) add(Holding::Kind::kFile, "path");
  } else if (kind == "crl") {
    add(Holding::Kind::kFile, "path");
    add(Holding::Kind::kFile, "der");
  } else if (kind == "key" || kind == "csr" || kind == "ca-cert" || kind == "cert" || kind == "bundle" ||
             kind == "render") {
    add(Holding::Kind::kFile, "path");
  }
  return holdings;
}

std::vector<ServiceRecord> ServicesOf(absl::string_view record) {
  std::vector<ServiceRecord> services;
  if (FieldOf(record, "kind") != "rollout-etcd") return services;
  const Json json = Json::parse(record, nullptr, /*allow_exceptions=*/false);
  auto members = json.is_object() ? json.find("members") : json.end();
  if (!json.is_object() || members == json.end() || !members->is_array()) return services;
  for (const Json& it : *members) {
    if (!it.is_object()) continue;
    const Record member(it);
    auto service = it.find("service");
    if (service == it.end() || !service->is_object()) continue;
    ServiceRecord one;
    one.host = member.StringOr("host", "");
    one.over_ssh = member.BoolOr("remote", false);
    Json of_step = *service;
    one.name = Record(of_step).StringOr("name", "");
    if (one.over_ssh) of_step["host"] = one.host;
    one.label = absl::StrCat("service/", one.host, "/", one.name);
    one.record = of_step.dump(-1, ' ', false, Json::error_handler_t::replace);
    services.push_back(std::move(one));
  }
  return services;
}

std::string PlaceOf(absl::string_view record) {
  // What a rollout is about are services, each with a label and a place of its own.
  if (FieldOf(record, "kind") == "rollout-etcd") return "";
  std::vector<Holding> holdings = HoldingsOf(record);
  if (holdings.empty()) return "";
  const Holding& first = holdings[0];
  if (!first.on_host()) return first.path;
  return first.over_ssh() ? absl::StrCat(first.host, ":", first.root) : first.root;
}

const std::string& HoldingNames::RealRoot(const std::string& root) {
  auto [found, fresh] = roots_.try_emplace(root);
  if (fresh) {
    namespace fs = std::filesystem;
    std::error_code error;
    fs::path real = fs::weakly_canonical(fs::absolute(root, error), error);
    if (error) real = fs::absolute(root, error).lexically_normal();
    // "rootfs/" has an empty last part.
    found->second =
        real.has_filename() || !real.has_relative_path() ? real.string() : real.parent_path().string();
  }
  return found->second;
}

const std::string& HoldingNames::MachineOf(const std::string& host) {
  auto [found, fresh] = machines_.try_emplace(host);
  if (fresh) {
    found->second = absl::StrCat("host ", host);
    absl::StatusOr<std::string> facts = ReadFile(paths::HostFacts(host), kMaxFacts);
    const Json json = facts.ok() ? Json::parse(*facts, nullptr, /*allow_exceptions=*/false) : Json();
    const std::string id = json.is_object() ? Record(json).StringOr("machine-id", "") : "";
    if (!id.empty()) found->second = absl::StrCat("machine ", id);
  }
  return found->second;
}

std::string HoldingNames::Of(const Holding& holding) {
  const char* sort = holding.kind == Holding::Kind::kService ? "service " : "";
  if (!holding.on_host()) return holding.path;
  const std::string path = absl::StrCat(*sort != '\0' ? "/" : "", holding.path);
  if (holding.over_ssh()) {
    // The root is that machine's: it can be made neat here, and no more.
    const std::string root = std::filesystem::path(holding.root + "/").lexically_normal().string();
    return absl::StrCat(sort, MachineOf(holding.host), ":", PathFromHere(root, path));
  }
  return absl::StrCat(sort, PathFromHere(RealRoot(holding.root), path));
}

}  // namespace kplan
