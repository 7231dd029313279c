#include "src/cli/command_table.h"

#include <algorithm>

namespace kplan {
namespace {

constexpr OptionSyntax kFolder = {"-C", "DIR", Word::kFolder};
constexpr OptionSyntax kJson = {"--json", ""};
constexpr OptionSyntax kOffline = {"--offline", ""};
constexpr OptionSyntax kSpecOption = {"--spec", "cluster.yaml", Word::kSpec};
constexpr OperandSyntax kLastSpec = {"cluster.yaml", Word::kSpec, "", /*optional=*/true};
constexpr OperandSyntax kLabel = {"LABEL", Word::kLabel};
constexpr OperandSyntax kAnyLabel = {"LABEL", Word::kName, "", /*optional=*/true};

constexpr OptionSyntax kLimit = {"--limit", "NAME", Word::kName};
constexpr OptionSyntax kMaxRestarts = {"--max-restarts", "N"};
constexpr OptionSyntax kNoReissueCa = {"--no-reissue-ca", ""};

constexpr OptionSyntax kApplyOptions[] = {
    kFolder, kLimit, kMaxRestarts, kNoReissueCa, kOffline, {"--yes", ""},
};
constexpr OperandSyntax kApplyOperands[] = {{"cluster.yaml|PLAN", Word::kFile, "", /*optional=*/true}};

constexpr OptionSyntax kCertsOptions[] = {kFolder, kJson, kOffline};
constexpr OperandSyntax kLastSpecAlone[] = {kLastSpec};
constexpr OperandSyntax kAnyLabelAlone[] = {kAnyLabel};

// Of what is looked at for a review.
constexpr OptionSyntax kCheckFormat = {"--format", "text|github|sarif|json", Word::kWord,
                                       "text|github|sarif|json"};
constexpr OptionSyntax kReviewFormat = {"--format", "text|markdown|github|sarif|json", Word::kWord,
                                        "text|markdown|github|sarif|json"};

constexpr OptionSyntax kCheckOptions[] = {kCheckFormat, kJson};

constexpr OperandSyntax kCompletionOperands[] = {{"bash|zsh|fish", Word::kWord, "bash|zsh|fish"}};

constexpr OptionSyntax kEtcdOption = {"--etcd", "NAME"};

constexpr OptionSyntax kDefragOptions[] = {kFolder, {"--compact", ""}, kEtcdOption};

constexpr OptionSyntax kDiffOptions[] = {{"--all", ""}, kReviewFormat, kJson};
constexpr OperandSyntax kDiffOperands[] = {{"OLD", Word::kSpec}, {"NEW", Word::kSpec}};

constexpr OptionSyntax kGenOptions[] = {
    kFolder,
    {"--contact", ""},
    {"--kplan", "PATH", Word::kFile},
    {"--from-ninja", "", Word::kText, "", /*hidden=*/true},
};

constexpr OptionSyntax kGraphOptions[] = {
    kFolder,     {"--format", "dot|mermaid|json|html", Word::kWord, "dot|mermaid|json|html"},
    kOffline,    {"--output", "FILE", Word::kFile},
    kSpecOption,
};

constexpr OptionSyntax kHelpOptions[] = {{"--search", "WORD"}, {"-k", "WORD"}};
constexpr OperandSyntax kHelpOperands[] = {{"TOPIC", Word::kTopic, "", /*optional=*/true}};

constexpr OptionSyntax kImportOptions[] = {kFolder, {"--skip", ""}};
constexpr OperandSyntax kImportOperands[] = {
    {"cfssl", Word::kWord, "cfssl"},
    {"FOLDER|FILE", Word::kFile, "", /*optional=*/false, /*repeated=*/true},
};

constexpr OptionSyntax kInitOptions[] = {
    {"--from", "tutorial|three-members", Word::kWord, "tutorial|three-members"},
};
constexpr OperandSyntax kInitOperands[] = {{"FILE", Word::kFile, "", /*optional=*/true}};

constexpr OptionSyntax kPlanOptions[] = {
    kFolder, {"--all", ""}, kReviewFormat, kJson,    {"--keyless", ""},
    kLimit,  kMaxRestarts,  kNoReissueCa,  kOffline, {"--out", "FILE", Word::kFile},
};

constexpr OptionSyntax kPruneOptions[] = {
    kFolder,
    {"--edited", "LABEL", Word::kLabel},
    {"--forget", "LABEL|HOST", Word::kLabel},
    kJson,
    {"--retired", ""},
    {"--yes", ""},
};

constexpr OptionSyntax kRestoreOptions[] = {kFolder, kEtcdOption, {"--unchecked", ""}, {"--yes", ""}};
constexpr OperandSyntax kRestoreOperands[] = {{"FILE", Word::kFile}};

constexpr OptionSyntax kShowOptions[] = {kFolder, kJson, kOffline, kSpecOption};

constexpr OptionSyntax kSnapshotOptions[] = {kFolder, kEtcdOption, kJson, {"--keep", "N"}};
constexpr OperandSyntax kSnapshotOperands[] = {{"FILE", Word::kFile, "", /*optional=*/true}};

constexpr OptionSyntax kStatusOptions[] = {
    kFolder, {"--all", ""}, {"--contact", "", Word::kText, "", /*hidden=*/true},
    kJson,   kOffline,      {"--watch", ""},
};

constexpr OperandSyntax kStepOperands[] = {{"SHARD", Word::kFile}, kLabel, {"DIGEST"}};

constexpr OptionSyntax kWhyOptions[] = {kFolder, kJson, {"--last", ""}, kOffline};
constexpr OperandSyntax kWhyOperands[] = {kLabel, kLastSpec};

constexpr OptionSyntax kRenewTimerOptions[] = {kFolder, {"--calendar", "WHEN"}};
constexpr OperandSyntax kRenewTimerOperands[] = {
    {"install|remove|show", Word::kWord, "install|remove|show"},
    kLastSpec,
};

constexpr CommandSyntax kCommands[] = {
    {"apply", kApplyOptions, kApplyOperands},
    {"certs", kCertsOptions, kLastSpecAlone},
    {"check", kCheckOptions, kLastSpecAlone},
    {"completion", {}, kCompletionOperands},
    {"defrag", kDefragOptions, {}},
    {"diff", kDiffOptions, kDiffOperands},
    {"gen", kGenOptions, kLastSpecAlone},
    {"graph", kGraphOptions, kAnyLabelAlone},
    {"help", kHelpOptions, kHelpOperands},
    {"import", kImportOptions, kImportOperands},
    {"init", kInitOptions, kInitOperands},
    {"plan", kPlanOptions, kLastSpecAlone},
    {"prune", kPruneOptions, kLastSpecAlone},
    {"renew-timer", kRenewTimerOptions, kRenewTimerOperands},
    {"restore", kRestoreOptions, kRestoreOperands},
    {"schema", {}, {}},
    {"show", kShowOptions, kAnyLabelAlone},
    {"snapshot", kSnapshotOptions, kSnapshotOperands},
    {"status", kStatusOptions, kLastSpecAlone},
    {"step", {}, kStepOperands},
    {"why", kWhyOptions, kWhyOperands},
};

}  // namespace

const OptionSyntax* CommandSyntax::FindOption(absl::string_view option) const {
  auto found = std::find_if(options.begin(), options.end(),
                            [&](const OptionSyntax& syntax) { return syntax.name == option; });
  return found == options.end() ? nullptr : &*found;
}

size_t CommandSyntax::least_operands() const {
  return std::count_if(operands.begin(), operands.end(),
                       [](const OperandSyntax& syntax) { return !syntax.optional; });
}

size_t CommandSyntax::most_operands() const {
  return !operands.empty() && operands.back().repeated ? kNoLimit : operands.size();
}

absl::Span<const CommandSyntax> AllCommands() { return kCommands; }

const CommandSyntax* FindCommand(absl::string_view name) {
  auto found = std::find_if(std::begin(kCommands), std::end(kCommands),
                            [&](const CommandSyntax& syntax) { return syntax.name == name; });
  return found == std::end(kCommands) ? nullptr : &*found;
}

}  // namespace kplan
