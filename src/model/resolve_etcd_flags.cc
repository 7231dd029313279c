// `etcd.flags`, and those of one member, against the table of what each release of etcd has.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/base/yaml_scalar.h"
#include "src/model/host_variables.h"
#include "src/model/resolve_etcd_internal.h"
#include "src/spec/variables.h"

namespace kplan {
namespace {

// What etcd's documentation wants to be the same on all members (tuning: time parameters), or what members
// that differ do not understand of each other (auth/store.go NewTokenProvider).
constexpr const char* kSameForAll[] = {"heartbeat-interval", "election-timeout", "auth-token"};

class FlagsResolver {
 public:
  explicit FlagsResolver(EtcdContext* context) : context_(*context), diagnostics_(context->diagnostics) {}

  void Resolve(const std::vector<int>& hosts) {
    const std::vector<Written> common = Known(context_.spec.flags);
    for (int index : hosts) {
      const Host& host = context_.cluster.hosts[index];
      own_ = true;
      const std::vector<Written> own = Known(WrittenMember(context_, index).flags);
      own_ = false;
      context_.flags.emplace_back();
      for (const std::vector<Written>* flags : {&common, &own}) {
        for (const Written& written : *flags) Put(written, host, &context_.flags.back());
      }
    }
    if (hosts.empty()) {
      context_.flags.emplace_back();
      for (const Written& written : common) context_.flags.back()[written.key->value] = *written.value;
    }
    for (size_t i = 0; i < context_.flags.size(); ++i) CheckTogether(i);
    if (hosts.size() > 1) WarnOfDifferences();
  }

 private:
  // A flag as it is written, and what etcd's table has of it.
  struct Written {
    const Text* key;
    const Text* value;
    const EtcdFlag* flag;
  };

  // Those of FLAGS that etcd has, and whose values are good, where they are the same for all hosts.
  std::vector<Written> Known(const TextPairs& flags) {
    std::vector<Written> known;
    written_ = &flags;
    for (const auto& [key, value] : flags) {
      const EtcdFlag* flag = Find(key, value);
      if (flag == nullptr || IsOurs(*flag, key) || IsForAll(key) || !IsThere(*flag, key, value)) continue;
      if (FindVariable(value.value).empty() && !IsValue(*flag, key, value)) continue;
      WarnOfDeprecated(*flag, key, value);
      known.push_back({&key, &value, flag});
    }
    return known;
  }

  // The value of WRITTEN on HOST into FLAGS. What is wrong with it is said of one host.
  void Put(const Written& written, const Host& host, std::map<std::string, Text>* flags) {
    Text value = *written.value;
    if (!FindVariable(value.value).empty()) {
      const bool in_url =
          written.flag->type == EtcdFlag::Type::kUrls || written.flag->type == EtcdFlag::Type::kOrigins;
      const HostVariables put = PutHostIn(value.value, &host, in_url);
      if (put.unknown && said_.insert(written.value).second)
        ReportUnknownVariable(value, HostVariableMeant(value.value, kHostVariables), diagnostics_);
      if (put.address_missing) ReportNoAddress(*written.value, host, context_.all, diagnostics_);
      if (put.unknown || put.address_missing) return;
      value.value = put.text;
      if (said_.count(written.value) == 0 && !IsValue(*written.flag, *written.key, value)) {
        said_.insert(written.value);
        return;
      }
    }
    (*flags)[written.key->value] = std::move(value);
  }

  bool IsValue(const EtcdFlag& flag, const Text& key, const Text& value) {
    absl::Status status = CheckEtcdFlagValue(context_.version, flag, value.value);
    if (status.ok()) return true;
    Report(Code::kEtcdFlagValue, status, value.range, absl::StrCat("the flag ", key.value), diagnostics_);
    return false;
  }

  // Of one member: false, and an error, when it is the cluster's.
  bool IsForAll(const Text& key) {
    if (!own_ || key.value != "initial-cluster-state") return false;
    diagnostics_->Error(Code::kSetByKplan, key.range,
                        "the flag initial-cluster-state is the cluster's, and not one member's",
                        "write it in `etcd.flags`");
    return true;
  }

  void CheckTogether(size_t member) {
    std::map<std::string, std::string> values;
    for (const auto& [name, value] : context_.flags[member]) values[name] = value.value;
    if (!together_.insert(values).second) return;
    for (const EtcdFlagProblem& problem : CheckEtcdFlagsTogether(context_.version, values))
      Say(problem, member);
  }

  void WarnOfDifferences() {
    for (const char* name : kSameForAll) {
      const Text* first = context_.Flag(name, 0);
      for (size_t i = 1; i < context_.flags.size(); ++i) {
        const Text* other = context_.Flag(name, i);
        if ((first == nullptr ? "" : first->value) == (other == nullptr ? "" : other->value)) continue;
        const Text* place = first == nullptr ? other : first;
        diagnostics_->Warning(
            Code::kEtcdFlagValue, place->range,
            absl::StrCat("the flag ", name, " is not the same on all members, as etcd wants it to be"),
            "write it in `etcd.flags`");
        break;
      }
    }
  }

  // The flags that take VALUE, and are not written already: what a misspelt one can mean.
  std::vector<absl::string_view> NamesFor(const Text& value) const {
    std::vector<Text> written;
    for (const auto& [key, unused] : *written_) written.push_back(key);
    std::vector<absl::string_view> names = Others(EtcdFlagNames(context_.version), written);
    auto takes_no = [&](absl::string_view name) {
      const EtcdFlag& flag = *FindEtcdFlag(name);
      return (context_.etcd.clustered ? flag.ours_in_cluster : flag.ours) != nullptr ||
             !CheckEtcdFlagValue(context_.version, flag, value.value).ok();
    };
    names.erase(std::remove_if(names.begin(), names.end(), takes_no), names.end());
    return names;
  }

  // Null, and an error, when no version has it.
  const EtcdFlag* Find(const Text& key, const Text& value) {
    absl::string_view name = key.value;
    if (const EtcdFlag* flag = FindEtcdFlag(name)) return flag;
    const bool dashes = absl::ConsumePrefix(&name, "--") && FindEtcdFlag(name) != nullptr;
    // One that is meant and does not take the value is a hint, and no change to be made.
    Remedy hint = MeantAmong(
        *diagnostics_, key.value, [] { return EtcdFlagNames(); }, "");
    hint.instead.reset();
    const Remedy help = dashes
                            ? Remedy(absl::StrCat("write it without the dashes: ", name), name)
                            : MeantAmong(
                                  *diagnostics_, key.value, [&] { return NamesFor(value); }, std::move(hint));
    diagnostics_->Error(Code::kEtcdFlag, key.range, absl::StrCat("etcd has no flag ", Quote(key.value)),
                        help);
    return nullptr;
  }

  bool IsOurs(const EtcdFlag& flag, const Text& key) {
    const char* why = context_.etcd.clustered ? flag.ours_in_cluster : flag.ours;
    if (why == nullptr) return false;
    diagnostics_->Error(Code::kSetByKplan, key.range,
                        absl::StrCat("the flag ", key.value, " cannot be set here: ", why), "remove it");
    return true;
  }

  // "in 3.6 use compaction-batch-limit"; "" when nothing is known.
  std::string Instead(const EtcdFlag& flag, const Text& value) const {
    const std::string other = InsteadOf(context_.version, flag, value.value);
    return other.empty() ? "" : absl::StrCat("in 3.", context_.version.minor, " use ", other);
  }

  // The other flag in place of this one: name and value, where both are of one line and it is not there
  // already.
  void ProposeInstead(const EtcdFlag& flag, const Text& key, const Text& value) {
    const std::string other = InsteadOf(context_.version, flag, value.value);
    const size_t colon = other.find(": ");
    const std::string name = other.substr(0, colon);
    for (const auto& [written, unused] : *written_) {
      if (other.empty() || written.value == name) return;
    }
    const std::string& text = diagnostics_->source().text();
    if (key.range.end > value.range.begin ||
        text.substr(key.range.end, value.range.begin - key.range.end).find_first_not_of(": ") !=
            std::string::npos)
      return;
    const std::string with = colon == std::string::npos ? value.value : other.substr(colon + 2);
    diagnostics_->Propose({key.range.begin, value.range.end}, absl::StrCat(name, ": ", YamlScalar(with)));
  }

  bool IsThere(const EtcdFlag& flag, const Text& key, const Text& value) {
    if (HasFlag(context_.version, flag)) return true;
    const std::string instead = Instead(flag, value);
    diagnostics_
        ->Error(Code::kEtcdFlag, key.range,
                absl::StrCat("etcd ", context_.etcd.version, " has no flag ", key.value, ": ",
                             WhyNoFlag(context_.version, flag)),
                instead.empty() ? "remove it, or change `version`" : instead)
        .Relate(context_.spec.version.range, "the version is here");
    ProposeInstead(flag, key, value);
    return false;
  }

  void WarnOfDeprecated(const EtcdFlag& flag, const Text& key, const Text& value) {
    if (!IsDeprecated(context_.version, flag)) return;
    const std::string instead = Instead(flag, value);
    diagnostics_->Warning(
        Code::kEtcdFlag, key.range,
        absl::StrCat("the flag ", key.value, " is deprecated in 3.", context_.version.minor),
        instead.empty() ? "remove it: a later etcd has nothing in its place" : instead);
    ProposeInstead(flag, key, value);
  }

  void Say(const EtcdFlagProblem& problem, size_t member) {
    const Text* value = context_.Flag(problem.flag, member);
    const std::string message = absl::StrCat("the flag ", problem.flag, ": ", problem.reason);
    if (!problems_.insert({value->range.begin, message}).second) return;
    Diagnostic& diagnostic =
        problem.warning ? diagnostics_->Warning(Code::kEtcdFlagValue, value->range, message, problem.remedy)
                        : diagnostics_->Error(Code::kEtcdFlagValue, value->range, message, problem.remedy);
    const Text* other = problem.other == problem.flag ? nullptr : context_.Flag(problem.other, member);
    if (other != nullptr) diagnostic.Relate(other->range, absl::StrCat(problem.other, " is here"));
  }

  EtcdContext& context_;
  Diagnostics* diagnostics_;
  const TextPairs* written_ = nullptr;  // the map that is looked at
  bool own_ = false;                    // it is one member's
  std::set<const Text*> said_;          // values with a variable of which something was said
  std::set<std::map<std::string, std::string>> together_;  // what was looked at already
  std::set<std::pair<size_t, std::string>> problems_;      // and was said: place and message
};

}  // namespace

void ResolveEtcdFlags(const std::vector<int>& hosts, EtcdContext* context) {
  FlagsResolver(context).Resolve(hosts);
}

}  // namespace kplan
