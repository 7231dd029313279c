#include "src/trust/trusting_hosts.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/at_once.h"
#include "src/etcd/rollout_etcd.h"
#include "src/step/host_access.h"
#include "src/step/questions.h"

namespace kplan {
namespace {

// For messages: a service of a host.
std::string LabelOf(const std::string& host, const std::string& service) {
  return absl::StrCat("service/", host, "/", service);
}

}  // namespace

RolloutRecord PartOfRollout(const RolloutRecord& rollout, const std::vector<std::vector<std::string>>& only) {
  RolloutRecord part = rollout;
  for (size_t i = 0; i < part.cluster.members.size(); ++i) {
    if (part.cluster.members[i].service.has_value()) part.cluster.members[i].service->only = only[i];
  }
  return part;
}

TrustingHosts::TrustingHosts(const StepContext& context, const TrustRecord& record)
    : context_(context), record_(record) {
  for (size_t i = 0; i < record.etcds.size(); ++i) {
    const TrustingEtcd& etcd = record.etcds[i];
    const std::vector<MemberRecord>& members = etcd.rollout.cluster.members;
    for (size_t j = 0; j < etcd.members.size() && j < members.size(); ++j)
      Add(members[j].host, members[j].name, *members[j].service, static_cast<int>(i), etcd.members[j].trusts);
  }
  for (const TrustingService& service : record.services)
    Add(service.host, service.service.name, service.service, -1, service.trusts);
}

void TrustingHosts::Add(const std::string& host, const std::string& name, const ServiceRecord& service,
                        int etcd, const std::vector<TrustFile>& trusts) {
  if (trusts.empty()) return;
  for (const TrustFile& trust : trusts) {
    File file;
    file.reader = readers_.size();
    file.file = trust;
    files_.push_back(std::move(file));
  }
  readers_.push_back({host, name, service, etcd});
}

absl::Status TrustingHosts::LookAt(size_t index) {
  Reader& reader = readers_[index];
  TrustQuestion question;
  question.root = reader.service.root;
  std::vector<File*> files;
  for (File& file : files_) {
    if (file.reader != index) continue;
    question.paths.push_back(file.file.path);
    files.push_back(&file);
  }
  absl::StatusOr<TrustAnswer> answer =
      ReadAnswer<TrustAnswer>(context_.hosts->Ask(reader.host, ToJson(question)));
  if (!answer.ok()) return answer.status();
  if (answer->files.size() != files.size())
    return absl::DataLossError(absl::StrCat(reader.host, " answered something else than it was asked"));
  reader.service.only.clear();
  for (size_t i = 0; i < files.size(); ++i) {
    files[i]->content = answer->files[i].certificates;
    files[i]->there = !files[i]->content.empty();
    files[i]->waits = answer->files[i].waits;
    if (files[i]->there) reader.service.only.push_back(files[i]->file.path);
  }
  // What waits is for a later stage, unless it is put there by this one.
  const bool waits = absl::c_any_of(files, [](const File* file) { return file->waits; });
  if (reader.service.only.empty() || waits || reader.service.manager == "none") return absl::OkStatus();
  absl::StatusOr<ServiceLookAnswer> look = ReadAnswer<ServiceLookAnswer>(
      context_.hosts->Ask(reader.host, ToJson(ServiceLookQuestion{reader.service})));
  if (!look.ok()) return look.status();
  reader.behind = look->restarts || look->reloads;
  return absl::OkStatus();
}

absl::Status TrustingHosts::Look() {
  if (context_.hosts == nullptr) return absl::InternalError("no way to reach the hosts");
  std::vector<absl::Status> statuses(readers_.size());
  AtOnce(readers_.size(), [&](size_t i) { statuses[i] = LookAt(i); });
  for (const absl::Status& status : statuses) {
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat("it cannot be seen who is trusted where, and without that nothing is "
                                       "exchanged: ",
                                       status.message()));
    }
  }
  return absl::OkStatus();
}

std::vector<size_t> TrustingHosts::FilesOf(const std::string& ca) const {
  std::vector<size_t> found;
  for (size_t i = 0; i < files_.size(); ++i) {
    if (files_[i].there && files_[i].file.ca == ca) found.push_back(i);
  }
  return found;
}

void TrustingHosts::Widen(size_t index, const std::string& pem) {
  File& file = files_[index];
  if (file.widened.empty()) file.widened = file.content;
  if (!absl::EndsWith(file.widened, "\n")) absl::StrAppend(&file.widened, "\n");
  absl::StrAppend(&file.widened, pem);
}

absl::Status TrustingHosts::Place() {
  std::vector<size_t> widened;
  for (size_t i = 0; i < files_.size(); ++i) {
    if (!files_[i].widened.empty()) widened.push_back(i);
  }
  std::vector<absl::Status> statuses(files_.size());
  AtOnce(widened, [&](size_t i) {
    const File& file = files_[i];
    const Reader& reader = readers_[file.reader];
    TrustPartRecord part;
    part.root = reader.service.root;
    part.path = file.file.path;
    part.mode = file.file.mode;
    part.owner = file.file.owner;
    if (reader.service.manager != "none" && absl::c_linear_search(reader.service.restart_on, part.path))
      part.waits_for = FileFields::Service{reader.service.manager, reader.service.name};
    part.certificates = file.widened;
    statuses[i] =
        context_.hosts->RunStep(reader.host, absl::StrCat("file/", reader.host, part.path), ToJson(part))
            .status();
  });
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

bool TrustingHosts::HasToRestart(size_t reader) const {
  return readers_[reader].behind || absl::c_any_of(files_, [&](const File& file) {
           return file.reader == reader && !file.widened.empty();
         });
}

absl::StatusOr<std::string> TrustingHosts::RollEtcd(size_t etcd) {
  std::vector<std::vector<std::string>> only;
  bool restarts = false;
  for (size_t i = 0; i < readers_.size(); ++i) {
    const Reader& reader = readers_[i];
    if (reader.etcd != static_cast<int>(etcd)) continue;
    only.push_back(reader.service.only);
    restarts = restarts || HasToRestart(i);
  }
  if (!restarts) return std::string();
  for (size_t i = 0; i < readers_.size(); ++i) {
    if (readers_[i].etcd == static_cast<int>(etcd) && readers_[i].service.only.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(readers_[i].name,
                       " was never set up, and the others are to trust another CA\n  next: set it "
                       "up first, with the key-generation as it was"));
    }
  }
  absl::StatusOr<StepResult> result = RolloutStep(context_, PartOfRollout(record_.etcds[etcd].rollout, only));
  if (!result.ok()) return result.status();
  return result->output.empty() ? result->reason : std::string(absl::StripSuffix(result->output, "\n"));
}

absl::StatusOr<std::vector<std::string>> TrustingHosts::Restart() {
  std::vector<std::string> lines;
  for (size_t i = 0; i < record_.etcds.size(); ++i) {
    absl::StatusOr<std::string> line = RollEtcd(i);
    if (!line.ok()) return line.status();
    if (!line->empty()) lines.push_back(*std::move(line));
  }
  for (size_t i = 0; i < readers_.size(); ++i) {
    const Reader& reader = readers_[i];
    if (reader.etcd >= 0 || !HasToRestart(i)) continue;
    const std::string label = LabelOf(reader.host, reader.name);
    absl::StatusOr<StepResult> result = context_.hosts->RunStep(reader.host, label, ToJson(reader.service));
    if (!result.ok()) return result.status();
    if (!result->reason.empty()) lines.push_back(absl::StrCat(label, ": ", result->reason));
  }
  return lines;
}

absl::StatusOr<std::vector<std::string>> TrustingHosts::RestartAtOnce() {
  std::vector<size_t> restarted;
  for (size_t i = 0; i < readers_.size(); ++i) {
    if (HasToRestart(i)) restarted.push_back(i);
  }
  std::vector<absl::StatusOr<StepResult>> results(readers_.size(), absl::UnknownError("not restarted"));
  AtOnce(restarted, [&](size_t i) {
    ServiceRecord service = readers_[i].service;
    // A member answers when there is a quorum of them, which the rollout after this waits for.
    if (readers_[i].etcd >= 0) service.await = "start";
    results[i] =
        context_.hosts->RunStep(readers_[i].host, LabelOf(readers_[i].host, service.name), ToJson(service));
  });
  std::vector<std::string> lines;
  for (size_t i : restarted) {
    if (!results[i].ok()) return results[i].status();
    if (!results[i]->reason.empty())
      lines.push_back(
          absl::StrCat(LabelOf(readers_[i].host, readers_[i].service.name), ": ", results[i]->reason));
  }
  return lines;
}

}  // namespace kplan
