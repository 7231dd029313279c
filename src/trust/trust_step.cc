// A stage of the exchange of a CA: step/trust_records.h says which there are and why. Each looks at the
// hosts, and does what is left.
//
// Digest: over the generations that there are. Of a CA that is held the file with all of them goes to hosts,
// and comes to others with it.

#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/host/artifact_file.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/step/trust_records.h"
#include "src/trust/generations.h"
#include "src/trust/leaves_shown.h"
#include "src/trust/trust_decision.h"
#include "src/trust/trusting_hosts.h"

namespace kplan {
namespace {

// A CA of the record, and what is known of it here.
struct CaState {
  const ExchangedCa& ca;
  std::vector<Generation> generations;
  const Generation* wanted = nullptr;  // null only in a look: it is going to be made

  bool HasOthers() const { return generations.size() > (wanted == nullptr ? 0 : 1); }
  // "1", "1 and 3"
  std::string Others() const {
    std::vector<std::string> numbers;
    for (const Generation& generation : generations) {
      if (&generation != wanted) numbers.push_back(absl::StrCat(generation.number));
    }
    return JoinAnd(numbers);
  }
};

absl::StatusOr<std::vector<CaState>> ReadCas(const TrustRecord& record, bool must_be_there) {
  std::vector<CaState> states;
  for (const ExchangedCa& ca : record.cas) {
    if (absl::Status status = CheckNotRetired(ca); !status.ok()) return status;
    absl::StatusOr<std::vector<Generation>> generations = FindGenerations(ca);
    if (!generations.ok()) return generations.status();
    CaState state{ca, *std::move(generations), nullptr};
    states.push_back(std::move(state));
    states.back().wanted = WantedOf(ca, states.back().generations);
    if (states.back().wanted != nullptr || !must_be_there) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(paths::Certificate(paths::Generation(ca.name, static_cast<int>(ca.generation))),
                     " is missing; run ninja to make it again"));
  }
  return states;
}

std::string DigestOf(const TrustRecord& record, const std::vector<CaState>& states) {
  Sha256Stream digest;
  for (const CaState& state : states) {
    digest.Update(absl::StrCat(state.ca.name, " ", state.ca.generation, "\n"));
    // The others go: what was done about them is done.
    if (record.stage == TrustRecord::kBoth && state.ca.held)
      digest.Update(TrustText(state.ca, state.generations));
    if (state.wanted != nullptr) digest.Update(state.wanted->certificate.der);
  }
  return digest.FinishHex();
}

bool AnyToExchange(const std::vector<CaState>& states) {
  return absl::c_any_of(states, [](const CaState& state) { return !state.ca.held && state.HasOthers(); });
}

absl::Status WriteTrust(const std::vector<CaState>& states) {
  for (const CaState& state : states) {
    absl::StatusOr<bool> written =
        WriteFileIfChanged(paths::Trust(state.ca.name), TrustText(state.ca, state.generations), 0644);
    if (!written.ok()) return written.status();
  }
  return absl::OkStatus();
}

CaSeen SeenOf(const CaState& state, absl::Time now) {
  CaSeen seen;
  seen.wanted = state.ca.generation;
  seen.intermediate = state.ca.intermediate;
  seen.leaf_alone = state.ca.leaf_alone;
  for (const Generation& generation : state.generations) {
    if (&generation != state.wanted)
      seen.others.push_back({generation.number, WhyNoCross(generation, state.wanted, now),
                             absl::c_linear_search(state.ca.revoked, generation.number)});
  }
  return seen;
}

// By what HOSTS have in OF_CA, the files of the CA that are there.
TrustDecision DecisionOn(const CaState& state, const TrustingHosts& hosts, const std::vector<size_t>& of_ca,
                         absl::Time now) {
  std::vector<TrustSeen> files;
  for (size_t file : of_ca) files.push_back({TrustedIn(hosts.Content(file), state.generations)});
  return DecideOnTrust(SeenOf(state, now), files);
}

std::string NameOf(const ExchangedCa& ca) {
  return ca.name == "ca" ? "the CA" : absl::StrCat("the CA ", ca.name);
}

constexpr char kCost[] =
    "all who trust it are restarted at the same time, when the new leaves are there, and until they are up "
    "again nothing "
    "is read or written; whoever shows what the old one signed is refused from then on";

// trust/both.
class BothTrusted {
 public:
  BothTrusted(const StepContext& context, const TrustRecord& record, const std::vector<CaState>& states)
      : context_(context), states_(states), hosts_(context, record) {}

  absl::Status Run(StepResult* result) {
    if (absl::Status status = hosts_.Look(); !status.ok()) return status;
    for (const CaState& state : states_) {
      if (state.ca.held || !state.HasOthers()) continue;
      if (absl::Status status = Decide(state); !status.ok()) return status;
    }
    if (absl::Status status = hosts_.Place(); !status.ok()) return status;
    absl::StatusOr<std::vector<std::string>> restarted = hosts_.Restart();
    if (!restarted.ok()) return restarted.status();
    for (const std::string& line : lines_) absl::StrAppend(&result->output, line, "\n");
    for (const std::string& line : *restarted) absl::StrAppend(&result->output, line, "\n");
    result->reason = absl::StrJoin(reasons_, ", ");
    return absl::OkStatus();
  }

 private:
  absl::Status Decide(const CaState& state) {
    const std::vector<size_t> of_ca = hosts_.FilesOf(state.ca.name);
    const TrustDecision decision = DecisionOn(state, hosts_, of_ca, context_.now);
    const std::string exchange =
        absl::StrCat(NameOf(state.ca), ", generation ", state.ca.generation, " for ", state.Others());
    switch (decision.way) {
      case TrustWay::kNothing:
        return absl::OkStatus();
      case TrustWay::kCross: {
        const Generation* signer = nullptr;
        for (const Generation& other : state.generations) {
          if (other.number == decision.signer) signer = &other;
        }
        reasons_.push_back(absl::StrCat(exchange, ": cross-signed"));
        lines_.push_back(absl::StrCat(exchange, ": generation ", decision.signer,
                                      " signs the new key; who trusts it is restarted once, in the end"));
        return EnsureCross(state.ca, *state.wanted, *signer, context_.now);
      }
      case TrustWay::kCut:
        reasons_.push_back(absl::StrCat(exchange, ": at once"));
        lines_.push_back(absl::StrCat(exchange, ", one of which is revoked: ", kCost));
        return absl::OkStatus();
      case TrustWay::kBoth:
        break;
    }
    reasons_.push_back(absl::StrCat(exchange, ": both are trusted"));
    lines_.push_back(absl::StrCat(exchange,
                                  ": both are trusted first, and who trusts them is restarted twice, as ",
                                  decision.why_not_cross));
    for (size_t i : decision.widened) hosts_.Widen(of_ca[i], state.wanted->certificate.ToPem());
    return absl::OkStatus();
  }

  const StepContext& context_;
  const std::vector<CaState>& states_;
  TrustingHosts hosts_;
  std::vector<std::string> lines_, reasons_;
};

// What trust/leaves does about generations that are revoked.
absl::Status CutOff(const StepContext& context, const TrustRecord& record, const std::vector<CaState>& states,
                    StepResult* result) {
  if (absl::c_all_of(record.cas, [](const ExchangedCa& ca) { return ca.revoked.empty(); }))
    return absl::OkStatus();
  TrustingHosts hosts(context, record);
  if (absl::Status status = hosts.Look(); !status.ok()) return status;
  bool any = false;
  for (const CaState& state : states) {
    if (state.ca.held || !state.HasOthers()) continue;
    const std::vector<size_t> of_ca = hosts.FilesOf(state.ca.name);
    const TrustDecision decision = DecisionOn(state, hosts, of_ca, context.now);
    for (size_t i : decision.cut) hosts.Replace(of_ca[i], state.wanted->certificate.ToPem());
    any = any || !decision.cut.empty();
  }
  if (!any) return absl::OkStatus();
  if (absl::Status status = hosts.Place(); !status.ok()) return status;
  absl::StatusOr<std::vector<std::string>> lines = hosts.RestartAtOnce();
  if (!lines.ok()) return lines.status();
  for (const std::string& line : *lines) absl::StrAppend(&result->output, line, "\n");
  return absl::OkStatus();
}

// trust/new.
absl::Status RetireOthers(std::vector<CaState>* states, StepResult* result) {
  for (CaState& state : *states) {
    if (state.ca.held || !state.HasOthers()) continue;
    result->reason = JoinReasons(
        result->reason, absl::StrCat("retired generation ", state.Others(), " of ", NameOf(state.ca)));
    // First: from then on kplan itself trusts the wanted one alone.
    const std::string alone = state.wanted->certificate.ToPem();
    absl::StatusOr<bool> written = WriteFileIfChanged(paths::Trust(state.ca.name), alone, 0644);
    if (!written.ok()) return written.status();
    for (const Generation& generation : state.generations) {
      if (&generation == state.wanted) continue;
      if (absl::Status status = Retire(generation, *state.wanted); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StepResult> TrustStep(const StepContext& context, const TrustRecord& record) {
  absl::StatusOr<std::vector<CaState>> states = ReadCas(record, /*must_be_there=*/true);
  if (!states.ok()) return states.status();
  StepResult result;
  result.digest = DigestOf(record, *states);
  absl::Status status;
  if (record.stage == TrustRecord::kBoth) {
    status = WriteTrust(*states);
    if (status.ok() && AnyToExchange(*states)) status = BothTrusted(context, record, *states).Run(&result);
  } else if (record.stage == TrustRecord::kLeaves) {
    if (AnyToExchange(*states)) status = AwaitLeavesShown(context, record, &result);
    if (status.ok()) status = CutOff(context, record, *states, &result);
  } else if (record.stage == TrustRecord::kNew) {
    status = RetireOthers(&*states, &result);
  } else {
    return absl::InvalidArgumentError(absl::StrCat("there is no stage \"", record.stage, "\""));
  }
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<Outlook> TrustLook(const LookContext& context, const TrustRecord& record) {
  absl::StatusOr<std::vector<CaState>> states = ReadCas(record, /*must_be_there=*/false);
  if (!states.ok()) return states.status();
  Outlook outlook;
  if (absl::c_all_of(*states, [](const CaState& state) { return state.wanted != nullptr; }))
    outlook.digest = DigestOf(record, *states);
  for (const CaState& state : *states) {
    if (state.ca.held || !state.HasOthers()) continue;
    outlook.reasons.push_back({"exchange", absl::StrCat(NameOf(state.ca), ": generation ",
                                                        state.ca.generation, " for ", state.Others())});
    if (record.stage != TrustRecord::kBoth) continue;
    // Who trusts what the hosts say when it runs.
    std::vector<TrustSeen> all = {{}};
    for (const Generation& generation : state.generations) {
      if (&generation != state.wanted) all[0].generations.push_back(generation.number);
    }
    const TrustDecision decision = DecideOnTrust(SeenOf(state, context.now), all);
    const std::string way =
        decision.way == TrustWay::kCut ? absl::StrCat("generation ", state.Others(), " is revoked: ", kCost)
        : decision.way == TrustWay::kCross
            ? "cross-signed: one restart of each that trusts it"
            : absl::StrCat("both are trusted first: two restarts of each that trusts it, as ",
                           decision.why_not_cross);
    outlook.note = JoinReasons(outlook.note, way);
  }
  return outlook;
}

}  // namespace kplan
