#include "src/etcd/verify_report.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/record.h"
#include "src/steps/openssl_util.h"

namespace kplan {
namespace {

std::string Utc(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string Text(const ASN1_STRING* value) {
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)), ASN1_STRING_length(value));
}

std::string DescribeName(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS:
      return absl::StrCat("DNS:", Text(name->d.dNSName));
    case GEN_EMAIL:
      return absl::StrCat("email:", Text(name->d.rfc822Name));
    case GEN_URI:
      return absl::StrCat("URI:", Text(name->d.uniformResourceIdentifier));
    case GEN_IPADD: {
      char text[INET6_ADDRSTRLEN];
      const ASN1_OCTET_STRING* ip = name->d.iPAddress;
      int family = ASN1_STRING_length(ip) == 4 ? AF_INET : AF_INET6;
      if (family == AF_INET6 && ASN1_STRING_length(ip) != 16) return "IP:malformed";
      return absl::StrCat("IP:", inet_ntop(family, ASN1_STRING_get0_data(ip), text, sizeof(text)));
    }
    default:
      return "other";
  }
}

Json ToJsonValue(const CertificateSeen& certificate) {
  return Json{{"fingerprint-sha256", certificate.fingerprint},
              {"not-after", certificate.not_after},
              {"sans", certificate.sans},
              {"subject", certificate.subject}};
}

Json ToJsonValue(const Finding& finding) {
  return Json{{"advice", finding.advice},
              {"check", finding.check},
              {"expected", finding.expected},
              {"seen", finding.seen}};
}

}  // namespace

absl::StatusOr<CertificateSeen> DescribeCertificate(absl::string_view der) {
  CertificatePtr certificate = FromDer<CertificatePtr>(der, d2i_X509);
  if (certificate == nullptr) return OpenSslError("the certificate cannot be read");
  CertificateSeen seen;
  seen.fingerprint = Sha256Hex(der);
  BioPtr out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate.get()), 0,
                     ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL |
                         XN_FLAG_SEP_COMMA_PLUS | XN_FLAG_FN_SN);
  char* bytes = nullptr;
  long size = BIO_get_mem_data(out.get(), &bytes);  // NOLINT(runtime/int): OpenSSL's type
  seen.subject.assign(bytes, size);
  GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    seen.sans.push_back(DescribeName(sk_GENERAL_NAME_value(names.get(), i)));
  }
  struct tm end = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) {
    return OpenSslError("the certificate's end cannot be read");
  }
  seen.not_after = Utc(absl::FromTM(end, absl::UTCTimeZone()));
  return seen;
}

std::string VerifyReport::ToJson(absl::Time time) const {
  Json json = {{"cluster-id", cluster_id},  {"label", label},    {"members", Json::array()},
               {"refusals", Json::array()}, {"time", Utc(time)}, {"verdict", ok() ? "pass" : "fail"}};
  for (const MemberSeen& member : members) {
    Json entry = {{"certificate", ToJsonValue(member.certificate)},
                  {"client-urls", member.client_urls},
                  {"endpoint", member.endpoint},
                  {"id", member.id},
                  {"leader", member.leader},
                  {"name", member.name},
                  {"peer-urls", member.peer_urls},
                  {"version", member.version}};
    if (clustered) {
      entry["raft-index"] = member.raft_index;
      entry["raft-term"] = member.raft_term;
    }
    if (!member.peer_endpoint.empty()) {
      entry["peer-certificate"] = ToJsonValue(member.peer_certificate);
      entry["peer-endpoint"] = member.peer_endpoint;
    }
    json["members"].push_back(std::move(entry));
  }
  for (const Refusal& refusal : refusals) {
    json["refusals"].push_back(
        {{"endpoint", refusal.endpoint}, {"evidence", refusal.evidence}, {"kind", refusal.kind}});
  }
  if (!write.key.empty()) {
    json["write"] = {{"endpoint", write.endpoint},
                     {"key", write.key},
                     {"read-at", write.read_at},
                     {"revision", write.revision}};
  }
  if (!ok()) json["failure"] = ToJsonValue(failures.front());
  if (!ok() && clustered) {
    json["failures"] = Json::array();
    for (const Finding& finding : failures) {
      json["failures"].push_back(ToJsonValue(finding));
      json["failures"].back()["member"] = finding.member;
    }
  }
  // What a server sent is quoted in places; bytes that are no UTF-8 must not end the report.
  return absl::StrCat(json.dump(-1, ' ', false, Json::error_handler_t::replace), "\n");
}

}  // namespace kplan
