// Units whose fields hold hostile texts, for tests/sweeps/unit_hostile_test.py, which has a real systemd read
// them.
//
//   unit_hostile_testing COUNT SEED      prints units, one JSON object a line, for COUNT texts
//   unit_hostile_testing compare         reads {"name","text","shown"} a line; prints the names and keys of
//   which
//                                        CompareUnit says that systemd has something else
//
// A line of the first has "name", "text" (the unit's), and what systemd has to make of it, as hexadecimal:
// "arguments", "environment" of a unit that is to be started; "description", and "key" and "value" of one
// that is to be looked at. The last line says how many texts were refused: {"refused":{"argument":N,...}}.

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/base/diagnostic.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/systemd/unit.h"
#include "src/systemd/unit_readback.h"

namespace kplan {
namespace {

constexpr char kProgram[] = "/usr/local/bin/kplan-dump";
constexpr size_t kPerUnit = 20;
constexpr size_t kTextsAService = 4;

const char* const kKeys[] = {
    "User",           "Group",           "WorkingDirectory", "Documentation",  "SyslogIdentifier",
    "StandardOutput", "EnvironmentFile", "PIDFile",          "StateDirectory", "Restart"};

const std::vector<std::string>& Nasty() {
  static const auto* const kNasty = new std::vector<std::string>{"",
                                                                 " ",
                                                                 ";",
                                                                 "\\",
                                                                 "\\\\",
                                                                 "\"",
                                                                 "'",
                                                                 "#",
                                                                 "# a",
                                                                 "; a",
                                                                 "[Service]",
                                                                 "%",
                                                                 "%%",
                                                                 "%h",
                                                                 "%n",
                                                                 "%Z",
                                                                 "%%h",
                                                                 "%%%h",
                                                                 "100%",
                                                                 "$",
                                                                 "$$",
                                                                 "$HOME",
                                                                 "${HOME}",
                                                                 "$$HOME",
                                                                 "$HOME x",
                                                                 "-",
                                                                 "@x",
                                                                 ":x",
                                                                 "+x",
                                                                 "!x",
                                                                 "!!x",
                                                                 "|x",
                                                                 "-@:+!/bin/x",
                                                                 "=",
                                                                 "a=b",
                                                                 "~",
                                                                 "-/x",
                                                                 "~root",
                                                                 "a\\",
                                                                 "a\\\\",
                                                                 "\\;",
                                                                 "\\x41",
                                                                 "\\u0041",
                                                                 "\\101",
                                                                 "\\n",
                                                                 "\\s",
                                                                 "\\q",
                                                                 "\"a",
                                                                 "a\"",
                                                                 "'a' \"b",
                                                                 "\"\"",
                                                                 "''",
                                                                 "a\nExecStartPre=/bin/touch /owned",
                                                                 "a\\\nExecStartPre=/bin/touch /owned",
                                                                 "\n",
                                                                 "\r",
                                                                 "a\rb",
                                                                 "\t",
                                                                 "\x01",
                                                                 "\x7f",
                                                                 "\x1b[31m",
                                                                 "\u0085",
                                                                 "\u2028",
                                                                 "\u202e",
                                                                 "\ufeff",
                                                                 "\ufffe",
                                                                 "\uffff",
                                                                 "\ufdd0",
                                                                 "\U0001ffff",
                                                                 "\U0010fffd",
                                                                 "\U0001f600",
                                                                 "größer 日本",
                                                                 "\xff",
                                                                 "\xc0\x80",
                                                                 "\xed\xa0\x80",
                                                                 " a",
                                                                 "a ",
                                                                 "  a  b  ",
                                                                 "a; /bin/touch /owned",
                                                                 "a && b",
                                                                 "`x`",
                                                                 "$(x)",
                                                                 "<x>",
                                                                 "*",
                                                                 "?",
                                                                 "{a,b}",
                                                                 "--",
                                                                 "-a",
                                                                 "--a=b",
                                                                 "/",
                                                                 "//",
                                                                 "/etc/passwd",
                                                                 "../..",
                                                                 "/a/../b",
                                                                 "true",
                                                                 "a b",
                                                                 "a:b",
                                                                 "a\u00a0b",
                                                                 "\u3000",
                                                                 "# \\",
                                                                 "; \\",
                                                                 "#\\",
                                                                 "x #y",
                                                                 "x ;y",
                                                                 "x ; y",
                                                                 "$ $",
                                                                 "%% %",
                                                                 "\"%h\"",
                                                                 "'$x'",
                                                                 "%i %I",
                                                                 "nobody",
                                                                 "root",
                                                                 "append:/x"};
  return *kNasty;
}

class Texts {
 public:
  explicit Texts(uint64_t seed) : random_(seed) {}

  std::string Next() {
    if (made_++ < Nasty().size()) return Nasty()[made_ - 1];
    if (made_ % 997 == 0) return std::string(Upto(50000), "x %$\\\"'"[Upto(8)]);
    std::string text;
    for (size_t pieces = 1 + Upto(12); pieces > 0; --pieces) text += Piece();
    return text;
  }

 private:
  size_t Upto(size_t n) { return static_cast<size_t>(random_() % n); }

  std::string Piece() {
    static constexpr absl::string_view kSpecial = "%%%$$$\"\"''\\\\\\;;##@-:+!|{}[]()=,*?~^&<>/. ";
    switch (Upto(8)) {
      case 0:
        return Nasty()[Upto(Nasty().size())];
      case 1:
        return std::string(1, static_cast<char>(1 + Upto(Upto(20) == 0 ? 255 : 127)));
      case 2:
        return std::string(1 + Upto(3), static_cast<char>('a' + Upto(26)));
      default:
        return std::string(1, kSpecial[Upto(kSpecial.size())]);
    }
  }

  std::mt19937_64 random_;
  size_t made_ = 0;
};

bool IsRead(const std::string& text) {  // what is no UTF-8 comes through no cluster.yaml
  return FindInvalidUtf8(text) == std::string::npos && text.find('\0') == std::string::npos;
}

class Printer {
 public:
  void Add(const std::string& text) {
    const size_t number = total_++;
    if (!IsRead(text)) {
      ++refused_["utf-8"];
      return;
    }
    arguments_.push_back(text);
    const std::string variable = absl::StrCat("V", environment_.size(), "=", text);
    if (VariableProblem(variable).empty()) {
      environment_.push_back(variable);
    } else {
      ++refused_["environment"];
    }
    if (arguments_.size() == kPerUnit) Start();
    LookAt(text, number);
  }
  void Finish() {
    if (!arguments_.empty()) Start();
    std::cout << Json{{"refused", refused_}} << "\n";
  }

 private:
  static Json Hex(const std::vector<std::string>& texts) {
    Json list = Json::array();
    for (const std::string& text : texts) list.push_back(absl::BytesToHexString(text));
    return list;
  }

  // Prints a unit to be started.
  void Start() {
    const std::string name = absl::StrCat("hostile-run-", started_++);
    std::vector<Argument> arguments = {{kProgram, ""}, {name, ""}};
    for (const std::string& text : arguments_) arguments.emplace_back(text, "");
    Unit unit;
    unit.Set("Service", "Type", "oneshot");
    unit.Set("Service", "ExecStart", ExecStart(arguments));
    unit.Set("Service", "Environment", EnvironmentValue(environment_));
    std::cout << Json{{"arguments", Hex(arguments_)},
                      {"environment", Hex(environment_)},
                      {"name", absl::StrCat(name, ".service")},
                      {"text", unit.Text()}}
              << "\n";
    arguments_.clear();
    environment_.clear();
  }

  // Prints units to be looked at: TEXT as systemd's own words. systemctl takes its time to show a service.
  void LookAt(const std::string& text, size_t number) {
    Unit target;
    if (Merge("Unit", "Description", text, &target)) {
      std::cout << Json{{"description", absl::BytesToHexString(text)},
                        {"name", absl::StrCat("hostile-look-", number, ".target")},
                        {"text", target.Text()}}
                << "\n";
    }
    if (number % kTextsAService != 0) return;
    const std::string key = kKeys[number / kTextsAService % std::size(kKeys)];
    Unit service;
    service.Set("Unit", "Description", "hostile");
    service.Set("Service", "ExecStart", "/bin/true");
    if (Merge("Service", key, text, &service)) {
      std::cout << Json{{"key", key},
                        {"name", absl::StrCat("hostile-look-", number, ".service")},
                        {"text", service.Text()},
                        {"value", absl::BytesToHexString(text)}}
                << "\n";
    }
  }

  bool Merge(const std::string& section, const std::string& key, const std::string& text, Unit* unit) {
    if (text.empty()) return false;  // that is how a key is taken back
    const Range somewhere{1, 2};
    Diagnostics diagnostics(&source_);
    Unit merged = *unit;
    MergeUnit({{{section, somewhere}, {{{key, somewhere}, {{text, somewhere}}}}}}, UnitRules(), &merged,
              &diagnostics);
    if (diagnostics.has_errors()) {
      ++refused_[key == "Description" ? "description" : "key"];
      return false;
    }
    *unit = std::move(merged);
    return true;
  }

  SourceFile source_{"cluster.yaml", std::string(100, ' ')};
  std::vector<std::string> arguments_, environment_;
  size_t total_ = 0, started_ = 0;
  std::map<std::string, int> refused_ = {{"description", 0}, {"environment", 0}, {"key", 0}, {"utf-8", 0}};
};

int Compare() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const Json unit = Json::parse(line);
    for (const UnitDifference& difference :
         CompareUnit(unit["text"].get<std::string>(), unit["shown"].get<std::string>())) {
      std::cout << unit["name"].get<std::string>() << " " << difference.key << "\n";
    }
  }
  return 0;
}

}  // namespace
}  // namespace kplan

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "compare") return kplan::Compare();
  if (argc != 3) return 64;
  kplan::Texts texts(std::strtoull(argv[2], nullptr, 10));
  kplan::Printer printer;
  for (int i = 0; i < std::atoi(argv[1]); ++i) printer.Add(texts.Next());
  printer.Finish();
  return 0;
}
