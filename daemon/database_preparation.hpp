// Checks the database before its lease is requested: the server, the schema (migrated if that is wanted), the rights,
// and that the signing key here is one of the ledger's.
#pragma once

#include <atomic>

#include "daemon/settings/settings.hpp"
#include "daemon/state_directory.hpp"
#include "ledger/result.hpp"

namespace vault {

class DatabasePreparation {
 public:
  // `settings`, whose database is known by now, and `state` must outlive it.
  DatabasePreparation(const Settings& settings, StateDirectory& state) : settings_(settings), state_(state) {}

  // Runs before each request for the lease, until it has succeeded once; in the coordinator's thread. Errors:
  // invalid_argument if only the operator can help; unavailable if it may pass by itself.
  Status run();
  // True if what only the operator can fix is a missing right in the database, not a setting. Any thread.
  bool rights_missing() const { return rights_missing_; }

 private:
  Status check_database() const;
  Status check_key();

  const Settings& settings_;
  StateDirectory& state_;
  std::atomic<bool> rights_missing_{false};
};

}  // namespace vault
