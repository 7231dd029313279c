#ifndef KPLAN_BASE_TEXT_SINK_H_
#define KPLAN_BASE_TEXT_SINK_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace kplan {

// Takes the pieces of a text, in order.
using TextSink = absl::FunctionRef<void(absl::string_view)>;

// What a writer collects before it passes a piece on: the pieces are few.
class PieceWriter {
 public:
  explicit PieceWriter(TextSink sink) : sink_(sink) { text_.reserve(kPiece + kPiece / 4); }

  std::string* text() { return &text_; }
  // To be called between two things that are written: passes on what there is, once it is worth it.
  void MayFlush() {
    if (text_.size() >= kPiece) Flush();
  }
  void Flush() {
    sink_(text_);
    text_.clear();
  }

 private:
  static constexpr size_t kPiece = 64 * 1024;
  TextSink sink_;
  std::string text_;
};

}  // namespace kplan

#endif  // KPLAN_BASE_TEXT_SINK_H_
