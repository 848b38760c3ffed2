// The Postgres implementation of the Store contract. Connections are opened on first use and reopened after a loss.
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
  std::string url;                          // libpq connection string or URI
  std::string application_name = "vaultd";  // a writer appends the purpose of each of its connections
  std::string schema = default_schema;      // the schema of the ledger's tables
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds lease_timeout{3000};        // writer: idle_in_transaction_session_timeout is set below it
  std::chrono::milliseconds statement_timeout{60'000};  // reader: for one answer, or one chunk of a scan
};

std::unique_ptr<WriterStore> make_postgres_writer(const PostgresOptions& options);
std::unique_ptr<LeaseStore> make_postgres_lease_store(const PostgresOptions& options);
std::unique_ptr<ReaderStore> make_postgres_reader(const PostgresOptions& options);

// Requires version 13 or newer, UTF8, and fsync on. Error: `unavailable` (not there yet), or `invalid_argument` saying
// what does not fit and the command that fixes it.
Status check_server(const PostgresPlace& place);

// The same, and the wanted version of the schema.
Status check_database(const PostgresPlace& place);

// Checks whether the role of `place` may make or change the schema. Error: `forbidden`, or `unavailable`.
Status check_may_migrate(const PostgresPlace& place);

// Verifier keys of the log identities that the database holds, oldest first; none for a ledger that has never been
// signed. For checking vaultd's own key before it asks for the lease; which identity counts is the notary's decision.
Result<std::vector<std::string>> read_verifier_keys(const PostgresPlace& place);

// Checks whether the role of `place` may write to the ledger. Error: `forbidden`, which names a table, or
// `unavailable`.
Status check_rights(const PostgresPlace& place);

}  // namespace vault
