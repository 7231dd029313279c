#include "src/spec/spec_services.h"

#include <utility>

namespace kplan {
namespace {

ServiceFileSpec ReadFileEntry(MapReader& reader, Text path) {
  ServiceFileSpec file;
  file.path = std::move(path);
  file.content = reader.GetText("content");
  file.from = reader.GetText("from");
  file.mode = reader.GetText("mode");
  file.owner = reader.GetText("owner");
  file.on_change = reader.GetText("on-change");
  return file;
}

ServiceCertSpec ReadCertEntry(MapReader& reader, Range range) {
  ServiceCertSpec cert;
  cert.range = range;
  cert.name = reader.GetText("name");
  cert.cert = reader.GetText("cert");
  cert.key = reader.GetText("key");
  cert.ca = reader.GetText("ca");
  cert.include = reader.GetText("include");
  cert.owner = reader.GetText("owner");
  cert.on_change = reader.GetText("on-change");
  return cert;
}

ServiceDirSpec ReadDirEntry(MapReader& reader, Text path) {
  ServiceDirSpec dir;
  dir.path = std::move(path);
  dir.mode = reader.GetText("mode");
  dir.owner = reader.GetText("owner");
  return dir;
}

CheckSpec ReadCheck(MapReader& reader, Range range) {
  CheckSpec check;
  check.range = range;
  check.systemd = reader.GetText("systemd");
  check.tcp = reader.GetText("tcp");
  check.https_range = reader.KeyRange("https");
  MapReader https = reader.GetMap("https");
  check.url = https.GetText("url");
  check.from = https.GetText("from");
  check.status = https.GetText("status");
  check.ca = https.GetText("ca");
  check.cert = https.GetText("cert");
  check.serves = https.GetText("serves");
  check.refuse_range = https.KeyRange("refuse");
  check.refuse = https.GetTexts("refuse");
  check.exec = reader.GetTexts("exec");
  return check;
}

UnitSectionSpec ReadSection(MapReader& reader, Text name) {
  UnitSectionSpec section;
  section.name = std::move(name);
  section.keys = reader.GetAll();
  return section;
}

FurtherUnitSpec ReadFurtherUnit(MapReader& reader, Text name) {
  FurtherUnitSpec unit;
  unit.name = std::move(name);
  reader.ForEach([&](MapReader& section, Text title) {
    unit.sections.push_back(ReadSection(section, std::move(title)));
  });
  return unit;
}

}  // namespace

ArchiveSpec ReadArchive(MapReader& reader, Range range) {
  ArchiveSpec archive;
  archive.range = range;
  archive.url = reader.GetText("url");
  archive.path = reader.GetText("path");
  archive.mirrors = reader.GetTexts("mirrors");
  archive.ca = reader.GetText("ca");
  archive.netrc = reader.GetText("netrc");
  archive.token.file = reader.GetText("token-file");
  archive.token.env = reader.GetText("token-env");
  archive.sha256 = reader.GetText("sha256");
  archive.sha256_by_arch = reader.GetPairs("sha256");
  return archive;
}

std::vector<UnitSectionSpec> ReadUnit(MapReader& reader) {
  std::vector<UnitSectionSpec> sections;
  reader.ForEachMap("unit", [&](MapReader& section, Text name) {
    sections.push_back(ReadSection(section, std::move(name)));
  });
  return sections;
}

GenericServiceSpec ReadService(MapReader& reader, Text name) {
  GenericServiceSpec service;
  service.name = std::move(name);
  service.hosts = reader.GetTexts("hosts");
  service.after = reader.GetTexts("after");
  MapReader archive = reader.GetMap("archive");
  service.archive.archive = ReadArchive(archive, reader.KeyRange("archive"));
  service.archive.members = archive.GetPairs("members");
  reader.ForEachMap("files", [&](MapReader& file, Text path) {
    service.files.push_back(ReadFileEntry(file, std::move(path)));
  });
  reader.ForEachItem(
      "certs", [&](MapReader& cert, Range range) { service.certs.push_back(ReadCertEntry(cert, range)); });
  reader.ForEachMap(
      "dirs", [&](MapReader& dir, Text path) { service.dirs.push_back(ReadDirEntry(dir, std::move(path))); });
  service.user = reader.GetText("user");
  service.hardening = reader.GetText("hardening");
  service.command = reader.GetTexts("command");
  service.environment = reader.GetPairs("environment");
  service.unit = ReadUnit(reader);
  reader.ForEachMap("units", [&](MapReader& unit, Text unit_name) {
    service.units.push_back(ReadFurtherUnit(unit, std::move(unit_name)));
  });
  service.start_timeout = reader.GetText("start-timeout");
  service.replace = reader.GetText("replace");
  reader.ForEachItem(
      "checks", [&](MapReader& check, Range range) { service.checks.push_back(ReadCheck(check, range)); });
  service.certs_range = reader.KeyRange("certs");
  service.user_range = reader.KeyRange("user");
  service.unit_range = reader.KeyRange("unit");
  service.checks_range = reader.KeyRange("checks");
  return service;
}

}  // namespace kplan
