#include "store/postgres/lease_store.hpp"

#include <algorithm>

#include "store/postgres/durability.hpp"
#include "store/postgres/guards.hpp"
#include "store/postgres/migrator.hpp"
#include "store/postgres/session.hpp"
#include "store/postgres/statements.hpp"

namespace vault {

namespace {

const PgStatement lease_statements[] = {sql::renew_lease, sql::confirm_lease, sql::contradiction_rows,
                                        durability_statement, guards_statement};

// How often the tables' guards are checked.
constexpr std::chrono::seconds guards_interval{10};

}  // namespace

std::unique_ptr<LeaseStore> make_postgres_lease_store(const PostgresOptions& options) {
  return std::make_unique<PostgresLeaseStore>(options);
}

Status PostgresLeaseStore::connect() {
  if (connection_ && connection_->probe()) return {};
  connection_.reset();
  // An answer that arrives after the lease has expired is useless.
  const auto patience = std::max(options_.lease_timeout, std::chrono::milliseconds(100));
  auto opened = PgConnection::open({options_.url, options_.application_name + " lease",
                                    std::min(options_.connect_timeout, patience), patience, options_.schema},
                                   lease_settings(options_.lease_timeout), lease_statements);
  if (!opened) return tl::unexpected(opened.error());
  connection_ = *std::move(opened);
  return {};
}

Result<PgResult> PostgresLeaseStore::ask(const PgStatement& statement, const PgParams& params) {
  const bool fresh = !connection_ || !connection_->probe();
  if (auto connected = connect(); !connected) return tl::unexpected(connected.error());
  auto answer = connection_->execute(statement, params);
  if (answer || fresh || !connection_->lost()) return answer;
  if (auto connected = connect(); !connected) return tl::unexpected(connected.error());
  return connection_->execute(statement, params);
}

Result<LeaseRenewal> PostgresLeaseStore::renew(const std::string& instance, std::int64_t epoch) {
  auto renewed = ask(sql::renew_lease, PgParams().text(instance).int8(epoch).int4(schema_version_wanted()));
  if (!renewed) {
    if (renewed.error().sqlstate == "25006") connection_.reset();  // the server accepts no more writes
    return tl::unexpected(renewed.error());
  }
  if (renewed->rows() == 0) return fail(ErrorCode::forbidden, "the lease is held by another writer");
  LeaseRenewal renewal;
  renewal.database_now = read_timestamp(renewed->value(0, 0));
  auto durability = look_at_durability(*connection_, false);
  if (!durability) return tl::unexpected(durability.error());
  renewal.not_durable = std::move(durability->broken);
  auto contradictions = connection_->execute(sql::contradiction_rows);
  if (!contradictions) return tl::unexpected(contradictions.error());
  renewal.contradictions = read_int8(contradictions->value(0, 0));
  if (const auto now = std::chrono::steady_clock::now(); now >= guards_due_) {
    guards_due_ = now + guards_interval;
    auto missing = missing_guard(*connection_);
    if (!missing) return tl::unexpected(missing.error());
    renewal.guards_seen = true;
    renewal.missing_guard = *std::move(missing);
  }
  return renewal;
}

Status PostgresLeaseStore::confirm(const LeaseRequest& lease, std::int64_t epoch, std::int64_t at_least_sequence) {
  const auto timeout_us = std::chrono::duration_cast<std::chrono::microseconds>(lease.timeout).count();
  auto answer =
      ask(sql::confirm_lease, PgParams().text(lease.instance).int8(epoch).int8(at_least_sequence).int8(timeout_us));
  if (!answer) return tl::unexpected(answer.error());
  const auto is_true = [&](int column) { return answer->value(0, column) == "\x01"; };
  if (answer->rows() == 0) return fail(ErrorCode::forbidden, "vault_lease or vault_head has no row");
  if (!is_true(0)) return fail(ErrorCode::forbidden, "the lease is held by another writer");
  if (!is_true(1)) return fail(ErrorCode::forbidden, "the ledger is shorter than it was: the database is another one");
  if (!is_true(2)) return fail(ErrorCode::forbidden, "the lease has not been renewed in time");
  return {};
}

}  // namespace vault
