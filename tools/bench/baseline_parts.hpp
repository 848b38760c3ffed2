// Helpers that the baselines share: session settings, checks of answers, counting rows against a window, and the
// statement that inserts one row. Private to them.
#pragma once

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "store/postgres/statements.hpp"
#include "tools/bench/baseline.hpp"
#include "tools/bench/baseline_rows.hpp"

namespace vault {

inline constexpr const char* baseline_session =
    "SET client_min_messages = warning; SET synchronous_commit = on; SET jit = off; "
    "SET plan_cache_mode = force_generic_plan; ";

struct ClearResult {
  void operator()(pg_result* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<pg_result, ClearResult>;

inline bool done(const Answer& answer) {
  const auto status = PQresultStatus(answer.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

inline Status baseline_failure(pg_conn* connection) {
  std::string message = PQerrorMessage(connection);
  std::replace(message.begin(), message.end(), '\n', ' ');
  return fail(PQstatus(connection) == CONNECTION_OK ? ErrorCode::internal : ErrorCode::unavailable,
              "baseline: " + message);
}

inline std::string baseline_table(const std::string& table) {
  return "vault_bench." + table;
}

// Takes RowParameters as its parameters.
inline std::string insert_one_sql(const std::string& table) {
  return fmt::format(
      "INSERT INTO {} ({}) VALUES ($1::bigint, $2::text, $3::uuid, $4::timestamptz, $5::text, $6::text, $7::jsonb, "
      "$8::bytea, $9::text, $10::text, $11::text, $12::text)",
      baseline_table(table), VAULT_ROW_COLUMNS);
}

// Counts committed rows against a window.
class WindowCount {
 public:
  using Clock = std::chrono::steady_clock;
  explicit WindowCount(const InsertWindow& window) : window_(window), start_(Clock::now()) {}

  // False once the window is full.
  bool add(std::size_t rows) {
    if (warmed_up_ < window_.warm_up) {
      warmed_up_ += static_cast<std::int64_t>(rows);
      start_ = Clock::now();
      return true;
    }
    rate_.rows += static_cast<std::int64_t>(rows);
    const auto elapsed = Clock::now() - start_;
    rate_.seconds = std::chrono::duration<double>(elapsed).count();
    return rate_.rows < window_.rows_max && elapsed < window_.duration_max;
  }
  RowRate rate() const { return rate_; }

 private:
  InsertWindow window_;
  Clock::time_point start_;
  std::int64_t warmed_up_ = 0;
  RowRate rate_;
};

}  // namespace vault
