// Files, folders and certificates of a service: where they go, who may read them, and what a change needs.

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/model/pki_values.h"
#include "src/model/resolve_services_internal.h"

namespace kplan {
namespace {

constexpr int kReadable = 0400, kUsableFolder = 0500;

// Folders of DIR whose files are steps' own.
const std::pair<absl::string_view, absl::string_view> kOwnFolders[] = {
    {"pki", "name the certificate in `certs`"},
    {".kplan", "it changes by itself"},
    {"rendered", "it is made from `content`"},
};

class FilesResolver {
 public:
  FilesResolver(const ServiceContext& context, ServiceInstance* service)
      : context_(context), spec_(context.spec), diagnostics_(context.diagnostics), service_(*service) {}

  void Resolve() {
    for (const ServiceFileSpec& spec : spec_.files) AddFile(spec);
    for (const ServiceCertSpec& spec : spec_.certs) AddCertificate(spec);
    for (const ServiceDirSpec& spec : spec_.dirs) AddFolder(spec);
  }

 private:
  void AddFile(const ServiceFileSpec& spec) {
    CheckHostPath(spec.path, diagnostics_);
    ServiceFile file;
    file.path = spec.path.value;
    file.place = spec.path.range;
    if (spec.content.set() && spec.from.set()) {
      diagnostics_
          ->Error(Code::kConflict, spec.from.range,
                  "a file has its `content`, or is copied `from` one, not both", "remove one of the two")
          .Relate(spec.content.range, "the content is here");
    } else if (!spec.content.set() && !spec.from.set() && context_.all.well_formed) {
      diagnostics_->Error(Code::kMissingKey, spec.path.range,
                          absl::StrCat("nobody says what is in ", Quote(file.path)),
                          "write content: TEXT, or from: FILE; an empty file is content: \"\"");
    }
    file.copied = spec.from.set();
    file.content = spec.content.value;
    if (file.copied) file.from = ResolveFrom(spec.from);
    file.mode = ResolveMode(spec.mode, 0644, kReadable);
    file.owner = ResolveOwner(spec.owner);
    file.on_change = ResolveOnChange(spec.on_change);
    service_.files.push_back(std::move(file));
  }

  // A file that somebody put there, relative to DIR.
  std::string ResolveFrom(const Text& from) {
    std::string path = PkiValues(diagnostics_).ResolvePath(from, "from");
    absl::string_view rest = path;
    while (absl::ConsumePrefix(&rest, "./")) {
    }
    const absl::string_view top = rest.substr(0, rest.find('/'));
    for (const auto& [folder, remedy] : kOwnFolders) {
      if (top != folder) continue;
      diagnostics_->Error(Code::kBadPath, from.range,
                          absl::StrCat("from ", Quote(path), " is a file of kplan's own"),
                          std::string(remedy));
    }
    return path;
  }

  void AddCertificate(const ServiceCertSpec& spec) {
    CheckWord(spec.include, "include", {"leaf", "chain", "bundle"}, diagnostics_);
    ServiceCertificate cert;
    if (spec.name.set()) {
      cert.cert = FindServiceCertificate(context_, spec.name);
    } else {
      cert.cert = -1;
      if (context_.all.well_formed) {
        diagnostics_->Error(Code::kMissingKey, spec.range, "nobody says which certificate this is",
                            "write name: NAME, one of `certs`");
      }
    }
    cert.part = spec.include.value == "leaf"     ? ServiceCertificate::Part::kLeaf
                : spec.include.value == "bundle" ? ServiceCertificate::Part::kBundle
                                                 : ServiceCertificate::Part::kChain;
    for (const Text* path : {&spec.cert, &spec.key, &spec.ca})
      if (path->set()) CheckHostPath(*path, diagnostics_);
    cert.cert_path = spec.cert.value;
    cert.key_path = spec.key.value;
    cert.ca_path = spec.ca.value;
    CheckWhichFiles(spec, cert.part, cert.cert);
    cert.owner = ResolveOwner(spec.owner);
    cert.on_change = ResolveOnChange(spec.on_change);
    cert.cert = std::max(cert.cert, 0);  // it is an error then
    cert.place = context_.spec.certs_range;
    service_.certificates.push_back(std::move(cert));
  }

  void CheckWhichFiles(const ServiceCertSpec& spec, ServiceCertificate::Part part, int cert) {
    const bool complete = context_.all.well_formed;
    if (!spec.cert.set() && spec.include.set() && complete) {
      diagnostics_->Error(Code::kConflict, spec.include.range,
                          "`include` says what is in `cert`, and there is none", "write cert: PATH");
    }
    if (part == ServiceCertificate::Part::kBundle) {
      if (spec.key.set()) {
        diagnostics_
            ->Error(Code::kConflict, spec.key.range, "a bundle holds the key: there is no file beside it",
                    "remove `key`, or take include: chain")
            .Relate(spec.include.range, "the bundle is asked for here");
      }
      if (cert >= 0) CheckBundleIsMade(spec, cert);
      return;
    }
    if (!spec.cert.set() && !spec.key.set() && !spec.ca.set() && complete) {
      diagnostics_->Error(Code::kMissingKey, spec.range, "nobody says where the certificate goes",
                          "for example {name: NAME, cert: /etc/NAME/cert.pem, key: /etc/NAME/key.pem}");
    } else if (spec.cert.set() != spec.key.set() && complete) {
      const Text& alone = spec.cert.set() ? spec.cert : spec.key;
      diagnostics_->Error(
          Code::kMissingKey, alone.range,
          absl::StrCat("a ", spec.cert.set() ? "certificate without its key" : "key without its certificate",
                       ": the two go to a host together"),
          absl::StrCat("write ", spec.cert.set() ? "key" : "cert",
                       ": PATH as well; the certificate of the CA alone is `ca`"));
    } else if (spec.cert.set() && FolderOf(spec.cert.value) != FolderOf(spec.key.value)) {
      diagnostics_
          ->Error(Code::kBadPath, spec.key.range,
                  "a certificate and its key are in one folder: the two are replaced at the same instant",
                  absl::StrCat("put the key into ", FolderOf(spec.cert.value)))
          .Relate(spec.cert.range, "the certificate is here");
    }
  }

  void CheckBundleIsMade(const ServiceCertSpec& spec, int cert) {
    const LeafKind& kind = *context_.cluster.certificates[cert].kind;
    if (kind.bundle) return;
    Range place;
    for (const CertSpec& written : context_.all.certs) {
      if (written.name.value == kind.spec_name) place = written.name.range;
    }
    diagnostics_
        ->Error(Code::kServiceCert, spec.include.range,
                absl::StrCat("the certificate ", Quote(kind.spec_name), " has no bundle"),
                "write files: [bundle] there")
        .Relate(place, "it is here");
  }

  void AddFolder(const ServiceDirSpec& spec) {
    CheckHostPath(spec.path, diagnostics_);
    ServiceFolder folder;
    folder.path = spec.path.value;
    folder.mode = ResolveMode(spec.mode, 0755, kUsableFolder);
    folder.owner = ResolveOwner(spec.owner);
    folder.place = spec.path.range;
    service_.folders.push_back(std::move(folder));
  }

  // NEEDED: the bits that its owner must have.
  int ResolveMode(const Text& text, int fallback, int needed) {
    if (!text.set()) return fallback;
    const std::string& mode = text.value;
    const bool octal = (mode.size() == 3 || mode.size() == 4) &&
                       std::all_of(mode.begin(), mode.end(), [](char c) { return c >= '0' && c <= '7'; });
    if (!octal) {
      diagnostics_->Error(Code::kBadValue, text.range, absl::StrCat("there is no mode ", Quote(mode)),
                          "write three octal digits, with a 0 in front or without: 0644");
      return fallback;
    }
    int bits = 0;
    for (char c : mode) bits = bits * 8 + (c - '0');
    if (bits > 0777) {
      diagnostics_->Error(Code::kBadValue, text.range,
                          absl::StrCat("mode ", mode, " has special bits (setuid, setgid, sticky)"),
                          absl::StrCat("write 0", mode.substr(1)));
    } else if ((bits & needed) != needed) {
      diagnostics_->Error(Code::kBadValue, text.range,
                          absl::StrCat("mode ", mode, ": its owner could not ",
                                       needed == kReadable ? "read it" : "list and enter it"),
                          needed == kReadable ? "for example 0600" : "for example 0700");
    }
    return bits;
  }

  // "user" or "user:group".
  std::string ResolveOwner(const Text& text) {
    if (!text.set()) return "";
    std::vector<std::string> names = absl::StrSplit(text.value, ':');
    const bool good =
        names.size() <= 2 && std::all_of(names.begin(), names.end(), [](const std::string& name) {
          return name.size() <= 32 && OnlyAlnumAnd(name, "._-") && name[0] != '-' && name[0] != '.';
        });
    if (!good) {
      diagnostics_->Error(Code::kBadValue, text.range,
                          absl::StrCat(Quote(text.value), " is no user, nor user:group"),
                          "for example owner: nginx, or owner: root:adm");
    }
    return text.value == "root" ? "" : text.value;
  }

  OnChange ResolveOnChange(const Text& text) {
    CheckWord(text, "on-change", {"nothing", "reload", "restart"}, diagnostics_);
    return text.value == "nothing"  ? OnChange::kNothing
           : text.value == "reload" ? OnChange::kReload
                                    : OnChange::kRestart;
  }

  static std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

  const ServiceContext& context_;
  const GenericServiceSpec& spec_;
  Diagnostics* diagnostics_;
  ServiceInstance& service_;
};

}  // namespace

bool CheckHostPath(const Text& path, Diagnostics* diagnostics) {
  const std::string& text = path.value;
  std::string problem, help;
  if (!absl::StartsWith(text, "/")) {
    problem = "is not absolute";
    help = "write the path as it is on the host, for example /etc/metrics/metrics.conf";
  } else if (!IsPlainPath(text)) {
    problem = "has characters that cannot be in a path here";
    help = "letters, digits and / . _ - + @ = ~ can";
  } else {
    for (absl::string_view part : absl::StrSplit(absl::string_view(text).substr(1), '/')) {
      if (part == "..") {
        problem = "leads upwards (..)";
        help = "write the path that is meant";
        break;
      }
      if (part.empty() || part == ".") {
        problem = text == "/" ? "is the root folder" : "is not in its one form (//, /./, or a / at the end)";
        help = "write it without them";
        if (text == "/") help = "write the path of a file or folder in it";
        break;
      }
    }
  }
  if (problem.empty()) return true;
  diagnostics->Error(Code::kBadPath, path.range, absl::StrCat("the path ", Quote(text), " ", problem), help);
  return false;
}

void ResolveServiceFiles(const ServiceContext& context, ServiceInstance* service) {
  FilesResolver(context, service).Resolve();
}

}  // namespace kplan
