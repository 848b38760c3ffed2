// Where records to import come from: a filesystem vault, or the old service's table.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/result.hpp"
#include "store/legacy/directory.hpp"
#include "store/postgres/place.hpp"

namespace vault::ctl {

class LegacySource {
 public:
  virtual ~LegacySource() = default;

  // The next record or problem; nullopt at the end, or where reading failed.
  virtual std::optional<LegacyItem> next() = 0;
  // Why reading ended before the end.
  virtual std::optional<Error> failure() const { return std::nullopt; }

  struct Progress {
    std::uint64_t done = 0, total = 0;
    std::string_view unit;
  };
  virtual Progress progress() const = 0;
  // What was left alone, since it is no part of a vault.
  virtual std::vector<std::string> ignored() const { return {}; }
  // Do problems of a record that is in the ledger already count as known? They do where the ledger holds what is wrong
  // with each record.
  virtual bool remembers_problems() const = 0;
  // What was found out about all records together, for JSON and for people; empty: nothing.
  virtual nlohmann::ordered_json findings() const { return nullptr; }
  virtual std::vector<std::pair<std::string, std::string>> findings_in_words() const { return {}; }
};

// Errors as LegacyDirectory::open().
Result<std::unique_ptr<LegacySource>> open_legacy_directory(const std::string& path);
// Follows the old chain as it reads. Errors as PostgresLegacyTable::open().
Result<std::unique_ptr<LegacySource>> open_legacy_database(const PostgresPlace& place);

}  // namespace vault::ctl
