#include "tools/common/verdicts.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "ledger/nearest.hpp"

namespace vault::ctl {
namespace {

constexpr std::array all_verdicts{Verdict::seal,  Verdict::partial, Verdict::sabar,
                                  Verdict::void_, Verdict::hold,    Verdict::sunset};

}  // namespace

std::string_view verdict_meaning(Verdict verdict) {
  switch (verdict) {
    case Verdict::seal:
      return "approved";
    case Verdict::partial:
      return "approved in part";
    case Verdict::sabar:
      return "wait, and look again";
    case Verdict::void_:
      return "refused";
    case Verdict::hold:
      return "held for a person";
    case Verdict::sunset:
      return "withdrawn";
  }
  return "";
}

std::string verdicts_explained() {
  std::string text = "Verdicts:\n";
  for (const Verdict verdict : all_verdicts) {
    text += fmt::format("  {:<9}{}\n", verdict_name(verdict), verdict_meaning(verdict));
  }
  return text;
}

std::string did_you_mean_verdict(std::string_view text) {
  if (parse_verdict(text)) return "";
  std::string upper;
  for (const char c : text) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  std::vector<std::string_view> known;
  for (const Verdict verdict : all_verdicts) known.push_back(verdict_name(verdict));
  const bool hold = upper.find("HOLD") != std::string::npos;  // HOLD_888
  const std::string_view meant =
      hold ? verdict_name(Verdict::hold) : nearest(upper, std::span<const std::string_view>(known));
  return meant.empty() ? "" : fmt::format("; did you mean {}?", meant);
}

}  // namespace vault::ctl
