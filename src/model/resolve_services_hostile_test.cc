// Hostile texts in every string of `services`: refused, or byte for byte where they belong, and nowhere else.
// What is accepted gives exactly what a harmless value gives, with the one text in place of the other; a unit
// has the same directives, and its arguments and variables are what systemd takes them back as.

#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "src/base/diagnostic.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/model/resolve.h"
#include "src/spec/spec.h"

namespace kplan {
namespace {

constexpr char kHarmless[] = "harmless";

// @it@ is where the value goes, as a YAML scalar in double quotes.
constexpr char kSpec[] = R"(
hosts: {w: {}}
ca: {CN: ca}
certs: {k: {hosts: [127.0.0.1]}}
services:
  s:
    @field@
    command: [/bin/s]
)";

struct HostileField {
  const char* text;    // in place of @field@
  const char* before;  // what the value is put between
  const char* after;
};

const HostileField kFields[] = {
    {"environment: {A: @it@}", "", ""},
    {"environment: {@it@: a}", "", ""},
    {"files: {/etc/x: {content: @it@}}", "", ""},
    {"files: {/etc/x: {content: a, owner: @it@}}", "", ""},
    {"files: {/etc/x: {content: a, owner: @it@}}", "root:", ""},
    {"files: {/etc/x: {content: a, mode: @it@}}", "", ""},
    {"files: {/etc/x: {from: @it@}}", "", ""},
    {"files: {@it@: {content: a}}", "/etc/", ""},
    {"files: {@it@: {content: a}}", "/etc/", "/x"},
    {"dirs: {@it@: {}}", "/var/lib/", ""},
    {"certs: [{name: k, ca: @it@}]", "/etc/", "/ca.pem"},
    {"user: @it@", "", ""},
    {"checks: [{tcp: @it@}]", "", ":80"},
    {"checks: [{tcp: @it@}]", "127.0.0.1:", ""},
    {"checks: [{https: {url: @it@}}]", "https://", "/"},
    {"checks: [{https: {url: @it@}}]", "https://127.0.0.1/", ""},
    {"checks: [{https: {url: 'https://127.0.0.1/', status: @it@}}]", "", ""},
    {"checks: [{exec: [/bin/x, @it@]}]", "", ""},
    {"checks: [{exec: [@it@]}]", "/bin/", ""},
    {"archive: {url: @it@, sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, "
     "members: {x: /bin/x}}",
     "https://example.com/", ".tar.gz"},
    {"archive: {path: x, sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, "
     "members: {@it@: /bin/x}}",
     "", ""},
    {"archive: {path: x, sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, "
     "members: {x: @it@}}",
     "/bin/", ""},
    {"unit: {Unit: {Description: @it@}}", "", ""},
    {"unit: {Service: {ExecStartPre: [/bin/a, @it@]}}", "", ""},
    {"unit: {Service: {@it@: a}}", "", ""},
    {"units: {x.timer: {Timer: {OnCalendar: @it@}}}", "", ""},
    {"units: {x.timer: {@it@: {OnCalendar: a}}}", "", ""},
    {"units: {@it@: {Timer: {OnCalendar: a}}}", "", ".timer"},
};

std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\';
    if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&out, "\\x", absl::Hex(byte, absl::kZeroPad2));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// The directives of a unit as systemd reads the text (systemd.syntax(7)): "[Service] Environment".
std::string Directives(absl::string_view text) {
  std::string out, section;
  bool continued = false;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const bool continues = absl::EndsWith(line, "\\");
    if (!continued && !line.empty() && line[0] != '#' && line[0] != ';') {
      if (line[0] == '[') {
        section = std::string(line);
      } else {
        absl::StrAppend(&out, section, " ", line.substr(0, line.find('=')), "\n");
      }
    }
    continued = continues;
  }
  return out;
}

struct Outcome {
  bool refused = false;
  std::string said, values, directives;
};

Outcome Try(const HostileField& field, absl::string_view value) {
  const std::string whole = absl::StrCat(field.before, value, field.after);
  SourceFile source(
      "c",
      absl::StrReplaceAll(kSpec, {{"@field@", absl::StrReplaceAll(field.text, {{"@it@", Quoted(whole)}})}}));
  Diagnostics diagnostics(&source);
  Spec spec;
  ReadSpec(&diagnostics, &spec);
  Cluster cluster = Resolve(spec, &diagnostics);
  Outcome outcome;
  outcome.refused = diagnostics.has_errors();
  outcome.said = diagnostics.Format(false);
  if (outcome.refused || cluster.services.size() != 1) return outcome;
  const ServiceInstance& service = cluster.services[0];
  Json json = {{"name", service.name}, {"user", service.user}, {"environment", service.environment}};
  for (const ServiceFile& f : service.files)
    json["files"].push_back({f.path, f.content, f.from, f.owner, std::to_string(f.mode)});
  for (const ServiceFolder& f : service.folders) json["folders"].push_back({f.path, f.owner});
  for (const ServiceCertificate& c : service.certificates) json["certs"].push_back({c.ca_path, c.owner});
  for (const ServiceProgram& p : service.programs) {
    // What it is unpacked to is the last part of its path.
    EXPECT_TRUE(OnlyAlnumAnd(p.member, "._-+@=~") && p.member[0] != '.') << p.member;
    json["programs"].push_back(p.path);
  }
  for (const auto& [name, a] : cluster.service_archives) {
    if (!a.given) {
      EXPECT_TRUE(absl::StartsWith(a.path, "archives/s/") && OnlyAlnumAnd(a.path.substr(11), "._-+@=~"))
          << a.path;
    }
    json["archives"].push_back({name, a.url, a.members[0].first});
  }
  for (const ServiceCheck& c : service.checks) {
    Json words = Json::array();
    for (const auto& [text, path] : c.command) words.push_back(text + path);
    json["checks"].push_back({c.target, std::to_string(c.status), words});
  }
  for (const FurtherUnit& unit : service.units) {
    json["units"].push_back(unit.name);
    absl::StrAppend(&outcome.directives, unit.name, "\n", Directives(unit.text));
  }
  outcome.values = json.dump(1, ' ', false, Json::error_handler_t::replace);
  absl::StrAppend(&outcome.directives, Directives(service.unit));
  return outcome;
}

std::vector<std::string> HostileValues() {
  std::vector<std::string> values = {"$HOME",
                                     "${HOME}",
                                     "$(touch PWNED)",
                                     "`touch PWNED`",
                                     "%h",
                                     "%%",
                                     "100%",
                                     "%i",
                                     "a b",
                                     " a",
                                     "a ",
                                     "it's",
                                     "a \"b\" c",
                                     "a\"",
                                     "a\\b",
                                     "a\\",
                                     "\\n\\x41",
                                     "a\nb",
                                     "a\nExecStartPre=/bin/touch PWNED",
                                     "a\n[Service]\nUser=root",
                                     "a\rb",
                                     "a\tb",
                                     std::string("a\0b", 3),
                                     "a\x1b[31mb",
                                     "a\x7f"
                                     "b",
                                     "a\xc2\x85"
                                     "b",
                                     "a\xe2\x80\xa8"
                                     "b",
                                     "a\xe2\x80\xae"
                                     "cod.exe",
                                     "../../x",
                                     "..",
                                     ".",
                                     "/etc/passwd",
                                     "a/../b",
                                     "a//b",
                                     "a/",
                                     "-rf",
                                     "--flag",
                                     ";",
                                     "a; b",
                                     "a && b",
                                     "a | b",
                                     "a:b",
                                     "#",
                                     "# a",
                                     "; a",
                                     "a #b",
                                     "a=b",
                                     "*",
                                     "{}",
                                     "[a]",
                                     "@a",
                                     "!a",
                                     "<a>",
                                     "null",
                                     "~",
                                     "true",
                                     "0x10",
                                     "---",
                                     "<<",
                                     "*a",
                                     "&a",
                                     "$name",
                                     "a,b",
                                     "M\xc3\xbcnchen",
                                     std::string(10000, 'a'),
                                     "0",
                                     "1e3",
                                     "",
                                     "a@b",
                                     "x.service",
                                     "s.service",
                                     "\xf0\x9f\xa6\x80"};
  // And what nobody thought of: pieces of the above in any order, by a fixed seed.
  std::mt19937 random(6);
  const char* pieces[] = {"%", "$", "\\", "\"",         "'",         "\n",       "\t",
                          " ", ";", "#",  "=",          "[",         "]",        "a",
                          "Z", "0", "/",  "..",         ":",         "{",        "}",
                          "@", "h", "i",  "ExecStart=", "[Service]", "\xc3\xbc", "\xe2\x80\xa9"};
  for (int i = 0; i < 300; ++i) {
    std::string value;
    for (unsigned n = 1 + random() % 8; n > 0; --n) value += pieces[random() % std::size(pieces)];
    values.push_back(std::move(value));
  }
  return values;
}

bool HasVariables(const HostileField& field) {
  return absl::StrContains(field.text, "{tcp: ") || absl::StrContains(field.text, "{url: ");
}

TEST(ResolveServicesHostile, IsRefusedOrStandsWhereItBelongs) {
  const std::vector<std::string> values = HostileValues();
  int accepted = 0, refused = 0;
  for (const HostileField& field : kFields) {
    SCOPED_TRACE(absl::StrCat(field.text, " ", field.before, "@", field.after));
    const Outcome harmless = Try(field, kHarmless);
    for (const std::string& value : values) {
      const Outcome outcome = Try(field, value);
      for (absl::string_view rest = outcome.said; !rest.empty(); rest.remove_prefix(1)) {
        ASSERT_TRUE(rest[0] == '\n' || DisruptiveLength(rest) == 0) << Shown(outcome.said);
      }
      if (outcome.refused) {
        ++refused;
        continue;
      }
      ++accepted;
      if (harmless.refused) continue;  // a field with a form: what is accepted is no worse than its own kind
      const Json quoted = value;
      std::string text = quoted.dump(-1, ' ', false, Json::error_handler_t::replace);
      text = text.substr(1, text.size() - 2);
      // The one variable that a check on this host, which is called "w", may have.
      if (HasVariables(field)) text = absl::StrReplaceAll(text, {{"$name", "w"}});
      EXPECT_EQ(outcome.values, absl::StrReplaceAll(harmless.values, {{kHarmless, text}})) << Shown(value);
      EXPECT_EQ(outcome.directives, absl::StrReplaceAll(harmless.directives, {{kHarmless, value}}))
          << Shown(value);
    }
  }
  EXPECT_GT(accepted, 1500);
  EXPECT_GT(refused, 3000);
  EXPECT_GT(accepted + refused, 10000);
}

}  // namespace
}  // namespace kplan
