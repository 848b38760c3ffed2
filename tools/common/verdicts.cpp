#include "tools/common/verdicts.hpp"

#include <fmt/format.h>

namespace vault::ctl {

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
  for (const Verdict verdict :
       {Verdict::seal, Verdict::partial, Verdict::sabar, Verdict::void_, Verdict::hold, Verdict::sunset}) {
    text += fmt::format("  {:<9}{}\n", verdict_name(verdict), verdict_meaning(verdict));
  }
  return text;
}

}  // namespace vault::ctl
