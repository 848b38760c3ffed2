#include "tools/bench/baseline_crowd.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include "ledger/check.hpp"
#include "tools/bench/baseline_parts.hpp"

namespace vault {
namespace {

constexpr int patience_ms = 60'000;

}  // namespace

Result<std::unique_ptr<BaselineCrowd>> BaselineCrowd::open(const std::string& url, const std::string& table,
                                                           std::vector<Entry> rows, std::size_t connections) {
  VAULT_CHECK(!rows.empty() && connections > 0);
  std::unique_ptr<BaselineCrowd> crowd(new BaselineCrowd(std::move(rows)));
  for (std::size_t i = 0; i < connections; ++i) {
    if (Status connected = crowd->connect(url, insert_one_sql(table)); !connected) {
      return tl::unexpected(connected.error());
    }
  }
  const std::string sql = "SELECT coalesce(max(sequence), 0) FROM " + baseline_table(table);
  const Answer last(PQexec(crowd->connections_.front(), sql.c_str()));
  if (!done(last)) return tl::unexpected(baseline_failure(crowd->connections_.front()).error());
  crowd->sequence_ = std::stoll(PQgetvalue(last.get(), 0, 0));
  return crowd;
}

BaselineCrowd::~BaselineCrowd() {
  for (pg_conn* connection : connections_) PQfinish(connection);
}

Status BaselineCrowd::connect(const std::string& url, const std::string& sql) {
  pg_conn* connection = connections_.emplace_back(PQconnectdb(url.c_str()));
  if (PQstatus(connection) != CONNECTION_OK) return baseline_failure(connection);
  const Answer set(PQexec(connection, baseline_session));
  const Answer prepared(PQprepare(connection, "one", sql.c_str(), 0, nullptr));
  return done(set) && done(prepared) ? Status{} : baseline_failure(connection);
}

Status BaselineCrowd::send(pg_conn* connection) {
  ++sequence_;
  RowBytes row(rows_[static_cast<std::size_t>(sequence_) % rows_.size()]);
  row.renew(sequence_, ids_);
  const RowParameters of(row);
  const bool sent = PQsendQueryPrepared(connection, "one", baseline_columns, of.values.data(), of.lengths.data(),
                                        of.formats.data(), 1) == 1 &&
                    PQflush(connection) >= 0;
  return sent ? Status{} : baseline_failure(connection);
}

// True if the row in flight has been committed, false while that is unknown.
Result<bool> BaselineCrowd::take_answer(pg_conn* connection) {
  if (PQconsumeInput(connection) != 1) return tl::unexpected(baseline_failure(connection).error());
  if (PQisBusy(connection) != 0) return false;
  while (const Answer answer{PQgetResult(connection)}) {
    if (!done(answer)) return tl::unexpected(baseline_failure(connection).error());
  }
  return true;
}

Result<RowRate> BaselineCrowd::insert(const InsertWindow& window) {
  WindowCount count(window);
  std::size_t in_flight = 0;
  std::vector<pollfd> watched;
  for (pg_conn* connection : connections_) {
    if (Status sent = send(connection); !sent) return tl::unexpected(sent.error());
    watched.push_back({PQsocket(connection), POLLIN, 0});
    ++in_flight;
  }
  bool open = true;
  while (in_flight > 0) {
    if (poll(watched.data(), watched.size(), patience_ms) == 0) {
      return fail(ErrorCode::unavailable, "baseline: no answer within a minute");
    }
    for (std::size_t i = 0; i < watched.size(); ++i) {
      if (watched[i].revents == 0) continue;
      const auto committed = take_answer(connections_[i]);
      if (!committed) return tl::unexpected(committed.error());
      if (!*committed) continue;
      --in_flight;
      if (open) open = count.add(1);
      if (!open) {
        watched[i].fd = -1;
        continue;
      }
      if (Status sent = send(connections_[i]); !sent) return tl::unexpected(sent.error());
      ++in_flight;
    }
  }
  return count.rate();
}

}  // namespace vault
