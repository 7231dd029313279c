#include "src/plan/holdings.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/steps/host_file.h"

namespace kplan {

absl::string_view FieldOf(absl::string_view record, absl::string_view key) {
  // Inside a string a quote has a backslash before it, so this can only be a member.
  const std::string start = absl::StrCat("\"", key, "\":\"");
  for (size_t at = record.find(start); at != absl::string_view::npos; at = record.find(start, at + 1)) {
    if (at == 0 || (record[at - 1] != '{' && record[at - 1] != ',')) continue;
    absl::string_view rest = record.substr(at + start.size());
    absl::string_view value = rest.substr(0, rest.find('"'));
    return absl::StrContains(value, '\\') ? absl::string_view() : value;
  }
  return {};
}

std::string Holding::Shown() const { return kind == Kind::kService ? path : PathFromHere(root, path); }

std::vector<Holding> HoldingsOf(absl::string_view record) {
  std::vector<Holding> holdings;
  const absl::string_view kind = FieldOf(record, "kind");
  auto add = [&](Holding::Kind what, absl::string_view key) {
    absl::string_view path = FieldOf(record, key);
    absl::string_view root = what == Holding::Kind::kFile || what == Holding::Kind::kUnpacked
                                 ? absl::string_view()
                                 : FieldOf(record, "root");
    if (!path.empty()) holdings.push_back({what, std::string(root), std::string(path)});
  };
  if (kind == "install") {
    add(Holding::Kind::kHostFile, "path");
  } else if (kind == "install-pair") {
    // The key first: what is left then can still be told by the certificate.
    add(Holding::Kind::kHostFile, "key-path");
    add(Holding::Kind::kHostFile, "cert-path");
  } else if (kind == "dir") {
    add(Holding::Kind::kHostFolder, "path");
  } else if (kind == "service" && FieldOf(record, "manager") != "none") {
    add(Holding::Kind::kService, "name");
  } else if (kind == "unpack") {
    add(Holding::Kind::kUnpacked, "dir");
  } else if (kind == "verify-etcd") {
    add(Holding::Kind::kFile, "report");
  } else if (kind == "fetch") {
    if (!absl::StrContains(record, "\"given\":true")) add(Holding::Kind::kFile, "path");
  } else if (kind == "adopt-ca") {
    // Used where it is, it is its owner's.
    if (FieldOf(record, "from") != FieldOf(record, "path")) add(Holding::Kind::kFile, "path");
  } else if (kind == "crl") {
    add(Holding::Kind::kFile, "path");
    add(Holding::Kind::kFile, "der");
  } else if (kind == "key" || kind == "csr" || kind == "ca-cert" || kind == "cert" || kind == "bundle" ||
             kind == "render") {
    add(Holding::Kind::kFile, "path");
  }
  return holdings;
}

std::string PlaceOf(absl::string_view record) {
  std::vector<Holding> holdings = HoldingsOf(record);
  if (holdings.empty()) return "";
  return holdings[0].on_host() ? holdings[0].root : holdings[0].path;
}

const std::string& HoldingNames::RealRoot(const std::string& root) {
  auto [found, fresh] = roots_.try_emplace(root);
  if (fresh) {
    namespace fs = std::filesystem;
    std::error_code error;
    fs::path real = fs::weakly_canonical(fs::absolute(root, error), error);
    if (error) real = fs::absolute(root, error).lexically_normal();
    // "rootfs/" has an empty last part.
    found->second =
        real.has_filename() || !real.has_relative_path() ? real.string() : real.parent_path().string();
  }
  return found->second;
}

std::string HoldingNames::Of(const Holding& holding) {
  const char* sort = holding.kind == Holding::Kind::kService ? "service " : "";
  if (!holding.on_host()) return holding.path;
  return absl::StrCat(
      sort, PathFromHere(RealRoot(holding.root), absl::StrCat(*sort != '\0' ? "/" : "", holding.path)));
}

}  // namespace kplan
