// AppendSession over one Postgres connection of its own: a batch is one statement and its sync, so one round trip and
// one transaction, however large it is. The statement has two forms with one contract: sql::append and similar, and a
// call of a function that does the same (AppendForm).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>

#include "store/postgres/connection.hpp"
#include "store/postgres/store.hpp"
#include "store/postgres/unique_indexes.hpp"
#include "store/store.hpp"

namespace vault {

enum class AppendForm {
  statement,  // the fastest, if the ledger is on the server of the session
  function,   // for a ledger that may be on another node of a cluster: sends the whole call there (docs/distributed.md)
};

class PostgresAppender final : public AppendSession {
 public:
  // Opens a connection of its own. Errors: those of error_of().
  static Result<std::unique_ptr<AppendSession>> open(const PostgresOptions& options);

  // The statements that its connection must have prepared.
  static std::span<const PgStatement> statements();

  // Asks the server which form suits it. Errors: those of error_of().
  static Result<AppendForm> form_for(PgConnection& connection);

  PostgresAppender(std::unique_ptr<PgConnection> connection, AppendForm form, UniqueIndexes indexes)
      : connection_(std::move(connection)), form_(form), indexes_(std::move(indexes)) {}

  void append(std::shared_ptr<const AppendRequest> request) override;
  std::optional<AppendOutcome> outcome() override;
  Watch watch() const override;
  void give_up() override;
  bool lost() const override { return connection_->lost(); }

 private:
  // An encoded batch that has not been answered yet.
  struct Batch {
    const PgStatement* statement = nullptr;
    PgParams params;
    std::size_t rows = 0;
  };

  Batch encode(const AppendRequest& request) const;
  Batch encode_call(const AppendRequest& request) const;
  void send_front();
  void look();
  void complete(AppendOutcome outcome);
  AppendOutcome read_answer(const PgResult& result) const;
  bool moved_head(const PgResult& result) const;
  AppendOutcome outcome_of_sync();
  AppendOutcome outcome_of_loss() const;

  std::unique_ptr<PgConnection> connection_;
  AppendForm form_;
  UniqueIndexes indexes_;
  std::deque<Batch> batches_;  // front: at the database, if `in_flight_`
  bool in_flight_ = false;
  bool sent_whole_ = false;              // the front batch, its sync included
  std::optional<AppendOutcome> answer_;  // the statement's answer; it counts once the transaction has ended
  std::deque<AppendOutcome> outcomes_;
};

}  // namespace vault
