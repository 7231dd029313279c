#ifndef KPLAN_STEP_FILE_RECORDS_H_
#define KPLAN_STEP_FILE_RECORDS_H_

// The records of archives, and of files and folders on hosts.

#include <optional>
#include <string>
#include <vector>

#include "src/base/fields.h"
#include "src/pki/passphrase_source.h"
#include "src/step/holding.h"
#include "src/step/secret_place.h"

namespace kplan {

struct ArchiveRecord {
  static constexpr absl::string_view kWord = "fetch";
  bool given = false;  // somebody put it there: it is never downloaded
  std::string path;    // relative to DIR
  std::string sha256;
  std::string url;                   // https://; of one that is not given
  std::vector<std::string> mirrors;  // where it is looked for when it could not be had there, in this order
  std::string ca;                    // PEM: who vouches for these servers; empty: whom this machine trusts
  std::string netrc;                 // names and passwords for them (archive/netrc.h)
  PassphraseSource token;            // or a bearer token (RFC 6750)

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Optional("given", self.given);
    fields.Always("path", self.path);
    fields.Always("sha256", self.sha256);
    fields.Optional("url", self.url);
    fields.Optional("mirrors", self.mirrors);
    fields.Optional("ca", self.ca);
    fields.Optional("netrc", self.netrc);
    fields.Optional("token", self.token);
  }
  std::vector<Holding> Holds() const {
    if (given) return {};
    return {{Holding::Kind::kFile, "", path}};
  }
  std::string What() const { return given ? "archive that was put here" : "download"; }
};

struct UnpackRecord {
  static constexpr absl::string_view kWord = "unpack";
  std::string archive;  // relative to DIR
  std::string sha256;   // of the archive
  std::string dir;      // where its members go, relative to DIR
  StringPairs members;  // (name in the archive, file name)

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("archive", self.archive);
    fields.Always("sha256", self.sha256);
    fields.Always("dir", self.dir);
    fields.Always("members", self.members);
  }
  std::vector<Holding> Holds() const { return {{Holding::Kind::kUnpacked, "", dir}}; }
};

struct RenderRecord {
  static constexpr absl::string_view kWord = "render";
  std::string content;
  std::string path;  // relative to DIR

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("content", self.content);
    fields.Always("path", self.path);
  }
  std::vector<Holding> Holds() const { return {{Holding::Kind::kFile, "", path}}; }
};

struct SourceRecord {
  static constexpr absl::string_view kWord = "source";
  std::string path;  // relative to DIR; somebody's own

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("path", self.path);
  }
};

struct DirRecord {
  static constexpr absl::string_view kWord = "dir";
  std::string host;        // of one over ssh: its name
  std::string root, path;  // the host's root, and the folder inside it
  std::string mode;        // "0700"
  std::string owner;       // host/host_owner.h; empty: who runs kplan there
  bool any_owner = false;  // whose it is is systemd's affair

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Optional("host", self.host);
    fields.Always("root", self.root);
    fields.Always("path", self.path);
    fields.Always("mode", self.mode);
    fields.Optional("owner", self.owner);
    fields.Optional("any-owner", self.any_owner);
  }
  std::vector<Holding> Holds() const { return {{Holding::Kind::kHostFolder, root, path, host}}; }
};

// What a file on a host is made from.
struct FileFields {
  std::string from;        // relative to DIR
  std::string host;        // of one over ssh: its name
  std::string root, path;  // the host's root, and the file inside it
  std::string mode;        // "0644"
  std::string owner;       // host/host_owner.h; empty: who runs kplan there
  bool secret = false;     // a private key is in it: its digest is over what is public
  // A service that is started again when the file becomes another one, and only when its turn among others
  // has come: until then the file waits beside its place (host/waiting_file.h).
  struct Service {
    std::string manager;  // "systemd", "process"
    std::string name;

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("manager", self.manager);
      fields.Always("name", self.name);
    }
  };
  std::optional<Service> waits_for;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("from", self.from);
    fields.Optional("host", self.host);
    fields.Always("root", self.root);
    fields.Always("path", self.path);
    fields.Always("mode", self.mode);
    fields.Optional("owner", self.owner);
    fields.Always("secret", self.secret);
    fields.Optional("waits-for", self.waits_for);
  }
  std::vector<Holding> Holds() const { return {{Holding::Kind::kHostFile, root, path, host}}; }
};

struct FileRecord : FileFields {
  static constexpr absl::string_view kWord = "install";
};

// A unit that systemd verifies before it replaces another.
struct UnitRecord : FileFields {
  static constexpr absl::string_view kWord = "unit";
  bool replace = false;  // a service of that name, which somebody else set up, may give way to it

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    FileFields::Visit(self, fields);
    fields.Optional("replace", self.replace);
  }
};

// A certificate and its key, exchanged together.
struct PairRecord {
  static constexpr absl::string_view kWord = "install-pair";
  std::string cert_from, key_from;  // relative to DIR
  std::string host;                 // of one over ssh: its name
  std::string root;                 // the host's
  std::string cert_path, key_path;  // inside it, in one folder
  std::string owner;                // of the key (host/host_owner.h); empty: who runs kplan there

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("cert-from", self.cert_from);
    fields.Always("key-from", self.key_from);
    fields.Optional("host", self.host);
    fields.Always("root", self.root);
    fields.Always("cert-path", self.cert_path);
    fields.Always("key-path", self.key_path);
    fields.Optional("owner", self.owner);
  }
  // The key first: what is left then can still be told by the certificate.
  std::vector<Holding> Holds() const {
    return {{Holding::Kind::kHostFile, root, key_path, host},
            {Holding::Kind::kHostFile, root, cert_path, host}};
  }
};

}  // namespace kplan

#endif  // KPLAN_STEP_FILE_RECORDS_H_
