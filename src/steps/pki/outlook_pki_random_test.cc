// Hundreds of random edits of the records and of the files of a PKI, one after another: what the looks say
// of all steps, each with what those before it foresee, is what the steps then do.

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/process.h"
#include "src/steps/pki/pki_outlook_testing.h"

namespace kplan {
namespace {

constexpr int kRounds = 300;
constexpr uint32_t kSeed = 20261122;
constexpr int64_t kDay = 86400;

class OutlookPkiRandomTest : public PkiOutlookTest {
 protected:
  struct World {
    std::vector<PkiStep> steps;
    absl::Time now;
    std::map<std::string, std::string> stamps;
  };

  void SetUp() override {
    PkiTest::SetUp();
    AddPki();
    ASSERT_TRUE(AgreeAll(steps_));
  }

  Json& RecordOf(const std::string& label) {
    for (PkiStep& step : steps_) {
      if (step.label == label) return step.record;
    }
    ADD_FAILURE() << label;
    return steps_[0].record;
  }

  void Add(const std::string& label, const AnyStep& run, const AnyLook& look, Json record,
           std::vector<std::string> inputs) {
    steps_.push_back({label, run, look, std::move(record), std::move(inputs)});
  }

  void AddCa(const std::string& name, const std::string& issuer) {
    const std::string stem = "pki/" + name;
    const StringPairs subject = {{"O", "Test"}, {"CN", "CA " + name}};
    Json key = ca_key_;
    key["path"] = stem + "-key.pem";
    key["certificate"] = stem + ".pem";
    Add(name + "/key", KeyStep, KeyLook, key, {});
    Json csr = {{"ca", true},
                {"key", key["path"]},
                {"kind", "csr"},
                {"path", stem + ".csr"},
                {"sans", StringPairs()},
                {"subject", subject}};
    Add(name + "/csr", CsrStep, CsrLook, csr, {name + "/key"});
    if (issuer.empty()) {
      Json cert = {{"expiry", 1825 * kDay},
                   {"key", key["path"]},
                   {"kind", "ca-cert"},
                   {"path", stem + ".pem"},
                   {"subject", subject}};
      Add(name, CaCertStep, CaCertLook, cert, {name + "/key"});
      return;
    }
    Json cert = Issued(name, issuer, 1000 * kDay, subject, {});
    cert["ca"] = true;
    cert["usages"] = {"cert sign", "crl sign"};
    Add(name, CertStep, CertLook, cert, {name + "/csr", issuer});
  }

  static Json Issued(const std::string& name, const std::string& issuer, int64_t expiry,
                     const StringPairs& subject, const StringPairs& sans) {
    const std::string stem = "pki/" + name, above = "pki/" + issuer;
    return {{"csr", stem + ".csr"},
            {"expiry", expiry},
            {"issuer", above + ".pem"},
            {"issuer-key", above + "-key.pem"},
            {"key", stem + "-key.pem"},
            {"kind", "cert"},
            {"path", stem + ".pem"},
            {"sans", sans},
            {"subject", subject},
            {"superseded", "pki/superseded/" + name},
            {"usages", {"signing", "key encipherment", "server auth", "client auth"}}};
  }

  void AddLeaf(const std::string& name, const std::string& issuer) {
    const std::string stem = "pki/" + name;
    const StringPairs subject = {{"O", "Test"}, {"CN", name}};
    const StringPairs sans = {{"dns", name}, {"dns", "all"}, {"ip", "10.0.0.1"}};
    Json key = key_;
    key["path"] = stem + "-key.pem";
    Add(name + "/key", KeyStep, KeyLook, key, {});
    Json csr = csr_;
    csr["key"] = key["path"];
    csr["path"] = stem + ".csr";
    csr["sans"] = sans;
    csr["subject"] = subject;
    Add(name + "/csr", CsrStep, CsrLook, csr, {name + "/key"});
    Add(name, CertStep, CertLook, Issued(name, issuer, 365 * kDay, subject, sans), {name + "/csr", issuer});
  }

  void AddBundle(const std::string& name, const std::string& form, const Json& issuers,
                 std::vector<std::string> inputs) {
    Json record = {{"cert", "pki/" + name + ".pem"},
                   {"form", form},
                   {"issuers", issuers},
                   {"kind", "bundle"},
                   {"path", absl::StrCat("pki/", name, "-", form, ".pem")}};
    if (form == "bundle") {
      record["key"] = "pki/" + name + "-key.pem";
      inputs.push_back(name + "/key");
    }
    Add(form + "/" + name, BundleStep, BundleLook, record, std::move(inputs));
  }

  void AddCrl(const std::string& ca, std::vector<std::string> inputs) {
    const std::string stem = "pki/" + ca;
    Json record = {{"certs", Json::array()},
                   {"der", stem + ".crl"},
                   {"expiry", 30 * kDay},
                   {"issuer", stem + ".pem"},
                   {"issuer-key", stem + "-key.pem"},
                   {"kind", "crl"},
                   {"path", stem + "-crl.pem"},
                   {"serials", Json::array()}};
    inputs.push_back(ca);
    Add(ca + "/crl", CrlStep, CrlLook, record, std::move(inputs));
  }

  // root > mid > x; root > y. Chains, bundles and CRLs of both.
  void AddPki() {
    AddCa("root", "");
    AddCa("mid", "root");
    AddLeaf("x", "mid");
    AddLeaf("y", "root");
    AddBundle("x", "chain", Json::array({"pki/mid.pem"}), {"x", "mid"});
    AddBundle("x", "bundle", Json::array({"pki/mid.pem"}), {"x", "mid"});
    AddBundle("y", "bundle", Json::array(), {"y"});
    AddCrl("root", {"y", "mid"});
    AddCrl("mid", {"x"});
  }

  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  template <typename T>
  T Pick(const std::vector<T>& from) {
    return from[Below(from.size())];
  }
  std::string Leaf() { return Pick<std::string>({"x", "y"}); }
  std::string Ca() { return Pick<std::string>({"root", "mid"}); }

  // Every file that a step made, with the label of the step.
  StringPairs Files() {
    StringPairs files;
    for (const PkiStep& step : steps_) {
      files.emplace_back(step.record["path"].get<std::string>(), step.label);
      if (step.record.contains("der")) files.emplace_back(step.record["der"].get<std::string>(), step.label);
    }
    return files;
  }

  // Something that a person does with a file; what it was.
  std::string Tamper() {
    const auto [path, label] = Pick<std::pair<std::string, std::string>>(Files());
    // A CA without its key comes to a stop, and there is little to be seen then.
    if (absl::EndsWith(path, "root-key.pem") && Below(10) != 0) return "";
    if (!Exists(path)) return "";
    touched_.insert(label);
    switch (Below(6)) {
      case 0:
        unlink(path.c_str());
        return absl::StrCat("deleted ", path);
      case 1: {
        std::string text = Read(path);
        const mode_t mode = ModeOf(path);
        const size_t at = Below(text.size());
        text[at] ^= 1;
        Write(path, text, mode);
        return absl::StrCat("flipped a bit at ", at, " of ", path);
      }
      case 2: {
        const mode_t mode = Pick<mode_t>({0600, 0644, 0666, 0400});
        chmod(path.c_str(), mode);
        return absl::StrCat("chmod ", absl::Hex(mode), " ", path);
      }
      case 3: {
        const std::string other = Pick<std::pair<std::string, std::string>>(Files()).first;
        if (!Exists(other)) return "";
        Write(path, Read(other), ModeOf(path));
        return absl::StrCat("copied ", other, " to ", path);
      }
      case 4:
        Write(path, absl::StrCat("\xEF\xBB\xBF", Read(path)), ModeOf(path));
        return absl::StrCat("a byte order mark in front of ", path);
      default:
        Write(path, absl::StrCat("text\n", Read(path), "\n"), ModeOf(path));
        return absl::StrCat("text around ", path);
    }
  }

  // Sets KEY in the records of a certificate and of its request.
  void SetBoth(const std::string& name, const char* key, const Json& value) {
    RecordOf(name)[key] = value;
    RecordOf(name + "/csr")[key] = value;
  }

  std::string EditLeaf(const std::string& name) {
    Json& cert = RecordOf(name);
    Json& key = RecordOf(name + "/key");
    switch (Below(9)) {
      case 0: {
        const bool order_alone = Below(2) == 0;
        StringPairs sans = {{"dns", name}, {"dns", "all"}, {"ip", "10.0.0.1"}, {"dns", "more"}};
        if (order_alone) sans = cert["sans"].get<StringPairs>();
        std::shuffle(sans.begin(), sans.end(), random_);
        if (!order_alone) sans.resize(1 + Below(4));
        SetBoth(name, "sans", sans);
        return name + " sans";
      }
      case 1: {
        Json usages = Json::array({"signing", "server auth"});
        if (Below(2) == 0) usages.push_back("client auth");
        if (Below(2) == 0) usages.push_back("key encipherment");
        cert["usages"] = usages;
        return name + " usages";
      }
      case 2:
        SetBoth(name, "subject", StringPairs{{"O", Pick<std::string>({"Test", "Other"})}, {"CN", name}});
        return name + " subject";
      case 3:
        cert["expiry"] = Pick<int64_t>({365, 200, 400, 1200}) * kDay;
        return name + " expiry";
      case 4:
        key["generation"] = key.value("generation", 1) + 1;
        return name + " generation";
      case 5:
        key["size"] = key["size"] == 256 ? 384 : 256;
        return name + " size";
      case 6:
        if (key.erase("format") == 0) key["format"] = "pkcs8";
        return name + " format";
      case 7:
        if (cert.erase("crl-url") == 0) cert["crl-url"] = "http://pki/" + name + ".crl";
        return name + " crl-url";
      default: {
        const int64_t seconds = absl::ToUnixSeconds(now_);
        cert["revoked-before"] = seconds;
        Json& crl = RecordOf(name == "x" ? "mid/crl" : "root/crl");
        crl["certs"].push_back({absl::StrCat("pki/", name, ".pem"), absl::StrCat("pki/superseded/", name),
                                "superseded", absl::StrCat(seconds)});
        return name + " revoked";
      }
    }
  }

  std::string EditCa(const std::string& name) {
    Json& cert = RecordOf(name);
    Json& crl = RecordOf(name + "/crl");
    switch (Below(8)) {
      case 0:
        cert["expiry"] = Pick<int64_t>({1825, 1000, 300, 2500}) * kDay;
        return name + " expiry";
      case 1:
        SetBoth(name, "subject",
                StringPairs{{"O", "Test"}, {"CN", "CA " + name + Pick<std::string>({"", " 2", " 3"})}});
        return name + " subject";
      case 2:
        if (cert.erase("max-path-len") == 0) cert["max-path-len"] = Pick<int>({0, 1, 2});
        return name + " max-path-len";
      case 3:
        if (cert.erase("permitted") == 0) {
          cert["permitted"] = Below(2) == 0
                                  ? StringPairs{{"dns", "x"}, {"dns", "y"}, {"dns", "all"}, {"dns", "more"}}
                                  : StringPairs{{"dns", "example.com"}};
        }
        return name + " permitted";
      case 4:
        cert["renew-before"] = Pick<int64_t>({30, 60, 90}) * kDay;
        return name + " renew-before";
      case 5:
        crl["serials"].push_back({absl::StrCat(absl::Hex(Below(200) + 1)), "superseded", ""});
        return name + " crl serial";
      case 6:
        crl["serials"] = Json::array();
        return name + " crl without serials";
      default:
        crl["expiry"] = Pick<int64_t>({30, 7, 60}) * kDay;
        return name + " crl expiry";
    }
  }

  std::string Edit() {
    switch (Below(4)) {
      case 0:
        return EditLeaf(Leaf());
      case 1:
        return EditCa(Ca());
      case 2:
        return Tamper();
      default: {
        const int64_t days = Pick<int64_t>({0, 1, 20, 100, 250});
        now_ += absl::Hours(24 * days);
        return absl::StrCat(days, " days later");
      }
    }
  }

  static void Copy(const char* from, const char* to) {
    for (const std::vector<std::string>& argv :
         {std::vector<std::string>{"rm", "-rf", to}, std::vector<std::string>{"cp", "-a", from, to}}) {
      absl::StatusOr<RunResult> run = kplan::Run(argv);
      ASSERT_TRUE(run.ok() && run->ok()) << argv[0];
    }
  }

  std::vector<PkiStep> steps_;
  std::mt19937 random_{kSeed};
};

TEST_F(OutlookPkiRandomTest, LooksAndStepsAgree) {
  int stopped = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    const World before = {steps_, now_, stamps_};
    Copy("pki", "saved");
    std::string edits;
    for (size_t n = 1 + Below(3); n > 0; --n) absl::StrAppend(&edits, Edit(), "; ");
    SCOPED_TRACE(absl::StrCat("round ", round, ": ", edits));
    if (AgreeAll(steps_)) continue;
    // Somebody has to mend it first: back to how it was.
    ++stopped;
    steps_ = before.steps;
    now_ = before.now;
    stamps_ = before.stamps;
    touched_.clear();
    Copy("saved", "pki");
  }
  // It has seen all kinds of things.
  EXPECT_GT(right_, 10 * kRounds);
  EXPECT_GT(made_, 2 * kRounds);
  EXPECT_GT(stopped, kRounds / 20);
  EXPECT_LT(stopped, kRounds / 2);
  for (const char* name :
       {"missing", "damaged", "mode",    "kind",   "generation",   "format",           "text",
        "key",     "subject", "names",   "usages", "constraints",  "name-constraints", "urls",
        "issuer",  "revoked", "expired", "expiry", "expires-soon", "certificate",      "issuers",
        "content"}) {
    EXPECT_EQ(seen_.count(name), 1u) << name;
  }
}

}  // namespace
}  // namespace kplan
