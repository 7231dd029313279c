// The table of keys: whole in itself, and what the parser, the help and the JSON Schema make of it.

#include "src/spec/schema.h"

#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "src/spec/habits.h"
#include "src/spec/json_schema.h"
#include "src/spec/key_help.h"
#include "src/spec/map_reader.h"
#include "src/spec/spec.h"
#include "src/spec/variables.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

// What ReadSpec says of TEXT: messages with their codes.
std::vector<std::string> Messages(const std::string& text) {
  SourceFile source("c", text);
  Diagnostics diagnostics(&source);
  Spec spec;
  ReadSpec(&diagnostics, &spec);
  std::vector<std::string> messages;
  for (const Diagnostic& d : diagnostics.all())
    messages.push_back(absl::StrCat(d.message, " [", Slug(d.code), "]"));
  return messages;
}

// VALUE under the path of PLACE, in flow style; lists and names put in.
std::string At(const std::string& path, const std::string& value) {
  std::vector<std::string> parts = absl::StrSplit(path, '.');
  std::string before, after;
  std::string so_far;
  for (const std::string& part : parts) {
    absl::StrAppend(&so_far, so_far.empty() ? "" : ".", part);
    absl::StrAppend(&before, "{", part, ": ");
    after.insert(0, "}");
    if (so_far == path) break;
    for (const KeyPlace& place : AllKeys()) {
      if (place.path != so_far || place.key->shape != KeyShape::kMapList) continue;
      before += "[";
      after.insert(0, "]");
    }
  }
  return absl::StrCat(before, value, after, "\n");
}

TEST(Schema, IsWhole) {
  std::set<absl::string_view> ids;
  for (const KeyPlace& place : AllKeys()) {
    SCOPED_TRACE(place.path);
    const KeySchema& key = *place.key;
    ASSERT_LE(place.map->keys.size(), 64) << "MapReader has a bit a key";
    for (const KeySchema& other : place.map->keys) EXPECT_TRUE(&other == &key || other.name != key.name);
    EXPECT_EQ(key.map != nullptr,
              key.shape == KeyShape::kMap || key.shape == KeyShape::kMaps || key.shape == KeyShape::kMapList);
    EXPECT_TRUE(key.shape == KeyShape::kText || !key.lines);
    EXPECT_FALSE(key.doc.empty());
    EXPECT_FALSE(key.fallback.empty());
    // A table's row, and the end of a sentence in help.
    for (absl::string_view text : {key.doc, key.fallback}) {
      EXPECT_FALSE(absl::StrContains(text, "|") || absl::StrContains(text, "\n") ||
                   absl::EndsWith(text, "."));
      EXPECT_EQ(std::count(text.begin(), text.end(), '`') % 2, 0);
    }
    for (absl::string_view word : WordsOf(key)) {
      EXPECT_TRUE(absl::StrContains(key.doc, absl::StrCat("`", word, "`"))) << word << " is not in the text";
    }
    EXPECT_EQ(key.values == KeyValues::kWord, !key.words.empty());
    if (!key.json_default.empty()) {
      EXPECT_TRUE(Json::accept(std::string(key.json_default)));
    }
    if (key.shape == KeyShape::kMapList) {
      EXPECT_FALSE(key.example.empty()) << "the remedy of an error";
    }
  }
  EXPECT_EQ(AllKeys().front().path, "apiVersion");
}

TEST(Schema, SaysTheSameInWordsAndAsJson) {
  for (const KeyPlace& place : AllKeys()) {
    if (place.key->json_default.empty()) continue;
    Json json = Json::parse(std::string(place.key->json_default));
    if (!json.is_string() || place.key->fallback == "the same" || place.key->values == KeyValues::kDuration)
      continue;
    EXPECT_TRUE(absl::StrContains(place.key->fallback, json.get<std::string>())) << place.path;
  }
}

// Examples are there to be copied: each is read where it stands.
TEST(Schema, HasExamplesThatAreRead) {
  for (const KeyPlace& place : AllKeys()) {
    if (place.key->example.empty()) continue;
    EXPECT_EQ(absl::StrJoin(Messages(At(place.path, std::string(place.key->example))), "\n"), "")
        << place.path;
  }
}

// Adds the path of every key in NODE, as the table has it, to FOUND.
void Walk(const YamlNode& node, const MapSchema& map, const std::string& prefix,
          std::set<std::string>* found) {
  for (const YamlNode::Entry& entry : node.entries) {
    for (const KeySchema& key : map.keys) {
      if (key.name != entry.key) continue;
      std::string path = prefix + entry.key;
      found->insert(path);
      if (key.map == nullptr) continue;
      if (key.shape == KeyShape::kMap) Walk(*entry.value, *key.map, path + ".", found);
      for (const YamlNode* item : entry.value->items) Walk(*item, *key.map, path + ".", found);
      if (key.shape != KeyShape::kMaps) continue;
      for (const YamlNode::Entry& named : entry.value->entries)
        Walk(*named.value, *key.map, path + ".NAME.", found);
    }
  }
}

// The files of testdata have every key. That they are read without an error shows that the parser asks for
// every key of the table, in the shape it has there, and for no other: MapReader ends the program otherwise
// (see below).
TEST(Schema, IsWhatTheParserReads) {
  std::set<std::string> found;
  for (const char* name : {"every_key", "archive_url", "exchange", "members", "mirrors"}) {
    std::ifstream in(absl::StrCat("src/spec/testdata/", name, ".yaml"));
    std::string text{std::istreambuf_iterator<char>(in), {}};
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(absl::StrJoin(Messages(text), "\n"), "");
    SourceFile source("c", text);
    Diagnostics diagnostics(&source);
    YamlTree tree;
    ASSERT_TRUE(tree.Parse(&diagnostics));
    Walk(tree.root(), kClusterSchema, "", &found);
  }
  std::set<const KeySchema*> met;
  for (const KeyPlace& place : AllKeys()) {
    if (found.count(place.path) > 0) met.insert(place.key);
  }
  for (const KeyPlace& place : AllKeys()) {
    EXPECT_EQ(met.count(place.key), 1) << place.path << " is in no file of testdata";
  }
}

// Every kind of value under every key: what the table does not allow is an error, what it allows is none.
TEST(Schema, RulesTheFormOfEveryValue) {
  const std::pair<const char*, YamlNode::Kind> kValues[] = {{"x", YamlNode::Kind::kScalar},
                                                            {"[]", YamlNode::Kind::kList},
                                                            {"{}", YamlNode::Kind::kMap},
                                                            {"~", YamlNode::Kind::kNull}};
  for (const KeyPlace& place : AllKeys()) {
    const KeySchema& key = *place.key;
    // apiVersion and kind are judged by the parser.
    if (place.path == "apiVersion" || place.path == "kind") continue;
    for (const auto& [text, kind] : kValues) {
      std::vector<std::string> messages = Messages(At(place.path, text));
      std::string seen = absl::StrCat(place.path, ": ", text, ": ", absl::StrJoin(messages, "\n"));
      bool map =
          key.shape == KeyShape::kTextMap || key.shape == KeyShape::kMap || key.shape == KeyShape::kMaps;
      bool good = false;
      switch (kind) {
        case YamlNode::Kind::kScalar:
          good = key.shape == KeyShape::kText || key.shape == KeyShape::kTexts || key.or_text;
          break;
        case YamlNode::Kind::kList:
          good = key.shape == KeyShape::kTexts || key.shape == KeyShape::kMapList;
          break;
        case YamlNode::Kind::kMap:
          good = map;
          break;
        case YamlNode::Kind::kNull:  // an empty map, but no value
          good = map && !(key.or_text && key.shape == KeyShape::kTextMap);
          break;
      }
      EXPECT_EQ(messages.empty(), good) << seen;
      for (const std::string& message : messages) {
        EXPECT_TRUE(absl::EndsWith(message, kind == YamlNode::Kind::kNull && key.shape != KeyShape::kMapList
                                                ? "[no-value]"
                                                : "[wrong-type]"))
            << seen;
      }
    }
  }
}

// Every key has the check, also those that nobody has thought of yet: what looks like a variable is an error,
// or the table says what becomes of it.
TEST(Schema, SaysWhatBecomesOfVariables) {
  for (const KeyPlace& place : AllKeys()) {
    const KeySchema& key = *place.key;
    const bool map = key.shape == KeyShape::kTextMap, text = key.shape == KeyShape::kText || key.or_text;
    if (!map && !text && key.shape != KeyShape::kTexts) continue;
    for (const char* variable : {"$name", "a-${X:-b}", "$(hostname)", "$$name", "{{ x }}", "{% if x %}"}) {
      std::vector<std::string> values;
      if (text || key.shape == KeyShape::kTexts) values.push_back(absl::StrCat("'", variable, "'"));
      if (key.shape == KeyShape::kTexts) values.push_back(absl::StrCat("[a, '", variable, "']"));
      if (map) values.push_back(absl::StrCat("{amd64: '", variable, "'}"));
      for (const std::string& value : values) {
        std::vector<std::string> messages = Messages(At(place.path, value));
        const std::string seen = absl::StrCat(place.path, ": ", value, ": ", absl::StrJoin(messages, "\n"));
        if (key.variables != Variables::kNone) {
          EXPECT_EQ(messages.size(), 0) << seen;  // kHost: the model's
        } else if (place.path == "apiVersion" || place.path == "kind") {
          EXPECT_EQ(messages.size(), 1) << seen;
        } else {
          ASSERT_EQ(messages.size(), 1) << seen;
          EXPECT_TRUE(absl::StartsWith(messages[0], "nothing is put in for \"") &&
                      absl::EndsWith(messages[0], "[bad-variable]"))
              << seen;
        }
      }
    }
  }
}

TEST(Schema, TakesNoVariablesForNames) {
  for (const KeyPlace& place : AllKeys()) {
    const KeySchema& key = *place.key;
    if (key.shape != KeyShape::kTextMap && key.shape != KeyShape::kMaps) continue;
    std::vector<std::string> messages = Messages(
        At(place.path, absl::StrCat("{'a-$name': ", key.shape == KeyShape::kMaps ? "{}" : "x", "}")));
    EXPECT_EQ(absl::StrJoin(messages, "\n"), "nothing is put in for \"$name\" here [bad-variable]")
        << place.path;
  }
}

TEST(FindVariable, KnowsWhatPeopleWrite) {
  for (const auto& [text, found] :
       std::vector<std::pair<std::string, std::string>>{{"$name", "$name"},
                                                        {"a$b_1-c", "$b_1"},
                                                        {"x ${CA:-Lab} y", "${CA:-Lab}"},
                                                        {"${open", "${open"},
                                                        {"$(id -u)", "$(id -u)"},
                                                        {"$$x", "$x"},
                                                        {"{{ x }}{{ y }}", "{{ x }}"},
                                                        {"{% x %}", "{% x %}"},
                                                        {"US$", ""},
                                                        {"5 $ 6", ""},
                                                        {"$1", ""},
                                                        {"{a}", ""},
                                                        {"{\"a\":{\"b\":1}}", ""},
                                                        {"", ""}}) {
    EXPECT_EQ(FindVariable(text), found) << text;
  }
}

// A word is not a key of the map, means one thing there, and leads to a key that there is.
TEST(Habits, LeadToWhatThereIs) {
  std::map<std::string, const MapSchema*> maps = {{"cluster", &kClusterSchema}};
  for (const KeyPlace& place : AllKeys()) {
    if (place.key->map != nullptr) maps[std::string(place.key->map->id)] = place.key->map;
  }
  std::set<std::string> seen;
  for (const Habit& habit : AllHabits()) {
    ASSERT_EQ(maps.count(std::string(habit.map)), 1) << habit.map;
    const MapSchema& map = *maps[std::string(habit.map)];
    EXPECT_NE(habit.instead.empty(), habit.help.empty()) << habit.map << " " << habit.words;
    auto is_key = [&](absl::string_view name) {
      return std::any_of(map.keys.begin(), map.keys.end(),
                         [&](const KeySchema& key) { return key.name == name; });
    };
    EXPECT_TRUE(habit.instead.empty() || is_key(habit.instead)) << habit.map << " " << habit.instead;
    for (absl::string_view word : absl::StrSplit(habit.words, '|')) {
      EXPECT_FALSE(is_key(word)) << habit.map << " has the key " << word;
      EXPECT_TRUE(seen.insert(absl::StrCat(habit.map, " ", word)).second)
          << habit.map << " " << word << " twice";
      EXPECT_EQ(FindHabit(habit.map, word), &habit) << word;
    }
  }
  ASSERT_NE(FindHabit("service", "depends-on"), nullptr);
  EXPECT_EQ(FindHabit("service", "Depends_On")->instead, "after");
  EXPECT_EQ(FindHabit("service", "nonsense"), nullptr);
}

TEST(Schema, RefusesEveryOtherKey) {
  for (const KeyPlace& place : AllKeys()) {
    if (place.key->map == nullptr || place.key->map->open) continue;
    std::string path =
        absl::StrCat(place.path, place.key->shape == KeyShape::kMaps ? ".NAME" : "", ".zzzzzzzzz");
    std::vector<std::string> messages = Messages(At(path, "x"));
    ASSERT_EQ(messages.size(), 1) << path;
    EXPECT_TRUE(absl::StartsWith(messages[0], "unknown key \"zzzzzzzzz\" in ")) << messages[0];
  }
}

class MapReaderDeathTest : public testing::Test {
 protected:
  SourceFile source_{"c", ""};
  Diagnostics diagnostics_{&source_};
};

TEST_F(MapReaderDeathTest, KeepsTheTableAndTheParserTogether) {
  KeySchema keys[2];
  keys[0].name = "one";
  keys[1].name = "two";
  const MapSchema map = {"thing", "a thing", "", "", keys};
  auto read = [&](auto function) {
    MapReader reader(nullptr, {}, map, &diagnostics_);
    function(reader);
  };
  read([](MapReader& reader) {
    reader.GetText("two");
    reader.GetText("one");
  });
  EXPECT_DEATH(read([](MapReader& reader) { reader.GetText("three"); }),
               "\"three\" of thing is read, and is not in");
  EXPECT_DEATH(read([](MapReader& reader) { reader.GetTexts("one"); }),
               "\"one\" of thing is read, and is not in");
  EXPECT_DEATH(read([](MapReader& reader) { reader.GetText("one"); }), "\"two\" of thing is read by nobody");
  EXPECT_DEATH(read([](MapReader& reader) { reader.GetAll(); }), "its keys are not free");
}

std::string Paths(absl::string_view asked) {
  return absl::StrJoin(FindKeys(asked), " ",
                       [](std::string* out, const KeyPlace& place) { absl::StrAppend(out, place.path); });
}

TEST(KeyHelp, FindsKeysByTheirPaths) {
  EXPECT_EQ(Paths("etcd.flags"), "etcd.flags");
  EXPECT_EQ(Paths("certs.hosts"), "certs.NAME.hosts");
  EXPECT_EQ(Paths("certs.kubernetes.hosts"), "certs.NAME.hosts");
  EXPECT_EQ(Paths("hosts"), "hosts") << "from the top first";
  EXPECT_EQ(Paths("sha256"), "etcd.archive.sha256 services.NAME.archive.sha256");
  EXPECT_EQ(Paths("archive.url"), "etcd.archive.url services.NAME.archive.url");
  EXPECT_EQ(Paths("services.metrics.files./etc/metrics/conf.mode"), "services.NAME.files.NAME.mode");
  EXPECT_EQ(Paths("checks.https.url"), "services.NAME.checks.https.url");
  EXPECT_EQ(Paths("usages"), "signing.profiles.NAME.usages") << "once, though `default` has it, too";
  EXPECT_EQ(Paths("CN"), "ca.CN certs.NAME.CN");
  EXPECT_EQ(Paths("ssh"), "hosts.NAME.ssh");
  EXPECT_EQ(Paths("NAME"), "");
  EXPECT_EQ(Paths(""), "");
  EXPECT_EQ(Paths("certs..hosts"), "certs.NAME.hosts");
  EXPECT_EQ(Paths("etcd.nothing"), "");
}

TEST(KeyHelp, TellsWhatThereIsToKnow) {
  auto describe = [](absl::string_view path) { return DescribeKey(FindKeys(path)[0]); };
  EXPECT_EQ(describe("ca.key.algo"),
            "`rsa`, `ecdsa` or `ed25519`.\n"
            "\n"
            "- shape: a single value\n"
            "- values: rsa, ecdsa, ed25519\n"
            "- default: `rsa`\n");
  EXPECT_EQ(describe("etcd.unit"),
            "map of `Unit`, `Service`, `Install` to systemd's keys: merged over the default unit.\n"
            "\n"
            "- shape: a map of names to maps\n"
            "- names: Unit, Service, Install\n"
            "- default: none\n"
            "- example: `unit: {Service: {LimitNOFILE: 65536}}`\n");
  EXPECT_EQ(describe("services.files.content"),
            "its text, taken literally; it may have several lines, and be empty.\n"
            "\n"
            "- shape: a single value, which may have several lines\n"
            "- variables: taken as they are written\n"
            "- default: required, without `from`\n"
            "- example: `content: \"listen 127.0.0.1\\n\"`\n");
  EXPECT_TRUE(absl::StrContains(describe("services.units"), "- shape: a map of names to maps of maps\n"));
  EXPECT_TRUE(absl::StrContains(describe("services.dirs.mode"), "- values: three octal digits, "));
  EXPECT_TRUE(
      absl::EndsWith(describe("rollout"), "- keys: `max-unavailable`, `snapshot`, `keep-snapshots`\n"));
}

// What is read where a value may be more than one word on one line.
TEST(ReadSpec, TakesLinesAndEmptyValuesWhereTheyBelong) {
  auto read = [](const std::string& text, Spec* spec) {
    SourceFile source("c", text);
    Diagnostics diagnostics(&source);
    ReadSpec(&diagnostics, spec);
    return diagnostics.Format(false);
  };
  Spec spec;
  EXPECT_EQ(read("services:\n"
                 "  s:\n"
                 "    files:\n"
                 "      /a: {content: ''}\n"
                 "      /b:\n"
                 "        content: |\n"
                 "          one\n"
                 "          \ttwo\n"
                 "      /c: {content: &x \"c\"}\n"
                 "      /d: {content: *x}\n"
                 "    command: [/bin/x, '', a b]\n"
                 "    environment: {A: '', B: 2}\n"
                 "    unit: {Service: {ExecStartPre: '', ExecStop: ['', /bin/a, /bin/b], Nice: 5}}\n"
                 "    units: {x.timer: {Timer: {OnCalendar: [daily, weekly]}, Install: }}\n",
                 &spec),
            "");
  ASSERT_EQ(spec.services.size(), 1u);
  const GenericServiceSpec& service = spec.services[0];
  ASSERT_EQ(service.files.size(), 4u);
  EXPECT_TRUE(service.files[0].content.set());
  EXPECT_EQ(service.files[0].content.value, "");
  EXPECT_EQ(service.files[1].content.value, "one\n\ttwo\n");
  EXPECT_EQ(service.files[3].content.value, "c");
  ASSERT_EQ(service.command.size(), 3u);
  EXPECT_TRUE(service.command[1].set());
  EXPECT_EQ(service.environment[0].second.value, "");
  const std::vector<UnitKeySpec>& keys = service.unit[0].keys;
  ASSERT_EQ(keys.size(), 3u);
  ASSERT_EQ(keys[0].values.size(), 1u);
  EXPECT_FALSE(keys[0].values[0].set());
  ASSERT_EQ(keys[1].values.size(), 3u);
  EXPECT_FALSE(keys[1].values[0].set());
  EXPECT_EQ(keys[1].values[2].value, "/bin/b");
  ASSERT_EQ(service.units.size(), 1u);
  ASSERT_EQ(service.units[0].sections.size(), 2u);
  EXPECT_EQ(service.units[0].sections[0].keys[0].values[1].value, "weekly");

  for (const char* bad :
       {"{files: {/a: {content: ~}}}", "{files: {/a: {content: \"a\\rb\"}}}",
        "{files: {/a: {content: \"a\\u2028b\"}}}", "{files: {\"/a\\n\": {content: a}}}",
        "{command: [\"a\\nb\"]}", "{environment: {A: ~}}", "{environment: {A: \"a\\tb\"}}",
        "{unit: {Service: {A: []}}}", "{unit: {Service: {A: [[b]]}}}", "{unit: {Service: {A: {b: c}}}}",
        "{unit: {Service: {A: ~}}}", "{unit: {Service: {A: \"a\\nb\"}}}", "{units: {x.timer: {Timer: [a]}}}",
        "{units: {x.timer: a}}", "{files: {/a: {mode: ''}}}", "{after: ['']}"}) {
    Spec ignored;
    EXPECT_NE(read(absl::StrCat("services: {s: ", bad, "}\n"), &ignored), "") << bad;
  }
}

// What tests/schema_test.py cannot see from outside: a definition a map, and nothing else.
TEST(JsonSchema, HasADefinitionAMap) {
  std::set<std::string> ids, defined;
  for (const KeyPlace& place : AllKeys()) {
    if (place.key->map != nullptr) ids.insert(std::string(place.key->map->id));
  }
  Json schema = JsonSchema();
  for (const auto& [id, definition] : schema["definitions"].items()) defined.insert(id);
  EXPECT_EQ(ids, defined);
  EXPECT_EQ(schema["properties"].size(), kClusterSchema.keys.size());
}

}  // namespace
}  // namespace kplan
