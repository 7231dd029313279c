// Files, folders and certificates of a service: where they go, who may read them, and what a change needs.

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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
    } else if (IsPath(spec.cert) && IsPath(spec.key) &&
               FolderOf(spec.cert.value) != FolderOf(spec.key.value)) {
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

  // Whether group and others may do no more than the owner, who has the bits NEEDED.
  static bool IsUsual(int bits, int needed) {
    const int owner = bits >> 6, group = bits >> 3 & 7, other = bits & 7;
    return bits <= 0777 && (bits & needed) == needed && (group & ~owner) == 0 && (other & ~owner) == 0;
  }

  // MODE as it is written here when it is one in another form: 0o644, u=rw,g=r,o=r, rw-r--r--, or the decimal
  // 420 of JSON (Kubernetes, Ignition); else "".
  static std::string ModeMeant(absl::string_view mode, int needed) {
    int bits = 0;
    absl::string_view digits = mode;
    const bool prefixed = absl::ConsumePrefix(&digits, "0o") || absl::ConsumePrefix(&digits, "0O");
    if (prefixed) {
      if (digits.empty() || digits.size() > 4 ||
          digits.find_first_not_of("01234567") != absl::string_view::npos)
        return "";
      for (char c : digits) bits = bits * 8 + (c - '0');
    } else if (mode.size() == 9 && mode.find_first_not_of("rwx-") == absl::string_view::npos) {
      for (size_t i = 0; i < mode.size(); ++i) {
        if (mode[i] != '-' && mode[i] != "rwx"[i % 3]) return "";
        bits = bits * 2 + (mode[i] == '-' ? 0 : 1);
      }
    } else {
      if (digits.size() != 3 || digits[0] == '0' || !absl::SimpleAtoi(digits, &bits)) return "";
      int octal = 0;
      for (char c : digits) octal = octal * 8 + (c - '0');
      const bool is_octal = digits.find_first_of("89") == absl::string_view::npos;
      // What is good in octal, or good in neither, is octal.
      if (is_octal && IsUsual(octal, needed)) return "";
    }
    return IsUsual(bits, needed) ? absl::StrFormat("%04o", static_cast<unsigned>(bits)) : "";
  }

  // NEEDED: the bits that its owner must have.
  int ResolveMode(const Text& text, int fallback, int needed) {
    if (!text.set()) return fallback;
    const std::string& mode = text.value;
    const bool octal = (mode.size() == 3 || mode.size() == 4) &&
                       std::all_of(mode.begin(), mode.end(), [](char c) { return c >= '0' && c <= '7'; });
    const std::string meant = ModeMeant(mode, needed);
    if (!octal) {
      diagnostics_->Error(Code::kBadValue, text.range, absl::StrCat("there is no mode ", Quote(mode)),
                          meant.empty()
                              ? Remedy("write three octal digits, with a 0 in front or without: 0644")
                              : Write(meant));
      return fallback;
    }
    if (!meant.empty()) {
      diagnostics_->Error(
          Code::kBadValue, text.range,
          absl::StrCat("mode ", mode, " is read in octal, where its owner may do less than others"),
          Write(meant, absl::StrCat(", which is ", mode, " in decimal")));
      return fallback;
    }
    int bits = 0;
    for (char c : mode) bits = bits * 8 + (c - '0');
    if (bits > 0777) {
      diagnostics_->Error(Code::kBadValue, text.range,
                          absl::StrCat("mode ", mode, " has special bits (setuid, setgid, sticky)"),
                          Write(absl::StrCat("0", mode.substr(1))));
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

  // What is no path has been said.
  static bool IsPath(const Text& text) { return text.set() && absl::StartsWith(text.value, "/"); }
  static std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

  const ServiceContext& context_;
  const GenericServiceSpec& spec_;
  Diagnostics* diagnostics_;
  ServiceInstance& service_;
};

}  // namespace

namespace {

// PATH, which is absolute, in its one form.
Remedy WithoutThem(absl::string_view path) {
  std::string text;
  for (absl::string_view part : absl::StrSplit(path.substr(1), '/')) {
    if (part == "..") return "write the path that is meant";
    if (!part.empty() && part != ".") absl::StrAppend(&text, "/", part);
  }
  if (text.empty()) return "write the path of a file or folder in it";
  return Write(text);
}

}  // namespace

bool CheckHostPath(const Text& path, Diagnostics* diagnostics) {
  const std::string& text = path.value;
  std::string problem;
  Remedy help;
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
        help = text == "/" ? Remedy("write the path of a file or folder in it") : WithoutThem(text);
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
