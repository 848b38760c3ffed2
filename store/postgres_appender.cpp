#include "store/postgres_appender.hpp"

#include <fmt/format.h>

#include <utility>

#include "ledger/check.hpp"
#include "store/postgres_inserts.hpp"
#include "store/postgres_statements.hpp"

namespace vault {

namespace {

constexpr PgStatement append_statements[] = {sql::append, sql::append_one, sql::append_with_tiles};

// The server has nothing else to do than to take a batch, so it is given a moment for what the socket does not hold at
// once: while it waits for the rest it does nothing at all.
constexpr std::chrono::milliseconds sending_patience{10};

void add_head(PgParams& params, const AppendRequest& request) {
  params.int8(request.next.sequence)
      .hex(as_view(request.next.entry_hash))
      .hex(as_view(request.next.merkle_root))
      .int8(request.epoch)
      .int8(request.expected.sequence)
      .hex(as_view(request.expected.entry_hash))
      .hex(as_view(request.expected.merkle_root));
}

AppendKind kind_of(const PgResult& result) {
  const std::string state = result.sqlstate();
  if (state == "23505" && result.constraint() == "vault_ledger_seal_id_key") return AppendKind::duplicate;
  if (state.starts_with("23") || state.starts_with("22") || state.starts_with("54")) return AppendKind::refused;
  return AppendKind::failed;
}

}  // namespace

std::span<const PgStatement> PostgresAppender::statements() {
  return append_statements;
}

// --- Sending ---------------------------------------------------------------------------------------------------------

void PostgresAppender::append(std::shared_ptr<const AppendRequest> request) {
  VAULT_CHECK(!request->batch.entries.empty());
  VAULT_CHECK(batches_.size() < 2);
  batches_.push_back(encode(*request));
  if (!flying_) send_front();
}

PostgresAppender::Batch PostgresAppender::encode(const AppendRequest& request) {
  const auto& entries = request.batch.entries;
  const auto& tiles = request.batch.tiles;
  Batch batch;
  batch.rows = entries.size();
  add_head(batch.params, request);
  if (batch.rows == 1 && tiles.empty()) {
    batch.statement = &sql::append_one;
    add_entry(batch.params, entries.front());
    return batch;
  }
  batch.statement = tiles.empty() ? &sql::append : &sql::append_with_tiles;
  add_entries(batch.params, entries);
  if (!tiles.empty()) add_tiles(batch.params, tiles);
  return batch;
}

// A statement takes no lock before all of it has arrived, and its sync follows in the same breath: a writer that is
// stopped in the middle of sending keeps nobody waiting.
void PostgresAppender::send_front() {
  flying_ = true;
  word_.reset();
  Batch& batch = batches_.front();
  rows_last_ = batch.rows;
  ++sent_;
  sent_whole_ = false;
  const bool sent = connection_->send(*batch.statement, batch.params) && connection_->sync();
  batch.params = {};  // libpq has a copy
  if (sent) sent_whole_ = connection_->flush_now(sending_patience);
}

void PostgresAppender::forewarn() {
  if (!flying_) connection_->wake_server();
}

// --- Answers ---------------------------------------------------------------------------------------------------------

std::optional<AppendOutcome> PostgresAppender::outcome() {
  look();
  if (outcomes_.empty()) return std::nullopt;
  AppendOutcome oldest = std::move(outcomes_.front());
  outcomes_.pop_front();
  return oldest;
}

void PostgresAppender::look() {
  connection_->read_now();
  do {
    if (flying_ && !sent_whole_ && !connection_->lost()) sent_whole_ = connection_->flush_now();
    const auto result = connection_->receive_now();
    if (!flying_) return;  // looked only to see whether the server is still there
    if (!result) {
      if (connection_->lost()) land(outcome_of_loss());
      if (!connection_->lost() || !flying_) return;
    } else if (result->synced()) {
      land(word_.value_or(AppendOutcome{AppendKind::in_doubt, "the server ended a transaction without an answer"}));
    } else {
      word_ = read_answer(*result);
    }
  } while (flying_);
}

AppendOutcome PostgresAppender::read_answer(const PgResult& result) const {
  const bool done = word_ && word_->kind == AppendKind::committed;
  if (result.ok()) {
    const std::string_view tag = result.command_tag();
    if (tag == fmt::format("INSERT 0 {}", batches_.front().rows)) return {AppendKind::committed, {}};
    return {AppendKind::head_moved, "vault_head is not where this writer left it"};
  }
  // The client's own word for a lost connection; outcome_of_loss() weighs what came before it.
  if (result.sqlstate().empty()) return word_.value_or(outcome_of_loss());
  // What ends the connection after the statement is done ends it around the commit, and leaves open whether that was.
  if (done && result.ends_connection()) return {AppendKind::in_doubt, result.message()};
  return {kind_of(result), result.message()};
}

AppendOutcome PostgresAppender::outcome_of_loss() const {
  if (word_ && word_->kind != AppendKind::committed) return *word_;  // the statement had failed: nothing to commit
  // What lacks the sync at its end cannot have been committed.
  return {sent_whole_ ? AppendKind::in_doubt : AppendKind::failed, connection_->last_error()};
}

void PostgresAppender::land(AppendOutcome outcome) {
  flying_ = false;
  batches_.pop_front();
  const bool committed = outcome.kind == AppendKind::committed;
  outcomes_.push_back(std::move(outcome));
  if (batches_.empty()) return;
  if (committed) {
    send_front();
  } else {
    batches_.clear();
    outcomes_.push_back({AppendKind::failed, "built on a batch that was not committed"});
  }
}

Watch PostgresAppender::watch() const {
  const bool lone = rows_last_ == 1 && batches_.size() == 1;
  const Expect expect = !flying_ ? Expect::nothing : lone ? Expect::soon : Expect::later;
  return {connection_->descriptor(), flying_ && !sent_whole_, expect, sent_};
}

void PostgresAppender::give_up() {
  connection_->abandon("no answer in time");
}

}  // namespace vault
