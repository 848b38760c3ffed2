// The table `vault_ledger` of the old Python service in PostgreSQL, row by row, as it is at one moment. Only ever
// reads.
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

// What the table `vault_head` says; nullopt: NULL.
struct LegacyHead {
  std::optional<std::string> hash, root;
};

class PostgresLegacyTable {
 public:
  // Opens a session and a snapshot, looks at the columns, asks for the rows. Errors: unavailable where there is no
  // server; invalid_argument where the schema holds no such table, or this ledger's own (field "database"); internal
  // where reading is not allowed.
  static Result<std::unique_ptr<PostgresLegacyTable>> open(const PostgresPlace& place);
  ~PostgresLegacyTable();

  // The next row in the order of the sequence; nullopt at the end. Of a row that cannot be sealed because of its size,
  // only the hashes. Memory: about one row. Errors as open().
  Result<std::optional<LegacyRow>> next();

  // The smallest and largest sequence; nullopt: no rows.
  struct Range {
    std::int64_t first = 0, last = 0;
  };
  const std::optional<Range>& range() const { return range_; }
  // nullopt: there is no such table, or no row in it.
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
