#include "src/show/plan_markdown.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/show/markdown_text.h"

namespace kplan {
namespace {

// A longer list is folded.
constexpr size_t kMostUnfolded = 12;
// What the end of the page may take.
constexpr size_t kReserve = 1000;

// One line of a list, with what belongs to it below.
std::string ItemOf(const PlanLine& line, size_t indent) {
  const std::string blank(indent, ' ');
  std::string item = absl::StrCat(blank, "- ", CodeSpan(std::string(1, line.sign)), " ", CodeSpan(line.label),
                                  line.what.empty() ? "" : " ", CodeSpan(line.what), "\n");
  for (const PlanLine& part : line.parts) item += ItemOf(part, indent + 2);
  for (absl::string_view because : line.because) {
    const bool label = absl::ConsumePrefix(&because, "of ");
    absl::StrAppend(&item, blank, "  - because ", label ? "of " : "", CodeSpan(because), "\n");
  }
  for (const std::string& key : line.needs)
    absl::StrAppend(&item, blank, "  - needs the private key ", CodeSpan(key), ", which is not here\n");
  return item;
}

class Page {
 public:
  explicit Page(size_t max_bytes) : room_(max_bytes > kReserve ? max_bytes - kReserve : 0) {}

  // A list of ITEMS under HEADING, which is Markdown; folded, under SUMMARY, which is HTML, when it is long.
  void AddList(const std::string& heading, const std::string& summary,
               const std::vector<std::string>& items) {
    if (items.empty()) return;
    const bool folded = items.size() > kMostUnfolded;
    const std::string begin = folded ? absl::StrCat("<details><summary>", summary, "</summary>\n\n")
                                     : absl::StrCat(heading, "\n\n");
    const std::string end = folded ? "\n</details>\n\n" : "\n";
    std::string list;
    size_t taken = 0;
    for (const std::string& item : items) {
      if (out_.size() + begin.size() + list.size() + item.size() + end.size() > room_) break;
      list += item;
      ++taken;
    }
    left_out_ += items.size() - taken;
    if (taken > 0) absl::StrAppend(&out_, begin, list, end);
  }

  void Add(const std::string& text) {
    if (out_.size() + text.size() <= room_) {
      out_ += text;
    } else {
      ++left_out_;
    }
  }

  std::string End() && {
    if (left_out_ > 0)
      absl::StrAppend(&out_, "**", left_out_, left_out_ == 1 ? " line is" : " lines are",
                      " left out here, for the page would be too long**; the same command without ",
                      CodeSpan("--format"), " prints all of it.\n");
    return std::move(out_);
  }

 private:
  const size_t room_;
  std::string out_;
  size_t left_out_ = 0;
};

// Where the lines of SECTION are, when their labels do not say it.
std::string PlaceText(const PlanSection& section) {
  return section.alike() ? absl::StrCat(" on ", CodeSpan(section.title)) : "";
}

// The lines of the whole plan of which IS is true, each with its place.
template <typename Is>
std::vector<std::string> ItemsOf(const PlanView& view, Is is) {
  std::vector<std::string> items;
  for (const PlanSection& section : view.sections) {
    for (const PlanLine& line : section.lines) {
      if (!is(line)) continue;
      std::string item = ItemOf(line, 0);
      item.insert(item.find('\n'), PlaceText(section));
      items.push_back(std::move(item));
    }
  }
  return items;
}

void AddWeight(const PlanView& view, Weight weight, absl::string_view title, Page* page) {
  const std::vector<std::string> items =
      ItemsOf(view, [&](const PlanLine& line) { return WeightOf(line) == weight; });
  page->AddList(absl::StrCat("#### ", title),
                absl::StrCat("<b>", HtmlText(title), "</b> (", items.size(), ")"), items);
}

}  // namespace

std::string PlanMarkdown(const PlanView& view, absl::string_view title, size_t max_bytes) {
  Page page(max_bytes);
  page.Add(absl::StrCat("### ", title, ": ", CodeSpan(view.summary), "\n\n"));
  page.Add(absl::StrCat("of ", CodeSpan(view.file), "\n\n"));
  for (const std::string& note : view.notes) page.Add(absl::StrCat("> ", CodeSpan(note), "\n\n"));
  std::vector<std::string> edits;
  for (const std::string& edit : view.edits) edits.push_back(absl::StrCat("- ", CodeSpan(edit), "\n"));
  page.AddList("#### Edited", absl::StrCat("<b>Edited</b>: ", edits.size()), edits);
  AddWeight(view, Weight::kError, "Would fail, or takes a key that is not here", &page);
  AddWeight(view, Weight::kWarning, "Restarts, or waits", &page);
  for (const PlanSection& section : view.sections) {
    std::vector<std::string> items;
    for (const PlanLine& line : section.lines) {
      if (WeightOf(line) == Weight::kNote) items.push_back(ItemOf(line, 0));
    }
    page.AddList(absl::StrCat("#### ", CodeSpan(section.title)),
                 absl::StrCat("<b>", HtmlText(section.title), "</b>: ", Count(items.size(), "line")), items);
  }
  std::vector<std::string> gone;
  for (const std::string& label : view.gone)
    gone.push_back(absl::StrCat("- ", CodeSpan("-"), " ", CodeSpan(label), "\n"));
  page.AddList(absl::StrCat("#### ", CodeSpan(view.gone_title)),
               absl::StrCat("<b>", HtmlText(view.gone_title), "</b>: ", gone.size()), gone);
  if (!view.legend.empty()) page.Add(absl::StrCat(CodeSpan(view.legend), "\n"));
  return std::move(page).End();
}

}  // namespace kplan
