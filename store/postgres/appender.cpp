#include "store/postgres/appender.hpp"

#include <fmt/format.h>

#include <utility>

#include "ledger/check.hpp"
#include "store/postgres/inserts.hpp"
#include "store/postgres/statements.hpp"
#include "store/postgres/writer_connection.hpp"

namespace vault {

namespace {

const PgStatement append_statements[] = {sql::append,      sql::append_one,  sql::append_with_tiles,
                                         sql::append_call, sql::append_form, UniqueIndexes::statement};

// The server only has to read the batch, so it is given a moment to take what the socket cannot hold at once: until the
// rest has arrived, the server is idle.
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

// A duplicate is recognised by the index that refuses it. A refusal by an unknown index is left to the next session,
// which will know that index.
AppendKind kind_of_unique(UniqueIndexes::Refusal refusal) {
  switch (refusal) {
    case UniqueIndexes::Refusal::seal_id:
      return AppendKind::duplicate;
    case UniqueIndexes::Refusal::other:
      return AppendKind::occupied;
    case UniqueIndexes::Refusal::unknown:
      return AppendKind::failed;
  }
  return AppendKind::failed;
}

AppendKind kind_of(const PgResult& result, const UniqueIndexes& indexes) {
  const SqlState state = result.sqlstate();
  const auto is_of = [&state](std::string_view classes) { return state.text().starts_with(classes); };
  if (state == "23505" || state == "XX000") {
    const auto refusal = indexes.refusal(result.constraint(), result.message());
    if (state == "23505") return kind_of_unique(refusal);
    if (refusal == UniqueIndexes::Refusal::seal_id) return AppendKind::duplicate;
  }
  if (state == "22012" || state == "VH004") return AppendKind::not_durable;
  if (is_of("23") || is_of("22") || is_of("54")) return AppendKind::refused;
  // statement_completion_unknown; and a connection error may be another server's, which this one merely reports.
  if (state == "40003" || is_of("08") || is_of("57")) return AppendKind::in_doubt;
  return AppendKind::failed;
}

std::string detail_of(AppendKind kind, const PgResult& result) {
  if (kind != AppendKind::not_durable) return result.message();
  return "fsync or synchronous_commit is off on the database server, or a pooler in transaction mode stands in "
         "between: "
         "what is sealed now would not be durable";
}

}  // namespace

std::span<const PgStatement> PostgresAppender::statements() {
  return append_statements;
}

Result<AppendForm> PostgresAppender::form_for(PgConnection& connection) {
  auto answer = connection.execute(sql::append_form);
  if (!answer) return tl::unexpected(answer.error());
  return answer->value(0, 0) == "\x01" ? AppendForm::function : AppendForm::statement;
}

Result<std::unique_ptr<AppendSession>> PostgresAppender::open(const PostgresOptions& options) {
  auto opened = WriterConnection::open(options, "writer", statements());
  if (!opened) return tl::unexpected(opened.error());
  const auto form = form_for(**opened);
  if (!form) return tl::unexpected(form.error());
  auto indexes = UniqueIndexes::load(**opened);
  if (!indexes) return tl::unexpected(indexes.error());
  return std::make_unique<PostgresAppender>(*std::move(opened), *form, *std::move(indexes));
}

// --- Sending ---------------------------------------------------------------------------------------------------------

void PostgresAppender::append(std::shared_ptr<const AppendRequest> request) {
  VAULT_CHECK(!request->batch.entries.empty());
  VAULT_CHECK(batches_.size() < 2);
  batches_.push_back(form_ == AppendForm::function ? encode_call(*request) : encode(*request));
  if (!in_flight_) send_front();
}

PostgresAppender::Batch PostgresAppender::encode(const AppendRequest& request) const {
  const auto& entries = request.batch.entries;
  const auto& tiles = request.batch.tiles;
  Batch batch;
  batch.rows = entries.size();
  add_head(batch.params, request);
  batch.params.int4(connection_->backend_pid());
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

PostgresAppender::Batch PostgresAppender::encode_call(const AppendRequest& request) const {
  Batch batch;
  batch.statement = &sql::append_call;
  batch.rows = request.batch.entries.size();
  add_head(batch.params, request);
  add_entries(batch.params, request.batch.entries);
  if (request.batch.tiles.empty()) {
    batch.params.null().null().null().null();
  } else {
    add_tiles(batch.params, request.batch.tiles);
  }
  return batch;
}

// A statement takes no lock before all of it has arrived. Its sync is sent right after it, but may travel in a separate
// packet: if this process or its host stops in between, the server holds the head's lock until it notices that the
// connection has ended. A unix socket shows at once when the process is gone; over TCP the session's keepalives do
// (session.hpp).
void PostgresAppender::send_front() {
  in_flight_ = true;
  answer_.reset();
  (void)connection_->take_unreplicated();
  Batch& batch = batches_.front();
  sent_whole_ = false;
  const bool sent = connection_->send(*batch.statement, batch.params) && connection_->sync();
  batch.params = {};  // libpq has its own copy
  if (sent) sent_whole_ = connection_->flush_now(sending_patience);
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
    if (in_flight_ && !sent_whole_ && !connection_->lost()) sent_whole_ = connection_->flush_now();
    const auto result = connection_->receive_now();
    if (!in_flight_) return;  // this call only checked whether the server is still there
    if (!result) {
      if (connection_->lost()) complete(outcome_of_loss());
      if (!connection_->lost() || !in_flight_) return;
    } else if (result->synced()) {
      complete(outcome_of_sync());
    } else {
      answer_ = read_answer(*result);
    }
  } while (in_flight_);
}

// True if the whole batch has been inserted.
bool PostgresAppender::moved_head(const PgResult& result) const {
  const std::size_t rows = batches_.front().rows;
  if (form_ == AppendForm::statement) return result.command_tag() == fmt::format("INSERT 0 {}", rows);
  return result.rows() == 1 && read_int8(result.value(0, 0)) == static_cast<std::int64_t>(rows);
}

AppendOutcome PostgresAppender::read_answer(const PgResult& result) const {
  const bool done = answer_ && answer_->kind == AppendKind::committed;
  if (result.ok()) {
    if (moved_head(result)) return {AppendKind::committed, {}};
    return {AppendKind::head_moved, "vault_head is not where this writer left it"};
  }
  // An error that libpq itself reports, for a lost connection; outcome_of_loss() considers what came before it.
  if (result.sqlstate().empty()) return answer_.value_or(outcome_of_loss());
  // An error after the statement has succeeded comes from around the commit, and leaves its outcome open.
  if (done) return {AppendKind::in_doubt, result.message()};
  const AppendKind kind = kind_of(result, indexes_);
  return {kind, detail_of(kind, result), result.sqlstate()};
}

// Called when the transaction has ended.
AppendOutcome PostgresAppender::outcome_of_sync() {
  if (!answer_) return {AppendKind::in_doubt, "the server ended a transaction without an answer"};
  if (connection_->take_unreplicated() && answer_->kind == AppendKind::committed) {
    return {AppendKind::in_doubt,
            "the synchronous standby, or the node that holds the ledger, was not waited for and may lack the commit"};
  }
  return *answer_;
}

AppendOutcome PostgresAppender::outcome_of_loss() const {
  if (answer_ && answer_->kind != AppendKind::committed)
    return *answer_;  // the statement had failed: nothing to commit
  // A batch that was sent without its final sync cannot have been committed.
  return {sent_whole_ ? AppendKind::in_doubt : AppendKind::failed, connection_->last_error()};
}

void PostgresAppender::complete(AppendOutcome outcome) {
  in_flight_ = false;
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
  return {connection_->descriptor(), in_flight_ && !sent_whole_};
}

void PostgresAppender::give_up() {
  connection_->abandon("no answer in time");
}

}  // namespace vault
