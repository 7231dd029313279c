#include "src/base/paths.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace kplan {
namespace paths {

std::string Shard(absl::string_view name) { return absl::StrCat(kShards, "/", name, ".json"); }
std::string Journal(absl::string_view name) { return absl::StrCat(kJournals, "/", name); }
std::string SavedSpec(int64_t number) { return absl::StrCat(kSpecs, "/", number); }
std::string Partial(absl::string_view label) { return absl::StrCat(".kplan/partial/", label); }
std::string AppliedShard(absl::string_view name) { return absl::StrCat(kApply, "/steps/", name, ".json"); }
std::string Stamp(absl::string_view label) { return absl::StrCat(kStamps, "/", label); }
std::string HostFacts(absl::string_view host) { return absl::StrCat(".kplan/hosts/", host, ".json"); }
std::string Depfile(absl::string_view label) { return absl::StrCat(".kplan/deps/", label); }
std::string Answered(absl::string_view host) { return absl::StrCat(".kplan/answered/", host); }

std::string Certificate(absl::string_view name) { return absl::StrCat("pki/", name, ".pem"); }
std::string Key(absl::string_view name) { return absl::StrCat("pki/", name, "-key.pem"); }
std::string Request(absl::string_view name) { return absl::StrCat("pki/", name, ".csr"); }
std::string Chain(absl::string_view name) { return absl::StrCat("pki/", name, "-chain.pem"); }
std::string Bundle(absl::string_view name) { return absl::StrCat("pki/", name, "-bundle.pem"); }
std::string Pkcs12(absl::string_view name) { return absl::StrCat("pki/", name, ".p12"); }
std::string CrlPem(absl::string_view name) { return absl::StrCat("pki/", name, "-crl.pem"); }
std::string CrlDer(absl::string_view name) { return absl::StrCat("pki/", name, ".crl"); }
std::string Superseded(absl::string_view name) { return absl::StrCat("pki/superseded/", name); }

std::string Generation(absl::string_view name, int number) {
  return number == 1 ? std::string(name) : absl::StrCat(name, "-g", number);
}
std::string Trust(absl::string_view name) { return absl::StrCat("pki/", name, "-trust.pem"); }
std::string Cross(absl::string_view stem) { return absl::StrCat("pki/", stem, "-cross.pem"); }

std::string Retired(absl::string_view path) {
  return absl::StrCat(kRetired, "/", absl::StripPrefix(path, "pki/"));
}
int GenerationOf(absl::string_view file, absl::string_view name) {
  if (!absl::ConsumeSuffix(&file, ".pem") || !absl::ConsumePrefix(&file, name)) return 0;
  if (file.empty()) return 1;
  int number = 0;
  const bool numbered = absl::ConsumePrefix(&file, "-g") && absl::SimpleAtoi(file, &number) && number >= 2;
  // "ca-g02.pem" is somebody else's.
  return numbered && absl::StrCat(number) == file ? number : 0;
}

std::string EtcdReport(absl::string_view name) { return absl::StrCat("reports/verify-", name, ".json"); }

std::string Archive(absl::string_view base) { return absl::StrCat("archives/", base); }

std::string Rendered(absl::string_view host, absl::string_view host_path) {
  return absl::StrCat(kRendered, "/", host, host_path);
}

namespace on_host {

std::string Unit(absl::string_view service) { return absl::StrCat(kUnits, "/", service, ".service"); }

std::string EtcdPrograms(absl::string_view name) {
  return name == "etcd" ? kBinaries : absl::StrCat("/opt/", name, "/bin");
}
std::string EtcdConfig(absl::string_view name) { return absl::StrCat("/etc/", name); }
std::string EtcdData(absl::string_view name) { return absl::StrCat("/var/lib/", name); }

}  // namespace on_host
}  // namespace paths
}  // namespace kplan
