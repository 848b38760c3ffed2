// Reads the table `vault_ledger` of the old Python service in PostgreSQL, row by row, as of one moment. Never writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ledger/result.hpp"
#include "store/legacy/row.hpp"
#include "store/postgres/place.hpp"

namespace vault {

class PgConnection;

// The contents of the table `vault_head`; nullopt: NULL.
struct LegacyHead {
  std::optional<std::string> hash, root;
};

class PostgresLegacyTable {
 public:
  // Opens a session and a snapshot, examines the columns, requests the rows. Errors: unavailable if there is no server;
  // invalid_argument if the schema has no such table, or has this ledger's own (field "database"); internal if reading
  // is not permitted.
  static Result<std::unique_ptr<PostgresLegacyTable>> open(const PostgresPlace& place);
  ~PostgresLegacyTable();

  // The next row in order of the sequence; nullopt at the end. For a row too large to be sealed, only the hashes.
  // Memory: about one row. Errors: those of open().
  Result<std::optional<LegacyRow>> next();

  // The smallest and largest sequence; nullopt: no rows.
  struct Range {
    std::int64_t first = 0, last = 0;
  };
  const std::optional<Range>& range() const { return range_; }
  // nullopt: there is no such table, or it is empty.
  const std::optional<LegacyHead>& head() const { return head_; }

 private:
  PostgresLegacyTable() = default;
  Status read_head(const std::string& columns);

  std::unique_ptr<PgConnection> connection_;
  bool jsonb_ = false, at_end_ = false;
  std::optional<Range> range_;
  std::optional<LegacyHead> head_;
};

}  // namespace vault
