#include "src/pki/revocation_list.h"

#include <openssl/err.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/pki/der.h"

namespace kplan {
namespace {

using CrlPtr = std::unique_ptr<X509_CRL, OpenSslDelete<X509_CRL_free>>;
using RevokedPtr = std::unique_ptr<X509_REVOKED, OpenSslDelete<X509_REVOKED_free>>;
using EnumeratedPtr = std::unique_ptr<ASN1_ENUMERATED, OpenSslDelete<ASN1_ENUMERATED_free>>;

constexpr const char kPemLabel[] = "X509 CRL";

// By their codes; 7 is not used, and 8 is removeFromCRL.
constexpr std::array<absl::string_view, 11> kReasons = {"unspecified",
                                                        "keyCompromise",
                                                        "cACompromise",
                                                        "affiliationChanged",
                                                        "superseded",
                                                        "cessationOfOperation",
                                                        "certificateHold",
                                                        "",
                                                        "",
                                                        "privilegeWithdrawn",
                                                        "aACompromise"};

// DER of the extensions' object identifiers (RFC 5280 5.2.1, 5.2.3, 5.3.1).
constexpr absl::string_view kAuthorityKeyId = "\x55\x1d\x23";
constexpr absl::string_view kCrlNumber = "\x55\x1d\x14";
constexpr absl::string_view kReasonCode = "\x55\x1d\x15";

// The largest number that 20 octets of DER hold is 2^159 - 1 (RFC 5280 5.2.3).
constexpr size_t kMaxNumberOctets = 20;

constexpr int64_t kLastSecondOf9999 = 253402300799;  // what GeneralizedTime can say

absl::Status Damaged() {
  ERR_clear_error();
  return absl::DataLossError("it is not a CRL, or damaged");
}

bool HasTag(const DerReader::Element& element, int tag) {
  return !element.whole.empty() && static_cast<unsigned char>(element.whole[0]) == tag;
}

bool IsTime(const DerReader::Element& element) {
  return HasTag(element, V_ASN1_UTCTIME) || HasTag(element, V_ASN1_GENERALIZEDTIME);
}

bool ReadTime(const DerReader::Element& element, int64_t* seconds) {
  if (!IsTime(element)) return false;
  TimePtr time = FromDer<TimePtr>(element.whole, d2i_ASN1_TIME);
  tm parts = {};
  if (time == nullptr || ASN1_TIME_to_tm(time.get(), &parts) != 1) return false;
  *seconds = timegm(&parts);
  return true;
}

// The octets of an INTEGER that is not negative, without leading zeros.
bool ReadUnsigned(const DerReader::Element& element, std::string* octets) {
  absl::string_view content = element.content;
  if (content.empty() || (content[0] & 0x80) != 0) return false;
  while (!content.empty() && content[0] == '\0') content.remove_prefix(1);
  *octets = std::string(content);
  return true;
}

struct Extension {
  absl::string_view oid, value;
  bool critical = false;
};

// The extension that is next (RFC 5280 4.1: OBJECT IDENTIFIER, BOOLEAN DEFAULT FALSE, OCTET STRING).
bool ReadExtension(DerReader* extensions, Extension* extension) {
  DerReader fields = extensions->Enter();
  extension->oid = fields.Read(V_ASN1_OBJECT).content;
  DerReader::Element next = fields.ReadAny();
  extension->critical = HasTag(next, V_ASN1_BOOLEAN);
  if (extension->critical) next = fields.ReadAny();
  extension->value = next.content;
  return fields.ok() && fields.AtEnd() && HasTag(next, V_ASN1_OCTET_STRING);
}

bool ReadEntry(DerReader fields, RevocationList* list) {
  RevokedEntry entry;
  bool ok = ReadUnsigned(fields.Read(V_ASN1_INTEGER), &entry.serial);
  ok = ReadTime(fields.ReadAny(), &entry.date) && ok;
  if (ok && !fields.AtEnd()) {
    DerReader extensions = fields.Enter();
    while (ok && !extensions.AtEnd()) {
      Extension extension;
      ok = ReadExtension(&extensions, &extension);
      if (extension.critical) list->complete = false;  // an indirect CRL: the entry is another issuer's
      if (!ok || extension.oid != kReasonCode) continue;
      DerReader value(extension.value);
      absl::string_view code = value.Read(V_ASN1_ENUMERATED).content;
      ok = value.AtEnd() && code.size() == 1;
      if (ok) entry.reason = static_cast<unsigned char>(code[0]);
    }
  }
  list->entries.push_back(std::move(entry));
  return ok && fields.ok() && fields.AtEnd();
}

bool ReadListExtensions(DerReader outer, RevocationList* list) {
  DerReader extensions = outer.Enter();
  while (!extensions.AtEnd()) {
    Extension extension;
    if (!ReadExtension(&extensions, &extension)) return false;
    if (extension.critical) list->complete = false;
    if (extension.oid == kAuthorityKeyId) {
      AuthorityKeyIdPtr id = FromDer<AuthorityKeyIdPtr>(extension.value, d2i_AUTHORITY_KEYID);
      if (id == nullptr) return false;
      if (id->keyid == nullptr) continue;
      list->authority_key_id = std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(id->keyid)),
                                           ASN1_STRING_length(id->keyid));
    } else if (extension.oid == kCrlNumber) {
      DerReader value(extension.value);
      if (!ReadUnsigned(value.Read(V_ASN1_INTEGER), &list->number) || !value.AtEnd()) return false;
    }
  }
  return outer.ok() && outer.AtEnd() && extensions.ok();
}

// What stands before the entries in a TBSCertList.
struct Start {
  absl::string_view algorithm, issuer;  // DER
  Validity validity = {};
  DerReader::Element next;  // the entries, the extensions, or empty at the end
  bool complete = true;     // as far as it can be told here: version 2, with a nextUpdate
};

DerReader::Element ReadIfAny(DerReader* fields) {
  return fields->AtEnd() ? DerReader::Element() : fields->ReadAny();
}

bool ReadStart(DerReader* fields, Start* start) {
  DerReader::Element next = fields->ReadAny();
  if (HasTag(next, V_ASN1_INTEGER)) {
    start->complete = next.content == absl::string_view("\x01", 1);
    next = fields->ReadAny();
  } else {
    start->complete = false;
  }
  start->algorithm = next.whole;
  start->issuer = fields->Read(V_ASN1_SEQUENCE).whole;
  bool ok = ReadTime(fields->ReadAny(), &start->validity.not_before);
  start->validity.not_after = start->validity.not_before;
  start->next = ReadIfAny(fields);
  if (IsTime(start->next)) {
    ok = ReadTime(start->next, &start->validity.not_after) && ok;
    start->next = ReadIfAny(fields);
  } else {
    start->complete = false;
  }
  return ok && fields->ok();
}

absl::StatusOr<Secret> CrlInPem(absl::string_view text) {
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(text);
  if (!blocks.ok()) return blocks.status();
  if (blocks->front().label != kPemLabel) return Damaged();
  if (blocks->size() > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("it holds ", blocks->size(),
                     " PEM blocks where kplan keeps one CRL; move the file away, or leave only the CA's own "
                     "CRL in it"));
  }
  return std::move(blocks->front().der);
}

// ASN1_INTEGER keeps the octets as they are, and its encoder adds the sign's.
bool SetUnsigned(ASN1_INTEGER* integer, const std::string& octets) {
  const std::string bytes = octets.empty() ? std::string(1, '\0') : octets;
  return ASN1_STRING_set(integer, bytes.data(), static_cast<int>(bytes.size())) == 1;
}

bool AddEntry(X509_CRL* crl, const RevokedEntry& entry) {
  RevokedPtr revoked(X509_REVOKED_new());
  IntegerPtr serial(ASN1_INTEGER_new());
  TimePtr date(ASN1_TIME_set(nullptr, entry.date));
  if (revoked == nullptr || serial == nullptr || date == nullptr ||
      !SetUnsigned(serial.get(), entry.serial) ||
      X509_REVOKED_set_serialNumber(revoked.get(), serial.get()) != 1 ||
      X509_REVOKED_set_revocationDate(revoked.get(), date.get()) != 1) {
    return false;
  }
  if (entry.reason != 0) {
    EnumeratedPtr code(ASN1_ENUMERATED_new());
    if (code == nullptr || ASN1_ENUMERATED_set(code.get(), entry.reason) != 1 ||
        X509_REVOKED_add1_ext_i2d(revoked.get(), NID_crl_reason, code.get(), /*crit=*/0,
                                  X509V3_ADD_DEFAULT) != 1) {
      return false;
    }
  }
  if (X509_CRL_add0_revoked(crl, revoked.get()) != 1) return false;
  revoked.release();
  return true;
}

// The keyid alone, as in the certificates (RFC 5280 5.2.1), and the number.
bool AddExtensions(X509_CRL* crl, const std::string& number, const std::string& key_id) {
  if (!key_id.empty()) {
    AuthorityKeyIdPtr id(AUTHORITY_KEYID_new());
    if (id == nullptr || (id->keyid = ASN1_OCTET_STRING_new()) == nullptr ||
        ASN1_OCTET_STRING_set(id->keyid, reinterpret_cast<const unsigned char*>(key_id.data()),
                              static_cast<int>(key_id.size())) != 1 ||
        X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, id.get(), 0, X509V3_ADD_DEFAULT) != 1) {
      return false;
    }
  }
  IntegerPtr integer(ASN1_INTEGER_new());
  return integer != nullptr && SetUnsigned(integer.get(), number) &&
         X509_CRL_add1_ext_i2d(crl, NID_crl_number, integer.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

}  // namespace

int ReasonCode(absl::string_view name) {
  for (size_t code = 0; code < kReasons.size(); ++code) {
    if (!name.empty() && kReasons[code] == name) return static_cast<int>(code);
  }
  return -1;
}

std::string ReasonName(int code) {
  if (code >= 0 && code < static_cast<int>(kReasons.size()) && !kReasons[code].empty()) {
    return std::string(kReasons[code]);
  }
  return absl::StrCat("reason ", code);
}

bool SerialLess(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::string SerialText(absl::string_view serial) {
  std::string hex = absl::BytesToHexString(serial);
  size_t start = hex.find_first_not_of('0');
  return start == std::string::npos ? "0" : hex.substr(start);
}

absl::StatusOr<RevocationList> RevocationList::Parse(absl::string_view der) {
  InitOpenSsl();
  absl::StatusOr<SignedObject> object = SignedObject::Parse(der);
  if (!object.ok()) return Damaged();
  RevocationList list;
  list.der = std::string(der);
  list.signed_object = *std::move(object);

  DerReader file(list.der);
  DerReader::Element whole = file.ReadAny();
  DerReader outer(whole.content);
  DerReader fields = outer.Enter();
  Start start;
  bool ok = ReadStart(&fields, &start);
  // What is not signed has to be the one thing that it can be: the tags, and the algorithm, which stands
  // there twice (RFC 5280 5.1.1.2).
  ok = ok && HasTag(whole, V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED) &&
       outer.Read(V_ASN1_SEQUENCE).whole == start.algorithm && HasTag(outer.ReadAny(), V_ASN1_BIT_STRING);
  list.issuer_der = std::string(start.issuer);
  list.validity = start.validity;
  list.complete = start.complete;
  DerReader::Element next = start.next;
  if (ok && HasTag(next, V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED)) {
    DerReader entries(next.content);
    while (ok && !entries.AtEnd()) ok = ReadEntry(entries.Enter(), &list) && entries.ok();
    next = ReadIfAny(&fields);
  }
  if (ok && !next.whole.empty()) {
    ok = HasTag(next, V_ASN1_CONTEXT_SPECIFIC | V_ASN1_CONSTRUCTED) &&
         ReadListExtensions(DerReader(next.content), &list);
  }
  if (!ok || !fields.ok() || !fields.AtEnd()) return Damaged();
  if (list.number.empty()) list.complete = false;
  // Other tools write them in the order in which they were revoked.
  auto less = [](const RevokedEntry& a, const RevokedEntry& b) { return SerialLess(a.serial, b.serial); };
  if (!std::is_sorted(list.entries.begin(), list.entries.end(), less)) {
    std::stable_sort(list.entries.begin(), list.entries.end(), less);
  }
  return list;
}

absl::StatusOr<RevocationList> RevocationList::ParsePem(absl::string_view text) {
  absl::StatusOr<Secret> der = CrlInPem(text);
  if (!der.ok()) return der.status();
  return Parse(der->view());
}

absl::StatusOr<RevocationList> RevocationList::Make(const std::vector<RevokedEntry>& entries,
                                                    const std::string& number, const Validity& validity,
                                                    const Certificate& issuer, const PrivateKey& issuer_key) {
  InitOpenSsl();
  if (number.size() > kMaxNumberOctets ||
      (number.size() == kMaxNumberOctets && (static_cast<unsigned char>(number[0]) & 0x80) != 0)) {
    return absl::ResourceExhaustedError(
        "the CRL's number would have more than 20 octets, which RFC 5280 5.2.3 does not allow");
  }
  if (validity.not_after > kLastSecondOf9999) {
    return absl::InvalidArgumentError("the CRL would end after the year 9999");
  }
  CrlPtr crl(X509_CRL_new());
  // ASN1_TIME_set: UTCTime through 2049 and GeneralizedTime from 2050, as RFC 5280 5.1.2.4 wants it.
  TimePtr start(ASN1_TIME_set(nullptr, validity.not_before));
  TimePtr end(ASN1_TIME_set(nullptr, validity.not_after));
  bool ok = crl != nullptr && start != nullptr && end != nullptr &&
            X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) == 1 &&
            X509_CRL_set_issuer_name(crl.get(), issuer.subject.get()) == 1 &&
            X509_CRL_set1_lastUpdate(crl.get(), start.get()) == 1 &&
            X509_CRL_set1_nextUpdate(crl.get(), end.get()) == 1;
  for (const RevokedEntry& entry : entries) ok = ok && AddEntry(crl.get(), entry);
  if (!ok || !AddExtensions(crl.get(), number, issuer.subject_key_id)) {
    return OpenSslError("cannot make a CRL");
  }
  if (X509_CRL_sign(crl.get(), issuer_key.pkey(), issuer_key.SigningHash()) <= 0) {
    return OpenSslError("cannot sign a CRL");
  }
  std::string der = ToDer(crl.get(), i2d_X509_CRL);
  if (der.empty()) return OpenSslError("cannot encode a CRL");
  return Parse(der);
}

bool RevocationList::NamesAsIssuer(const Certificate& issuer) const {
  return issuer_der == issuer.subject_der && (authority_key_id.empty() || issuer.subject_key_id.empty() ||
                                              authority_key_id == issuer.subject_key_id);
}

std::string RevocationList::ToPem() const { return EncodePem(kPemLabel, der); }

absl::StatusOr<Validity> ReadCrlValidity(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxCrlFile);
  if (!text.ok()) return text.status();
  absl::StatusOr<Secret> der = CrlInPem(*text);
  if (!der.ok()) return der.status();
  DerReader file(der->view());
  DerReader outer = file.Enter();
  DerReader fields = outer.Enter();
  Start start;
  if (!ReadStart(&fields, &start)) return Damaged();
  return start.validity;
}

}  // namespace kplan
