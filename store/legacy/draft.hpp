// A legacy record on its way to being a seal: what all kinds of them have in common. What is kept of a record, under
// which seal_id, verdict and session, is decided here and nowhere else (docs/legacy.md, "What is sealed").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/legacy/record.hpp"

namespace vault {

// Texts are JSON unless said otherwise.
struct LegacyDraft {
  std::string data;                    // legacy_data
  std::string timestamp = "null";      // legacy_timestamp
  std::optional<std::string> verdict;  // the original verdict
  std::optional<std::string> named;    // the verdict where it is a string, as characters
  std::string session_id;              // as found, as characters; "" if none
  LegacyHash hash = LegacyHash::none;
  std::string checks;  // further members of seal_data: `,"name":value` each
};

// `bytes`: the record's own, whose SHA-256 is kept and which legacy_raw holds where seal_data must not hold `data`.
// A problem in place of the record where it cannot be sealed. Cost: linear.
LegacyItem finish_legacy_record(LegacyPlace place, std::string_view bytes, LegacyDraft draft);

// `text` as a JSON string, quotation marks included.
std::string legacy_quoted(std::string_view text);

}  // namespace vault
