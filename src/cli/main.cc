#include <openssl/crypto.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"

namespace {

struct Command {
  const char* name;
  int (*run)(const kplan::Arguments&);
};

constexpr Command kCommands[] = {
    {"apply", kplan::ApplyCommand},     {"certs", kplan::CertsCommand},
    {"check", kplan::CheckCommand},     {"completion", kplan::CompletionCommand},
    {"defrag", kplan::DefragCommand},   {"diff", kplan::DiffCommand},
    {"gen", kplan::GenCommand},         {"graph", kplan::GraphCommand},
    {"help", kplan::HelpCommand},       {"import", kplan::ImportCommand},
    {"init", kplan::InitCommand},       {"plan", kplan::PlanCommand},
    {"prune", kplan::PruneCommand},     {"renew-timer", kplan::RenewTimerCommand},
    {"restore", kplan::RestoreCommand}, {"schema", kplan::SchemaCommand},
    {"show", kplan::ShowCommand},       {"snapshot", kplan::SnapshotCommand},
    {"status", kplan::StatusCommand},   {"step", kplan::StepCommand},
    {"why", kplan::WhyCommand}};

// What people try who come from other tools, and what it is called here.
struct OtherWord {
  absl::string_view word, instead;
};
constexpr OtherWord kOtherWords[] = {
    {"deploy", "`kplan apply cluster.yaml`: it shows the plan, asks, and does it"},
    {"destroy", "`kplan prune` removes what earlier plans made and this one does not have"},
    {"doctor", "`kplan status` says how everything stands"},
    {"lint", "`kplan check cluster.yaml`"},
    {"renew", "`ninja` renews what is due, `kplan renew-timer` has systemd run it"},
    {"run", "`kplan apply cluster.yaml`: it shows the plan, asks, and does it"},
    {"up", "`kplan apply cluster.yaml`: it shows the plan, asks, and does it"},
    {"validate", "`kplan check cluster.yaml`"},
    {"verify", "`ninja verify`"},
};

int NoSuchCommand(const std::string& name) {
  for (const OtherWord& other : kOtherWords) {
    if (name != other.word) continue;
    kplan::Fail(absl::StrCat("there is no command ", kplan::Quote(name), "; you want\n", other.instead));
    return kplan::kExitUsage;
  }
  std::vector<absl::string_view> names;
  for (const Command& command : kCommands) names.push_back(command.name);
  kplan::Fail(absl::StrCat("there is no command ", kplan::Quote(name), kplan::OrDidYouMean(name, names),
                           "\n`kplan help` lists them"));
  return kplan::kExitUsage;
}

int RunCommand(const std::string& name, const kplan::Arguments& arguments) {
  if (name == "--version" || name == "-V" || name == "-v" || name == "version") {
    kplan::PrintText(absl::StrCat("kplan ", kplan::kVersion, "\n"));
    return kplan::kExitDone;
  }
  if (name == "--help" || name == "-h") return kplan::HelpCommand({});
  // No command for people, and so in no list.
  if (name == "agent") return kplan::AgentCommand(arguments);
  if (name == "asked") return kplan::AskedCommand(arguments);
  for (const Command& command : kCommands) {
    if (name != command.name) continue;
    for (const std::string& argument : arguments) {
      if (argument == "--help" || argument == "-h") return kplan::CommandHelp(name);
    }
    return command.run(arguments);
  }
  return NoSuchCommand(name);
}

}  // namespace

int main(int argc, char** argv) {
  // Nearly every command has a private key or a passphrase in its memory at some time. No core dump is made
  // of it, whatever core_pattern says (a pipe does not heed RLIMIT_CORE), and nobody but root looks into it
  // with a debugger or through /proc. A program that this one starts is again as any other (execve(2)): an
  // etcd may dump core.
  if (prctl(PR_SET_DUMPABLE, 0) != 0) {
    kplan::Fail("cannot keep private keys out of core dumps: prctl(PR_SET_DUMPABLE) is refused here");
    return kplan::kExitFailed;
  }
  // No openssl.cnf of the machine changes what kplan makes; not reading it is also a third of a step's start.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  // Folders for hosts are 0755 and certificates 0644 whoever runs this; secrets get their modes explicitly.
  umask(022);
  // A reader of our output that goes away is an error of write(), not the end of a step half way.
  signal(SIGPIPE, SIG_IGN);

  kplan::Arguments arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    kplan::HelpCommand({});
    return kplan::kExitUsage;
  }
  const std::string name = arguments[0];
  arguments.erase(arguments.begin());
  const int exit = RunCommand(name, arguments);
  kplan::FlushOutput();
  const int error = kplan::OutputError();
  if (error == 0) return exit;
  return kplan::Fail(kplan::ErrnoStatus(error, "cannot write to stdout").message());
}
