#include "src/spec/spec_pki.h"

#include <utility>

namespace kplan {
namespace {

std::vector<NameSpec> ReadNames(MapReader& reader) {
  std::vector<NameSpec> names;
  reader.ForEachItem("names", [&](MapReader& item, Range) {
    NameSpec name;
    name.C = item.GetText("C");
    name.ST = item.GetText("ST");
    name.L = item.GetText("L");
    name.O = item.GetText("O");
    name.OU = item.GetText("OU");
    name.SerialNumber = item.GetText("SerialNumber");
    names.push_back(std::move(name));
  });
  return names;
}

PassphraseSpec ReadPassphrase(MapReader& reader) {
  PassphraseSpec passphrase;
  passphrase.file = reader.GetText("passphrase-file");
  passphrase.env = reader.GetText("passphrase-env");
  return passphrase;
}

// What a certificate's key and a CA's have.
KeySpec ReadKeyKind(MapReader& reader, Range range) {
  KeySpec key;
  key.range = range;
  key.algo = reader.GetText("algo");
  key.size = reader.GetText("size");
  key.format = reader.GetText("format");
  return key;
}

KeySpec ReadKey(MapReader& reader) {
  MapReader key = reader.GetMap("key");
  return ReadKeyKind(key, reader.KeyRange("key"));
}

KeySpec ReadCaKey(MapReader& reader) {
  Text alone = reader.GetText("key");
  MapReader map = reader.GetMap("key");
  KeySpec key = ReadKeyKind(map, reader.KeyRange("key"));
  key.file = map.GetText("file");
  if (alone.set()) key.file = std::move(alone);
  key.passphrase = ReadPassphrase(map);
  return key;
}

CaConstraintSpec ReadCaConstraint(MapReader& reader) {
  CaConstraintSpec constraint;
  constraint.range = reader.KeyRange("ca_constraint");
  MapReader inner = reader.GetMap("ca_constraint");
  constraint.is_ca = inner.GetText("is_ca");
  constraint.max_path_len = inner.GetText("max_path_len");
  return constraint;
}

UrlsSpec ReadUrls(MapReader& reader) {
  UrlsSpec urls;
  urls.crl_url = reader.GetText("crl_url");
  urls.ocsp_url = reader.GetText("ocsp_url");
  urls.issuer_urls = reader.GetTexts("issuer_urls");
  return urls;
}

CaSpec ReadCa(MapReader& reader, Text name) {
  CaSpec ca;
  ca.range = name.range;
  ca.name = std::move(name);
  ca.CN = reader.GetText("CN");
  ca.names = ReadNames(reader);
  ca.key = ReadCaKey(reader);
  ca.expiry = reader.GetText("expiry");
  ca.backdate = reader.GetText("backdate");
  ca.renew_before = reader.GetText("renew-before");
  ca.issuer = reader.GetText("issuer");
  ca.ca_constraint = ReadCaConstraint(reader);
  ca.name_constraints = reader.KeyRange("name-constraints");
  MapReader names = reader.GetMap("name-constraints");
  ca.permitted = names.GetTexts("permitted");
  ca.excluded = names.GetTexts("excluded");
  ca.urls = ReadUrls(reader);
  ca.crl_expiry = reader.GetText("crl-expiry");
  ca.key_generation = reader.GetText("key-generation");
  ca.hold = reader.GetText("hold");
  ca.revoked = reader.GetTexts("revoked");
  ca.cert = reader.GetText("cert");
  return ca;
}

ProfileSpec ReadProfile(MapReader& reader, Text name) {
  ProfileSpec profile;
  profile.name = std::move(name);
  profile.usages = reader.GetTexts("usages");
  profile.expiry = reader.GetText("expiry");
  profile.backdate = reader.GetText("backdate");
  profile.renew_before = reader.GetText("renew-before");
  profile.ca_constraint = ReadCaConstraint(reader);
  profile.urls = ReadUrls(reader);
  return profile;
}

void ReadSigning(MapReader& signing, Spec* spec) {
  signing.ForEachMap("profiles", [&](MapReader& reader, Text name) {
    spec->profiles.push_back(ReadProfile(reader, std::move(name)));
  });
  MapReader fallback = signing.GetMap("default");
  Range range = signing.KeyRange("default");
  spec->default_profile = ReadProfile(fallback, range.known() ? Text{"default", range} : Text());
  spec->compat = signing.GetText("compat");
}

CertSpec ReadCert(MapReader& reader, Text name) {
  CertSpec cert;
  cert.name = std::move(name);
  cert.CN = reader.GetText("CN");
  cert.names = ReadNames(reader);
  cert.hosts = reader.GetTexts("hosts");
  cert.key = ReadKey(reader);
  cert.key_generation = reader.GetText("key-generation");
  cert.profile = reader.GetText("profile");
  cert.ca = reader.GetText("ca");
  cert.per = reader.GetText("per");
  cert.files = reader.GetTexts("files");
  cert.pkcs12_range = reader.KeyRange("pkcs12");
  MapReader pkcs12 = reader.GetMap("pkcs12");
  cert.pkcs12 = ReadPassphrase(pkcs12);
  return cert;
}

RevokedSpec ReadRevoked(MapReader& reader, Range range) {
  RevokedSpec revoked;
  revoked.range = range;
  revoked.cert = reader.GetText("cert");
  revoked.serial = reader.GetText("serial");
  revoked.ca = reader.GetText("ca");
  revoked.reason = reader.GetText("reason");
  revoked.date = reader.GetText("date");
  return revoked;
}

}  // namespace

void ReadPki(MapReader& top, Spec* spec) {
  MapReader ca = top.GetMap("ca", "ca");
  CaSpec the_ca = ReadCa(ca, {"ca", top.KeyRange("ca")});
  if (the_ca.range.known()) spec->cas.push_back(std::move(the_ca));
  top.ForEachMap("cas",
                 [&](MapReader& reader, Text name) { spec->cas.push_back(ReadCa(reader, std::move(name))); });
  MapReader signing = top.GetMap("signing");
  spec->knows_profiles = spec->knows_certs && top.HasAllNames("signing") && signing.HasAllNames("profiles");
  ReadSigning(signing, spec);
  top.ForEachMap("certs", [&](MapReader& reader, Text name) {
    spec->certs.push_back(ReadCert(reader, std::move(name)));
  });
  top.ForEachItem("revoked", [&](MapReader& reader, Range range) {
    spec->revoked.push_back(ReadRevoked(reader, range));
  });
}

}  // namespace kplan
