// Scans rows of vault_ledger in order, in chunks that are measured in bytes and time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "ledger/verifier.hpp"
#include "store/postgres/connection.hpp"

namespace vault {

// Decides how many rows to request at a time. A row may have 500 bytes or 16 MiB (with numbers that PostgreSQL may
// print fifty times as long), and the connection may be slow, so the decision is based on what has arrived so far.
class ScanPace {
 public:
  std::int64_t rows() const { return rows_; }
  // Reports that a chunk of `rows` and `bytes` arrived within `time`, counted from the arrival of the previous one.
  void took(std::int64_t rows, std::size_t bytes, std::chrono::milliseconds time);
  // Reports that a chunk did not arrive in time. False if it had only one row.
  bool was_late();

  static constexpr std::int64_t rows_max = 1024;
  static constexpr std::size_t bytes_wanted = std::size_t{2} << 20;
  static constexpr std::chrono::milliseconds time_wanted{4'000};

 private:
  std::int64_t rows_ = 16;
};

// Passes the rows of [from, to] to `row`, in order, until it returns false; within an open transaction. The next chunk
// is requested before the current one has been read: the server is never idle, and only a few rows are held at a time.
// A chunk that takes the server longer than statement_timeout is requested again, in halves, from the first row that
// has not arrived. Cost: one pass; a savepoint.
Status scan_rows(PgConnection& connection, ScanPace& pace, std::int64_t from, std::int64_t to,
                 const std::function<bool(const RowView&)>& row);

}  // namespace vault
