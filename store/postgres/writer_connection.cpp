#include "store/postgres/writer_connection.hpp"

#include <fmt/format.h>

#include <vector>

#include "store/postgres/durability.hpp"
#include "store/postgres/guards.hpp"
#include "store/postgres/promises.hpp"
#include "store/postgres/session.hpp"
#include "store/postgres/statements.hpp"

namespace vault {

namespace {

// Longest wait for an answer: a server that is silent for longer is treated as lost, and resolve() finds out more.
constexpr std::chrono::milliseconds answer_timeout{30'000};

const PgStatement writer_statements[] = {
    sql::begin,
    sql::commit,
    sql::rollback,
    durability_statement,
    guards_statement,
    sql::find_seals,
    sql::lock_head_row,
    sql::read_lease,
    sql::raise_epoch,
    sql::write_lease,
    sql::raise_lease,
    sql::release_lease,
    sql::commit_locally,
    sql::epoch_for_share,
    sql::last_sequence,
    sql::insert_identity,
    sql::insert_checkpoint,
    sql::checkpoint_of_size,
    sql::begin_snapshot,
    sql::contradictions_of,
    sql::insert_contradiction,
    sql::tiles,
    sql::ledger_id,
    sql::head,
    sql::entry_by_sequence,
    sql::full_tile,
    sql::leaf_hashes,
    sql::tile_roots,
};

std::vector<PgStatement> all_statements() {
  std::vector<PgStatement> all(std::begin(writer_statements), std::end(writer_statements));
  all.insert(all.end(), promise_statements().begin(), promise_statements().end());
  return all;
}

}  // namespace

Result<std::unique_ptr<PgConnection>> WriterConnection::open(const PostgresOptions& options, const char* purpose,
                                                             std::span<const PgStatement> statements) {
  return PgConnection::open({options.url, fmt::format("{} {}", options.application_name, purpose),
                             options.connect_timeout, answer_timeout, options.schema},
                            writer_settings(options.lease_timeout), statements);
}

Status WriterConnection::connect() {
  if (connection_ && connection_->probe()) return {};
  connection_.reset();
  rests_ = false;
  auto opened = open(options_, "coordinator", all_statements());
  if (!opened) return tl::unexpected(opened.error());
  connection_ = *std::move(opened);
  return {};
}

bool WriterConnection::connect_unless_lost() {
  return rests_ ? connect().has_value() : connection_ && connection_->probe();
}

Status WriterConnection::transact(const std::function<Status()>& body) {
  if (auto connected = connect(); !connected) return connected;
  Status outcome;
  if (auto begun = connection_->execute(sql::begin); !begun) outcome = tl::unexpected(begun.error());
  if (outcome) outcome = require_durability(*connection_);
  if (outcome) outcome = body();
  if (outcome) outcome = connection_->commit(sql::commit);
  if (!outcome) {
    drop_if_useless(outcome.error());
    roll_back();
  }
  return outcome;
}

void WriterConnection::roll_back() {
  if (connection_ && !connection_->lost() && !connection_->execute(sql::rollback)) connection_.reset();
  if (connection_ && connection_->lost()) connection_.reset();
}

void WriterConnection::drop_if_useless(const Error& error) {
  if (connection_ && (connection_->lost() || error.sqlstate == "25006")) connection_.reset();
}

void WriterConnection::rest() {
  rests_ |= connection_ && connection_->probe();
  connection_.reset();
}

}  // namespace vault
