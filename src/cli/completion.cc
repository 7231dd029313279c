#include "src/cli/completion.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/cli/command_table.h"

namespace kplan {
namespace {

class Completer {
 public:
  Completer(const std::vector<std::string>& words, const CompletionSources& sources)
      : words_(words), typed_(words.back()), sources_(sources) {}

  Completion Run() {
    if (words_.size() == 1) {
      for (const CommandSyntax& command : AllCommands()) {
        Offer(command.name, sources_.command_summary(command.name));
      }
      Offer("--help", "");
      Offer("--version", "");
      return std::move(completion_);
    }
    command_ = FindCommand(words_[0]);
    if (command_ != nullptr) CompleteIn();
    return std::move(completion_);
  }

 private:
  void Offer(absl::string_view text, std::string what) {
    if (absl::StartsWith(text, typed_))
      completion_.candidates.push_back({std::string(text), std::move(what)});
  }

  void CompleteIn() {
    const OptionSyntax* pending = nullptr;  // its value is next
    bool only_operands = false;
    size_t operands = 0;
    for (size_t i = 1; i + 1 < words_.size(); ++i) {
      absl::string_view word = words_[i];
      if (pending != nullptr) {
        if (pending->word == Word::kFolder) folder_ = words_[i];
        pending = nullptr;
      } else if (only_operands || word.size() < 2 || word[0] != '-') {
        ++operands;
      } else if (word == "--") {
        only_operands = true;
      } else {
        size_t equals = word.find('=');
        given_.push_back(word.substr(0, equals));
        const OptionSyntax* option = command_->FindOption(given_.back());
        if (option == nullptr || option->value.empty()) continue;
        if (equals == absl::string_view::npos) {
          pending = option;
        } else if (option->word == Word::kFolder) {
          folder_ = std::string(word.substr(equals + 1));
        }
      }
    }
    if (pending != nullptr) {
      CompleteWord(pending->word, pending->words, "");
    } else if (!only_operands && absl::StartsWith(typed_, "-")) {
      CompleteOption();
    } else {
      CompleteOperand(operands);
    }
  }

  void CompleteOption() {
    size_t equals = typed_.find('=');
    if (equals != absl::string_view::npos) {
      const OptionSyntax* option = command_->FindOption(typed_.substr(0, equals));
      if (option != nullptr && !option->value.empty()) {
        CompleteWord(option->word, option->words, typed_.substr(0, equals + 1));
      }
      return;
    }
    for (const OptionSyntax& option : command_->options) {
      bool given = std::find(given_.begin(), given_.end(), option.name) != given_.end();
      if (option.hidden || given) continue;
      std::string what = sources_.option_summary(command_->name, option.name);
      bool joined = !option.value.empty() && absl::StartsWith(option.name, "--");
      Offer(absl::StrCat(option.name, joined ? "=" : ""), std::move(what));
    }
    Offer("--help", "");
  }

  void CompleteOperand(size_t index) {
    if (command_->operands.empty()) return;
    if (index >= command_->operands.size() && !command_->operands.back().repeated) return;
    const OperandSyntax& operand = command_->operands[std::min(index, command_->operands.size() - 1)];
    CompleteWord(operand.word, operand.words, "");
  }

  // BEFORE is what of the word being typed is not the value: "--format=".
  void CompleteWord(Word word, absl::string_view words, absl::string_view before) {
    switch (word) {
      case Word::kText:
        break;
      case Word::kWord:
        for (absl::string_view each : absl::StrSplit(words, '|')) Offer(absl::StrCat(before, each), "");
        break;
      case Word::kFile:
        completion_.files = Completion::Files::kAll;
        break;
      case Word::kFolder:
        completion_.files = Completion::Files::kFolders;
        break;
      case Word::kSpec:
        completion_.files = Completion::Files::kSpecs;
        break;
      case Word::kLabel:
        for (const std::string& label : sources_.labels(folder_, absl::StripPrefix(typed_, before))) {
          Offer(absl::StrCat(before, label), "");
        }
        break;
      case Word::kName:
        for (const std::string& name : sources_.names(folder_, absl::StripPrefix(typed_, before))) {
          Offer(absl::StrCat(before, name), "");
        }
        break;
      case Word::kTopic:
        for (Candidate& topic : sources_.topics()) {
          Offer(absl::StrCat(before, topic.text), std::move(topic.what));
        }
        break;
    }
  }

  const std::vector<std::string>& words_;
  const absl::string_view typed_;
  const CompletionSources& sources_;
  const CommandSyntax* command_ = nullptr;
  std::string folder_;
  std::vector<absl::string_view> given_;  // options
  Completion completion_;
};

// How a file has the names that can come next.
struct NameSyntax {
  absl::string_view before;
  char end;
  absl::string_view after;  // what is behind END
};
constexpr NameSyntax kPlanLabel = {"\"label\":\"", '"', ""};
constexpr NameSyntax kNinjaName = {"\nbuild ", ':', " phony"};

std::vector<std::string> OneLevel(const NameSyntax& syntax, absl::string_view text,
                                  absl::string_view prefix) {
  absl::flat_hash_set<absl::string_view> found;
  for (size_t at = 0; (at = text.find(syntax.before, at)) != absl::string_view::npos;) {
    at += syntax.before.size();
    const size_t end = text.find(syntax.end, at);
    if (end == absl::string_view::npos) break;
    absl::string_view name = text.substr(at, end - at);
    if (!absl::StartsWith(name, prefix) || !absl::StartsWith(text.substr(end + 1), syntax.after)) continue;
    // kplan's own.
    if (absl::StartsWith(name, ".") || name == "build.ninja") continue;
    size_t slash = name.find('/', prefix.size());
    found.insert(slash == absl::string_view::npos ? name : name.substr(0, slash + 1));
  }
  std::vector<std::string> sorted(found.begin(), found.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

std::vector<std::string> NextIn(const NameSyntax& syntax, absl::string_view text, absl::string_view prefix) {
  std::vector<std::string> names = OneLevel(syntax, text, prefix);
  while (names.size() == 1 && names[0].back() == '/') names = OneLevel(syntax, text, names[0]);
  return names;
}

}  // namespace

Completion Complete(const std::vector<std::string>& words, const CompletionSources& sources) {
  return words.empty() ? Completion() : Completer(words, sources).Run();
}

std::string CompletionText(const Completion& completion) {
  std::string out;
  for (const Candidate& candidate : completion.candidates) {
    absl::StrAppend(&out, candidate.text, "\t", candidate.what, "\n");
  }
  switch (completion.files) {
    case Completion::Files::kNone:
      break;
    case Completion::Files::kAll:
      out += ":files\t\n";
      break;
    case Completion::Files::kFolders:
      out += ":folders\t\n";
      break;
    case Completion::Files::kSpecs:
      out += ":specs\t\n";
      break;
  }
  return out;
}

std::vector<std::string> NextLabels(absl::string_view plan_json, absl::string_view prefix) {
  return NextIn(kPlanLabel, plan_json, prefix);
}

std::vector<std::string> NextNames(absl::string_view build_ninja, absl::string_view prefix) {
  return NextIn(kNinjaName, build_ninja, prefix);
}

}  // namespace kplan
