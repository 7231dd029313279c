// kplan's keys, requests and certificates against those of the real cfssl: the same bytes, given the same
// key, serial number and times (for ECDSA, whose signatures are random, the same bytes under the signature).

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/base/process.h"
#include "src/pki/der.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/issue.h"
#include "src/pki/private_key.h"
#include "src/pki/subject_alt_name.h"
#include "src/steps/pki/cfssl_scenarios_testing.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

// A certificate that cfssl made, with what went into it.
struct Made {
  Json answer;  // cfssl's: "cert", "csr" and "key"
  std::optional<PrivateKey> key;
  Certificate certificate;
  Extensions wanted;
  StringPairs subject;
  int64_t backdate = 0, expiry = 0;  // seconds
};

class CfsslParityTest : public PkiTest, public testing::WithParamInterface<CfsslScenario> {
 protected:
  void SetUp() override {
    if (FindProgram("cfssl").empty()) GTEST_SKIP() << "cfssl is not installed (Debian package golang-cfssl)";
    PkiTest::SetUp();
  }

  static Json Cfssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "cfssl");
    arguments.emplace_back("-loglevel=3");
    RunOptions options;
    options.timeout = absl::Minutes(2);
    absl::StatusOr<RunResult> run = kplan::Run(arguments, options);
    EXPECT_TRUE(run.ok() && run->ok()) << run.status() << (run.ok() ? run->err : "");
    return run.ok() ? Json::parse(run->out, nullptr, false) : Json();
  }

  // The record's subject for a cfssl request.
  static StringPairs SubjectOf(const Json& request) {
    StringPairs subject;
    if (request.contains("CN")) subject.emplace_back("CN", request["CN"]);
    for (const Json& names : request.value("names", Json::array())) {
      for (const auto& [key, value] : names.items()) subject.emplace_back(key, value);
    }
    if (request.contains("serialnumber")) subject.emplace_back("serialNumber", request["serialnumber"]);
    return subject;
  }

  static StringPairs SansOfHosts(const Json& request) {
    StringPairs sans;
    for (std::string host : request.value("hosts", std::vector<std::string>())) {
      if (CanonicalSans({{"ip", host}}).ok()) {
        sans.emplace_back("ip", host);
      } else {
        sans.emplace_back(host.find('@') == std::string::npos ? "dns" : "email", host);
      }
    }
    absl::StatusOr<StringPairs> canonical = CanonicalSans(sans);
    EXPECT_TRUE(canonical.ok()) << canonical.status();
    return *canonical;
  }

  static PrivateKey KeyIn(const Json& answer) {
    const std::string pem = answer["key"];
    absl::StatusOr<PrivateKey> key = PrivateKey::Parse(pem);
    EXPECT_TRUE(key.ok()) << key.status();
    absl::StatusOr<Secret> ours = key->ToPem();
    EXPECT_TRUE(ours.ok());
    EXPECT_EQ(ours->view(), pem);
    return *std::move(key);
  }

  // The same file, or for ECDSA the same bytes under the signature, and a signature that is right.
  static void ExpectSame(absl::StatusOr<std::string> der, const char* label, const std::string& cfssl,
                         const PrivateKey& signer) {
    ASSERT_TRUE(der.ok()) << der.status();
    if (signer.kind().find("rsa") == 0) {
      EXPECT_EQ(EncodePem(label, *der), cfssl);
    }
    absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(cfssl);
    ASSERT_TRUE(blocks.ok());
    EXPECT_EQ(blocks->front().label, label);
    absl::StatusOr<SignedObject> theirs = SignedObject::Parse(blocks->front().der.view());
    absl::StatusOr<SignedObject> ours = SignedObject::Parse(*der);
    ASSERT_TRUE(theirs.ok() && ours.ok());
    EXPECT_EQ(absl::BytesToHexString(ours->signed_part), absl::BytesToHexString(theirs->signed_part));
    EXPECT_EQ(ours->signature_nid, theirs->signature_nid);
    EXPECT_TRUE(ours->IsSignedBy(signer.spki()));
    EXPECT_TRUE(theirs->IsSignedBy(signer.spki()));
    EXPECT_FALSE(theirs->signature.empty());
  }

  static int64_t Seconds(const Json& object, const char* key, int64_t fallback) {
    absl::Duration duration;
    if (!object.is_object() || !object.contains(key) ||
        !absl::ParseDuration(object[key].get<std::string>(), &duration) || duration == absl::ZeroDuration()) {
      return fallback;
    }
    return absl::ToInt64Seconds(duration);
  }

  // What cfssl makes of REQUEST and PROFILE, signed by ISSUER (null: by itself), into NAME.pem, NAME-key.pem
  // and NAME.csr below pki; and that the times are those that we would reckon.
  Made Make(const std::string& name, const Json& request, const Json& profile, const Made* issuer,
            const std::string& issuer_name) {
    Write(name + ".json", request.dump());
    std::vector<std::string> argv = {"gencert"};
    if (issuer == nullptr) {
      argv.emplace_back("-initca");
    } else {
      argv.insert(argv.end(), {"-ca=pki/" + issuer_name + ".pem", "-ca-key=pki/" + issuer_name + "-key.pem",
                               "-config=config.json", "-profile=" + name});
    }
    argv.push_back(name + ".json");
    Made made;
    made.subject = SubjectOf(request);
    made.backdate = Seconds(profile, "backdate", kBackdate);
    made.expiry = Seconds(profile, "expiry", 43800 * 3600);
    const absl::Time before = absl::Now();
    made.answer = Cfssl(argv);
    const absl::Time after = absl::Now();
    Write("pki/" + name + ".pem", made.answer["cert"].get<std::string>());
    Write("pki/" + name + ".csr", made.answer["csr"].get<std::string>());
    Write("pki/" + name + "-key.pem", made.answer["key"].get<std::string>(), 0600);
    made.key = KeyIn(made.answer);
    made.certificate = Parsed("pki/" + name + ".pem");
    EXPECT_GE(made.certificate.not_before, ValidityFrom(before, 0, made.backdate)->not_before);
    EXPECT_LE(made.certificate.not_before, ValidityFrom(after, 0, made.backdate)->not_before);
    EXPECT_EQ(made.certificate.not_after - made.certificate.not_before, made.expiry);

    Extensions& wanted = made.wanted;
    if (issuer == nullptr) {
      wanted.is_ca = true;
      EXPECT_TRUE(ResolveUsages({"cert sign", "crl sign"}, &wanted).ok());
      if (request.contains("ca") && request["ca"].contains("pathlen"))
        wanted.path_length = request["ca"]["pathlen"];
      return made;
    }
    EXPECT_TRUE(ResolveUsages(profile["usages"].get<std::vector<std::string>>(), &wanted).ok());
    wanted.sans = SansOfHosts(request);
    const Json constraint = profile.value("ca_constraint", Json::object());
    wanted.is_ca = constraint.value("is_ca", false);
    if (constraint.contains("max_path_len")) wanted.path_length = constraint["max_path_len"];
    if (profile.contains("crl_url")) wanted.crl_urls = {profile["crl_url"]};
    if (profile.contains("ocsp_url")) wanted.ocsp_urls = {profile["ocsp_url"]};
    wanted.issuer_urls = profile.value("issuer_urls", std::vector<std::string>());
    return made;
  }

  // The same key file (in KeyIn), request and certificate.
  void ExpectParity(const Made& made, const Json& request, const Made* issuer) {
    // With a "ca" section cfssl puts BasicConstraints into the CA's request, which the tutorial has not and
    // nobody reads.
    if (!request.contains("ca")) {
      ExpectSame(MakeRequest(made.subject, made.wanted.sans, *made.key), "CERTIFICATE REQUEST",
                 made.answer["csr"], *made.key);
    }
    absl::StatusOr<NamePtr> name = MakeName(made.subject);
    ASSERT_TRUE(name.ok()) << name.status();
    const NewCertificate wanted = {name->get(), made.wanted, made.certificate.serial,
                                   made.certificate.validity()};
    const PrivateKey& signer = issuer == nullptr ? *made.key : *issuer->key;
    absl::StatusOr<std::string> ours =
        issuer == nullptr ? MakeSelfSigned(wanted, *made.key)
                          : MakeCertificate(wanted, *made.key, issuer->certificate, *issuer->key);
    ExpectSame(ours, "CERTIFICATE", made.answer["cert"], signer);
    ASSERT_TRUE(ours.ok());
    Write("ours.pem", EncodePem("CERTIFICATE", *ours));
    ExpectCertinfo(Cfssl({"certinfo", "-cert", "ours.pem"}), made, issuer == nullptr ? made : *issuer);
  }

  // What cfssl reads in our certificate is what was asked for.
  static void ExpectCertinfo(const Json& info, const Made& made, const Made& issuer) {
    auto values = [](const StringPairs& subject) {
      std::vector<std::string> list;
      for (const auto& [field, value] : subject) list.push_back(value);
      std::sort(list.begin(), list.end());
      return list;
    };
    auto names = [](const Json& entry) {
      auto list = entry.value("names", std::vector<std::string>());
      std::sort(list.begin(), list.end());
      return list;
    };
    auto when = [](int64_t time) {
      return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(time), absl::UTCTimeZone());
    };
    auto key_id = [](const std::string& octets) {
      return absl::StrJoin(octets, ":", [](std::string* out, char c) {
        absl::StrAppendFormat(out, "%X", static_cast<unsigned char>(c));
      });
    };
    std::vector<std::string> sans, found;
    for (const auto& [type, value] : made.wanted.sans) {
      if (type != "email") sans.push_back(value);
    }
    for (const std::string& san : info.value("sans", std::vector<std::string>())) {
      if (san.find('@') == std::string::npos)
        found.push_back(san);  // cfssl 1.2.0 leaves them out, 1.4 does not
    }
    EXPECT_EQ(found, sans);
    EXPECT_EQ(names(info["subject"]), values(made.subject));
    EXPECT_EQ(names(info["issuer"]), values(issuer.subject));
    BnPtr number(BN_bin2bn(reinterpret_cast<const unsigned char*>(made.certificate.serial.data()),
                           static_cast<int>(made.certificate.serial.size()), nullptr));
    char* decimal = BN_bn2dec(number.get());
    EXPECT_EQ(info["serial_number"], decimal);
    OPENSSL_free(decimal);
    EXPECT_EQ(info["not_before"], when(made.certificate.not_before));
    EXPECT_EQ(info["not_after"], when(made.certificate.not_before + made.expiry));
    const std::string signer = issuer.key->kind();
    EXPECT_EQ(info["sigalg"], signer == "rsa 2048"    ? "SHA256WithRSA"
                              : signer == "rsa 3072"  ? "SHA384WithRSA"
                              : signer == "rsa 4096"  ? "SHA512WithRSA"
                              : signer == "ecdsa 256" ? "ECDSAWithSHA256"
                              : signer == "ecdsa 384" ? "ECDSAWithSHA384"
                                                      : "ECDSAWithSHA512");
    EXPECT_EQ(info["subject_key_id"], key_id(made.certificate.subject_key_id));
    EXPECT_EQ(info["authority_key_id"], &made == &issuer ? "" : key_id(issuer.certificate.subject_key_id));
  }

  // A step's record for the certificate, in the place of RECORD.
  static void SetRecord(const Made& made, const Json& profile, Json* record) {
    (*record)["subject"] = made.subject;
    (*record)["expiry"] = made.expiry;
    if (made.backdate != kBackdate) (*record)["backdate"] = made.backdate;
    if (made.wanted.path_length.has_value()) (*record)["max-path-len"] = *made.wanted.path_length;
    if (record->contains("usages")) (*record)["usages"] = profile["usages"];
    if (record->contains("sans")) (*record)["sans"] = made.wanted.sans;
    for (const auto& [ours, theirs] :
         {std::make_pair("crl-url", "crl_url"), std::make_pair("ocsp-url", "ocsp_url"),
          std::make_pair("issuer-urls", "issuer_urls")}) {
      if (profile.is_object() && profile.contains(theirs)) (*record)[ours] = profile[theirs];
    }
  }

  // That the steps find nothing to do about what cfssl made, whose NAME is below pki.
  void ExpectAdopted(const std::string& name, const Json& request, Json key, Json certificate,
                     bool request_too) {
    key["algo"] = request["key"]["algo"];
    key["size"] = request["key"]["size"];
    key["path"] = "pki/" + name + "-key.pem";
    key["certificate"] = certificate["path"] = "pki/" + name + ".pem";
    certificate["key"] = key["path"];
    const bool self_signed = certificate["kind"] == "ca-cert";
    EXPECT_EQ(ReasonOf(KeyStep, key), "");
    if (request_too) {
      Json csr = csr_;
      csr["path"] = "pki/" + name + ".csr";
      csr["key"] = key["path"];
      csr["subject"] = certificate["subject"];
      csr["sans"] = certificate.value("sans", Json::array());
      EXPECT_EQ(ReasonOf(CsrStep, csr), "");
    }
    EXPECT_EQ(ReasonOf(self_signed ? AnyStep(CaCertStep) : AnyStep(CertStep), certificate), "");
  }
};

// What cfssl makes we would make, and what it made is adopted as it stands: nobody who comes from the
// tutorial loses anything.
TEST_P(CfsslParityTest, SameBytesAndAdopted) {
  const CfsslScenario& s = GetParam();
  const bool mid = !s.intermediate.is_null();
  Write("config.json", s.Config().dump());
  const Made ca = Make("ca", s.ca, s.ca.value("ca", Json()), nullptr, "");
  ExpectParity(ca, s.ca, nullptr);
  Made intermediate;
  if (mid) {
    intermediate = Make("intermediate", s.intermediate, s.intermediate_profile, &ca, "ca");
    ExpectParity(intermediate, s.intermediate, &ca);
  }
  const Made& issuer = mid ? intermediate : ca;
  const std::string issuer_name = mid ? "intermediate" : "ca";
  const Made leaf = Make("leaf", s.leaf, s.profile, &issuer, issuer_name);
  ExpectParity(leaf, s.leaf, &issuer);
  if (HasFailure()) FAIL() << s.ca << "\n" << s.intermediate << "\n" << s.leaf << "\n" << s.Config();

  now_ = absl::Now();
  const std::string before = Everything();
  Json record = ca_cert_;
  SetRecord(ca, Json(), &record);
  ExpectAdopted("ca", s.ca, ca_key_, record, !s.ca.contains("ca"));
  if (mid) {
    record = cert_;
    record["ca"] = true;
    record["csr"] = "pki/intermediate.csr";
    SetRecord(intermediate, s.intermediate_profile, &record);
    ExpectAdopted("intermediate", s.intermediate, ca_key_, record, true);
  }
  record = cert_;
  record["csr"] = "pki/leaf.csr";
  record["issuer"] = "pki/" + issuer_name + ".pem";
  SetRecord(leaf, s.profile, &record);
  ExpectAdopted("leaf", s.leaf, key_, record, true);
  EXPECT_EQ(Everything(), before);
}

std::string NameOf(const testing::TestParamInfo<CfsslScenario>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Written, CfsslParityTest, testing::ValuesIn(WrittenScenarios()), NameOf);
INSTANTIATE_TEST_SUITE_P(Random, CfsslParityTest, testing::ValuesIn(GeneratedScenarios(30, 3)), NameOf);

}  // namespace
}  // namespace kplan
