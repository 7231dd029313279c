#ifndef KPLAN_SPEC_SCHEMA_H_
#define KPLAN_SPEC_SCHEMA_H_

// Every key of cluster.yaml, once: where it stands, what its value looks like, what it means. The parser
// takes its keys from here (map_reader.h), and so do the reference's tables (reference.h), the JSON Schema of
// editors (json_schema.h) and `kplan help KEY` (key_help.h): what one of them knows, all know. Constant data.

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kplan {

struct MapSchema;

// What stands behind a key. A "single value" is any scalar of YAML, taken as it is written: 2048 and "2048"
// are the same, as are true and "true".
enum class KeyShape : uint8_t {
  kText,     // a single value
  kTexts,    // a list of single values; one alone is a list of one
  kTextMap,  // a map of names to single values
  kMap,      // a map with the keys of KeySchema::map
  kMaps,     // a map of names to such maps
  kMapList,  // a list of such maps
};

// What a single value may be. The model is the judge (src/model); what is said here never refuses what the
// model accepts.
enum class KeyValues : uint8_t {
  kAny,          // text
  kWord,         // one of KeySchema::words
  kUsage,        // one of pki/usages.h
  kBool,         // true or false
  kNumber,       // decimal, from KeySchema::min to max
  kDuration,     // hours, minutes and seconds: 8760h
  kPath,         // characters of base/text.h IsPlainPath
  kDate,         // 2026-11-22, 2026-11-22T10:00:00Z
  kDigest,       // SHA-256 in hexadecimal
  kMode,         // of a file, in octal: 0644
  kUrl,          // scheme://...
  kHttpsUrl,     // https://...
  kEtcdVersion,  // 3.4.15
  kCountry,      // two capital letters
  kCa,           // the name of a CA,
  kCert,         // of a certificate,
  kProfile,      // a profile,
  kHost,         // a host
};

// What becomes of what looks like a variable or a template (variables.h) in the values behind a key. A new
// key has kNone until somebody says otherwise.
enum class Variables : uint8_t {
  kNone,     // nothing is put in, and it would stand there as it is: an error
  kHost,     // $name and $address of a host are put in (model/host_variables.h); others are an error
  kLiteral,  // it is meant to stand there: whoever reads the value (a program, systemd) has a use for it
};

struct KeySchema {
  absl::string_view name;
  KeyShape shape = KeyShape::kText;
  bool or_text = false;            // of kTextMap and kMap: may be a single value instead
  bool or_empty = false;           // of kText, kTexts and kTextMap: a value may be ""
  bool lines = false;              // of kText: it may have line ends and tabs
  const MapSchema* map = nullptr;  // of kMap, kMaps and kMapList
  absl::string_view doc;           // what it is, in a table or on a screen: words, with `code`
  absl::string_view fallback;      // what it is without being written, in words: "`43800h` (five years)"
  absl::string_view json_default;  // the same as JSON, where it is a fixed value
  absl::string_view example;       // as YAML, what stands behind the colon
  KeyValues values = KeyValues::kAny;
  Variables variables = Variables::kNone;
  absl::string_view words;       // of kWord, with "|" between
  absl::string_view also_words;  // other spellings that are taken, likewise
  int min = 0, max = 0;          // of kNumber; of kAny a max other than 0 is the largest number of characters
  // The names that there may be in a kTextMap and in kMaps. `names`: some words, with "|" between.
  // `name_pattern`: the form of a name (an ECMAScript regular expression; also JavaScript's).
  absl::string_view names, name_pattern;
};

struct MapSchema {
  absl::string_view id;    // in the JSON Schema and in the reference's marks: "host"
  absl::string_view what;  // in messages: "a host"
  absl::string_view
      section;  // the heading in the reference; "": its keys stand in the tables of those above it
  // What has to be there, with spaces between: "version cert". Of "CN|cert" one has to.
  absl::string_view required;
  absl::Span<const KeySchema> keys;
  // Keys of any name; `keys` is empty then. Behind each stands such a map, or, without one, what stands
  // behind a key of a unit: a single value or a list of such, which may be empty ("") and is systemd's to
  // expand (Variables::kLiteral).
  bool open = false;
  const MapSchema* each = nullptr;
};

// The whole file.
extern const MapSchema kClusterSchema;

}  // namespace kplan

#endif  // KPLAN_SPEC_SCHEMA_H_
