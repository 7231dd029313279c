// What is said of a flag to people: in docs/etcd-flags.md, and by editors.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "src/base/text.h"
#include "src/etcd/facts/etcd_flags.h"

namespace kplan {
namespace {

using Type = EtcdFlag::Type;

std::string Number(const EtcdFlag& flag, absl::string_view unit) {
  std::string text = unit.empty() ? "a number" : absl::StrCat("a number of ", unit);
  if (flag.most != EtcdFlag::kNoLimit) {
    absl::StrAppend(&text, ", ", flag.least, " to ", flag.most);
  } else if (flag.least > 0) {
    absl::StrAppend(&text, ", ", flag.least, " or more");
  } else if (flag.least < 0) {
    absl::StrAppend(&text, "; ", flag.least, " for none");
  }
  return text;
}

// All words of any version, each once.
std::string Words(const EtcdFlag& flag) {
  std::vector<std::string> words;
  for (const char* all : flag.words) {
    if (all == nullptr) continue;
    for (absl::string_view word : absl::StrSplit(all, '|')) {
      std::string quoted = absl::StrCat("`", word.substr(0, word.find('@')), "`");
      if (std::find(words.begin(), words.end(), quoted) == words.end()) words.push_back(std::move(quoted));
    }
  }
  const std::string last = words.back();
  words.pop_back();
  return words.empty() ? last : absl::StrCat(absl::StrJoin(words, ", "), " or ", last);
}

}  // namespace

std::string DescribeValue(const EtcdFlag& flag) {
  switch (flag.type) {
    case Type::kText:
      return "a text";
    case Type::kBool:
      return "`true` or `false`";
    case Type::kNumber:
      return Number(flag, "");
    case Type::kBytes:
      return Number(flag, "bytes");
    case Type::kMegabytes:
      return Number(flag, "megabytes");
    case Type::kMilliseconds:
      return Number(flag, "milliseconds");
    case Type::kSeconds:
      return Number(flag, "seconds");
    case Type::kDuration:
      return flag.least > 0 ? "a duration, more than 0" : "a duration";
    case Type::kUrls:
      return "URLs of scheme, host and port, with commas between several";
    case Type::kOrigins:
      return "URLs of scheme, host and port, with commas between several, or `*`";
    case Type::kPath:
      return "an absolute path on the host";
    case Type::kWord:
      return Words(flag);
    case Type::kList:
      return flag.list_since.patch[0] == 0 ? "texts with commas between them"
                                           : "a text; from 3.5.15 on several, with commas between them";
    case Type::kCiphers:
      return "Go's names of cipher suites, with commas between them";
    case Type::kOutputs:
      return "`default`, `systemd/journal`, or `stderr`, `stdout` and paths of files, with commas between "
             "them";
    case Type::kFeatures:
      return "`NAME=true` or `NAME=false`, with commas between several";
    case Type::kRetention:
      return "a duration or a number of hours; in the mode `revision` a number of revisions";
    case Type::kJson:
      return "JSON";
    case Type::kIgnored:
      return "etcd does nothing with it";
  }
  return "";
}

std::string DescribeVersions(const EtcdFlag& flag) {
  std::vector<std::string> parts;
  bool all = true;
  for (int minor = PatchOfMinor::kFirstMinor; minor <= PatchOfMinor::kLastMinor; ++minor) {
    const int patch = flag.since.patch[minor - PatchOfMinor::kFirstMinor];
    all = all && patch == 0;
    if (patch == PatchOfMinor::kNo) continue;
    parts.push_back(patch == 0 ? absl::StrCat("3.", minor)
                               : absl::StrCat("3.", minor, " from 3.", minor, ".", patch, " on"));
  }
  return all ? "" : absl::StrCat("etcd ", JoinAnd(parts));
}

}  // namespace kplan
