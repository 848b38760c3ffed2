// A legacy record about to become a seal: the part common to all kinds. This is the only place that decides what is
// kept of a record, and under which seal_id, verdict and session (docs/legacy.md, "What is sealed").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/legacy/record.hpp"

namespace vault {

// Strings are JSON unless noted otherwise.
struct LegacyDraft {
  std::string data;                    // legacy_data
  std::string timestamp = "null";      // legacy_timestamp
  std::optional<std::string> verdict;  // the original verdict
  std::optional<std::string> named;    // the verdict if it is a string, as characters
  std::string session_id;              // as found, as characters; "" if none
  LegacyHash hash = LegacyHash::none;
  std::string checks;  // further members of seal_data: `,"name":value` each
};

// `bytes`: the record's own, whose SHA-256 is kept, and which go to legacy_raw if seal_data must not hold `data`.
// Returns a problem instead of a record if it cannot be sealed. Cost: linear.
LegacyItem finish_legacy_record(LegacyPlace place, std::string_view bytes, LegacyDraft draft);

// `text` as a JSON string, quotation marks included.
std::string legacy_quoted(std::string_view text);

}  // namespace vault
