// Sources of records to import: a filesystem vault, or the old service's table.
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

  // The next record or problem; nullopt at the end, or if reading failed.
  virtual std::optional<LegacyItem> next() = 0;
  // Why reading ended before the end.
  virtual std::optional<Error> failure() const { return std::nullopt; }

  struct Progress {
    std::uint64_t done = 0, total = 0;
    std::string_view unit;
  };
  virtual Progress progress() const = 0;
  // Names of files that were ignored because they are not part of a vault.
  virtual std::vector<std::string> ignored() const { return {}; }
  // Whether problems of a record that is already in the ledger count as known. They do if the ledger holds what is
  // wrong with each record.
  virtual bool remembers_problems() const = 0;
  // Findings about all records together, for JSON and for people; empty: none.
  virtual nlohmann::ordered_json findings() const { return nullptr; }
  virtual std::vector<std::pair<std::string, std::string>> findings_in_words() const { return {}; }
};

// Errors: those of LegacyDirectory::open().
Result<std::unique_ptr<LegacySource>> open_legacy_directory(const std::string& path);
// Follows the old chain as it reads. Errors: those of PostgresLegacyTable::open().
Result<std::unique_ptr<LegacySource>> open_legacy_database(const PostgresPlace& place);

}  // namespace vault::ctl
