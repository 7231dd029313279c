// What a service's programs come from.

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/model/resolve_services_internal.h"

namespace kplan {
namespace {

constexpr size_t kShort = 16;  // so many digits of a digest tell archives apart

class ProgramsResolver {
 public:
  ProgramsResolver(const ServiceContext& context, const std::vector<int>& hosts, ServiceInstance* service,
                   Cluster* cluster)
      : context_(context),
        spec_(context.spec.archive.archive),
        hosts_(hosts),
        diagnostics_(context.diagnostics),
        service_(*service),
        cluster_(*cluster) {}

  void Resolve() {
    if (!spec_.range.known()) return;
    const std::string& name = context_.spec.name.value;
    const int errors_before = diagnostics_->error_count();
    ResolveMembers();
    const bool one = HasOneSource(spec_, diagnostics_);
    if (spec_.path.set()) {
      ResolveArchivePath(spec_.path, &archive_, diagnostics_);
    } else if (spec_.url.set() || !spec_.mirrors.empty()) {
      if (one) {
        ResolveArchiveDownload(spec_, absl::StrCat(name, "/"), absl::StrCat(name, ".tar.gz"), /*named=*/false,
                               &archive_, diagnostics_);
      }
    } else if (context_.all.well_formed) {
      diagnostics_->Error(Code::kMissingKey, spec_.range, "nobody says where the archive is",
                          "write url: https://..., mirrors: [https://..., ...], or path: FILE");
    }
    CheckArchitectures();
    archive_.place = spec_.range;
    archive_.sha256 = ResolveDigest();
    if (diagnostics_->error_count() > errors_before || context_.host < 0) return;
    archive_.unpacked =
        paths::Archive(absl::StrCat("unpacked/", name, "/", archive_.sha256.substr(0, kShort)));
    // The same for all its hosts.
    auto& archives = cluster_.service_archives;
    if (archives.empty() || archives.back().first != name) archives.emplace_back(name, std::move(archive_));
    service_.archive = static_cast<int>(archives.size()) - 1;
  }

 private:
  void ResolveMembers() {
    if (context_.spec.archive.members.empty() && context_.all.well_formed) {
      diagnostics_->Error(Code::kMissingKey, spec_.range, "nothing is taken out of the archive",
                          "for example members: {metrics-1.0/metrics: /usr/local/bin/metrics}");
    }
    for (const auto& [name, path] : context_.spec.archive.members) {
      CheckMemberName(name);
      CheckHostPath(path, diagnostics_);
      ServiceProgram program;
      // Below one folder, whatever the archive's folders are.
      program.member = path.value.substr(path.value.rfind('/') + 1);
      for (int number = 2; IsTaken(program.member); ++number)
        program.member = absl::StrCat(path.value.substr(path.value.rfind('/') + 1), "-", number);
      program.path = path.value;
      archive_.members.emplace_back(name.value, program.member);
      service_.programs.push_back(std::move(program));
    }
  }

  bool IsTaken(const std::string& member) const {
    return std::any_of(service_.programs.begin(), service_.programs.end(),
                       [&](const ServiceProgram& p) { return p.member == member; });
  }

  void CheckMemberName(const Text& name) {
    const bool good = IsPlainPath(name.value) && name.value[0] != '/' && !absl::EndsWith(name.value, "/") &&
                      !absl::StrContains(absl::StrCat("/", name.value, "/"), "/../");
    if (good) return;
    diagnostics_->Error(Code::kBadPath, name.range,
                        absl::StrCat(Quote(name.value), " cannot be the name of a file in an archive"),
                        "write it as `tar tzf` prints it: letters, digits and / . _ - + @ = ~");
  }

  // One URL is one archive: with a digest for each architecture it cannot be for two of them.
  void CheckArchitectures() {
    if (spec_.sha256_by_arch.empty()) return;
    for (int other : hosts_) {
      const Host& first = cluster_.hosts[hosts_[0]];
      if (cluster_.hosts[other].arch == first.arch) continue;
      diagnostics_->Error(
          Code::kConflict, spec_.range,
          absl::StrCat("one archive with a digest for each architecture: it is not for both ", first.name,
                       " (", first.arch, ") and ", cluster_.hosts[other].name, " (",
                       cluster_.hosts[other].arch, ")"),
          "write a service for each architecture; or one sha256, when the archive is for both");
      return;
    }
  }

  std::string ResolveDigest() {
    const Host* host = context_.host_of();
    const std::string arch = host == nullptr ? "amd64" : host->arch;
    const Text* digest = FindArchiveDigest(spec_, arch, diagnostics_);
    if (digest != nullptr) return CheckedDigest(*digest, diagnostics_);
    if (!context_.all.well_formed || host == nullptr) return "";
    diagnostics_->Error(
        Code::kBadDigest, spec_.range,
        absl::StrCat(
            "the archive of ", Quote(context_.spec.name.value), " has no sha256",
            spec_.sha256_by_arch.empty() ? "" : absl::StrCat(" for ", arch, ", which ", host->name, " is")),
        absl::StrCat(
            "have sha256sum print it, or take it from the release's list, and write\n  archive: {sha256: ",
            spec_.sha256_by_arch.empty() ? "..." : absl::StrCat("{", arch, ": ...}"), "}"));
    return "";
  }

  const ServiceContext& context_;
  const ArchiveSpec& spec_;
  const std::vector<int>& hosts_;
  Diagnostics* diagnostics_;
  ServiceInstance& service_;
  Cluster& cluster_;
  Archive archive_;
};

}  // namespace

void ResolveServicePrograms(const ServiceContext& context, const std::vector<int>& hosts,
                            ServiceInstance* service, Cluster* cluster) {
  ProgramsResolver(context, hosts, service, cluster).Resolve();
}

}  // namespace kplan
