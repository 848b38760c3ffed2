// Applies migrations/NNN_name.sql, each in one transaction under an advisory lock. The files are compiled in, so that
// an installed program needs none of them; each also works by hand with psql -f.
#pragma once

#include <string>
#include <vector>

#include "ledger/result.hpp"
#include "store/postgres/place.hpp"

namespace vault {

struct MigrationStatus {
  int version = 0;
  std::string name;
  bool applied = false;
  std::string applied_at;        // text as Postgres prints it; empty if not applied
  bool checksum_matches = true;  // false: the database was migrated with a different text of this version
};

// The version that this build needs.
int schema_version_wanted();

// 0 if there are no tables. Errors: unavailable; internal if the schema is newer than this build.
Result<int> schema_version(const PostgresPlace& place);
Result<std::vector<MigrationStatus>> migration_status(const PostgresPlace& place);

// Requires UTF-8. Error: invalid_argument with the command that makes such a database.
Status check_encoding(const std::string& server_encoding);

// Applies the missing migrations; returns the versions applied. Refuses a database of another encoding before making
// anything in it.
Result<std::vector<MigrationStatus>> migrate_up(const PostgresPlace& place);
// Rolls everything back, newest first. Destroys the ledger: callers must ask first.
Result<std::vector<MigrationStatus>> migrate_down(const PostgresPlace& place);

}  // namespace vault
