#include "src/prune/leftover_check.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/host/host_file.h"
#include "src/look/holdings.h"
#include "src/step/kinds.h"

namespace kplan {
namespace {

// A path of one or more plain components, none of which leads elsewhere.
bool IsStraight(absl::string_view path) {
  if (!IsPlainPath(path)) return false;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

bool IsName(absl::string_view text) {
  return IsStraight(text) && !absl::StrContains(text, '/') && text[0] != '-';
}

// A path on a host that a service may have a file or folder at: any, but not one above which there is
// nothing.
bool IsPlaceOfServices(absl::string_view path) {
  absl::StatusOr<HostPath> split = SplitHostPath(path);
  return split.ok() && split->folder != "/" && IsStraight(absl::StripPrefix(path, "/"));
}

// Whether PATH is where files are that a machine cannot do without. A service may have one there; but what
// this note says of it is not proof enough to remove it.
bool IsTheSystems(absl::string_view path) {
  absl::StatusOr<HostPath> split = SplitHostPath(path);
  if (!split.ok()) return true;
  for (absl::string_view folder :
       {"/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/sbin"}) {
    if (split->folder == folder) return true;
  }
  for (absl::string_view tree : {"/boot/", "/dev/", "/proc/", "/sys/"}) {
    if (absl::StartsWith(path, tree)) return true;
  }
  return false;
}

// "ca/key" and "ca/NAME/key": the CA's name, "ca" or NAME; empty for another label.
absl::string_view NameOfCa(absl::string_view label, absl::string_view what) {
  if (!absl::ConsumePrefix(&label, "ca/") || !absl::ConsumeSuffix(&label, what)) return {};
  if (label.empty()) return "ca";
  return absl::ConsumeSuffix(&label, "/") && IsName(label) ? label : absl::string_view();
}

// The files below DIR that a step of this label and KIND has, or nothing when no step is called so.
std::vector<std::string> FilesOfLabel(absl::string_view label, StepKind kind) {
  struct OfName {
    StepKind kind;
    absl::string_view prefix;
    std::string (*path)(absl::string_view);
  };
  constexpr OfName kOfNames[] = {
      {StepKind::kKey, "key/", paths::Key},           {StepKind::kCsr, "csr/", paths::Request},
      {StepKind::kCert, "cert/", paths::Certificate}, {StepKind::kBundle, "chain/", paths::Chain},
      {StepKind::kBundle, "bundle/", paths::Bundle},  {StepKind::kBundle, "pkcs12/", paths::Pkcs12}};
  for (const OfName& it : kOfNames) {
    absl::string_view name = label;
    if (kind == it.kind && absl::ConsumePrefix(&name, it.prefix)) return {it.path(name)};
  }
  constexpr OfName kOfCas[] = {{StepKind::kKey, "key", paths::Key},
                               {StepKind::kCsr, "csr", paths::Request},
                               {StepKind::kCaCert, "cert", paths::Certificate},
                               {StepKind::kAdoptCa, "cert", paths::Certificate},
                               {StepKind::kCert, "cert", paths::Certificate}};
  for (const OfName& it : kOfCas) {
    if (absl::string_view name = NameOfCa(label, it.prefix); kind == it.kind && !name.empty())
      return {it.path(name)};
  }
  if (absl::string_view name = NameOfCa(label, "crl"); kind == StepKind::kCrl && !name.empty()) {
    return {paths::CrlPem(name), paths::CrlDer(name)};
  }
  if (absl::string_view name = label;
      kind == StepKind::kVerify && absl::ConsumePrefix(&name, "verify/") && IsName(name))
    return {paths::EtcdReport(name)};
  if (absl::string_view rest = label; kind == StepKind::kRender && absl::ConsumePrefix(&rest, "render/")) {
    size_t slash = rest.find('/');
    if (slash != absl::string_view::npos) return {paths::Rendered(rest.substr(0, slash), rest.substr(slash))};
  }
  return {};
}

bool IsArchive(const Leftover& leftover, const Holding& holding) {
  absl::string_view path = holding.path;
  if (holding.kind == Holding::Kind::kFile) {
    return absl::StartsWith(leftover.label, "archive/") && absl::ConsumePrefix(&path, paths::Archive("")) &&
           IsName(path);
  }
  return absl::StartsWith(leftover.label, "unpack/") &&
         absl::ConsumePrefix(&path, paths::Archive("unpacked/")) && IsStraight(path);
}

bool IsHostThing(const Leftover& leftover, const std::vector<Holding>& holdings) {
  const Holding& last = holdings.back();
  const bool by_name = last.kind == Holding::Kind::kService;
  const std::string in_label = absl::StrCat("/", leftover.host, by_name ? "/" : "", last.path);
  if (last.root.empty() || last.root[0] == '-') return false;
  // What removes it there is shown as a command.
  if (last.over_ssh() && (last.host != leftover.host || !IsPlainPath(last.root))) return false;
  if (by_name) return IsName(last.path) && leftover.label == absl::StrCat("service", in_label);
  if (last.kind == Holding::Kind::kHostFolder) {
    return IsPlaceOfServices(last.path) && leftover.label == absl::StrCat("dir", in_label);
  }
  if (absl::string_view name = leftover.label;
      !std::holds_alternative<PairRecord>(leftover.made_by) &&
      absl::ConsumePrefix(&name, absl::StrCat("unit/", leftover.host, "/"))) {
    return IsName(name) && (last.path == paths::on_host::Unit(name) ||
                            last.path == absl::StrCat(paths::on_host::kUnits, "/", name));
  }
  for (const Holding& holding : holdings) {
    if (!IsPlaceOfServices(holding.path)) return false;
  }
  return leftover.label == absl::StrCat("file", in_label);
}

}  // namespace

std::string WhyNotOurs(const Leftover& leftover) {
  if (!leftover.problem.empty()) return leftover.problem;
  constexpr char kWrong[] = "kplan never wrote this: ";
  if (!IsStraight(leftover.label)) return absl::StrCat(kWrong, Quote(leftover.label), " is no label");
  const std::vector<Holding> holdings = HoldingsOf(leftover.made_by);
  if (holdings.empty()) return absl::StrCat(kWrong, "it says of no file where it is");
  const StepKind kind = KindOf(leftover.made_by)->kind;
  bool ours = true;
  if (holdings[0].on_host()) {
    ours = IsHostThing(leftover, holdings);
  } else if (kind == StepKind::kArchive || kind == StepKind::kUnpack) {
    ours = IsArchive(leftover, holdings[0]);
  } else {
    const std::vector<std::string> files = FilesOfLabel(leftover.label, kind);
    ours = files.size() == holdings.size();
    for (size_t i = 0; ours && i < files.size(); ++i) ours = holdings[i].path == files[i];
  }
  if (ours) return "";
  return absl::StrCat(kWrong, "a step of this name does not keep ", Quote(holdings.back().Shown()));
}

std::string WhyKeptForGood(const Leftover& leftover) {
  HoldingNames names;
  for (const Holding& holding : HoldingsOf(leftover.made_by)) {
    const bool file = holding.kind == Holding::Kind::kHostFile && !holding.over_ssh();
    if (file && IsTheSystems(holding.path) &&
        names.Of({Holding::Kind::kHostFolder, holding.root, "/"}) == "/")
      return "it is among the system's own files: remove it by hand";
  }
  const bool ca = absl::StartsWith(leftover.label, "ca/");
  const AnyRecord& record = leftover.made_by;
  if (const auto* key = std::get_if<KeyRecord>(&record); key != nullptr && (key->ca || ca))
    return "a CA's key is never removed";
  const auto* certificate = std::get_if<CertRecord>(&record);
  if (std::holds_alternative<CaCertRecord>(record) || (certificate != nullptr && (certificate->ca || ca)))
    return "a CA's certificate is never removed";
  if (std::holds_alternative<AdoptCaRecord>(record)) return "it was given to kplan";
  if (std::holds_alternative<CrlRecord>(record))
    return "it belongs to its CA: the next CRL goes on from its number";
  if (certificate != nullptr && certificate->issuer_key.empty()) return "it was signed by somebody else";
  return "";
}

}  // namespace kplan
