#include "src/trust/trust_decision.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

bool Trusts(const TrustSeen& file, int64_t generation) {
  return absl::c_linear_search(file.generations, generation);
}

// The newest of CA's other generations that can sign the wanted one for all FILES of UNAWARE; null: none, and
// *WHY_NOT says why.
const OtherGeneration* FindSigner(const CaSeen& ca, const std::vector<TrustSeen>& files,
                                  const std::vector<size_t>& unaware, std::string* why_not) {
  const OtherGeneration* signer = nullptr;
  for (const OtherGeneration& other : ca.others) {
    const bool trusted = absl::c_all_of(unaware, [&](size_t i) { return Trusts(files[i], other.number); });
    if (!trusted) {
      if (why_not->empty()) *why_not = absl::StrCat("not everybody trusts generation ", other.number);
    } else if (other.revoked) {
      *why_not = absl::StrCat("generation ", other.number, " is revoked");
    } else if (!other.why_not.empty()) {
      *why_not = absl::StrCat("generation ", other.number, " cannot sign it: ", other.why_not);
    } else if (signer == nullptr || other.number > signer->number) {
      signer = &other;
    }
  }
  return signer;
}

}  // namespace

TrustDecision DecideOnTrust(const CaSeen& ca, const std::vector<TrustSeen>& files) {
  TrustDecision decision;
  if (ca.others.empty()) return decision;
  for (size_t i = 0; i < files.size(); ++i) {
    const bool trusts_revoked = absl::c_any_of(ca.others, [&](const OtherGeneration& other) {
      return other.revoked && Trusts(files[i], other.number);
    });
    if (trusts_revoked) decision.cut.push_back(i);
  }
  if (!decision.cut.empty()) {
    decision.way = TrustWay::kCut;
    return decision;
  }
  std::vector<size_t> unaware;
  for (size_t i = 0; i < files.size(); ++i) {
    if (!Trusts(files[i], ca.wanted)) unaware.push_back(i);
  }
  if (unaware.empty()) return decision;
  std::string why_not;
  if (ca.intermediate) {
    why_not = "it is an intermediate";
  } else if (ca.leaf_alone) {
    why_not = "a service shows its leaf alone";
  } else if (const OtherGeneration* signer = FindSigner(ca, files, unaware, &why_not)) {
    decision.way = TrustWay::kCross;
    decision.signer = signer->number;
    return decision;
  }
  decision.way = TrustWay::kBoth;
  decision.widened = std::move(unaware);
  decision.why_not_cross = std::move(why_not);
  return decision;
}

}  // namespace kplan
