// kplan schema: what editors know of cluster.yaml.

#include <stdio.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "src/base/record.h"
#include "src/cli/command.h"
#include "src/model/etcd_flags.h"
#include "src/spec/json_schema.h"

namespace kplan {
namespace {

Json FlagValue(EtcdFlag::Kind kind) {
  switch (kind) {
    case EtcdFlag::Kind::kText:
    case EtcdFlag::Kind::kOurs:
      break;
    case EtcdFlag::Kind::kBool:
      return {{"enum", {true, false, "true", "false"}}, {"description", "true or false"}};
    case EtcdFlag::Kind::kNumber:
      return {{"type", {"integer", "string"}},
              {"minimum", 0},
              {"pattern", "^[0-9]+ *$"},
              {"description", "a decimal number"}};
    case EtcdFlag::Kind::kDuration: {
      Json json = JsonScalar("^[+-]?([0-9.]+(h|m|s|ms|us|ns)?)+$|^[+-]?inf$");
      json["description"] = "a duration: 5s, 100ms, 1h30m";
      return json;
    }
    case EtcdFlag::Kind::kUrls:
      return {{"type", "string"},
              {"pattern", "^https?://"},
              {"description", "URLs of scheme, host and port, with commas between several"}};
    case EtcdFlag::Kind::kPath: {
      Json json = JsonScalar("^/[A-Za-z0-9/._+@=~-]*$");
      json["description"] = "an absolute path on the host";
      return json;
    }
  }
  return JsonScalar();
}

// etcd's own flags, those of all versions that kplan knows.
Json Flags() {
  Json flags = Json::object();
  for (absl::string_view name : EtcdFlagNames()) {
    const EtcdFlag& flag = *FindEtcdFlag(name);
    if (flag.kind == EtcdFlag::Kind::kOurs) continue;
    Json json = FlagValue(flag.kind);
    std::string versions;
    if (flag.since_minor > 4) absl::StrAppend(&versions, "since etcd 3.", flag.since_minor);
    if (flag.removed_minor != 0) {
      absl::StrAppend(&versions, versions.empty() ? "" : ", ", "gone in etcd 3.", flag.removed_minor);
    }
    if (!versions.empty()) {
      std::string text = json.value("description", "");
      json["description"] = absl::StrCat(text, text.empty() ? "" : "; ", versions);
    }
    flags[std::string(name)] = std::move(json);
  }
  return flags;
}

}  // namespace

int SchemaCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("schema", arguments)) return kExitUsage;
  Json schema = JsonSchema();
  Json& flags = schema["definitions"]["etcd"]["properties"]["flags"];
  flags["properties"] = Flags();
  // They come and go with each patch release: etcd is the judge.
  flags["patternProperties"] = {{"^experimental-[A-Za-z0-9-]*$", JsonScalar()}};
  flags["additionalProperties"] = false;
  std::string out = schema.dump(1) + "\n";
  return fputs(out.c_str(), stdout) < 0 || fflush(stdout) != 0 ? kExitFailed : kExitDone;
}

}  // namespace kplan
