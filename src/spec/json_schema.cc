#include "src/spec/json_schema.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/spec/key_help.h"

namespace kplan {
namespace {

// YAML gives a number or a boolean where kplan takes the text as it is written: of what is all digits, say, a
// pattern cannot be held against the number. So a pattern rules strings alone, where a number could be meant.
Json String(absl::string_view pattern) { return {{"type", "string"}, {"pattern", std::string(pattern)}}; }

// The words of KEY as they come out of YAML: true is a boolean there.
Json Words(const KeySchema& key) {
  Json words = Json::array();
  for (absl::string_view word : WordsOf(key)) words.push_back(std::string(word));
  for (absl::string_view word : absl::StrSplit(key.also_words, '|', absl::SkipEmpty())) {
    words.push_back(std::string(word));
  }
  return {{"enum", std::move(words)}};
}

// A single value of KEY.
Json Value(const KeySchema& key) {
  switch (key.values) {
    case KeyValues::kWord:
    case KeyValues::kUsage:
      return Words(key);
    case KeyValues::kBool:
      return {{"enum", {true, false, "true", "false"}}};
    case KeyValues::kNumber:
      return {{"type", {"integer", "string"}},
              {"minimum", key.min},
              {"maximum", key.max},
              {"pattern", "^ *[+]?[0-9]+ *$"}};
    case KeyValues::kDuration:
      return String("^([0-9]+[hms])+$");
    case KeyValues::kPath:
      return JsonScalar("^[A-Za-z0-9/._+@=~-]+$");
    case KeyValues::kDate:
      return String("^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:]{8}(Z|[+-][0-9:]{5}))?$");
    case KeyValues::kDigest:
      return JsonScalar("^[0-9A-Fa-f]{64}$");
    case KeyValues::kMode:
      return JsonScalar("^0?[0-7]{3}$");
    case KeyValues::kUrl:
      return String("^[A-Za-z][A-Za-z0-9+.-]*://.");
    case KeyValues::kHttpsUrl:
      return String("^https://.");
    case KeyValues::kEtcdVersion:
      return String("^3\\.[456]\\.(0|[1-9][0-9]{0,3})$");
    case KeyValues::kCountry:
      return String("^[A-Z]{2}$");
    case KeyValues::kAny:
    case KeyValues::kCa:
    case KeyValues::kCert:
    case KeyValues::kProfile:
    case KeyValues::kHost: {
      Json json = JsonScalar();
      if (key.values == KeyValues::kAny && key.max > 0) json["maxLength"] = key.max;
      if (key.or_empty) json.erase("minLength");
      return json;
    }
  }
  return Json::object();
}

// A single value that may be "".
Json AnyScalar() {
  Json json = JsonScalar();
  json.erase("minLength");
  return json;
}

Json Reference(const MapSchema& map) {
  return {{"$ref", absl::StrCat("#/definitions/", std::string(map.id))}};
}

// A map of names to what EACH takes; nothing at all is an empty one.
Json MapOf(const KeySchema& key, const Json& each) {
  Json json = {{"type", {"object", "null"}}};
  if (key.names.empty()) {
    json["additionalProperties"] = each;
  } else {
    json["additionalProperties"] = false;
    for (absl::string_view name : absl::StrSplit(key.names, '|'))
      json["properties"][std::string(name)] = each;
  }
  if (!key.name_pattern.empty()) json["propertyNames"] = {{"pattern", std::string(key.name_pattern)}};
  return json;
}

Json Shape(const KeySchema& key) {
  switch (key.shape) {
    case KeyShape::kText:
      return Value(key);
    case KeyShape::kTexts:
      return {{"anyOf", {{{"type", "array"}, {"items", Value(key)}}, Value(key)}}};
    case KeyShape::kTextMap:
      // kplan judges the values whose names it needs.
      return MapOf(key, key.or_empty ? AnyScalar() : JsonScalar());
    case KeyShape::kMap:
      return {{"allOf", {Reference(*key.map)}}};  // draft-07 reads nothing beside a $ref
    case KeyShape::kMaps:
      return MapOf(key, Reference(*key.map));
    case KeyShape::kMapList:
      return {{"type", "array"}, {"items", Reference(*key.map)}};
  }
  return Json::object();
}

Json Property(const KeySchema& key) {
  Json json = Shape(key);
  if (key.or_text) {
    Json alone = Value(key);
    // A map is never empty where it stands for a value.
    if (key.shape == KeyShape::kTextMap) json["type"] = "object";
    json = {{"anyOf", {std::move(alone), std::move(json)}}};
  }
  json["description"] = absl::StrCat(key.doc, "\n\nDefault: ", key.fallback);
  if (!key.json_default.empty()) json["default"] = Json::parse(std::string(key.json_default));
  return json;
}

// MAP as a schema; its definitions, and those of maps in it, are added to DEFINITIONS.
Json Object(const MapSchema& map, Json* definitions) {
  // Nothing is an empty map, and so no good where something has to be in it.
  Json json = {{"type", map.required.empty() ? Json{"object", "null"} : Json("object")}};
  if (!map.what.empty()) json["title"] = std::string(map.what);
  if (map.open && map.each != nullptr) {
    std::string id(map.each->id);
    if (!definitions->contains(id)) (*definitions)[id] = Object(*map.each, definitions);
    json["additionalProperties"] = Reference(*map.each);
    return json;
  }
  if (map.open) {
    json["additionalProperties"] = {
        {"anyOf", {AnyScalar(), {{"type", "array"}, {"items", AnyScalar()}, {"minItems", 1}}}}};
    return json;
  }
  json["additionalProperties"] = false;
  for (const KeySchema& key : map.keys) {
    json["properties"][std::string(key.name)] = Property(key);
    if (key.map == nullptr) continue;
    std::string id(key.map->id);
    if (!definitions->contains(id)) (*definitions)[id] = Object(*key.map, definitions);
  }
  for (absl::string_view needed : absl::StrSplit(map.required, ' ', absl::SkipEmpty())) {
    std::vector<std::string> either = absl::StrSplit(needed, '|');
    if (either.size() == 1) {
      json["required"].push_back(either[0]);
      continue;
    }
    for (std::string& one : either) json["anyOf"].push_back({{"required", {std::move(one)}}});
  }
  return json;
}

}  // namespace

Json JsonScalar(absl::string_view pattern) {
  Json json = {{"type", {"string", "number", "boolean"}}};
  if (pattern.empty()) {
    json["minLength"] = 1;
  } else {
    json["pattern"] = std::string(pattern);
  }
  return json;
}

Json JsonSchema() {
  Json definitions = Json::object();
  Json json = Object(kClusterSchema, &definitions);
  json["$schema"] = "http://json-schema.org/draft-07/schema#";
  json["$id"] = "https://kplan.dev/v1/cluster.schema.json";
  json["title"] = "cluster.yaml of kplan";
  json["definitions"] = std::move(definitions);
  return json;
}

}  // namespace kplan
