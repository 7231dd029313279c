#include "src/step/any_record.h"

namespace kplan {
namespace {

template <typename T>
absl::StatusOr<AnyRecord> ReadAs(const Json& json) {
  absl::StatusOr<T> record = FromJson<T>(json);
  if (!record.ok()) return record.status();
  return AnyRecord(*std::move(record));
}

struct Reader {
  absl::string_view word;
  absl::StatusOr<AnyRecord> (*read)(const Json&);
};

constexpr Reader kReaders[] = {
#define KPLAN_KIND(Name, ...) {Name##Record::kWord, ReadAs<Name##Record>},
#define KPLAN_REMOTE_KIND KPLAN_KIND
#include "src/step/kinds.def"
};

}  // namespace

AnyRecord ReadAnyRecord(absl::string_view record) {
  absl::StatusOr<Json> json = ParseRecord(record);
  if (!json.ok()) return std::monostate();
  return AnyRecordOf(*json);
}

AnyRecord AnyRecordOf(const Json& record) { return CheckedRecordOf(record).value_or(std::monostate()); }

absl::StatusOr<AnyRecord> CheckedRecordOf(const Json& record) {
  const std::string word = WordOf(record);
  for (const Reader& reader : kReaders) {
    if (reader.word == word) return reader.read(record);
  }
  return AnyRecord();
}

Json RecordOnHost(AnyRecord record) {
  return std::visit(
      [](auto& it) -> Json {
        using T = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return Json::object();
        } else {
          if constexpr (HasHost<T>::value) it.host.clear();
          return ToJson(it);
        }
      },
      record);
}

const Kind* KindOf(const AnyRecord& record) {
  return std::visit(
      [](const auto& it) -> const Kind* {
        using T = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return nullptr;
        } else {
          return FindKind(T::kWord);
        }
      },
      record);
}

std::string WhatItIs(const AnyRecord& record) {
  return std::visit(
      [&](const auto& it) -> std::string {
        using T = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return "";
        } else if constexpr (HasWhat<T>::value) {
          return it.What();
        } else {
          return std::string(FindKind(T::kWord)->what);
        }
      },
      record);
}

std::vector<Holding> HoldingsOf(const AnyRecord& record) {
  return std::visit(
      [](const auto& it) -> std::vector<Holding> {
        if constexpr (HasHolds<std::decay_t<decltype(it)>>::value) {
          std::vector<Holding> holdings = it.Holds();
          return holdings;
        } else {
          return {};
        }
      },
      record);
}

std::string SshHostOf(const AnyRecord& record) {
  return std::visit(
      [](const auto& it) -> std::string {
        using T = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<T, HostRecord>) {
          return it.name;
        } else if constexpr (HasHost<T>::value) {
          return FindKind(T::kWord)->where == Where::kOnHost ? it.host : "";
        } else {
          return "";
        }
      },
      record);
}

}  // namespace kplan
