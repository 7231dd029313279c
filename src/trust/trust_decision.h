#ifndef KPLAN_TRUST_TRUST_DECISION_H_
#define KPLAN_TRUST_TRUST_DECISION_H_

// How those who trust a CA come to accept what its next generation signs, before it signs anything: the
// decision alone, without a host, a key or a clock. It is made anew each time from what is in their files.
//
//   - Nothing has to be done where no other generation is there, or whoever trusts one trusts the wanted one.
//   - Cross-signed: an earlier generation signs the new one's key, and each new leaf comes with that
//     certificate. Who trusts only the earlier one accepts it; who trusts only the new one, too. So nobody is
//     touched before the new one is trusted alone: one restart. It needs an earlier generation that everybody
//     who is to accept it trusts, that may sign a CA, and whose key is here; and leaves that are shown with
//     what they come with. Not of an intermediate: two certificates of one name and key, one signed by the CA
//     above and one by the generation before, and OpenSSL takes one of them and does not try the other.
//   - Of a generation that is revoked nobody may go on trusting anything: whoever trusts it gets the wanted
//   one
//     alone, when the leaves are there, all at the same time. Between the leaf and that, and until all are up
//     again, members refuse each other: it is an outage.
//   - Otherwise they get both, and are restarted for it: two restarts.

#include <cstdint>
#include <string>
#include <vector>

namespace kplan {

// A generation of a CA that is there, other than the wanted one.
struct OtherGeneration {
  int64_t number = 0;
  std::string why_not;  // why it cannot sign the wanted one's key; "": it can
  bool revoked = false;
};

// A file with the CAs that somebody trusts.
struct TrustSeen {
  std::vector<int64_t> generations;  // of the CA, those that are in it
};

struct CaSeen {
  int64_t wanted = 1;
  std::vector<OtherGeneration> others;
  bool intermediate = false;
  bool leaf_alone = false;  // somebody shows a leaf without what comes with it
};

enum class TrustWay {
  kNothing,
  kCross,
  kBoth,
  kCut,
};

struct TrustDecision {
  TrustWay way = TrustWay::kNothing;
  int64_t signer = 0;           // of kCross: which generation signs
  std::vector<size_t> cut;      // of kCut: the files that get the wanted generation alone
  std::vector<size_t> widened;  // of kBoth: the files that get the wanted generation beside what is in them
  std::string why_not_cross;    // of kBoth
};

// FILES: those that are there. What is not there yet comes with the wanted generation alone.
TrustDecision DecideOnTrust(const CaSeen& ca, const std::vector<TrustSeen>& files);

}  // namespace kplan

#endif  // KPLAN_TRUST_TRUST_DECISION_H_
