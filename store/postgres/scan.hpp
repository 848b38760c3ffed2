// Scans: rows of vault_ledger in order, asked for in chunks that are measured in bytes and time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "ledger/verifier.hpp"
#include "store/postgres/connection.hpp"

namespace vault {

// How many rows to ask for at a time. Rows may be of 500 bytes or of 16 MiB, whose numbers PostgreSQL may print fifty
// times as long, and the way here may be slow: what came so far tells.
class ScanPace {
 public:
  std::int64_t rows() const { return rows_; }
  // A chunk of `rows`, `bytes` long, came within `time`, counted from when the one before it had come.
  void took(std::int64_t rows, std::size_t bytes, std::chrono::milliseconds time);
  // A chunk did not come in time. False where it was of one row.
  bool was_late();

  static constexpr std::int64_t rows_max = 1024;
  static constexpr std::size_t bytes_wanted = std::size_t{2} << 20;
  static constexpr std::chrono::milliseconds time_wanted{4'000};

 private:
  std::int64_t rows_ = 16;
};

// The rows of [from, to] to `row`, in order, until it returns false; within an open transaction. The next chunk is
// asked for before the last is read: the server is never idle, nor does anybody hold more than a few rows. A chunk that
// takes the server longer than statement_timeout is asked for again from the first row that has not come, in halves.
// Cost: one pass; a savepoint.
Status scan_rows(PgConnection& connection, ScanPace& pace, std::int64_t from, std::int64_t to,
                 const std::function<bool(const RowView&)>& row);

}  // namespace vault
