// The auditor verifies the ledger over and over, at a bounded rate, and raises alert.tamper when something does not
// hold. That alert stays until vaultd is restarted. What it cannot read it cannot verify: alert.audit, as long as that
// lasts.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "actors/actor.hpp"
#include "ledger/sequencer.hpp"
#include "store/store.hpp"
#include "store/verify.hpp"

namespace vault {

struct AuditorOptions {
  std::size_t rows_per_second = 2'000;  // 0: never
};

class Auditor final : public Actor {
 public:
  // `store` outlives the auditor and is used by its thread alone.
  Auditor(ReaderStore& store, const AuditorOptions& options) : store_(store), options_(options) {}

  void start(Effects& effects) override;
  void handle(Message message, Effects& effects) override;

 private:
  void audit_some(Effects& effects);
  Result<VerifyReport> next_step();
  void tell_unreadable(const Error& error, Effects& effects);

  ReaderStore& store_;
  AuditorOptions options_;
  std::optional<LedgerState> resume_;  // where the last step ended; nullopt: at the beginning
  std::optional<Checkpoint> known_;    // the newest checkpoint signed
  std::int64_t alerted_sequence_ = 0;  // of the alert that stands
  bool reached_ = false;               // the step under way ends before the head
  int failures_ = 0;                   // steps in a row that could not read
  bool unreadable_ = false;            // alert.audit stands
};

}  // namespace vault
