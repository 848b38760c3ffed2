// vault-bench's baseline: the fastest plain ways to insert the same rows into an identical table and to read them back,
// over one libpq connection, without chain, tree, queue or receipt. Not part of the daemon.
//
// Its tables are in the schema vault_bench, in the same database as the measured ledger.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ledger/entry.hpp"
#include "ledger/result.hpp"
#include "tools/bench/baseline_rows.hpp"

struct pg_conn;

namespace vault {

// One way to insert: a transaction for every `batch_rows` rows, with `in_flight` of them under way at a time.
struct InsertWay {
  enum class Kind : std::uint8_t { copy, unnest };  // raw binary COPY, or INSERT ... SELECT FROM unnest() in a pipeline
  Kind kind = Kind::unnest;
  std::size_t batch_rows = 1024;
  std::size_t in_flight = 1;  // always 1 for `copy`: pipelines do not support COPY
};
std::string describe(const InsertWay& way);  // "unnest 1024 x 2"
// Every way worth trying on the machines known so far.
std::vector<InsertWay> insert_ways();

// After `warm_up` rows that do not count: rows_max rows or duration_max, whichever ends first.
struct InsertWindow {
  std::int64_t warm_up = 0;
  std::int64_t rows_max = INT64_MAX;
  std::chrono::nanoseconds duration_max = std::chrono::nanoseconds::max();
};

struct RowRate {
  std::int64_t rows = 0;
  double seconds = 0;
};

// A database's URL with the name of another database on the same server. Error: invalid_argument for a malformed URL.
Result<std::string> url_of_database(const std::string& url, const std::string& database);

// Belongs to one thread. Errors of all members: unavailable or internal with the server's message.
class Baseline {
 public:
  // Connects and recreates the schema. `rows` are the samples that are inserted over and over, with new sequences and
  // new seal_ids (UUIDv7, as the writer draws them).
  static Result<std::unique_ptr<Baseline>> open(const std::string& url, std::vector<Entry> rows);
  ~Baseline();
  Baseline(const Baseline&) = delete;
  Baseline& operator=(const Baseline&) = delete;

  // Runs SQL of constant text; returns the first value of the last statement's first row, or "".
  Result<std::string> run(const std::string& sql);

  // An empty table with the ledger's columns, constraints and indexes.
  Status make_table(const std::string& table);
  // Copies entries of the ledger that the table lacks, up to this sequence.
  Status fill_from_ledger(const std::string& table, std::int64_t sequence_max);
  Result<RowRate> insert(const std::string& table, const InsertWay& way, const InsertWindow& window);
  // One row, one durable transaction: a prepared INSERT that commits itself, in one round trip.
  Result<std::chrono::nanoseconds> insert_one(const std::string& table);
  // COPY of the ledger's columns, as verification reads them, discarding the output.
  Result<RowRate> copy_ledger_out(bool binary);

 private:
  Baseline(pg_conn* connection, std::vector<Entry> rows);
  Result<std::int64_t> last_sequence(const std::string& table);
  Result<RowRate> insert_copy(const std::string& table, const InsertWay& way, const InsertWindow& window);
  Result<RowRate> insert_unnest(const std::string& table, const InsertWay& way, const InsertWindow& window);
  Status receive_pipelined();
  Status failure() const;

  pg_conn* connection_;
  std::vector<Entry> rows_;
  std::string single_table_;  // the table for which insert_one() is prepared
  std::int64_t single_sequence_ = 0;
  SealIds single_ids_;
};

}  // namespace vault
