// What must hold of a database before its lease is asked for: the server, the schema (migrated where that is wanted),
// the rights, and that the signing key here is one of the ledger's.
#pragma once

#include <atomic>

#include "daemon/settings/settings.hpp"
#include "daemon/state_directory.hpp"
#include "ledger/result.hpp"

namespace vault {

class DatabasePreparation {
 public:
  // `settings`, whose database is known by now, and `state` outlive it.
  DatabasePreparation(const Settings& settings, StateDirectory& state) : settings_(settings), state_(state) {}

  // Each time that the database answers anew, in the coordinator's thread. Errors: invalid_argument where only the
  // operator can help; unavailable where it may pass by itself.
  Status run();
  // What only the operator can help against is a right that is missing in the database, not a setting. Any thread.
  bool rights_missing() const { return rights_missing_; }

 private:
  Status check_database() const;
  Status check_key();

  const Settings& settings_;
  StateDirectory& state_;
  std::atomic<bool> rights_missing_{false};
};

}  // namespace vault
