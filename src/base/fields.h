#ifndef KPLAN_BASE_FIELDS_H_
#define KPLAN_BASE_FIELDS_H_

// How structs stand in JSON: one listing of a struct's fields both writes and reads them.
//
//   struct FileRecord {
//     static constexpr absl::string_view kWord = "install";
//     std::string from, owner;
//     bool secret = false;
//
//     template <typename Self, typename Fields>
//     static void Visit(Self& self, Fields& fields) {
//       fields.Always("from", self.from);
//       fields.Optional("owner", self.owner);
//       fields.Always("secret", self.secret);
//     }
//   };
//
// What is written is canonical: keys sorted (by the writer: a struct lists its fields in any order), no white
// space, UTF-8 left as it is. So the same values are the same bytes. A struct with kWord is a record: its
// text has a "kind", too, by which others tell what it is.
//
// A field is text, a number, a flag, a struct with fields, or a list of these; a pair is a list of two. Other
// types have AppendValue and ReadValue beside their declaration.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/record.h"
#include "src/base/string_pairs.h"

namespace kplan {

class FieldWriter;
class FieldReader;

template <typename T, typename = void>
struct IsStruct : std::false_type {};
template <typename T>
struct IsStruct<T, std::void_t<decltype(T::Visit(std::declval<T&>(), std::declval<FieldReader&>()))>>
    : std::true_type {};

template <typename T, typename = void>
struct IsRecord : std::false_type {};
template <typename T>
struct IsRecord<T, std::void_t<decltype(T::kWord)>> : std::true_type {};

// The values, appended to *OUT as JSON.
void AppendValue(const std::string& value, std::string* out);
void AppendValue(int64_t value, std::string* out);
void AppendValue(int value, std::string* out);
void AppendValue(bool value, std::string* out);
void AppendValue(const Json& value, std::string* out);
template <typename A, typename B>
void AppendValue(const std::pair<A, B>& value, std::string* out);
template <typename T>
void AppendValue(const std::vector<T>& values, std::string* out);
template <typename T, size_t N>
void AppendValue(const std::array<T, N>& values, std::string* out);
template <typename T>
std::enable_if_t<IsStruct<T>::value> AppendValue(const T& value, std::string* out);

// False when JSON is another kind of value, or a struct in it lacks something.
bool ReadValue(const Json& json, std::string* value);
bool ReadValue(const Json& json, int64_t* value);
bool ReadValue(const Json& json, int* value);
bool ReadValue(const Json& json, bool* value);
bool ReadValue(const Json& json, Json* value);
template <typename A, typename B>
bool ReadValue(const Json& json, std::pair<A, B>* value);
template <typename T>
bool ReadValue(const Json& json, std::vector<T>* values);
template <typename T, size_t N>
bool ReadValue(const Json& json, std::array<T, N>* values);
template <typename T>
std::enable_if_t<IsStruct<T>::value, bool> ReadValue(const Json& json, T* value);

// Writes one object.
class FieldWriter {
 public:
  template <typename T>
  void Always(absl::string_view key, const T& value) {
    Begin(key);
    AppendValue(value, &text_);
  }
  // Written unless it is ABSENT.
  template <typename T>
  void Optional(absl::string_view key, const T& value, const T& absent = T()) {
    if (!(value == absent)) Always(key, value);
  }
  template <typename T>
  void Optional(absl::string_view key, const std::optional<T>& value) {
    if (value.has_value()) Always(key, *value);
  }

  // To be called once, when all was added.
  std::string Finish() &&;

 private:
  struct Member {
    absl::string_view key;
    size_t begin;  // in text_, of the comma or brace before it
  };

  void Begin(absl::string_view key);

  std::string text_;
  std::vector<Member> members_;
  bool sorted_ = true;
};

// Reads one object. A field that is missing or of another type is named by wrong(), the first of them.
class FieldReader {
 public:
  // JSON has to outlive this.
  explicit FieldReader(const Json& json) : json_(json) {}

  // A list may be missing: it is then empty.
  template <typename T>
  void Always(const char* key, T& value) {
    const Json* found = Find(key);
    if (found == nullptr ? !IsList<T>::value : !ReadValue(*found, &value)) Wrong(WrongIn<T>(found, key));
  }
  template <typename T>
  void Optional(const char* key, T& value, const T& absent = T()) {
    const Json* found = Find(key);
    if (found == nullptr) {
      value = absent;
    } else if (!ReadValue(*found, &value)) {
      Wrong(WrongIn<T>(found, key));
    }
  }
  template <typename T>
  void Optional(const char* key, std::optional<T>& value) {
    const Json* found = Find(key);
    if (found != nullptr && !ReadValue(*found, &value.emplace())) Wrong(WrongIn<T>(found, key));
  }

  const std::string& wrong() const { return wrong_; }

 private:
  template <typename T>
  struct IsList : std::false_type {};
  template <typename T>
  struct IsList<std::vector<T>> : std::true_type {};

  // What is wrong with JSON, which KEY has and which is no T: what a struct in it lacks, else KEY.
  template <typename T>
  static std::string WrongIn(const Json* json, const char* key) {
    if (json == nullptr) return key;
    if constexpr (IsStruct<T>::value) {
      if (!json->is_object()) return key;
      T value;
      FieldReader reader(*json);
      T::Visit(value, reader);
      return reader.wrong().empty() ? key : reader.wrong();
    } else if constexpr (IsList<T>::value) {
      for (const Json& item : *json) {
        typename T::value_type value;
        if (!ReadValue(item, &value)) return WrongIn<typename T::value_type>(&item, key);
      }
    }
    return key;
  }

  const Json* Find(const char* key) const;
  void Wrong(absl::string_view key) {
    if (wrong_.empty()) wrong_ = std::string(key);
  }

  const Json& json_;
  std::string wrong_;
};

// DataLoss: the record has no usable KEY.
absl::Status RecordLacks(absl::string_view key);

// The text of VALUE: canonical JSON.
template <typename T>
std::string ToText(const T& value) {
  FieldWriter writer;
  if constexpr (IsRecord<T>::value) writer.Always("kind", std::string(T::kWord));
  T::Visit(value, writer);
  return std::move(writer).Finish();
}

// TEXT, that of a struct, parsed. Bytes that are no UTF-8 (a line of a log may have them) become U+FFFD.
Json ParseFieldsText(const std::string& text);

template <typename T>
Json ToJson(const T& value) {
  return ParseFieldsText(ToText(value));
}

// DataLoss when JSON is no object, or lacks something. What T does not know is not looked at.
template <typename T>
absl::StatusOr<T> FromJson(const Json& json) {
  if (!json.is_object()) return absl::DataLossError("the record is not a JSON object");
  T value;
  FieldReader reader(json);
  T::Visit(value, reader);
  if (!reader.wrong().empty()) return RecordLacks(reader.wrong());
  return value;
}

template <typename T>
absl::StatusOr<T> FromText(absl::string_view text) {
  absl::StatusOr<Json> json = ParseRecord(text);
  if (!json.ok()) return json.status();
  return FromJson<T>(*json);
}

template <typename List>
void AppendList(const List& values, std::string* out) {
  out->push_back('[');
  bool first = true;
  for (const auto& value : values) {
    if (!first) out->push_back(',');
    first = false;
    AppendValue(value, out);
  }
  out->push_back(']');
}

template <typename A, typename B>
void AppendValue(const std::pair<A, B>& value, std::string* out) {
  out->push_back('[');
  AppendValue(value.first, out);
  out->push_back(',');
  AppendValue(value.second, out);
  out->push_back(']');
}

template <typename T>
void AppendValue(const std::vector<T>& values, std::string* out) {
  AppendList(values, out);
}

template <typename T, size_t N>
void AppendValue(const std::array<T, N>& values, std::string* out) {
  AppendList(values, out);
}

template <typename T>
std::enable_if_t<IsStruct<T>::value> AppendValue(const T& value, std::string* out) {
  out->append(ToText(value));
}

template <typename A, typename B>
bool ReadValue(const Json& json, std::pair<A, B>* value) {
  return json.is_array() && json.size() == 2 && ReadValue(json[0], &value->first) &&
         ReadValue(json[1], &value->second);
}

template <typename T>
bool ReadValue(const Json& json, std::vector<T>* values) {
  values->clear();
  if (!json.is_array()) return false;
  values->reserve(json.size());
  for (const Json& item : json) {
    if (!ReadValue(item, &values->emplace_back())) return false;
  }
  return true;
}

template <typename T, size_t N>
bool ReadValue(const Json& json, std::array<T, N>* values) {
  if (!json.is_array() || json.size() != N) return false;
  for (size_t i = 0; i < N; ++i) {
    if (!ReadValue(json[i], &(*values)[i])) return false;
  }
  return true;
}

template <typename T>
std::enable_if_t<IsStruct<T>::value, bool> ReadValue(const Json& json, T* value) {
  absl::StatusOr<T> read = FromJson<T>(json);
  if (!read.ok()) return false;
  *value = *std::move(read);
  return true;
}

}  // namespace kplan

#endif  // KPLAN_BASE_FIELDS_H_
