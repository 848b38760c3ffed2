// Chooses the name and key under which this vaultd signs for a ledger, and whether a new identity begins on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/promise_memory.hpp"
#include "ledger/signed_note.hpp"
#include "store/store.hpp"

namespace vault {

struct IdentityOptions {
  std::string origin;  // empty: the database's, or vault999.local/<ledger_id> for a new one
  std::optional<std::int64_t> accept_rollback;
};

struct ChosenIdentity {
  SigningKey key;
  std::vector<LogIdentity> identities;  // the ledger's, oldest first; the last one is the one chosen
  bool begins = false;                  // it is not in the database yet, and replaces another one
  bool announced = false;               // begins: the entry that announces it is in the ledger already
};

// Error: invalid_argument, with what to do, if the settings do not fit this database; unavailable if another identity
// has been announced and this one must not sign any more.
Result<ChosenIdentity> choose_identity(NotaryDisk& disk, const PromiseMemory& memory, const IdentityOptions& options,
                                       const Promises& promises, const Head& head, const std::string& ledger_id);

}  // namespace vault
