#include "src/steps/files/delivery.h"

#include <variant>

#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

absl::Status PutsNothing(const AnyRecord& record) {
  const Kind* kind = KindOf(record);
  return absl::InvalidArgumentError(
      absl::StrCat("a step of the kind \"", kind == nullptr ? "" : kind->word, "\" puts nothing on a host"));
}

}  // namespace

const FileFields* FileOf(const AnyRecord& record) {
  if (const auto* file = std::get_if<FileRecord>(&record)) return file;
  return std::get_if<UnitRecord>(&record);
}

absl::StatusOr<Delivery> DeliveryOf(const LookContext& context, const AnyRecord& record) {
  if (const FileFields* file = FileOf(record)) return FileDelivery(context, *file);
  if (const auto* pair = std::get_if<PairRecord>(&record)) return PairDelivery(context, *pair);
  if (const auto* dir = std::get_if<DirRecord>(&record)) return DirDelivery(context, *dir);
  return PutsNothing(record);
}

absl::StatusOr<Standing> StandingOf(const AnyRecord& record, KnownDigests* known) {
  if (const FileFields* file = FileOf(record)) return FileStanding(*file, known);
  if (const auto* pair = std::get_if<PairRecord>(&record)) return PairStanding(*pair);
  if (const auto* dir = std::get_if<DirRecord>(&record)) return DirStanding(*dir);
  return PutsNothing(record);
}

absl::Status CheckMayPut(const AnyRecord& record) {
  if (const FileFields* file = FileOf(record)) return CheckMayPutFile(*file);
  if (const auto* pair = std::get_if<PairRecord>(&record)) return CheckMayPutPair(*pair);
  if (const auto* dir = std::get_if<DirRecord>(&record)) return CheckMayPutDir(*dir);
  return PutsNothing(record);
}

}  // namespace kplan
