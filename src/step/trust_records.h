#ifndef KPLAN_STEP_TRUST_RECORDS_H_
#define KPLAN_STEP_TRUST_RECORDS_H_

// The records of the exchange of a CA for one with another key (`key-generation`). Each generation has files
// of its own: pki/ca.pem, pki/ca-g2.pem. Who trusts a CA reads that once, mostly, so what is shown may be
// signed by the new generation only when everybody trusts it, and the one before may be forgotten only when
// nobody shows what it signed. Three steps keep that order; where no earlier generation is there they do
// nothing:
//
//   trust/both    whoever runs trusts the new generation, beside what it trusts now. Either the generation
//                 before signs the new one's key, and the new leaves come with that certificate
//                 (cross-signed: nobody is touched); or those who trust it get both, and are restarted once
//                 for it.
//   ...           now the leaves are signed, and put in place
//   trust/leaves  every server shows its new leaf, and who reads its own once has read it
//   ...           now the files with the new generation alone come to the hosts, and those who trust it are
//                 restarted as for any change
//   trust/new     the generations before are retired: pki/retired
//
// Of a generation that is revoked, as its key got out, nobody goes on trusting what he trusts: trust/leaves
// then has all who trust it trust the wanted one alone, all at the same time.
//
// Which stage it is in is seen from the files of the hosts, and nowhere noted.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/base/fields.h"
#include "src/pki/passphrase_source.h"
#include "src/step/etcd_records.h"
#include "src/step/file_records.h"
#include "src/step/service_records.h"

namespace kplan {

struct ExchangedCa {
  std::string name;              // as its label: "ca"
  int64_t generation = 1;        // the one that is wanted; others of which there are files are before it
  PassphraseSource passphrase;   // of the keys of all generations
  std::vector<int64_t> revoked;  // generations whose key got out
  bool held = false;             // everybody is to trust both, and the generation before signs
  bool intermediate = false;     // another CA signs it
  // Somebody shows a leaf of it without what comes with that.
  bool leaf_alone = false;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("name", self.name);
    fields.Always("generation", self.generation);
    fields.Optional("passphrase", self.passphrase);
    fields.Optional("held", self.held);
    fields.Optional("revoked", self.revoked);
    fields.Optional("intermediate", self.intermediate);
    fields.Optional("leaf-alone", self.leaf_alone);
  }
};

// A file on a host with the CAs that a service trusts.
struct TrustFile {
  std::string ca;    // ExchangedCa::name
  std::string path;  // inside the host's root
  std::string mode, owner;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("ca", self.ca);
    fields.Always("path", self.path);
    fields.Always("mode", self.mode);
    fields.Optional("owner", self.owner);
  }
};

// A service that trusts an exchanged CA, or shows what one signed.
struct TrustingService {
  std::string host;
  ServiceRecord service;  // without its host
  std::vector<TrustFile> trusts;
  std::vector<std::string> shows;  // the files of its leaves that it reads once; inside the root

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("host", self.host);
    fields.Always("service", self.service);
    fields.Always("trusts", self.trusts);
    fields.Always("shows", self.shows);
  }
};

struct TrustingMember {
  std::vector<TrustFile> trusts;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("trusts", self.trusts);
  }
};

struct TrustingEtcd {
  RolloutRecord rollout;
  std::vector<TrustingMember> members;  // as those of `rollout`

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("rollout", self.rollout);
    fields.Always("members", self.members);
  }
};

struct TrustRecord {
  static constexpr absl::string_view kWord = "trust";
  static constexpr char kBoth[] = "both", kLeaves[] = "leaves", kNew[] = "new";
  std::string stage;
  std::vector<ExchangedCa> cas;
  std::vector<TrustingEtcd> etcds;        // none of kNew
  std::vector<TrustingService> services;  // likewise

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("stage", self.stage);
    fields.Always("cas", self.cas);
    fields.Always("etcds", self.etcds);
    fields.Always("services", self.services);
  }
};

// Certificates for a file of a host that says who is trusted. No step of a plan: trust/both has it done.
struct TrustPartRecord {
  static constexpr absl::string_view kWord = "trust-part";
  std::string root, path, mode, owner;           // as FileFields
  std::optional<FileFields::Service> waits_for;  // likewise
  std::string certificates;                      // PEM

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("certificates", self.certificates);
    fields.Always("mode", self.mode);
    fields.Optional("owner", self.owner);
    fields.Always("path", self.path);
    fields.Always("root", self.root);
    fields.Optional("waits-for", self.waits_for);
  }
};

// What is in such files.
struct TrustQuestion {
  static constexpr absl::string_view kWord = "trust";
  std::string root;
  std::vector<std::string> paths;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("paths", self.paths);
    fields.Always("root", self.root);
  }
};

struct TrustAnswer {
  struct File {
    std::string certificates;  // PEM; "": there is no such file
    bool waits = false;        // another one waits beside it (host/waiting_file.h)

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("certificates", self.certificates);
      fields.Always("waits", self.waits);
    }
  };
  std::vector<File> files;  // as the paths of the question

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("files", self.files);
  }
};

}  // namespace kplan

#endif  // KPLAN_STEP_TRUST_RECORDS_H_
