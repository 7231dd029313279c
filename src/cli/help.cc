#include <stdio.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/cli/command.h"

namespace kplan {
namespace {

struct Topic {
  const char* name;
  const char* usage;
  const char* text;
};

constexpr char kOverview[] =
    "kplan compiles cluster.yaml into build.ninja; ninja then makes what is stale, and nothing else.\n"
    "\n"
    "    kplan gen cluster.yaml && ninja\n"
    "\n"
    "commands:\n"
    "  gen     write build.ninja and .kplan from cluster.yaml\n"
    "  check   check cluster.yaml and write nothing\n"
    "  certs   list every certificate and the days it has left\n"
    "  import  make a cluster.yaml of what cfssl made, and keep its keys and certificates\n"
    "  step    what ninja runs\n"
    "  help    this, or more on a topic: kplan help gen\n"
    "\n"
    "topics: gen, check, certs, import, step, files, exit-codes\n";

constexpr Topic kTopics[] = {
    {"gen", "usage: kplan gen [-C DIR] [--kplan PATH] cluster.yaml\n",
     "Checks cluster.yaml, works out every artifact and writes DIR/build.ninja and DIR/.kplan (DIR: the "
     "current\n"
     "folder). Only files that change are written. An error in cluster.yaml is shown with its place, and "
     "nothing is\n"
     "written. Then it looks at what ninja cannot see (file modes, stopped services, certificates that are "
     "due), so that\n"
     "the next ninja repairs it.\n"
     "\n"
     "  -C DIR         the folder to write to; made when missing\n"
     "  --kplan PATH   the kplan that ninja will run (default: this one)\n"},
    {"check", "usage: kplan check [--json] cluster.yaml\n",
     "The checks of gen, all of them; writes nothing. --json prints what was found as JSON.\n"},
    {"certs", "usage: kplan certs [-C DIR] [--json] cluster.yaml\n",
     "Lists every certificate of the cluster: label, file, days left, state, names. Exits with 2 when one is "
     "not good\n"
     "(missing, damaged, expired or due), so that monitoring can use "
     "it; the next\n"
     "ninja makes it again.\n"
     "\n"
     "  -C DIR   the folder of build.ninja (default: the current one)\n"
     "  --json   all names, issuer and end as JSON\n"},
    {"import", "usage: kplan import cfssl [-C DIR] FOLDER|FILE...\n",
     "Reads what cfssl made and was told (NAME.pem, NAME-key.pem, NAME.csr, NAME-csr.json, ca-config.json; "
     "in a FOLDER\n"
     "all files of these kinds), and writes DIR/cluster.yaml and copies of keys and certificates to DIR/pki. "
     "The next\n"
     "`kplan gen cluster.yaml && ninja pki` makes none of them again: cluster.yaml says what the "
     "certificates are; where\n"
     "the JSON files say something else, it is told. Nothing is written when anything is wrong, nothing that "
     "is there is\n"
     "replaced, and the files read are not touched.\n"
     "\n"
     "  -C DIR   the folder to write to (default: the current one); made when missing\n"},
    {"step", "usage: kplan step SHARD LABEL DIGEST\n",
     "Makes one artifact, if it is not right already. Ninja runs it, in the folder of build.ninja; DIGEST is "
     "the SHA-256\n"
     "of the record of LABEL in SHARD, and the step refuses to run with another record.\n"},
    {"files", "",
     "Below the folder of build.ninja:\n"
     "  pki/ca.pem pki/ca-key.pem pki/ca.csr       the CA; its key is never overwritten\n"
     "  pki/NAME.pem pki/NAME-key.pem pki/NAME.csr certificates (pki/HOST/NAME.pem when made per host)\n"
     "  archives/                                  downloads; a file put here by hand with the right digest "
     "is used\n"
     "  rendered/HOST/...                          what is put on HOST, laid out as there\n"
     "  reports/verify-etcd.json                   the last verdict\n"
     "  .kplan/                                    records, stamps, ninja's log; can be deleted at any "
     "time\n"},
    {"exit-codes", "",
     "  0   done\n"
     "  1   it failed\n"
     "  2   (certs) a certificate needs attention\n"
     "  64  wrong usage\n"
     "  65  bad cluster.yaml\n"},
};

}  // namespace

absl::string_view UsageOf(absl::string_view command) {
  for (const Topic& topic : kTopics) {
    if (topic.name == command) return topic.usage;
  }
  return "";
}

int HelpCommand(const Arguments& arguments) {
  if (arguments.empty()) {
    fputs(kOverview, stdout);
    return kExitDone;
  }
  std::vector<absl::string_view> names;
  for (const Topic& topic : kTopics) {
    if (arguments[0] == topic.name) {
      std::string text = absl::StrCat(topic.usage, *topic.usage != '\0' ? "\n" : "", topic.text);
      fputs(text.c_str(), stdout);
      return kExitDone;
    }
    names.push_back(topic.name);
  }
  std::string line = absl::StrCat("kplan help: there is no topic ", Quote(arguments[0]),
                                  OrDidYouMean(arguments[0], names), "\n");
  fputs(line.c_str(), stderr);
  return kExitUsage;
}

}  // namespace kplan
