#ifndef KPLAN_STEPS_PKI_BUNDLE_PARTS_H_
#define KPLAN_STEPS_PKI_BUNDLE_PARTS_H_

// What a bundle (bundle.cc) is made of: its certificates and its key, as they are or will be.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/base/files.h"
#include "src/pki/certificate.h"
#include "src/pki/passphrase.h"
#include "src/pki/private_key.h"
#include "src/step/outlook.h"
#include "src/step/pki_records.h"

namespace kplan {

struct BundleSpec {
  std::string path, form, certificate, key, name;
  std::vector<std::string> issuers;
  std::string cross;
  PassphraseSource passphrase;

  bool HasKey() const { return form != "chain"; }
  bool IsPkcs12() const { return form == "pkcs12"; }
};

// What goes into the file. In a look some of it may not be known yet: it will be another one than there is.
struct BundleParts {
  std::vector<std::shared_ptr<const Certificate>> certificates;  // null: of a key that is not made yet
  std::vector<bool> exact;  // as certificates: whether they are known to the byte
  std::optional<PrivateKey> key;
  bool key_anew = false;
  Secret key_pem;     // its block as it stands in its file; empty when it will stand there in another way
  Secret passphrase;  // of a PKCS#12 file

  // Whether all of it is known to the byte. PublicPart() needs that.
  bool Known() const { return !key_anew && std::find(exact.begin(), exact.end(), false) == exact.end(); }
  std::string PublicPart() const {
    std::string all = key.has_value() ? key->spki() : "";
    for (const auto& certificate : certificates) absl::StrAppend(&all, certificate->der);
    return all;
  }
};

// InvalidArgument, or DataLoss, when it is none.
absl::StatusOr<BundleSpec> ReadBundleSpec(const BundleRecord& record);

// The passphrase of a PKCS#12 file, which nothing but the file itself is opened with.
absl::StatusOr<Secret> ReadPkcs12Passphrase(const BundleSpec& spec);

// Without the passphrase.
absl::StatusOr<BundleParts> ReadBundleParts(const BundleSpec& spec, const Foreseen& foreseen);

// The PEM of PARTS; of what is not known, of a look, there is nothing in it.
Secret BundleText(const BundleParts& parts);

}  // namespace kplan

#endif  // KPLAN_STEPS_PKI_BUNDLE_PARTS_H_
