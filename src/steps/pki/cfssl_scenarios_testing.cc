#include "src/steps/pki/cfssl_scenarios_testing.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/pki/usages.h"

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

// Draws what a scenario is made of. (The distributions of the standard library are not the same everywhere;
// the engine is.)
class Draw {
 public:
  explicit Draw(uint32_t seed) : engine_(seed) {}

  uint32_t Below(uint32_t n) { return engine_() % n; }
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  template <typename T>
  const T& OneOf(const std::vector<T>& list) {
    return list[Below(static_cast<uint32_t>(list.size()))];
  }
  // Some of LIST, at least AT_LEAST, in any order.
  template <typename T>
  std::vector<T> Some(std::vector<T> list, size_t at_least, size_t at_most) {
    for (size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[Below(static_cast<uint32_t>(i))]);
    size_t most = std::min(at_most, list.size());
    list.resize(at_least + Below(static_cast<uint32_t>(most - at_least + 1)));
    return list;
  }

  Json Key() {
    if (OneIn(8)) return {{"algo", "rsa"}, {"size", 2048}};
    return {{"algo", "ecdsa"}, {"size", OneOf<int>({256, 256, 256, 384, 521})}};
  }

  Json Subject(const std::string& cn) {
    static const std::vector<std::string> kWords = {
        "Kubernetes", "Zürich", "O'Neill, (Sons) + Co: a/b?", "a*b", "система", "日本", "x_y", "a & b",
        "9",          "a  b"};
    Json request = {{"CN", cn}, {"key", Key()}};
    for (uint32_t n = Below(4); n > 0; --n) {
      Json entry = Json::object();
      if (OneIn(2)) entry["C"] = OneOf<std::string>({"US", "DE", "jp"});
      for (const char* field : {"ST", "L", "O", "OU"}) {
        if (OneIn(2)) entry[field] = OneOf(kWords);
      }
      request["names"].push_back(entry);
    }
    if (OneIn(4)) request["serialnumber"] = OneOf<std::string>({"S1", "0042", "a-b/c"});
    return request;
  }

  std::vector<std::string> Hosts() {
    return Some<std::string>(
        {"a.example", "*.b.example", "localhost", "xn--bcher-kva.example", "10.0.0.1", "127.0.0.1", "::1",
         "2001:DB8::1", "fe80::1", "::ffff:1.2.3.4", "u@example.org", "a+b@example.org"},
        0, 8);
  }

  void AddUrls(Json* profile) {
    if (OneIn(3)) (*profile)["crl_url"] = "http://pki.example/ca.crl";
    if (OneIn(3)) (*profile)["ocsp_url"] = "http://ocsp.example:8080/";
    if (OneIn(3))
      (*profile)["issuer_urls"] =
          Some<std::string>({"http://a.example/ca", "https://b.example/?x=1", "ldap://c/"}, 1, 3);
  }

  void AddBackdate(Json* profile) {
    if (OneIn(2)) (*profile)["backdate"] = OneOf<std::string>({"30s", "1m", "1h", "2h30m", "0s"});
  }

 private:
  std::mt19937 engine_;
};

// All names that Debian's cfssl knows: 1.4.1 added "content commitment".
std::vector<std::string> KnownUsages() {
  std::vector<std::string> names;
  for (const Usage& usage : kUsages) {
    if (usage.name != "content commitment") names.emplace_back(usage.name);
  }
  return names;
}

CfsslScenario Generate(int number, Draw* draw) {
  CfsslScenario s;
  s.name = absl::StrCat("Generated", number);
  s.ca = draw->Subject("authority");
  // A life of the CA that reaches past 2049, and so into GeneralizedTime, or not.
  const bool lasting = draw->OneIn(2);
  int hours = lasting ? 350400 : 43800;
  if (lasting) s.ca["ca"]["expiry"] = absl::StrCat(hours, "h");
  if (draw->OneIn(3)) {
    const uint32_t length = draw->Below(3) + 1;
    s.ca["ca"]["pathlen"] = length;
  }
  if (number % 3 == 0) {
    hours -= 100;
    s.intermediate = draw->Subject("intermediate");
    Json& profile = s.intermediate_profile;
    profile = {{"expiry", absl::StrCat(hours, "h")},
               {"usages", draw->Some<std::string>(
                              {"signing", "server auth", "client auth", "digital signature"}, 0, 3)},
               {"ca_constraint", {{"is_ca", true}}}};
    profile["usages"].push_back("cert sign");
    profile["usages"].push_back("crl sign");
    const uint32_t length = draw->Below(4);
    if (length < 3) profile["ca_constraint"]["max_path_len"] = length;
    if (length == 0) profile["ca_constraint"]["max_path_len_zero"] = true;
    draw->AddUrls(&profile);
    draw->AddBackdate(&profile);
  }
  s.leaf = draw->Subject(draw->OneOf<std::string>({"web", "system:node:a", "Bücher & Co", "a.example"}));
  s.leaf["hosts"] = draw->Hosts();
  s.profile = {{"usages", draw->Some(KnownUsages(), 1, 6)},
               {"expiry", absl::StrCat(24 + draw->Below(static_cast<uint32_t>(hours) - 200), "h")}};
  draw->AddUrls(&s.profile);
  draw->AddBackdate(&s.profile);
  return s;
}

}  // namespace

Json CfsslScenario::Config() const {
  Json profiles = {{"leaf", profile}};
  if (!intermediate.is_null()) profiles["intermediate"] = intermediate_profile;
  return {{"signing", {{"default", {{"expiry", "1h"}}}, {"profiles", profiles}}}};
}

std::vector<CfsslScenario> WrittenScenarios() {
  std::vector<CfsslScenario> list;
  for (const Case& c : kCases) {
    CfsslScenario s;
    s.name = c.name;
    s.ca = Json::parse(c.ca);
    s.leaf = Json::parse(c.leaf);
    s.profile = {{"usages", Json::parse(c.usages)}, {"expiry", c.expiry}};
    list.push_back(std::move(s));
  }
  return list;
}

std::vector<CfsslScenario> GeneratedScenarios(int count, uint32_t seed) {
  std::vector<CfsslScenario> list;
  Draw draw(seed);
  for (int i = 0; i < count; ++i) list.push_back(Generate(i, &draw));
  return list;
}

}  // namespace kplan
