// kplan's keys, requests and certificates against those of the real cfssl: the same bytes, given the same
// key, serial number and times (for ECDSA, whose signatures are random, the same bytes under the signature).

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/base/process.h"
#include "src/steps/der.h"
#include "src/steps/issue.h"
#include "src/steps/pki_testing.h"
#include "src/steps/private_key.h"
#include "src/steps/subject_alt_name.h"

namespace kplan {
namespace {

struct Case {
  const char* name;
  const char* ca;      // cfssl's request for the CA
  const char* leaf;    // and for the leaf, hosts included
  const char* usages;  // of the profile
  const char* expiry = "8760h";
};

constexpr char kTutorialCa[] = R"({"CN":"Kubernetes","key":{"algo":"rsa","size":2048},"names":[
    {"C":"US","L":"Portland","O":"Kubernetes","OU":"CA","ST":"Oregon"}]})";
constexpr char kTutorialUsages[] = R"(["signing","key encipherment","server auth","client auth"])";

const Case kCases[] = {
    {"Tutorial", kTutorialCa,
     R"({"CN":"kubernetes","key":{"algo":"rsa","size":2048},
         "hosts":["worker","127.0.0.1","kubernetes","kubernetes.default","kubernetes.default.svc",
                  "kubernetes.default.svc.cluster","kubernetes.svc.cluster.local","10.32.0.1"],
         "names":[{"C":"US","L":"Portland","O":"Kubernetes","OU":"Kubernetes The Hard Way","ST":"Oregon"}]})",
     kTutorialUsages},
    {"NoHostsNoNames", R"({"CN":"ca","key":{"algo":"rsa","size":2048}})",
     R"({"CN":"root","key":{"algo":"rsa","size":2048}})", R"(["signing","key encipherment","client auth"])"},
    {"SeveralNames", R"({"CN":"ca","key":{"algo":"rsa","size":2048},"names":[{"O":"b"},{"O":"a","C":"DE"}]})",
     R"({"CN":"x","key":{"algo":"rsa","size":2048},"hosts":["*.example.org"],"serialnumber":"S1",
         "names":[{"C":"US","O":"zzz","OU":"b"},{"C":"DE","O":"aa","OU":"a longer unit","ST":"Bern"},{"O":"aaa"}]})",
     kTutorialUsages},
    {"StringTypes", R"({"CN":"ca_1 & more","key":{"algo":"rsa","size":2048},"names":[{"O":"Zürich *"}]})",
     R"({"CN":"system:node:a@b","key":{"algo":"rsa","size":2048},"hosts":["a"],
         "names":[{"C":"US","O":"system:masters","L":"Zürich","ST":"'()+,-./:=?","OU":"\"q\", r"}]})",
     kTutorialUsages},
    {"EveryTypeOfHost", kTutorialCa,
     R"({"CN":"x","key":{"algo":"rsa","size":2048},
         "hosts":["10.0.0.1","b.example","::1","u@example.org","::ffff:1.2.3.4","a.example","fe80::1","2001:DB8::1"]})",
     kTutorialUsages},
    {"EmptySubject", kTutorialCa, R"({"key":{"algo":"rsa","size":2048},"hosts":["a.example"]})",
     kTutorialUsages},
    {"Rsa3072Ca", R"({"CN":"ca","key":{"algo":"rsa","size":3072}})",
     R"({"CN":"x","key":{"algo":"rsa","size":2048},"hosts":["a"]})", kTutorialUsages},
    {"Rsa4096Ca", R"({"CN":"ca","key":{"algo":"rsa","size":4096}})",
     R"({"CN":"x","key":{"algo":"ecdsa","size":256},"hosts":["a"]})", kTutorialUsages},
    {"Ecdsa256", R"({"CN":"ca","key":{"algo":"ecdsa","size":256}})",
     R"({"CN":"x","key":{"algo":"ecdsa","size":256},"hosts":["a"]})", kTutorialUsages},
    {"Ecdsa384", R"({"CN":"ca","key":{"algo":"ecdsa","size":384}})",
     R"({"CN":"x","key":{"algo":"rsa","size":2048},"hosts":["a"]})", kTutorialUsages},
    {"Ecdsa521", R"({"CN":"ca","key":{"algo":"ecdsa","size":521}})",
     R"({"CN":"x","key":{"algo":"ecdsa","size":521},"hosts":["a"]})", kTutorialUsages},
    {"OnlyExtended", kTutorialCa, R"({"CN":"x","key":{"algo":"rsa","size":2048},"hosts":["a"]})",
     R"(["client auth","server auth"])"},
    {"OnlyKeyUsage", kTutorialCa, R"({"CN":"x","key":{"algo":"rsa","size":2048},"hosts":["a"]})",
     R"(["key agreement","signing","decipher only"])"},
    {"EveryUsage", kTutorialCa, R"({"CN":"x","key":{"algo":"rsa","size":2048},"hosts":["a"]})",
     R"(["netscape sgc","signing","key encipherment","key agreement","data encipherment","cert sign","crl sign",
         "encipher only","decipher only","any","server auth","client auth","code signing","email protection",
         "ipsec end system","ipsec tunnel","ipsec user","timestamping","ocsp signing","microsoft sgc"])"},
    {"SMime", kTutorialCa, R"({"CN":"x","key":{"algo":"rsa","size":2048},"hosts":["a"]})",
     R"(["s/mime","signing"])"},
    // Past 2049: GeneralizedTime.
    {"Long", R"({"CN":"ca","key":{"algo":"rsa","size":2048},"ca":{"expiry":"350400h"}})",
     R"({"CN":"x","key":{"algo":"rsa","size":2048},"hosts":["a"]})", kTutorialUsages, "262800h"},
};

class CfsslParityTest : public PkiTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    if (FindProgram("cfssl").empty()) GTEST_SKIP() << "cfssl is not installed (Debian package golang-cfssl)";
    PkiTest::SetUp();
  }

  // cfssl's answer: "cert", "csr" and "key".
  static Json Cfssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"cfssl", "gencert", "-loglevel=3"});
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

  static std::string SerialOf(const Certificate& c) {
    DerReader outer(c.signed_object.signed_part);
    DerReader fields = outer.Enter();
    fields.ReadOptional(0);
    return std::string(fields.Read(V_ASN1_INTEGER).content);
  }

  static Certificate CertificateIn(const Json& answer) {
    Write("c.pem", answer["cert"].get<std::string>());
    return Parsed("c.pem");
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
};

TEST_P(CfsslParityTest, SameBytes) {
  const Case& c = GetParam();
  const Json ca_request = Json::parse(c.ca), request = Json::parse(c.leaf), usages = Json::parse(c.usages);
  const Json config = {
      {"signing",
       {{"default", {{"expiry", "1h"}}}, {"profiles", {{"p", {{"usages", usages}, {"expiry", c.expiry}}}}}}}};
  Write("ca.json", ca_request.dump());
  Write("leaf.json", request.dump());
  Write("config.json", config.dump());

  const Validity before = ValidityFrom(absl::Now(), 0);
  const Json ca = Cfssl({"-initca", "ca.json"});
  ASSERT_TRUE(ca.is_object());
  Write("ca.pem", ca["cert"].get<std::string>());
  Write("ca-key.pem", ca["key"].get<std::string>(), 0600);
  const Json leaf =
      Cfssl({"-ca=ca.pem", "-ca-key=ca-key.pem", "-config=config.json", "-profile=p", "leaf.json"});
  ASSERT_TRUE(leaf.is_object());
  const Validity after = ValidityFrom(absl::Now(), 0);

  const PrivateKey ca_key = KeyIn(ca), key = KeyIn(leaf);
  const Certificate ca_certificate = CertificateIn(ca), certificate = CertificateIn(leaf);
  EXPECT_GE(certificate.not_before, before.not_before);
  EXPECT_LE(certificate.not_before, after.not_before);
  EXPECT_EQ(DurationText(certificate.not_after - certificate.not_before), c.expiry);

  const StringPairs ca_subject = SubjectOf(ca_request), subject = SubjectOf(request),
                    sans = SansOfHosts(request);
  // With a "ca" section cfssl puts BasicConstraints into the CA's request, which the tutorial has not and
  // nobody reads.
  if (!ca_request.contains("ca")) {
    ExpectSame(MakeRequest(ca_subject, {}, ca_key), "CERTIFICATE REQUEST", ca["csr"], ca_key);
  }
  ExpectSame(MakeRequest(subject, sans, key), "CERTIFICATE REQUEST", leaf["csr"], key);
  ExpectSame(MakeCaCertificate(ca_subject, ca_key, SerialOf(ca_certificate),
                               {ca_certificate.not_before, ca_certificate.not_after}),
             "CERTIFICATE", ca["cert"], ca_key);
  Leaf ours;
  ours.subject = subject;
  ours.sans = sans;
  absl::StatusOr<UsageSet> set = ResolveUsages(usages.get<std::vector<std::string>>());
  ASSERT_TRUE(set.ok()) << set.status();
  ours.usages = *set;
  ours.serial = SerialOf(certificate);
  ours.validity = {certificate.not_before, certificate.not_after};
  ExpectSame(MakeLeafCertificate(ours, key, ca_certificate, ca_key), "CERTIFICATE", leaf["cert"], ca_key);
}

// What cfssl made is adopted as it stands: nobody who comes from the tutorial loses anything.
TEST_P(CfsslParityTest, AdoptedWhole) {
  const Case& c = GetParam();
  const Json ca_request = Json::parse(c.ca), request = Json::parse(c.leaf), usages = Json::parse(c.usages);
  const Json config = {
      {"signing",
       {{"default", {{"expiry", "1h"}}}, {"profiles", {{"p", {{"usages", usages}, {"expiry", c.expiry}}}}}}}};
  Write("ca.json", ca_request.dump());
  Write("leaf.json", request.dump());
  Write("config.json", config.dump());
  const Json ca = Cfssl({"-initca", "ca.json"});
  Write("pki/ca.pem", ca["cert"].get<std::string>());
  Write("pki/ca-key.pem", ca["key"].get<std::string>(), 0600);
  const Json leaf =
      Cfssl({"-ca=pki/ca.pem", "-ca-key=pki/ca-key.pem", "-config=config.json", "-profile=p", "leaf.json"});
  Write("pki/x.pem", leaf["cert"].get<std::string>());
  Write("pki/x.csr", leaf["csr"].get<std::string>());
  Write("pki/x-key.pem", leaf["key"].get<std::string>(), 0600);

  now_ = absl::Now();
  ca_key_["algo"] = ca_request["key"]["algo"];
  ca_key_["size"] = ca_request["key"]["size"];
  key_["algo"] = request["key"]["algo"];
  key_["size"] = request["key"]["size"];
  if (ca_request.contains("ca")) ca_cert_["expiry"] = 350400LL * 3600;
  ca_cert_["subject"] = SubjectOf(ca_request);
  csr_["subject"] = cert_["subject"] = SubjectOf(request);
  csr_["sans"] = cert_["sans"] = SansOfHosts(request);
  cert_["usages"] = usages;
  cert_["expiry"] = std::stoll(c.expiry) * 3600;
  const std::string before = Everything();
  EXPECT_EQ(ReasonOf(KeyStep, ca_key_), "");
  EXPECT_EQ(ReasonOf(CaCertStep, ca_cert_), "");
  EXPECT_EQ(ReasonOf(KeyStep, key_), "");
  EXPECT_EQ(ReasonOf(CsrStep, csr_), "");
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  EXPECT_EQ(Everything(), before);
}

INSTANTIATE_TEST_SUITE_P(Cfssl, CfsslParityTest, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace kplan
