// `etcd.flags` against the table of what each release of etcd has.

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/base/yaml_scalar.h"
#include "src/model/resolve_etcd_internal.h"

namespace kplan {
namespace {

class FlagsResolver {
 public:
  explicit FlagsResolver(EtcdContext* context) : context_(*context), diagnostics_(context->diagnostics) {}

  void Resolve() {
    std::map<std::string, std::string> values;
    for (const auto& [key, value] : context_.spec.flags) {
      const EtcdFlag* flag = Find(key, value);
      if (flag == nullptr || IsOurs(*flag, key) || !IsThere(*flag, key, value)) continue;
      absl::Status status = CheckEtcdFlagValue(context_.version, *flag, value.value);
      if (!status.ok()) {
        Report(Code::kEtcdFlagValue, status, value.range, absl::StrCat("the flag ", key.value), diagnostics_);
        continue;
      }
      WarnOfDeprecated(*flag, key, value);
      context_.flags[key.value] = &value;
      values[key.value] = value.value;
    }
    for (const EtcdFlagProblem& problem : CheckEtcdFlagsTogether(context_.version, values)) Say(problem);
  }

 private:
  // The flags that take VALUE, and are not written already: what a misspelt one can mean.
  std::vector<absl::string_view> NamesFor(const Text& value) const {
    std::vector<Text> written;
    for (const auto& [key, unused] : context_.spec.flags) written.push_back(key);
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
    for (const auto& [written, unused] : context_.spec.flags) {
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

  void Say(const EtcdFlagProblem& problem) {
    const Text* value = context_.Flag(problem.flag);
    const std::string message = absl::StrCat("the flag ", problem.flag, ": ", problem.reason);
    Diagnostic& diagnostic =
        problem.warning ? diagnostics_->Warning(Code::kEtcdFlagValue, value->range, message, problem.remedy)
                        : diagnostics_->Error(Code::kEtcdFlagValue, value->range, message, problem.remedy);
    const Text* other = problem.other == problem.flag ? nullptr : context_.Flag(problem.other);
    if (other != nullptr) diagnostic.Relate(other->range, absl::StrCat(problem.other, " is here"));
  }

  EtcdContext& context_;
  Diagnostics* diagnostics_;
};

}  // namespace

void ResolveEtcdFlags(EtcdContext* context) { FlagsResolver(context).Resolve(); }

}  // namespace kplan
