#ifndef KPLAN_TRUST_TRUSTING_HOSTS_H_
#define KPLAN_TRUST_TRUSTING_HOSTS_H_

// Those who trust a CA that is exchanged: the services and members of a record, on their hosts.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/step/service_records.h"
#include "src/step/step.h"
#include "src/step/trust_records.h"

namespace kplan {

class TrustingHosts {
 public:
  TrustingHosts(const StepContext& context, const TrustRecord& record);

  // Asks all hosts at the same time for the files, and whether those who read them run with what is in them.
  // Unavailable when one cannot be reached: who is not seen may be the one who does not trust.
  absl::Status Look();

  // The files of CA that are there, by their place among all.
  std::vector<size_t> FilesOf(const std::string& ca) const;
  const std::string& Content(size_t file) const { return files_[file].content; }

  // FILE is going to have PEM, too.
  void Widen(size_t file, const std::string& pem);

  // FILE is going to have PEM alone.
  void Replace(size_t file, const std::string& pem) { files_[file].widened = pem; }

  // Brings the files that become other ones to their hosts, all before the first restart: there each waits
  // beside its place for that.
  absl::Status Place();

  // Restarts, or has reload, who does not run with what its files are now: members one at a time, as a
  // rollout does it, services one after another. Everything else about them stays as it is. Gives a line for
  // each.
  absl::StatusOr<std::vector<std::string>> Restart();

  // The same, all at the same time: who is up first finds the others when they are.
  absl::StatusOr<std::vector<std::string>> RestartAtOnce();

 private:
  // Who reads files: a service, or a member of an etcd.
  struct Reader {
    std::string host, name;  // "etcd-1", "etcd"
    ServiceRecord service;   // with `only`: its files that are there
    int etcd = -1;           // index into TrustRecord::etcds; -1: a service of its own
    bool behind = false;     // it does not run with what is in place
  };
  struct File {
    size_t reader = 0;
    TrustFile file;
    bool there = false;
    bool waits = false;
    std::string content, widened;
  };

  void Add(const std::string& host, const std::string& name, const ServiceRecord& service, int etcd,
           const std::vector<TrustFile>& trusts);
  absl::Status LookAt(size_t reader);
  bool HasToRestart(size_t reader) const;
  absl::StatusOr<std::string> RollEtcd(size_t etcd);

  const StepContext& context_;
  const TrustRecord& record_;
  std::vector<Reader> readers_;
  std::vector<File> files_;
};

// ROLLOUT, whose members do what is called for by ONLY (as the members) alone.
RolloutRecord PartOfRollout(const RolloutRecord& rollout, const std::vector<std::vector<std::string>>& only);

}  // namespace kplan

#endif  // KPLAN_TRUST_TRUSTING_HOSTS_H_
