#include "tools/bench/baseline.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>

#include "ledger/check.hpp"
#include "store/postgres/statements.hpp"
#include "tools/bench/baseline_parts.hpp"
#include "tools/bench/baseline_rows.hpp"

namespace vault {
namespace {

using Clock = std::chrono::steady_clock;

// The parameter types that sql::insert_entries declares.
constexpr const char* unnest_arguments =
    "$1::bigint[], $2::text[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::jsonb[], $8::bytea[], "
    "$9::text[], $10::text[], $11::text[], $12::text[]";
template <class Batch>
std::vector<Batch> encode_batches(std::span<const Entry> rows, std::size_t batch_rows) {
  std::vector<Batch> batches;
  for (std::size_t at = 0; at + batch_rows <= rows.size(); at += batch_rows) {
    batches.emplace_back(rows.subspan(at, batch_rows));
  }
  VAULT_CHECK(!batches.empty());
  return batches;
}

}  // namespace

std::string describe(const InsertWay& way) {
  return way.kind == InsertWay::Kind::copy ? fmt::format("COPY {}", way.batch_rows)
                                           : fmt::format("unnest {} x {}", way.batch_rows, way.in_flight);
}

std::vector<InsertWay> insert_ways() {
  std::vector<InsertWay> ways;
  for (const std::size_t rows : {1024, 4096}) ways.push_back({InsertWay::Kind::copy, rows, 1});
  for (const std::size_t rows : {128, 256, 1024}) {
    for (const std::size_t in_flight : {1, 2}) ways.push_back({InsertWay::Kind::unnest, rows, in_flight});
  }
  return ways;
}

Result<std::string> url_of_database(const std::string& url, const std::string& database) {
  char* message = nullptr;
  PQconninfoOption* parsed = PQconninfoParse(url.c_str(), &message);
  PQfreemem(message);
  if (parsed == nullptr) return fail(ErrorCode::invalid_argument, "the database URL is malformed");
  std::string text;
  for (const PQconninfoOption* option = parsed; option->keyword != nullptr; ++option) {
    const std::string keyword = option->keyword;
    if (keyword == "dbname" || option->val == nullptr) continue;
    text += keyword + "='";
    for (const char* c = option->val; *c != '\0'; ++c) {
      if (*c == '\'' || *c == '\\') text += '\\';
      text += *c;
    }
    text += "' ";
  }
  PQconninfoFree(parsed);
  return text + "dbname='" + database + "'";
}

Baseline::Baseline(pg_conn* connection, std::vector<Entry> rows) : connection_(connection), rows_(std::move(rows)) {}

Baseline::~Baseline() {
  PQfinish(connection_);
}

Status Baseline::failure() const {
  return baseline_failure(connection_);
}

Result<std::unique_ptr<Baseline>> Baseline::open(const std::string& url, std::vector<Entry> rows) {
  std::unique_ptr<Baseline> baseline(new Baseline(PQconnectdb(url.c_str()), std::move(rows)));
  if (PQstatus(baseline->connection_) != CONNECTION_OK) return tl::unexpected(baseline->failure().error());
  auto prepared = baseline->run(std::string(baseline_session) +
                                "DROP SCHEMA IF EXISTS vault_bench CASCADE; CREATE SCHEMA vault_bench");
  if (!prepared) return tl::unexpected(prepared.error());
  return baseline;
}

Result<std::string> Baseline::run(const std::string& sql) {
  const Answer answer(PQexec(connection_, sql.c_str()));
  if (!done(answer)) return tl::unexpected(failure().error());
  return std::string(PQntuples(answer.get()) > 0 ? PQgetvalue(answer.get(), 0, 0) : "");
}

Status Baseline::make_table(const std::string& table) {
  auto made = run(fmt::format("DROP TABLE IF EXISTS {0}; CREATE TABLE {0} (LIKE public.vault_ledger INCLUDING ALL)",
                              baseline_table(table)));
  if (!made) return tl::unexpected(made.error());
  return {};
}

Status Baseline::fill_from_ledger(const std::string& table, std::int64_t sequence_max) {
  auto filled = run(
      fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM public.vault_ledger "
                  "WHERE sequence > (SELECT coalesce(max(sequence), 0) FROM {0}) AND sequence <= {2} ORDER BY sequence",
                  baseline_table(table), VAULT_ROW_COLUMNS, sequence_max));
  if (!filled) return tl::unexpected(filled.error());
  return {};
}

Result<std::int64_t> Baseline::last_sequence(const std::string& table) {
  auto last = run(fmt::format("SELECT coalesce(max(sequence), 0) FROM {}", baseline_table(table)));
  if (!last) return tl::unexpected(last.error());
  return std::stoll(*last);
}

Result<RowRate> Baseline::insert(const std::string& table, const InsertWay& way, const InsertWindow& window) {
  return way.kind == InsertWay::Kind::copy ? insert_copy(table, way, window) : insert_unnest(table, way, window);
}

Result<RowRate> Baseline::insert_copy(const std::string& table, const InsertWay& way, const InsertWindow& window) {
  auto batches = encode_batches<CopyBatch>(rows_, way.batch_rows);
  auto sequence = last_sequence(table);
  if (!sequence) return tl::unexpected(sequence.error());
  const std::string sql =
      fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", baseline_table(table), VAULT_ROW_COLUMNS);
  SealIds ids;
  WindowCount count(window);
  std::size_t next = 0;
  do {
    CopyBatch& batch = batches[next++ % batches.size()];
    batch.renew(*sequence + 1, ids);
    const Answer start(PQexec(connection_, sql.c_str()));
    const bool sent = PQresultStatus(start.get()) == PGRES_COPY_IN &&
                      PQputCopyData(connection_, batch.bytes.data(), static_cast<int>(batch.bytes.size())) == 1 &&
                      PQputCopyEnd(connection_, nullptr) == 1;
    const Answer answer(PQgetResult(connection_));
    const Answer end(PQgetResult(connection_));
    if (!sent || !done(answer)) return tl::unexpected(failure().error());
    *sequence += static_cast<std::int64_t>(way.batch_rows);
  } while (count.add(way.batch_rows));
  return count.rate();
}

Status Baseline::receive_pipelined() {
  const Answer answer(PQgetResult(connection_));
  if (!done(answer)) return failure();
  const Answer end(PQgetResult(connection_));
  const Answer synced(PQgetResult(connection_));
  if (PQresultStatus(synced.get()) != PGRES_PIPELINE_SYNC) return failure();
  return {};
}

Result<RowRate> Baseline::insert_unnest(const std::string& table, const InsertWay& way, const InsertWindow& window) {
  auto batches = encode_batches<ArrayBatch>(rows_, way.batch_rows);
  auto sequence = last_sequence(table);
  if (!sequence) return tl::unexpected(sequence.error());
  const std::string sql = fmt::format("INSERT INTO {} ({}) SELECT * FROM unnest({})", baseline_table(table),
                                      VAULT_ROW_COLUMNS, unnest_arguments);
  const Answer prepared(PQprepare(connection_, "", sql.c_str(), 0, nullptr));
  if (!done(prepared) || PQenterPipelineMode(connection_) != 1) return tl::unexpected(failure().error());

  SealIds ids;
  std::array<int, baseline_columns> formats;
  formats.fill(1);
  std::size_t next = 0;
  const auto send = [&] {
    ArrayBatch& batch = batches[next++ % batches.size()];
    batch.renew(*sequence + 1, ids);
    *sequence += static_cast<std::int64_t>(way.batch_rows);
    std::array<const char*, baseline_columns> values;
    std::array<int, baseline_columns> lengths;
    for (std::size_t i = 0; i < baseline_columns; ++i) {
      values[i] = batch.arrays[i].data();
      lengths[i] = static_cast<int>(batch.arrays[i].size());
    }
    // Each in a transaction of its own, which ends at the next sync.
    return PQsendQueryPrepared(connection_, "", baseline_columns, values.data(), lengths.data(), formats.data(), 1) ==
               1 &&
           PQpipelineSync(connection_) == 1;
  };
  WindowCount count(window);
  std::size_t in_flight = 0;
  bool open = true;
  while (open || in_flight > 0) {
    while (open && in_flight < way.in_flight) {
      if (!send()) return tl::unexpected(failure().error());
      ++in_flight;
    }
    if (Status received = receive_pipelined(); !received) return tl::unexpected(received.error());
    --in_flight;
    if (open) open = count.add(way.batch_rows);
  }
  if (PQexitPipelineMode(connection_) != 1) return tl::unexpected(failure().error());
  return count.rate();
}

Result<std::chrono::nanoseconds> Baseline::insert_one(const std::string& table) {
  if (single_table_ != table) {
    const std::string sql = insert_one_sql(table);
    const Answer prepared(PQprepare(connection_, "single", sql.c_str(), 0, nullptr));
    if (!done(prepared)) return tl::unexpected(failure().error());
    auto last = last_sequence(table);
    if (!last) return tl::unexpected(last.error());
    single_table_ = table;
    single_sequence_ = *last;
  }
  ++single_sequence_;
  RowBytes row(rows_[static_cast<std::size_t>(single_sequence_) % rows_.size()]);
  row.renew(single_sequence_, single_ids_);
  const RowParameters of(row);
  const auto start = Clock::now();
  const Answer answer(PQexecPrepared(connection_, "single", baseline_columns, of.values.data(), of.lengths.data(),
                                     of.formats.data(), 1));
  const auto elapsed = Clock::now() - start;
  if (!done(answer)) return tl::unexpected(failure().error());
  return elapsed;
}

Result<RowRate> Baseline::copy_ledger_out(bool binary) {
  const std::string sql =
      fmt::format("COPY public.vault_ledger ({}) TO STDOUT{}", VAULT_ROW_COLUMNS, binary ? " (FORMAT binary)" : "");
  const auto start = Clock::now();
  const Answer begun(PQexec(connection_, sql.c_str()));
  if (PQresultStatus(begun.get()) != PGRES_COPY_OUT) return tl::unexpected(failure().error());
  char* row = nullptr;
  while (PQgetCopyData(connection_, &row, 0) > 0) PQfreemem(row);
  const Answer answer(PQgetResult(connection_));
  const Answer end(PQgetResult(connection_));
  if (!done(answer)) return tl::unexpected(failure().error());
  RowRate rate;
  rate.rows = std::stoll(PQcmdTuples(answer.get()));
  rate.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return rate;
}

}  // namespace vault
