// The writer owns the head of the chain. It turns orders into batches, hands each batch to the committer as one
// transaction, and answers once the outcome is known.
//
//   waiting --lease granted--> adopting --notary agrees--> active --in doubt--> resolving --> active
//      ^                          | refused                  |                      |
//      |                          v                          | head moved, no       | fenced
//      +--- all kept again --- blocked: only looks on        | database             |
//      +-----------------------------------------------------+----------------------+
//
// A batch is whatever has arrived when the committer is free. Once enough orders wait, a second batch is sent behind
// the first. There is no timer in the way of a seal. What waits, and what a batch holds, is the batch queue's
// (batch_queue.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "actors/actor.hpp"
#include "actors/alert_board.hpp"
#include "actors/backoff.hpp"
#include "actors/batch_queue.hpp"
#include "actors/clock_guard.hpp"
#include "ledger/sequencer.hpp"

namespace vault {

struct WriterOptions {
  std::size_t batch_seals_max = 2'000;  // a larger order is a batch of its own
  std::size_t batch_bytes_max = std::size_t{8} << 20;
  std::size_t second_batch_orders = 128;  // this many orders must wait before a batch is sent behind another
  std::size_t recent_seals = 65'536;
  // Entries that are committed but not yet published: beyond this, no batch is sent until the publisher has caught up.
  std::size_t unpublished_bytes_max = std::size_t{24} << 20;
  std::chrono::milliseconds lease_timeout{3'000};
  std::chrono::milliseconds clock_skew_max{60'000};
};

class Writer final : public Actor {
 public:
  // Shown to those who wait while the clock cannot be trusted.
  static constexpr const char* clock_detail = "this machine's clock cannot be trusted; alert.clock says why";

  explicit Writer(const WriterOptions& options)
      : options_(options),
        batches_({options.batch_seals_max, options.batch_bytes_max, options.recent_seals}),
        clock_(options.clock_skew_max) {}

  void start(Effects& effects) override;
  void handle(Message message, Effects& effects) override;
  void round_done(Effects& effects) override;
  bool stop(Effects& effects) override;
  const char* phase() const override;

 private:
  enum class Mode : std::uint8_t { waiting, adopting, blocked, active, resolving };
  enum Timer : int { lease_timer = 1, status_timer, resolve_timer };

  void take(SealOrders orders, Effects& effects);
  void on_timer(int id, Effects& effects);
  void on_lease(LeaseAnswer answer, Effects& effects);
  void on_not_durable(const std::string& promise, Effects& effects);
  void on_no_lease(const Error& error, const std::string& alert, Effects& effects);
  void on_adopted(Adopted adopted, Effects& effects);
  void on_renewed(const LeaseRenewed& answer, Effects& effects);
  void on_followed(const Followed& followed, Effects& effects);
  void adopt_again(Effects& effects);
  void block(const std::string& why, Effects& effects);
  void on_append(const AppendAnswer& answer, Effects& effects);
  void on_duplicate(Effects& effects);
  void on_refused(const AppendOutcome& outcome, Effects& effects);
  void try_later(PendingOrder order, Effects& effects);
  void database_refuses(const AppendOutcome& outcome, Effects& effects);
  void on_resolved(ResolveAnswer answer, Effects& effects);
  void on_found(FindAnswer answer, Effects& effects);
  void on_session_lost(Effects& effects);

  void dispatch(Effects& effects);
  BatchPlan plan_batch(Effects& effects);
  void send_batch(BatchPlan plan, Timestamp now, Effects& effects);
  void look_up(Effects& effects);
  void complete(PendingBatch batch, Effects& effects);
  void answer_plan(const BatchPlan& plan, const Entries& entries, Effects& effects);
  void refuse(const PendingOrder& pending, const Error& error, Effects& effects);
  // Stops waiting for the batches at the committer; they go back to the queue.
  void give_up_batches(bool look_up_first);

  // Why sealing stops although nothing is in doubt and no other vaultd writes.
  struct Trouble {
    std::string alert = "database";
    std::string cause = "connection";  // what must work again before the alert is over
    std::string failure;               // identifies it for the back-off, which counts repetitions
    std::string why;
    bool connected = false;
  };
  // Reports the state of this thread and its lease to the lease keeper.
  void keep_lease(Effects& effects);
  void lose(const Trouble& trouble, Effects& effects);
  void database_answers(Effects& effects);
  void end_trouble(Effects& effects);
  void report_guards(const std::optional<std::string>& missing, Effects& effects);
  void sealing_works(Effects& effects);
  void unreadable_seals(const std::vector<Seal>& seals, const Error& error, Effects& effects);
  void readable_seals(const std::vector<Receipt>& receipts, Effects& effects);
  void fenced(const std::string& why, Effects& effects);
  void refuse_waiting(const Error& error, Effects& effects);
  bool clock_is_sane(Effects& effects);
  void flush_answers(Effects& effects);
  void send_status(Effects& effects);
  Error unavailable() const;
  bool on_trial() const;

  WriterOptions options_;
  Mode mode_ = Mode::waiting;
  std::string detail_ = "starting";
  std::optional<LeaseHolder> other_;  // the writer, according to the last answer to a request for the lease
  bool lease_asked_ = false;
  bool lease_kept_ = false;  // the lease keeper renews
  bool database_connected_ = false;
  bool database_fits_ = true;  // false: vaultd is about to end, and must not say READY before
  bool stopping_ = false;
  std::int64_t epoch_ = 0;
  LedgerState durable_;  // the contents of the database, as far as it has reported them
  LedgerState tip_;      // durable_ plus everything in flight
  std::string ledger_id_;
  std::int64_t contradictions_ = 0;                   // rows that existed when the ledger was adopted
  bool must_adopt_again_ = false;                     // there are more now
  std::optional<std::string> commit_failed_;          // the reason, until a commit has succeeded
  int refusals_ = 0;                                  // of orders that were alone in their batch, since the last commit
  std::chrono::steady_clock::time_point next_try_{};  // for orders that are set aside
  int doubts_ = 0;     // commits in doubt that turned out not to have happened, since the last commit
  std::string doubt_;  // message about the last one
  std::optional<std::string> signing_impossible_;  // why checkpoints cannot be signed
  std::size_t unpublished_bytes_ = 0;

  BatchQueue batches_;
  std::chrono::steady_clock::time_point waiting_since_;  // for the outcome of the front batch

  std::vector<SealAnswer> answers_;  // of this round
  IngestRefused refused_ingest_;
  AlertBoard alerts_{"writer"};
  std::set<Uuid> unreadable_;  // seal_ids for which it is unknown what is sealed under them
  Backoff trouble_{std::chrono::milliseconds(100), std::chrono::milliseconds(5'000)};
  // All of them are listed, so that a zero one is not missing.
  std::map<std::string, std::int64_t> counters_{{"sealed", 0},     {"commits", 0},
                                                {"duplicates", 0}, {"conflicts", 0},
                                                {"lookups", 0},    {"rolled_back_duplicate", 0},
                                                {"in_doubt", 0},   {"rolled_back_refused", 0},
                                                {"fenced", 0}};
  WriterFigures figures_;
  ClockGuard clock_;
};

}  // namespace vault
