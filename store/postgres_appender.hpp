// AppendSession over one Postgres connection of its own: a batch is one statement (sql::append) and its sync, so one
// round trip and one transaction, however large it is.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>

#include "store/postgres_connection.hpp"
#include "store/store.hpp"

namespace vault {

class PostgresAppender final : public AppendSession {
 public:
  // The statements that its connection must have prepared.
  static std::span<const PgStatement> statements();

  explicit PostgresAppender(std::unique_ptr<PgConnection> connection) : connection_(std::move(connection)) {}

  void append(std::shared_ptr<const AppendRequest> request) override;
  void forewarn() override;
  std::optional<AppendOutcome> outcome() override;
  Watch watch() const override;
  void give_up() override;
  bool lost() const override { return connection_->lost(); }

 private:
  // A batch that has not been answered, encoded.
  struct Batch {
    const PgStatement* statement = nullptr;
    PgParams params;
    std::size_t rows = 0;
  };

  Batch encode(const AppendRequest& request) const;
  void send_front();
  void look();
  void land(AppendOutcome outcome);
  AppendOutcome read_answer(const PgResult& result) const;
  AppendOutcome outcome_of_sync();
  AppendOutcome outcome_of_loss() const;

  std::unique_ptr<PgConnection> connection_;
  std::deque<Batch> batches_;  // front: with the database, if `flying_`
  bool flying_ = false;
  std::size_t rows_last_ = 0;          // of the batch that was sent last
  std::uint64_t sent_ = 0;             // batches
  bool sent_whole_ = false;            // of the front, its sync included
  std::optional<AppendOutcome> word_;  // the statement's answer; it counts once the transaction has ended
  std::deque<AppendOutcome> outcomes_;
};

}  // namespace vault
