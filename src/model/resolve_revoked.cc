// `revoked`: which certificates their CA takes back.

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/model/resolve_internal.h"
#include "src/pki/revocation.h"

namespace kplan {
namespace {

class RevocationResolver {
 public:
  RevocationResolver(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics)
      : spec_(spec), cluster_(*cluster), diagnostics_(diagnostics) {
    for (size_t i = 0; i < cluster_.certificates.size() && !spec_.revoked.empty(); ++i) {
      certificates_.try_emplace(cluster_.certificates[i].name, static_cast<int>(i));
    }
  }

  void Resolve() {
    for (const RevokedSpec& revoked : spec_.revoked) ResolveOne(revoked);
    for (CertificateAuthority& ca : cluster_.cas) {
      bool any = !ca.revoked_serials.empty() || !ca.revoked_leaves.empty();
      if (any && ca.crl_expiry_seconds == 0) ca.crl_expiry_seconds = kCrlExpirySeconds;
    }
  }

 private:
  void ResolveOne(const RevokedSpec& spec) {
    std::string reason = "unspecified";
    if (spec.reason.set()) {
      absl::StatusOr<std::string> parsed = ParseRevocationReason(spec.reason.value);
      if (parsed.ok()) {
        reason = *parsed;
      } else {
        Report(Code::kUnknownValue, parsed.status(), spec.reason.range, "reason", diagnostics_);
      }
    }
    int64_t date = 0;
    if (spec.date.set()) {
      absl::StatusOr<int64_t> parsed = ParseRevocationDate(spec.date.value);
      if (parsed.ok()) {
        date = *parsed;
      } else {
        Report(Code::kBadDate, parsed.status(), spec.date.range, "date", diagnostics_);
      }
    }
    if (spec.cert.set() && spec.serial.set()) {
      diagnostics_
          ->Error(Code::kConflict, spec.serial.range,
                  "a revoked certificate is named by its `cert` or its `serial`, not by both",
                  "remove one of the two")
          .Relate(spec.cert.range, "the name is here");
    } else if (spec.cert.set()) {
      ResolveLeaf(spec, reason, date);
    } else if (spec.serial.set()) {
      ResolveSerial(spec, reason, date);
    } else if (spec_.well_formed) {
      diagnostics_->Error(Code::kMissingKey, spec.range, "which certificate is revoked?",
                          "name it: cert: NAME, or by its number: serial: 0x5a...");
    }
  }

  // A CA that has its key here; null, reported, otherwise.
  CertificateAuthority* Signer(CertificateAuthority* ca, Range range) {
    if (ca->has_key()) return ca;
    diagnostics_
        ->Error(Code::kGivenCa, range,
                absl::StrCat("the CA ", Quote(ca->name), " signs elsewhere: kplan cannot make its CRL"),
                "have it revoked there, and remove this")
        .Relate(FindCaSpec(spec_, ca->name)->cert.range, "its certificate is here, and its key is not");
    return nullptr;
  }

  void ResolveLeaf(const RevokedSpec& spec, const std::string& reason, int64_t date) {
    if (spec.ca.set()) {
      diagnostics_
          ->Error(Code::kConflict, spec.ca.range, "the certificate says itself who signed it", "remove `ca`")
          .Relate(spec.cert.range, "it is this one");
    }
    if (!spec.date.set() && spec_.well_formed) {
      diagnostics_->Error(
          Code::kMissingKey, spec.cert.range,
          absl::StrCat("since when is ", Quote(spec.cert.value), " revoked?"),
          "write the moment, for example date: 2026-11-22T10:00:00Z: what begins later is good");
      return;
    }
    if (auto found = certificates_.find(spec.cert.value); found != certificates_.end()) {
      LeafCertificate& leaf = cluster_.certificates[found->second];
      CertificateAuthority* ca = Signer(&cluster_.cas[leaf.kind->ca], spec.cert.range);
      if (ca == nullptr) return;
      ca->revoked_leaves.push_back({found->second, reason, date});
      leaf.revoked_before = std::max(leaf.revoked_before, date);
      return;
    }
    if (!spec_.knows_certs || !spec_.knows_hosts) return;
    auto names = [&] {
      std::vector<absl::string_view> all;
      for (const LeafCertificate& leaf : cluster_.certificates) all.push_back(leaf.name);
      return all;
    };
    diagnostics_->Error(Code::kUnknownName, spec.cert.range,
                        absl::StrCat("there is no certificate ", Quote(spec.cert.value)),
                        MeantAmong(*diagnostics_, spec.cert.value, names,
                                   "of one that is gone from `certs`, write the `serial` and the `ca`"));
  }

  void ResolveSerial(const RevokedSpec& spec, const std::string& reason, int64_t date) {
    absl::StatusOr<std::string> serial = ParseSerial(spec.serial.value);
    if (!serial.ok()) {
      Report(Code::kBadSerial, serial.status(), spec.serial.range, "serial", diagnostics_);
      return;
    }
    int index = FindCa(cluster_, spec.ca);
    if (index < 0) {
      if (!spec_.knows_cas) return;
      Range range = spec.ca.set() ? spec.ca.range : spec.serial.range;
      diagnostics_->Error(spec.ca.set() ? Code::kUnknownName : Code::kAmbiguous, range,
                          spec.ca.set() ? absl::StrCat("there is no CA ", Quote(spec.ca.value))
                                        : "serial numbers are a CA's own: whose is this?",
                          spec.ca.set()
                              ? MeantAmong(
                                    *diagnostics_, spec.ca.value, [&] { return CaNames(spec_); }, "")
                              : Remedy(absl::StrCat("for example ca: ", cluster_.cas[0].name)));
      return;
    }
    CertificateAuthority* ca = Signer(&cluster_.cas[index], spec.serial.range);
    if (ca == nullptr) return;
    auto [first, fresh] = serials_.try_emplace({ca, *serial}, spec.serial.range);
    if (!fresh) {
      diagnostics_
          ->Error(Code::kDuplicateEntry, spec.serial.range,
                  absl::StrCat("the serial ", *serial, " is revoked twice"), "remove one of the two")
          .Relate(first->second, "the first is here");
      return;
    }
    ca->revoked_serials.push_back({*std::move(serial), reason, date});
  }

  const Spec& spec_;
  Cluster& cluster_;
  Diagnostics* diagnostics_;
  absl::flat_hash_map<std::string, int> certificates_;  // by name, into Cluster::certificates
  // Where each serial number is written.
  absl::flat_hash_map<std::pair<const CertificateAuthority*, std::string>, Range> serials_;
};

}  // namespace

void ResolveRevoked(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics) {
  RevocationResolver(spec, cluster, diagnostics).Resolve();
}

}  // namespace kplan
