#include "src/archive/netrc.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

absl::Status Wrong(int line, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, " ", why));
}

// The words of a file, one after another.
class Words {
 public:
  explicit Words(absl::string_view text) : text_(text) {}

  // The line of what Next gave last, from 1.
  int line() const { return line_; }

  // Nothing at the end.
  absl::StatusOr<std::optional<Secret>> Next() {
    SkipBlanks();
    if (text_.empty()) return std::optional<Secret>();
    at_line_start_ = false;
    if (text_[0] == '"') return Quoted();
    size_t end = 0;
    while (end < text_.size() && !absl::ascii_isspace(static_cast<unsigned char>(text_[end]))) ++end;
    Secret word(std::string(text_.substr(0, end)));
    text_.remove_prefix(end);
    return std::optional<Secret>(std::move(word));
  }

  // Behind the next empty line.
  void SkipMacro() {
    SkipLine();  // its name
    while (!text_.empty() && text_[0] != '\n' && text_[0] != '\r') SkipLine();
  }

 private:
  void SkipLine() {
    const size_t end = text_.find('\n');
    text_.remove_prefix(end == absl::string_view::npos ? text_.size() : end + 1);
    ++line_;
    at_line_start_ = true;
  }

  void SkipBlanks() {
    while (!text_.empty()) {
      if (text_[0] == '\n') {
        SkipLine();
      } else if (absl::ascii_isspace(static_cast<unsigned char>(text_[0]))) {
        text_.remove_prefix(1);
      } else if (text_[0] == '#' && at_line_start_) {
        SkipLine();
      } else {
        return;
      }
    }
  }

  absl::StatusOr<std::optional<Secret>> Quoted() {
    std::string word;
    word.reserve(text_.size());  // never moved, so that nothing of it stays behind
    for (size_t i = 1; i < text_.size() && text_[i] != '\n'; ++i) {
      char c = text_[i];
      if (c == '"') {
        text_.remove_prefix(i + 1);
        return std::optional<Secret>(Secret(std::move(word)));
      }
      if (c == '\\' && ++i < text_.size()) {
        c = text_[i];
        if (c == 'n') c = '\n';
        if (c == 'r') c = '\r';
        if (c == 't') c = '\t';
      }
      word += c;
    }
    const Secret wiped(std::move(word));
    return Wrong(line_, "has a quote that nothing closes");
  }

  absl::string_view text_;
  int line_ = 1;
  bool at_line_start_ = true;
};

// What stands behind `machine` or `default`.
struct Entry {
  int line = 0;
  bool fits = false, is_default = false;
  std::optional<Secret> name, password;
};

bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

absl::StatusOr<std::optional<Login>> LoginOf(Entry entry) {
  if (!entry.name || !entry.password) return Wrong(entry.line, "has an entry without `login` or `password`");
  if (entry.name->view().empty() || absl::StrContains(entry.name->view(), ':'))
    return Wrong(entry.line, "has an entry whose `login` is empty or has a colon in it");
  if (HasControl(entry.name->view()) || HasControl(entry.password->view()))
    return Wrong(entry.line, "has an entry with a control character in it");
  return std::optional<Login>(Login{*std::move(entry.name), *std::move(entry.password)});
}

class Finder {
 public:
  Finder(absl::string_view text, absl::string_view host) : words_(text), host_(host) {}

  absl::StatusOr<std::optional<Login>> Find() {
    for (;;) {
      absl::StatusOr<std::optional<Secret>> word = words_.Next();
      if (!word.ok()) return word.status();
      if (!word->has_value()) break;
      if (absl::Status status = Take((*word)->view()); !status.ok()) return status;
    }
    Close();
    if (found_) return LoginOf(*std::move(found_));
    if (default_) return LoginOf(*std::move(default_));
    return std::optional<Login>();
  }

 private:
  absl::Status Take(absl::string_view keyword) {
    if (keyword == "macdef") {
      words_.SkipMacro();
      return absl::OkStatus();
    }
    if (keyword == "default") {
      Close();
      open_.emplace();
      open_->line = words_.line();
      open_->is_default = true;
      return absl::OkStatus();
    }
    const bool is_machine = keyword == "machine";
    const bool is_known = keyword == "login" || keyword == "password" || keyword == "account";
    if (!is_machine && (!is_known || !open_))
      return Wrong(words_.line(),
                   is_known ? "has no `machine` before it" : "has a word that is no keyword there");
    const int line = words_.line();
    absl::StatusOr<std::optional<Secret>> value = words_.Next();
    if (!value.ok()) return value.status();
    if (!value->has_value()) return Wrong(line, "ends with a keyword that nothing stands behind");
    if (is_machine) {
      Close();
      open_.emplace();
      open_->line = line;
      open_->fits = absl::EqualsIgnoreCase((*value)->view(), host_);
    } else if (keyword == "login") {
      open_->name = **std::move(value);
    } else if (keyword == "password") {
      open_->password = **std::move(value);
    }
    return absl::OkStatus();
  }

  // The entry that was read is over.
  void Close() {
    if (!open_) return;
    if (open_->fits && !found_) {
      found_ = std::move(open_);
    } else if (open_->is_default && !default_) {
      default_ = std::move(open_);
    }
    open_.reset();
  }

  Words words_;
  const absl::string_view host_;
  std::optional<Entry> open_, found_, default_;
};

}  // namespace

absl::StatusOr<std::optional<Login>> FindLogin(absl::string_view text, absl::string_view host) {
  return Finder(text, host).Find();
}

}  // namespace kplan
