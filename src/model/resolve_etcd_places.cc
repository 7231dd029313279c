// Where etcd's files are on the hosts, and at which ports its members serve.

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/etcd/facts/etcd_layout.h"
#include "src/model/resolve_etcd_internal.h"
#include "src/model/resolve_services_internal.h"

namespace kplan {
namespace {

// Whether INNER is OUTER, or in it.
bool IsIn(absl::string_view inner, absl::string_view outer) {
  return absl::ConsumePrefix(&inner, outer) && (inner.empty() || inner[0] == '/');
}

class PlacesResolver {
 public:
  PlacesResolver(const EtcdSpec& spec, Etcd* etcd, Diagnostics* diagnostics)
      : spec_(spec), etcd_(*etcd), diagnostics_(diagnostics) {}

  void Resolve() {
    EtcdFolders& folders = etcd_.folders;
    // Those of `etcds` share nothing: each may have a release of its own.
    folders.bin = Folder(spec_.bin_dir, paths::on_host::EtcdPrograms(etcd_.name));
    folders.config = Folder(spec_.config_dir, paths::on_host::EtcdConfig(etcd_.name));
    folders.data = Folder(spec_.data_dir, paths::on_host::EtcdData(etcd_.name));
    folders.wal = WalFolder();
    // What etcd writes is its own, and only one of its folders has each.
    CheckApart(spec_.data_dir, folders.data, "data-dir", spec_.bin_dir, folders.bin, "bin-dir");
    CheckApart(spec_.data_dir, folders.data, "data-dir", spec_.config_dir, folders.config, "config-dir");
    if (!folders.wal.empty()) {
      CheckApart(spec_.wal_dir, folders.wal, "wal-dir", spec_.data_dir, folders.data, "data-dir");
      CheckApart(spec_.wal_dir, folders.wal, "wal-dir", spec_.bin_dir, folders.bin, "bin-dir");
      CheckApart(spec_.wal_dir, folders.wal, "wal-dir", spec_.config_dir, folders.config, "config-dir");
    }
    etcd_.client_port = Port(spec_.client_port, "client-port", kEtcdClientPort);
    etcd_.peer_port = Port(spec_.peer_port, "peer-port", kEtcdPeerPort);
    if (etcd_.client_port != etcd_.peer_port) return;
    const Text& place = spec_.peer_port.set() ? spec_.peer_port : spec_.client_port;
    diagnostics_
        ->Error(
            Code::kConflict, place.range,
            absl::StrCat("clients and the other members cannot both be served at port ", etcd_.client_port),
            "write another port for one of the two")
        .Relate(&place == &spec_.peer_port ? spec_.client_port.range : Range(), "the other one is here");
  }

 private:
  std::string Folder(const Text& written, std::string otherwise) {
    return written.set() && CheckHostPath(written, diagnostics_) ? written.value : std::move(otherwise);
  }

  // Empty where the log is in the data folder, as etcd has it.
  std::string WalFolder() {
    const std::string usual = absl::StrCat(etcd_.folders.data, "/", etcd_layout::kMember);
    const std::string folder = Folder(spec_.wal_dir, usual);
    return folder == usual ? "" : folder;
  }

  int Port(const Text& written, absl::string_view key, int otherwise) {
    int port = 0;
    if (!written.set()) return otherwise;
    if (absl::SimpleAtoi(written.value, &port) && port >= 1 && port <= 65535) return port;
    diagnostics_->Error(Code::kBadValue, written.range,
                        absl::StrCat(key, " ", Quote(written.value), " is not the number of a port"),
                        "write one from 1 to 65535");
    return otherwise;
  }

  // A is the folder PATH_A, as it is written in the key KEY_A; B likewise.
  void CheckApart(const Text& a, const std::string& path_a, absl::string_view key_a, const Text& b,
                  const std::string& path_b, absl::string_view key_b) {
    if (!IsIn(path_a, path_b) && !IsIn(path_b, path_a)) return;
    const bool first = a.set();
    diagnostics_
        ->Error(Code::kConflict, first ? a.range : b.range,
                path_a == path_b       ? absl::StrCat(key_a, " and ", key_b, " are both ", path_a)
                : IsIn(path_a, path_b) ? absl::StrCat(key_a, " ", path_a, " is in ", key_b, " ", path_b)
                                       : absl::StrCat(key_b, " ", path_b, " is in ", key_a, " ", path_a),
                "give etcd a folder of its own for each")
        .Relate(first && b.set() ? b.range : Range(), absl::StrCat(key_b, " is here"));
  }

  const EtcdSpec& spec_;
  Etcd& etcd_;
  Diagnostics* diagnostics_;
};

}  // namespace

void ResolveEtcdPlaces(const EtcdSpec& spec, Etcd* etcd, Diagnostics* diagnostics) {
  PlacesResolver(spec, etcd, diagnostics).Resolve();
}

}  // namespace kplan
