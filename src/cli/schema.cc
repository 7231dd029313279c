// kplan schema: what editors know of cluster.yaml.

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "src/base/record.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/etcd/facts/etcd_flags.h"
#include "src/spec/json_schema.h"

namespace kplan {
namespace {

// What stands in the file; editors say the rest in words. A value in quotes is as good as one without.
Json FlagValue(const EtcdFlag& flag) {
  using Type = EtcdFlag::Type;
  switch (flag.type) {
    case Type::kBool:
      return {{"enum", {true, false, "true", "false"}}};
    case Type::kNumber:
    case Type::kBytes:
    case Type::kMegabytes:
    case Type::kMilliseconds:
    case Type::kSeconds:
      return {{"type", {"integer", "string"}},
              {"minimum", flag.least},
              {"pattern", flag.least < 0 ? "^-?[0-9]+ *$" : "^[0-9]+ *$"}};
    case Type::kDuration:
      return JsonScalar("^[+]?([0-9.]+(h|m|s|ms|us|µs|ns))+$|^[+]?0$");
    case Type::kUrls:
      return {{"type", "string"}, {"pattern", "^https?://"}};
    case Type::kOrigins:
      return {{"type", "string"}, {"pattern", "^https?://|^[*]$"}};
    case Type::kPath:
      return JsonScalar("^/[A-Za-z0-9/._+@=~-]*$");
    case Type::kWord: {
      Json words = Json::array();
      for (int minor = PatchOfMinor::kFirstMinor; minor <= PatchOfMinor::kLastMinor; ++minor) {
        for (absl::string_view word : WordsOfFlag({3, minor, 9999}, flag)) {
          Json text = std::string(word);
          if (std::find(words.begin(), words.end(), text) == words.end()) words.push_back(std::move(text));
        }
      }
      return {{"enum", std::move(words)}};
    }
    default:
      return JsonScalar();
  }
}

// etcd's own flags, those of all versions that kplan knows, but for what nobody may write.
Json Flags() {
  Json flags = Json::object();
  for (const EtcdFlag& flag : AllEtcdFlags()) {
    const bool ours = flag.ours != nullptr && flag.ours_in_cluster != nullptr;
    if (ours || flag.type == EtcdFlag::Type::kIgnored) continue;
    Json json = FlagValue(flag);
    const std::string versions = DescribeVersions(flag);
    json["description"] = absl::StrCat(absl::StrReplaceAll(DescribeValue(flag), {{"`", ""}}),
                                       versions.empty() ? "" : "; ", versions);
    flags[flag.name] = std::move(json);
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
  flags["additionalProperties"] = false;
  std::string out = schema.dump(1) + "\n";
  return PrintJson(out) && FlushOutput() ? kExitDone : kExitFailed;
}

}  // namespace kplan
