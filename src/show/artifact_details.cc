#include "src/show/artifact_details.h"

#include <unistd.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/days.h"
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
#include "src/show/verdict.h"
#include "src/steps/service/service_state.h"
#include "src/systemd/systemctl.h"

namespace kplan {
namespace {

constexpr size_t kMaxFacts = size_t{16} << 20;

std::string DaysLeftText(int64_t end, absl::Time now) {
  const int64_t days = DaysLeft(end, now);
  return days < 0 ? absl::StrCat("ended ", Count(-days, "day"), " ago")
                  : absl::StrCat(Count(days, "day"), " left");
}

std::string ValidityText(const Validity& validity, absl::Time now) {
  return absl::StrCat(TimeText(validity.not_before), " to ", TimeText(validity.not_after), ", ",
                      DaysLeftText(validity.not_after, now));
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

void AddKey(const KeyRecord& key, const std::string& stamp, StringPairs* details) {
  const bool encrypted = key.passphrase.given();
  const bool pkcs8 = encrypted || key.format == "pkcs8";
  details->emplace_back("form", absl::StrCat(pkcs8               ? "PKCS#8"
                                             : key.algo == "rsa" ? "PKCS#1"
                                                                 : "SEC1",
                                             encrypted ? ", encrypted" : ""));
  if (key.generation != 1) details->emplace_back("generation", absl::StrCat(key.generation));
  if (IsSha256Hex(stamp)) details->emplace_back("public key", absl::StrCat("SHA256:", stamp));
}

// "process 4711, since 2026-11-22 08:18 UTC"
std::string ProcessText(const Instance& instance, absl::Time now) {
  return absl::StrCat("process ", instance.pid, ", since ",
                      TimeText(absl::ToUnixSeconds(StartOf(instance, now))));
}

void AddService(const ServiceRecord& service, absl::Time now, StringPairs* details) {
  const std::string &manager = service.manager, &root = service.root, &name = service.name;
  details->emplace_back("manager", manager);
  if (manager == "none" || !service.host.empty()) return;  // and no more is known here
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
void AddChecks(const std::vector<ServiceCheckRecord>& checks, StringPairs* details) {
  for (const ServiceCheckRecord& check : checks) {
    auto add = [&](absl::string_view what, const std::string& value) {
      if (!value.empty()) details->emplace_back("check", absl::StrCat(what, " ", value));
    };
    add("systemd", check.systemd);
    add("tcp", check.tcp);
    add("https", check.https);
    if (!check.exec.has_value()) continue;
    details->emplace_back(
        "check",
        absl::StrCat("exec ", absl::StrJoin(*check.exec, " ", [](std::string* out, const auto& argument) {
                       absl::StrAppend(out, argument.first, argument.second);
                     })));
  }
}

// "ops@10.0.0.11:2222, by sudo", or of this machine "sudo".
std::string TargetText(const HostRecord& host) {
  if (host.here()) return host.become;
  return absl::StrCat(host.ssh_user, host.ssh_user.empty() ? "" : "@", host.ssh_host,
                      host.ssh_port == 0 ? "" : absl::StrCat(":", host.ssh_port),
                      host.become.empty() ? "" : absl::StrCat(", by ", host.become));
}

void AddHost(const HostRecord& host, StringPairs* details) {
  details->emplace_back(host.here() ? "become" : "ssh", TargetText(host));
  details->emplace_back("manager", host.manager);
  absl::StatusOr<std::string> text = ReadFile(paths::HostFacts(host.name), kMaxFacts);
  if (!text.ok()) return;
  absl::StatusOr<HostFacts> facts = FromText<HostFacts>(*text);
  if (!facts.ok()) return;
  auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) details->emplace_back(name, value);
  };
  add("arch", facts->arch);
  add("os", facts->os);
  add("kernel", facts->kernel);
  add("systemd", facts->systemd);
  add("machine-id", facts->machine_id);
}

// Those of a record, as it wants them to be.
void AddMembers(const ClusterFields& cluster, StringPairs* details) {
  for (const MemberRecord& member : cluster.members) {
    details->emplace_back("member", absl::StrCat(member.id, " ", member.name, " on ", member.host, ", peer ",
                                                 absl::StrJoin(member.peer_urls, ", ")));
  }
}

void AddVerdict(const std::string& path, StringPairs* details) {
  absl::StatusOr<Verdict> report = Verdict::Read(path);
  if (absl::IsNotFound(report.status())) return;
  if (!report.ok()) {
    details->emplace_back("unreadable", absl::StrCat(path, " is no report"));
    return;
  }
  details->emplace_back("verdict", absl::StrCat(report->verdict, ", ", report->time));
  if (absl::StatusOr<Verdict::Failure> failure = FromJson<Verdict::Failure>(report->failure); failure.ok()) {
    details->emplace_back("failed check", absl::StrCat(failure->check, ": expected ", failure->expected,
                                                       ", seen ", failure->seen));
  }
  for (const Json& json : report->members) {
    absl::StatusOr<Verdict::Member> member = FromJson<Verdict::Member>(json);
    if (!member.ok()) continue;
    details->emplace_back("member", absl::StrCat(member->id, " ", member->name, ", etcd ", member->version,
                                                 " at ", member->endpoint));
  }
}

// By the type of a record; of the others nothing is said.
struct Details {
  const std::string& stamp;
  absl::Time now;
  StringPairs* details;

  void operator()(const KeyRecord& record) const { AddKey(record, stamp, details); }
  void operator()(const CsrRecord& record) const {
    details->emplace_back("subject", SubjectText(record.subject));
    if (!record.sans.empty()) details->emplace_back("names", NamesText(record.sans));
  }
  void operator()(const CaCertRecord& record) const { AddCertificate(record.path, now, details); }
  void operator()(const AdoptCaRecord& record) const { AddCertificate(record.path, now, details); }
  void operator()(const CertRecord& record) const { AddCertificate(record.path, now, details); }
  void operator()(const BundleRecord& record) const {
    // The file of a chain has several certificates: the one that it begins with is shown.
    if (record.form == "chain") AddCertificate(record.cert, now, details);
  }
  void operator()(const CrlRecord& record) const { AddCrl(record.path, now, details); }
  void operator()(const ArchiveRecord& record) const {
    if (!record.url.empty()) details->emplace_back("url", record.url);
    for (const std::string& mirror : record.mirrors) details->emplace_back("mirror", mirror);
    if (!record.ca.empty()) details->emplace_back("CA", record.ca);
    if (!record.netrc.empty()) details->emplace_back("netrc", record.netrc);
    if (record.token.given()) details->emplace_back("token", record.token.Place());
    details->emplace_back("SHA-256", record.sha256);
  }
  void operator()(const SourceRecord& record) const { details->emplace_back("content", record.path); }
  void operator()(const HostRecord& record) const { AddHost(record, details); }
  void operator()(const SendRecord& record) const {
    for (const SendRecord::File& file : record.files)
      details->emplace_back("content", absl::StrCat(file.from, " for ", file.path));
  }
  void operator()(const UserRecord& record) const { details->emplace_back("user", record.name); }
  void operator()(const ActivateRecord& record) const {
    if (record.host.empty()) AddUnit(record.name, details);
  }
  void operator()(const ServiceRecord& record) const { AddService(record, now, details); }
  void operator()(const CheckRecord& record) const { AddChecks(record.checks, details); }
  void operator()(const SurveyRecord& record) const { AddMembers(record.cluster, details); }
  void operator()(const RolloutRecord& record) const { AddMembers(record.cluster, details); }
  void operator()(const VerifyRecord& record) const { AddVerdict(record.report, details); }
  template <typename Other>
  void operator()(const Other&) const {}
};

}  // namespace

StringPairs DetailsOf(const AnyRecord& record, const std::string& stamp, absl::Time now) {
  StringPairs details;
  std::visit(Details{stamp, now, &details}, record);
  return details;
}

}  // namespace kplan
