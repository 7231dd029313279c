#include "src/show/artifact_details.h"

#include <unistd.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/host/host_file.h"
#include "src/host/process_info.h"
#include "src/host/service_marker.h"
#include "src/pki/certificate.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/revocation_list.h"
#include "src/steps/service/service_state.h"
#include "src/systemd/systemctl.h"

namespace kplan {
namespace {

constexpr int64_t kDay = 24 * 3600;
constexpr size_t kMaxReport = size_t{16} << 20;

std::string DaysLeft(int64_t end, absl::Time now) {
  const int64_t left = end - absl::ToUnixSeconds(now);
  if (left < 0) return absl::StrCat("ended ", Count((-left + kDay - 1) / kDay, "day"), " ago");
  return absl::StrCat(Count(left / kDay, "day"), " left");
}

std::string ValidityText(const Validity& validity, absl::Time now) {
  return absl::StrCat(TimeText(validity.not_before), " to ", TimeText(validity.not_after), ", ",
                      DaysLeft(validity.not_after, now));
}

// ("dns", "worker"), ... as "worker, 127.0.0.1".
std::string NamesText(const StringPairs& sans) {
  return absl::StrJoin(sans, ", ", [](std::string* out, const auto& san) { out->append(san.second); });
}

std::string SubjectText(const StringPairs& subject) {
  return absl::StrJoin(subject, ", ", [](std::string* out, const auto& field) {
    absl::StrAppend(out, field.first, "=", field.second);
  });
}

void AddCertificate(const std::string& path, absl::Time now, StringPairs* details) {
  absl::StatusOr<Certificate> certificate = Certificate::Read(path);
  if (!certificate.ok()) {
    if (!absl::IsNotFound(certificate.status()))
      details->emplace_back("unreadable", std::string(certificate.status().message()));
    return;
  }
  details->emplace_back("subject", NameText(certificate->subject.get()));
  if (!certificate->sans.empty()) details->emplace_back("names", NamesText(certificate->sans));
  details->emplace_back("issuer", NameText(certificate->issuer.get()));
  details->emplace_back("valid", ValidityText(certificate->validity(), now));
  details->emplace_back("usages", UsagesText(certificate->key_usage, certificate->extended_key_usages));
  details->emplace_back("serial", absl::BytesToHexString(certificate->serial));
  details->emplace_back("SHA-256", Sha256Hex(certificate->der));
}

void AddCrl(const std::string& path, absl::Time now, StringPairs* details) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxCrlFile);
  if (!text.ok()) return;
  absl::StatusOr<RevocationList> crl = RevocationList::ParsePem(*text);
  if (!crl.ok()) {
    details->emplace_back("unreadable", std::string(crl.status().message()));
    return;
  }
  details->emplace_back("number", absl::StrCat("0x", absl::BytesToHexString(crl->number)));
  details->emplace_back("valid", ValidityText(crl->validity, now));
  details->emplace_back("revoked", Count(crl->entries.size(), "certificate"));
}

void AddKey(const Record& record, const std::string& stamp, StringPairs* details) {
  const bool encrypted = record.Has("passphrase");
  const bool pkcs8 = encrypted || record.StringOr("format", "") == "pkcs8";
  const std::string algo = record.StringOr("algo", "");
  details->emplace_back("form", absl::StrCat(pkcs8           ? "PKCS#8"
                                             : algo == "rsa" ? "PKCS#1"
                                                             : "SEC1",
                                             encrypted ? ", encrypted" : ""));
  if (record.Has("generation")) details->emplace_back("generation", absl::StrCat(record.Int("generation")));
  if (IsSha256Hex(stamp)) details->emplace_back("public key", absl::StrCat("SHA256:", stamp));
}

// "process 4711, since 2026-11-22 08:18 UTC"
std::string ProcessText(const Instance& instance, absl::Time now) {
  const double ticks = static_cast<double>(TicksSinceBoot() - instance.start_ticks);
  const absl::Time start = now - absl::Seconds(ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
  return absl::StrCat("process ", instance.pid, ", since ", TimeText(absl::ToUnixSeconds(start)));
}

void AddService(const Record& record, absl::Time now, StringPairs* details) {
  const std::string manager = record.String("manager"), root = record.String("root"),
                    name = record.String("name");
  details->emplace_back("manager", manager);
  if (manager == "none") return;
  std::optional<Instance> instance;
  if (manager == "systemd") {
    absl::StatusOr<UnitState> unit = ShowUnit(name);
    if (!unit.ok()) {
      details->emplace_back("running", absl::StrCat("cannot be told: ", unit.status().message()));
      return;
    }
    details->emplace_back(
        "unit", absl::StrCat(unit->active_state, " (", unit->sub_state, ")",
                             unit->active_state == "failed" ? absl::StrCat(", result ", unit->result) : ""));
    if (unit->main_pid > 0) instance = FindInstance(unit->main_pid);
  } else if (std::optional<ServiceMarker> marker = ReadMarker(root, name); marker.has_value()) {
    instance = InstanceOfPidFile(root, name, marker->exe);
  }
  details->emplace_back("running", instance.has_value() ? ProcessText(*instance, now) : "no");
}

void AddUnit(const std::string& name, StringPairs* details) {
  absl::StatusOr<UnitState> unit = ShowUnit(name);
  details->emplace_back("unit", unit.ok() ? absl::StrCat(unit->active_state, " (", unit->sub_state, ")")
                                          : absl::StrCat("cannot be told: ", unit.status().message()));
}

// Those of a record, as it wants them to be: "tcp 127.0.0.1:8443".
void AddChecks(const Record& record, StringPairs* details) {
  for (const Json& check : record.json().value("checks", Json::array())) {
    if (!check.is_object()) continue;
    const Record it(check);
    for (const char* kind : {"systemd", "tcp", "https"}) {
      if (it.Has(kind)) details->emplace_back("check", absl::StrCat(kind, " ", it.StringOr(kind, "")));
    }
    if (!it.Has("exec")) continue;
    details->emplace_back(
        "check", absl::StrCat("exec ", absl::StrJoin(it.Pairs("exec"), " ",
                                                     [](std::string* out, const auto& argument) {
                                                       absl::StrAppend(out, argument.first, argument.second);
                                                     })));
  }
}

// "ops@10.0.0.11:2222, by sudo"
std::string TargetText(const Record& host) {
  const std::string user = host.StringOr("ssh-user", "");
  const int64_t port = host.IntOr("ssh-port", 0);
  return absl::StrCat(user, user.empty() ? "" : "@", host.StringOr("ssh-host", ""),
                      port == 0 ? "" : absl::StrCat(":", port),
                      host.Has("become") ? absl::StrCat(", by ", host.StringOr("become", "")) : "");
}

void AddHost(const Record& record, StringPairs* details) {
  details->emplace_back("ssh", TargetText(record));
  details->emplace_back("manager", record.StringOr("manager", ""));
  absl::StatusOr<std::string> text = ReadFile(paths::HostFacts(record.StringOr("name", "")), kMaxReport);
  if (!text.ok()) return;
  const Json facts = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!facts.is_object()) return;
  for (const char* key : {"arch", "os", "kernel", "systemd", "machine-id"}) {
    auto found = facts.find(key);
    if (found == facts.end()) continue;
    const std::string value = found->is_string()
                                  ? found->get<std::string>()
                                  : found->dump(-1, ' ', false, Json::error_handler_t::replace);
    if (!value.empty()) details->emplace_back(key, value);
  }
}

void AddSent(const Record& record, StringPairs* details) {
  for (const Json& file : record.json().value("files", Json::array())) {
    if (!file.is_object()) continue;
    const Record it(file);
    details->emplace_back("content", absl::StrCat(it.StringOr("from", ""), " for ", it.StringOr("path", "")));
  }
}

// Those of a record, as it wants them to be.
void AddMembers(const Record& record, StringPairs* details) {
  for (const Json& member : record.json().value("members", Json::array())) {
    if (!member.is_object()) continue;
    const Record it(member);
    details->emplace_back("member", absl::StrCat(it.StringOr("id", ""), " ", it.StringOr("name", ""), " on ",
                                                 it.StringOr("host", ""), ", peer ",
                                                 absl::StrJoin(it.Strings("peer-urls"), ", ")));
  }
}

// The report is kplan's own, but a file: whatever is in it is a text of some form, or is not shown.
std::string TextOf(const Json& json, const char* key) {
  auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

void AddVerdict(const std::string& path, StringPairs* details) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxReport);
  if (!text.ok()) return;
  Json report = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!report.is_object()) {
    details->emplace_back("unreadable", absl::StrCat(path, " is no report"));
    return;
  }
  details->emplace_back("verdict", absl::StrCat(TextOf(report, "verdict"), ", ", TextOf(report, "time")));
  if (auto failure = report.find("failure"); failure != report.end() && failure->is_object()) {
    details->emplace_back("failed check",
                          absl::StrCat(TextOf(*failure, "check"), ": expected ", TextOf(*failure, "expected"),
                                       ", seen ", TextOf(*failure, "seen")));
  }
  auto members = report.find("members");
  if (members == report.end() || !members->is_array()) return;
  for (const Json& member : *members) {
    if (!member.is_object()) continue;
    details->emplace_back("member",
                          absl::StrCat(TextOf(member, "id"), " ", TextOf(member, "name"), ", etcd ",
                                       TextOf(member, "version"), " at ", TextOf(member, "endpoint")));
  }
}

}  // namespace

std::string WhatItIs(const Record& record) {
  const std::string kind = record.StringOr("kind", "");
  const bool ca = record.BoolOr("ca", false);
  if (kind == "key") {
    const int64_t size = record.IntOr("size", 0);
    return absl::StrCat("private key", ca ? " of a CA" : "", ", ", record.StringOr("algo", ""),
                        size == 0 ? "" : absl::StrCat(" ", size));
  }
  if (kind == "csr") return absl::StrCat("certification request", ca ? " of a CA" : "");
  if (kind == "ca-cert") return "certificate of a CA, self-signed";
  if (kind == "adopt-ca") return "certificate of a CA, made elsewhere";
  if (kind == "cert") return ca ? "certificate of a CA" : "certificate";
  if (kind == "requests") return "the requests that somebody else has to sign";
  if (kind == "crl") return "certificate revocation list";
  if (kind == "bundle") {
    const std::string form = record.StringOr("form", "");
    return form == "chain"    ? "certificate with its intermediates"
           : form == "bundle" ? "private key, certificate and intermediates in one file"
                              : "private key and certificates as PKCS#12";
  }
  if (kind == "fetch") return record.BoolOr("given", false) ? "archive that was put here" : "download";
  if (kind == "unpack") return "programs out of an archive";
  if (kind == "render") return "text that is put on a host";
  if (kind == "dir") return "folder on a host";
  if (kind == "source") return "file that was put here";
  if (kind == "install") return "file on a host";
  if (kind == "unit") return "systemd unit on a host";
  if (kind == "sysusers") return "system user on a host";
  if (kind == "activate") return "systemd unit that is active";
  if (kind == "check") return "verdict on a service";
  if (kind == "install-pair") return "certificate and key on a host, exchanged together";
  if (kind == "service") return "running service";
  if (kind == "verify-etcd") return "verdict on etcd";
  if (kind == "host") return "host over ssh";
  if (kind == "send") return "content that waits on its host to be installed";
  if (kind == "survey-etcd") return "what the members' data folders hold";
  if (kind == "rollout-etcd") return "running members";
  return kind;
}

StringPairs DetailsOf(const Record& record, const std::string& stamp, absl::Time now) {
  StringPairs details;
  const std::string kind = record.StringOr("kind", "");
  const std::string path = record.StringOr("path", "");
  if (kind == "cert" || kind == "ca-cert" || kind == "adopt-ca" ||
      (kind == "bundle" && record.StringOr("form", "") == "chain")) {
    // Of a chain the certificate that it begins with: the file has several.
    AddCertificate(kind == "bundle" ? record.StringOr("cert", "") : path, now, &details);
  } else if (kind == "key") {
    AddKey(record, stamp, &details);
  } else if (kind == "csr") {
    details.emplace_back("subject", SubjectText(record.Pairs("subject")));
    if (!record.Pairs("sans").empty()) details.emplace_back("names", NamesText(record.Pairs("sans")));
  } else if (kind == "crl") {
    AddCrl(path, now, &details);
  } else if (kind == "service" && record.Has("host")) {
    details.emplace_back("manager", record.StringOr("manager", ""));  // and no more is known here
  } else if (kind == "service") {
    AddService(record, now, &details);
  } else if (kind == "activate") {
    if (!record.Has("host")) AddUnit(record.String("name"), &details);
  } else if (kind == "source") {
    details.emplace_back("content", path);
  } else if (kind == "sysusers") {
    details.emplace_back("user", record.StringOr("name", ""));
  } else if (kind == "check") {
    AddChecks(record, &details);
  } else if (kind == "host") {
    AddHost(record, &details);
  } else if (kind == "send") {
    AddSent(record, &details);
  } else if (kind == "survey-etcd" || kind == "rollout-etcd") {
    AddMembers(record, &details);
  } else if (kind == "verify-etcd") {
    AddVerdict(record.StringOr("report", ""), &details);
  } else if (kind == "fetch") {
    if (record.Has("url")) details.emplace_back("url", record.String("url"));
    details.emplace_back("SHA-256", record.String("sha256"));
  }
  return details;
}

}  // namespace kplan
