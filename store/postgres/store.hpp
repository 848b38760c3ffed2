// The Postgres implementation of the Store contract. Connections are made on first use and made again after a loss.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "ledger/result.hpp"
#include "store/postgres/place.hpp"
#include "store/store.hpp"

namespace vault {

struct PostgresOptions {
  std::string url;  // libpq connection string or URI
  std::string application_name = "vaultd";
  std::string schema = default_schema;  // where the ledger's tables are
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds lease_timeout{3000};        // writer: idle_in_transaction_session_timeout is set below it
  std::chrono::milliseconds statement_timeout{60'000};  // reader: of one answer, or one chunk of a scan
};

std::unique_ptr<WriterStore> make_postgres_writer(const PostgresOptions& options);
std::unique_ptr<LeaseStore> make_postgres_lease_store(const PostgresOptions& options);
std::unique_ptr<ReaderStore> make_postgres_reader(const PostgresOptions& options);

// Version 13 or newer, UTF8, fsync on, schema as wanted. Error: `unavailable` (not there yet), or `invalid_argument`
// saying what does not fit and the command that mends it.
Status check_server(const PostgresPlace& place);

// Verifier keys of the log identities that the database holds, oldest first; none for a ledger that has not been
// signed. For a look at one's own key before the lease is asked for: which identity counts is the notary's to decide.
Result<std::vector<std::string>> read_verifier_keys(const PostgresPlace& place);

// May the role of `place` write to the ledger? Error: `forbidden`, which names a table, or `unavailable`.
Status check_rights(const PostgresPlace& place);

}  // namespace vault
