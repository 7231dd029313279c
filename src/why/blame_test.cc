#include "src/why/blame.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/lower/compile.h"
#include "src/why/random_spec_testing.h"

namespace kplan {
namespace {

// The digests of the records by label.
using Records = std::map<std::string, std::string>;

std::optional<Records> RecordsOf(const std::string& text) {
  SpecFile file = SpecFile::CompileText("cluster.yaml", text);
  if (file.compiled() == nullptr) return std::nullopt;
  Records records;
  for (const Step& step : file.compiled()->graph.steps()) records[step.label] = std::string(step.digest());
  return records;
}

std::string DigestOf(const Records& records, const std::string& label) {
  auto found = records.find(label);
  return found == records.end() ? "" : found->second;
}

// The labels whose records differ.
std::vector<std::string> Differing(const Records& before, const Records& after) {
  std::set<std::string> labels;
  for (const auto& [label, digest] : before) {
    if (DigestOf(after, label) != digest) labels.insert(label);
  }
  for (const auto& [label, digest] : after) {
    if (DigestOf(before, label) != digest) labels.insert(label);
  }
  return {labels.begin(), labels.end()};
}

// Every label whose record differs, with the paths that are blamed for it; "" where nothing differs.
std::map<std::string, std::string> Story(const std::string& before, const std::string& after) {
  absl::StatusOr<SpecDiff> diff = SpecDiff::Between(before, after);
  EXPECT_TRUE(diff.ok()) << diff.status();
  SpecFile old_file = SpecFile::CompileText("cluster.yaml", before);
  SpecFile new_file = SpecFile::CompileText("cluster.yaml", after);
  EXPECT_EQ(old_file.diagnostics().error_count(), 0) << old_file.diagnostics().Format(false);
  EXPECT_EQ(new_file.diagnostics().error_count(), 0) << new_file.diagnostics().Format(false);
  std::map<std::string, std::string> story;
  if (old_file.compiled() == nullptr || new_file.compiled() == nullptr) return story;
  std::vector<std::string> labels = Differing(*RecordsOf(before), *RecordsOf(after));
  std::vector<Blame> blames = BlameEdits("cluster.yaml", *diff, labels);
  for (size_t i = 0; i < labels.size(); ++i) {
    std::vector<std::string> paths;
    for (size_t edit : blames[i]) paths.push_back(diff->edits()[edit].path);
    story[labels[i]] = absl::StrJoin(paths, " ");
  }
  return story;
}

using Expected = std::map<std::string, std::string>;

// Looks only at those labels of a story that are expected, so that a test says what it is about.
void ExpectStory(const std::string& before, const std::string& after, const Expected& expected) {
  std::map<std::string, std::string> story = Story(before, after);
  for (const auto& [label, paths] : expected) {
    auto found = story.find(label);
    EXPECT_EQ(found == story.end() ? "(same)" : found->second, paths) << label;
  }
  for (const auto& [label, paths] : story) EXPECT_NE(paths, "") << label;
}

std::string Example(const std::string& name) {
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat("examples/", name, "/cluster.yaml"));
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? *text : "";
}

std::string Edited(std::string text, const std::vector<std::pair<std::string, std::string>>& replacements) {
  for (const auto& [from, to] : replacements) {
    size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
  }
  return text;
}

// One etcd on the host `box`, with three certificates, two of which share a profile.
const char kSpec[] =
    "hosts:\n"
    "  box: {root: ./box, service-manager: process}\n"
    "  far: {root: ./far, service-manager: none}\n"
    "ca: {CN: test, key: {algo: ecdsa}}\n"
    "signing:\n"
    "  profiles:\n"
    "    member: {expiry: 8760h, usages: [signing, server auth, client auth]}\n"
    "    client: {expiry: 8760h, usages: [signing, client auth]}\n"
    "certs:\n"
    "  server: {profile: member, hosts: [box, 127.0.0.1], key: {algo: ecdsa}}\n"
    "  peer: {profile: member, hosts: [box], key: {algo: ecdsa}}\n"
    "  admin: {profile: client, CN: admin, key: {algo: ecdsa}}\n"
    "etcd:\n"
    "  version: 3.4.23\n"
    "  archive: {path: etcd.tar.gz, sha256: "
    "cd7f0b50f1ae877999a67e9777ec59f0dd43611d9a0ac7232bbf765d312c74d4}\n"
    "  members: [box]\n"
    "  cert: server\n"
    "  flags: {max-wals: 5}\n";

TEST(BlameTest, AHostNameAddedToACertificate) {
  std::map<std::string, std::string> story =
      Story(Example("tutorial"), Edited(Example("tutorial"), {{"10.32.0.1", "10.32.0.1, 10.32.0.2"}}));
  // The request and the certificate, and nothing else.
  EXPECT_EQ(story, (Expected{{"cert/kubernetes", "certs.kubernetes.hosts"},
                             {"csr/kubernetes", "certs.kubernetes.hosts"}}));
}

TEST(BlameTest, TheExpiryOfAProfileThatTwoCertificatesUse) {
  std::string edit = "signing.profiles.member.expiry";
  EXPECT_EQ(Story(kSpec, Edited(kSpec, {{"member: {expiry: 8760h", "member: {expiry: 720h"}})),
            (Expected{{"cert/server", edit}, {"cert/peer", edit}}));
}

TEST(BlameTest, AFlagAndAKeyOfTheUnitEachToItsOwn) {
  ExpectStory(kSpec, Edited(kSpec, {{"max-wals: 5", "max-wals: 7"}}),
              {{"service/box/etcd", "etcd.flags.max-wals"}});
  std::string systemd =
      Edited(Example("tutorial"),
             {{"  cert: kubernetes\n", "  cert: kubernetes\n  unit: {Service: {LimitNOFILE: 1}}\n"}});
  for (const auto& [label, paths] :
       Story(systemd, Edited(systemd, {{"LimitNOFILE: 1", "LimitNOFILE: 2"}, {"10.32.0.1", "10.32.0.2"}}))) {
    bool certificate = label == "cert/kubernetes" || label == "csr/kubernetes";
    EXPECT_EQ(paths, certificate ? "certs.kubernetes.hosts" : "etcd.unit.Service.LimitNOFILE") << label;
  }
}

TEST(BlameTest, ACertificateThatIsAddedWithItsUse) {
  std::string after = Edited(
      kSpec, {{"  peer:", "  front: {profile: member, hosts: [box, 127.0.0.1], key: {algo: ecdsa}}\n  peer:"},
              {"cert: server", "cert: front"}});
  ExpectStory(kSpec, after,
              {{"cert/front", "certs.front"},
               {"key/front", "certs.front"},
               {"service/box/etcd", "etcd.cert"},
               {"file/box/etc/etcd/server.pem", "etcd.cert"},
               {"file/box/etc/etcd/front.pem", "etcd.cert"},
               {"cert/server", "(same)"}});
  // And back: the certificate that goes is used by nobody any more.
  ExpectStory(after, kSpec,
              {{"cert/front", "certs.front"},
               {"service/box/etcd", "etcd.cert"},
               {"file/box/etc/etcd/front.pem", "etcd.cert"}});
}

TEST(BlameTest, ACertificateThatIsRenamedWhereItIsUsed) {
  std::string after =
      Edited(kSpec, {{"  server: {profile", "  renamed: {profile"}, {"cert: server", "cert: renamed"}});
  ExpectStory(kSpec, after,
              {{"cert/renamed", "certs.renamed"},
               {"cert/server", "certs.server"},
               {"key/server", "certs.server"},
               {"service/box/etcd", "etcd.cert"}});
}

TEST(BlameTest, AHostThatIsRemoved) {
  std::string per_host = Edited(
      kSpec, {{"  admin:", "  each: {profile: client, per: host, CN: $name, key: {algo: ecdsa}}\n  admin:"}});
  std::map<std::string, std::string> story =
      Story(per_host, Edited(per_host, {{"  far: {root: ./far, service-manager: none}\n", ""}}));
  EXPECT_EQ(story, (Expected{{"cert/far/each", "hosts.far"},
                             {"csr/far/each", "hosts.far"},
                             {"key/far/each", "hosts.far"}}));
}

TEST(BlameTest, AHostThatIsRenamedIsOneThatWentAndOneThatCame) {
  std::string after = Edited(
      kSpec, {{"  box: {root: ./box", "  crate: {root: ./crate"}, {"members: [box]", "members: [crate]"}});
  ExpectStory(kSpec, after, {{"service/crate/etcd", "etcd.members"}, {"service/box/etcd", "etcd.members"}});
  // In the same folder no two of the three compile: then it was all of them.
  after = Edited(kSpec, {{"  box: {root", "  crate: {root"}, {"members: [box]", "members: [crate]"}});
  ExpectStory(kSpec, after,
              {{"service/crate/etcd", "hosts.box hosts.crate etcd.members"},
               {"service/box/etcd", "hosts.box hosts.crate etcd.members"}});
  // What is per host goes and comes with the hosts alone.
  std::string per_host = Edited(
      kSpec, {{"  admin:", "  each: {profile: client, per: host, CN: $name, key: {algo: ecdsa}}\n  admin:"}});
  after = Edited(per_host, {{"  far: {root: ./far", "  wide: {root: ./wide"}, {"CN: admin", "CN: root"}});
  ExpectStory(
      per_host, after,
      {{"cert/far/each", "hosts.far"}, {"cert/wide/each", "hosts.wide"}, {"cert/admin", "certs.admin.CN"}});
}

TEST(BlameTest, TwoEditsEachToItsOwn) {
  ExpectStory(kSpec, Edited(kSpec, {{"[box, 127.0.0.1]", "[box, 127.0.0.1, x]"}, {"CN: admin", "CN: root"}}),
              {{"cert/server", "certs.server.hosts"},
               {"cert/admin", "certs.admin.CN"},
               {"csr/admin", "certs.admin.CN"},
               {"cert/peer", "(same)"}});
}

TEST(BlameTest, TwoAndThreeEditsOfOneRecord) {
  ExpectStory(kSpec,
              Edited(kSpec, {{"member: {expiry: 8760h", "member: {expiry: 720h"},
                             {"[box, 127.0.0.1]", "[box, 127.0.0.1, x]"}}),
              {{"cert/server", "signing.profiles.member.expiry certs.server.hosts"},
               {"cert/peer", "signing.profiles.member.expiry"},
               {"csr/server", "certs.server.hosts"}});
  ExpectStory(kSpec,
              Edited(kSpec, {{"member: {expiry: 8760h", "member: {expiry: 720h"},
                             {"[box, 127.0.0.1]", "[box, 127.0.0.1, x]"},
                             {"  server: {", "  server: {CN: other, "},
                             {"CN: admin", "CN: root"}}),
              {{"cert/server", "signing.profiles.member.expiry certs.server.CN certs.server.hosts"},
               {"csr/server", "certs.server.CN certs.server.hosts"},
               {"cert/admin", "certs.admin.CN"}});
}

// The default's expiry is another one, and the profile no longer takes the default: only the latter is seen.
TEST(BlameTest, AnEditThatAnotherOneHidesIsNotBlamed) {
  std::string before = Edited(kSpec, {{"  profiles:\n", "  default: {expiry: 1000h}\n  profiles:\n"},
                                      {"client: {expiry: 8760h, ", "client: {"}});
  std::string after = Edited(before, {{"default: {expiry: 1000h}", "default: {expiry: 2000h}"},
                                      {"client: {", "client: {expiry: 3000h, "}});
  ExpectStory(before, after, {{"cert/admin", "signing.profiles.client.expiry"}});
  // With a third one that is seen, too: still not.
  ExpectStory(
      before, Edited(after, {{"CN: admin", "CN: root"}}),
      {{"cert/admin", "signing.profiles.client.expiry certs.admin.CN"}, {"csr/admin", "certs.admin.CN"}});
}

TEST(BlameTest, EditsThatCancelOutAreBlamedForNothing) {
  // The expiry moves from the profile to the default.
  std::string after = Edited(kSpec, {{"  profiles:\n", "  default: {expiry: 8760h}\n  profiles:\n"},
                                     {"client: {expiry: 8760h, ", "client: {"}});
  EXPECT_EQ(Story(kSpec, after), Expected());
  // Asked of a record that is the same all the same: no edit.
  absl::StatusOr<SpecDiff> diff = SpecDiff::Between(kSpec, after);
  ASSERT_TRUE(diff.ok());
  EXPECT_EQ(diff->edits().size(), 2u);
  EXPECT_TRUE(BlameEdits("cluster.yaml", *diff, {"cert/admin"})[0].empty());
  EXPECT_TRUE(BlameEdits("cluster.yaml", *diff, {"no/such/label"})[0].empty());
}

TEST(BlameTest, EtcdsVersionAndTheDigestOfItsArchive) {
  std::string digest(64, '1');
  std::string after =
      Edited(kSpec, {{"version: 3.4.23", "version: 3.4.24"},
                     {"cd7f0b50f1ae877999a67e9777ec59f0dd43611d9a0ac7232bbf765d312c74d4", digest}});
  ExpectStory(kSpec, after, {{"archive/etcd", "etcd.archive.sha256"}, {"cert/server", "(same)"}});
  // No digest is known of 3.4.24: only together do they compile, and both are in the archive's record.
  std::string url = Edited(Example("tutorial"),
                           {{"version: 3.4.15", "version: 3.4.99\n  archive: {sha256: " + digest + "}"}});
  ExpectStory(Example("tutorial"), url, {{"archive/etcd", "etcd.version etcd.archive"}});
}

TEST(BlameTest, AnAnchorThatIsUsedTwice) {
  std::string before =
      Edited(kSpec, {{"hosts: [box, 127.0.0.1]", "hosts: &h [box, 127.0.0.1]"},
                     {"peer: {profile: member, hosts: [box]", "peer: {profile: member, hosts: *h"}});
  ExpectStory(before, Edited(before, {{"[box, 127.0.0.1]", "[box, 127.0.0.1, x]"}}),
              {{"cert/server", "certs.server.hosts"}, {"cert/peer", "certs.peer.hosts"}});
}

TEST(BlameTest, ATextThatDoesNotCompileBlamesEveryEdit) {
  std::string after = Edited(kSpec, {{"CN: admin", "CN: root"}, {"cert: server", "cert: nobody"}});
  absl::StatusOr<SpecDiff> diff = SpecDiff::Between(kSpec, after);
  ASSERT_TRUE(diff.ok());
  EXPECT_EQ(BlameEdits("cluster.yaml", *diff, {"cert/admin"})[0].edits(), (std::vector<size_t>{0, 1}));
}

TEST(BlameTest, TheFormWithTextsSaysTheSame) {
  std::string after = Edited(kSpec, {{"CN: admin", "CN: root"}, {"max-wals: 5", "max-wals: 6"}});
  absl::StatusOr<std::vector<SpecEdit>> edits = SpecEdits(kSpec, after);
  ASSERT_TRUE(edits.ok());
  std::vector<Blame> blames =
      BlameEdits("cluster.yaml", kSpec, after, *edits, {"cert/admin", "service/box/etcd", "cert/peer"});
  EXPECT_EQ(blames[0].edits(), std::vector<size_t>{0});
  EXPECT_EQ(blames[1].edits(), std::vector<size_t>{1});
  EXPECT_TRUE(blames[2].empty());
}

// N hosts with a certificate each, the addresses of those in EDITED another one; EXTRA goes in front.
std::string Hosts(int n, const std::set<int>& edited, const std::string& extra) {
  std::string text = absl::StrCat(
      extra,
      "certs:\n  each: {per: host, CN: $name, hosts: [$name, $address], key: {algo: ecdsa}}\nhosts:\n");
  for (int i = 0; i < n; ++i) {
    absl::StrAppend(&text, "  node-", i, ": {address: 10.", edited.count(i), ".", i / 250, ".", i % 250,
                    ", root: ./", i, ", service-manager: none}\n");
  }
  return text;
}

std::vector<std::string> AllLabels(const std::string& before, const std::string& after) {
  return Differing(*RecordsOf(before), *RecordsOf(after));
}

constexpr char kCa[] = "ca: {CN: test, key: {algo: ecdsa}}\n";

// More edits than may be tried one by one: still each to its own, with two compilations a bit of their
// number.
TEST(BlameTest, ManyEditsAreToldApartByHalves) {
  std::set<int> edited;
  for (int i = 0; i < 50; ++i) edited.insert(i * 3);
  std::string before = Hosts(200, {}, kCa), after = Hosts(200, edited, kCa);
  absl::StatusOr<SpecDiff> diff = SpecDiff::Between(before, after);
  ASSERT_TRUE(diff.ok());
  ASSERT_EQ(diff->edits().size(), 50u);
  std::vector<std::string> labels = AllLabels(before, after);
  ASSERT_EQ(labels.size(), 100u);  // requests and certificates
  BlameOptions options;
  options.budget = 19 * (600 + 2 + 100);
  int compiled = 0;
  std::vector<Blame> blames = BlameEdits("cluster.yaml", *diff, labels, options, &compiled);
  EXPECT_LE(compiled, 2 + 12);
  for (size_t i = 0; i < labels.size(); ++i) {
    ASSERT_EQ(blames[i].size(), 1u) << labels[i];
    // "cert/node-3/each" is for "hosts.node-3.address"
    std::string host = labels[i].substr(labels[i].find('/') + 1);
    EXPECT_EQ(diff->edits()[blames[i][0]].path,
              absl::StrCat("hosts.", host.substr(0, host.find('/')), ".address"));
  }
}

// However small the budget, nobody is left without a reason, and no reason that is one is left out.
TEST(BlameTest, TheBudgetIsKeptAndNoCauseIsLost) {
  std::set<int> edited;
  for (int i = 0; i < 40; ++i) edited.insert(i * 2);
  const std::string profile = absl::StrCat(
      kCa, "signing: {profiles: {kubernetes: {expiry: 8760h, usages: [signing, client auth]}}}\n");
  std::string before = Hosts(100, {}, profile);
  std::string after =
      Hosts(100, edited, Edited(profile, {{"ecdsa}", "ecdsa}, expiry: 50000h"}, {"8760h", "720h"}}));
  absl::StatusOr<SpecDiff> diff = SpecDiff::Between(before, after);
  ASSERT_TRUE(diff.ok());
  std::vector<std::string> labels = AllLabels(before, after);
  size_t signing = 0;
  while (diff->edits()[signing].path != "signing.profiles.kubernetes.expiry") ++signing;
  for (int trials : {0, 3, 8, 20, 60, 300}) {
    BlameOptions options;
    options.budget = trials * (302 + 100);
    int compiled = 0;
    std::vector<Blame> blames = BlameEdits("cluster.yaml", *diff, labels, options, &compiled);
    EXPECT_LE(compiled, std::max(trials, 4) + 2);
    for (size_t i = 0; i < labels.size(); ++i) {
      EXPECT_FALSE(blames[i].empty()) << labels[i];
      std::set<size_t> blamed(blames[i].begin(), blames[i].end());
      bool cert = labels[i].compare(0, 5, "cert/") == 0;
      EXPECT_EQ(blamed.count(signing) == 1, cert || (trials < 60 && blamed.count(signing) == 1))
          << labels[i] << " " << trials;
      if (labels[i] == "cert/node-2/each") {
        bool found = false;
        for (size_t edit : blames[i]) found = found || diff->edits()[edit].path == "hosts.node-2.address";
        EXPECT_TRUE(found);
        if (trials >= 60) {
          EXPECT_EQ(blames[i].size(), 2u);
        }
      }
      if (labels[i] == "cert/node-1/each" && trials >= 20) {
        EXPECT_EQ(blames[i].size(), 1u) << trials;
      }
    }
  }
}

TEST(BlameTest, GraphsThatAreGivenAreNotCompiledAgain) {
  std::string after = Edited(kSpec, {{"CN: admin", "CN: root"}, {"max-wals: 5", "max-wals: 6"}});
  SpecFile old_file = SpecFile::CompileText("cluster.yaml", kSpec),
           new_file = SpecFile::CompileText("cluster.yaml", after);
  absl::StatusOr<SpecDiff> diff = SpecDiff::Between(kSpec, after);
  ASSERT_TRUE(diff.ok());
  BlameOptions options;
  options.old_graph = &old_file.compiled()->graph;
  options.new_graph = &new_file.compiled()->graph;
  int compiled = 0;
  std::vector<Blame> blames = BlameEdits("cluster.yaml", *diff, {"cert/admin"}, options, &compiled);
  EXPECT_EQ(blames[0].edits(), std::vector<size_t>{0});
  EXPECT_EQ(compiled, 2);
}

// Whether EDIT makes a difference to LABEL: alone, or left out of the new text, or left out of all that is
// blamed; where none of these compiles that cannot be said, and it may be.
bool Matters(const SpecDiff& diff, const Records& before, const Records& after, const Blame& blame,
             size_t edit, const std::string& label) {
  const size_t n = diff.edits().size();
  std::vector<bool> alone(n, false), left_out(n, true), blamed(n, false);
  alone[edit] = true;
  left_out[edit] = false;
  for (size_t each : blame) blamed[each] = each != edit;
  bool known = false;
  std::optional<Records> records = RecordsOf(diff.Apply(alone));
  if (records.has_value() && DigestOf(*records, label) != DigestOf(before, label)) return true;
  known = known || records.has_value();
  records = RecordsOf(diff.Apply(left_out));
  if (records.has_value() && DigestOf(*records, label) != DigestOf(after, label)) return true;
  known = known || records.has_value();
  records = RecordsOf(diff.Apply(blamed));
  if (records.has_value() && DigestOf(*records, label) != DigestOf(after, label)) return true;
  return !known && !records.has_value();
}

TEST(BlameTest, EveryEditThatIsBlamedMattersAndNoDifferenceGoesWithoutBlame) {
  RandomSpec random(4);
  int compared = 0, blamed = 0, several = 0;
  for (int round = 0; round < 1500 && compared < 300; ++round) {
    const std::string base = round % 4 == 0 ? kSpec
                                            : Example(round % 4 == 1   ? "tutorial"
                                                      : round % 4 == 2 ? "quickstart"
                                                                       : "pki");
    std::string before = random.Edit(base, static_cast<int>(random.Below(5)), /*sensible=*/true);
    std::string after = random.Edit(before, 2 + static_cast<int>(random.Below(7)), /*sensible=*/true);
    std::optional<Records> old_records = RecordsOf(before), new_records = RecordsOf(after);
    if (!old_records.has_value() || !new_records.has_value()) continue;
    absl::StatusOr<SpecDiff> diff = SpecDiff::Between(before, after);
    ASSERT_TRUE(diff.ok());
    if (diff->edits().size() < 2) continue;
    ++compared;
    std::vector<std::string> labels = Differing(*old_records, *new_records);
    labels.push_back("ca/no-such-label");
    std::vector<Blame> blames = BlameEdits("cluster.yaml", *diff, labels);
    for (size_t i = 0; i + 1 < labels.size(); ++i) {
      EXPECT_FALSE(blames[i].empty()) << labels[i] << "\n" << before << "---\n" << after;
      several += blames[i].size() > 1 ? 1 : 0;
      for (size_t edit : blames[i]) {
        ++blamed;
        EXPECT_TRUE(Matters(*diff, *old_records, *new_records, blames[i], edit, labels[i]))
            << labels[i] << " " << diff->edits()[edit].path << "\n"
            << before << "---\n"
            << after;
      }
      // The other way round: what is needed in both directions is blamed.
      if (diff->edits().size() > 4) continue;
      for (size_t edit = 0; edit < diff->edits().size(); ++edit) {
        std::vector<bool> left_out(diff->edits().size(), true);
        left_out[edit] = false;
        std::optional<Records> without = RecordsOf(diff->Apply(left_out));
        if (!without.has_value() || DigestOf(*without, labels[i]) == DigestOf(*new_records, labels[i]))
          continue;
        EXPECT_EQ(std::count(blames[i].begin(), blames[i].end(), edit), 1)
            << labels[i] << " " << diff->edits()[edit].path << "\n"
            << before << "---\n"
            << after;
      }
    }
    EXPECT_TRUE(blames.back().empty());
  }
  EXPECT_GE(compared, 300);
  EXPECT_GE(blamed, 1000);
  EXPECT_GE(several, 100);
}

}  // namespace
}  // namespace kplan
