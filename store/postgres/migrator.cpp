#include "store/postgres/migrator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

#include "ledger/bytes.hpp"
#include "ledger/check.hpp"
#include "ledger/sha256.hpp"
#include "store/postgres/connection.hpp"
#include "store/postgres/embedded_migrations.hpp"

namespace vault {

namespace {

const PgStatement schema_exists{"schema_exists", "SELECT pg_catalog.to_regclass('vault_schema') IS NOT NULL"};

// The same lock that every migration's own SQL takes.
constexpr const char* begin_locked = "BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(999000999)";

Result<std::unique_ptr<PgConnection>> connect_migrator(const PostgresPlace& place) {
  return PgConnection::open(
      {place.url, "vaultctl migrate", std::chrono::milliseconds(5000), std::chrono::milliseconds(0), place.schema}, "",
      {&schema_exists, 1});
}

struct Applied {
  std::string checksum;  // empty if applied by hand
  std::string applied_at;
};

// By version; empty for a database without the schema.
Result<std::map<int, Applied>> read_applied(PgConnection& connection) {
  std::map<int, Applied> applied;
  auto exists = connection.execute(schema_exists);
  if (!exists) return tl::unexpected(exists.error());
  if (exists->value(0, 0) != std::string_view("\x01")) return applied;
  auto rows =
      connection.script("SELECT version, coalesce(checksum, ''), applied_at FROM vault_schema ORDER BY version");
  if (!rows) return tl::unexpected(rows.error());
  for (int i = 0; i < rows->rows(); ++i) {
    applied[std::stoi(std::string(rows->value(i, 0)))] = {std::string(rows->value(i, 1)),
                                                          std::string(rows->value(i, 2))};
  }
  const int newest = applied.empty() ? 0 : applied.rbegin()->first;
  if (newest > schema_version_wanted()) {
    return fail(ErrorCode::internal,
                fmt::format("the database's schema is at version {}, newer than {}, the newest that "
                            "this program knows; install a newer one",
                            newest, schema_version_wanted()));
  }
  return applied;
}

std::string checksum_of(const EmbeddedMigration& migration) {
  return to_hex(sha256(migration.up));
}

MigrationStatus status_of(const EmbeddedMigration& migration, const std::map<int, Applied>& applied) {
  MigrationStatus status;
  status.version = migration.version;
  status.name = migration.name;
  const auto found = applied.find(migration.version);
  if (found == applied.end()) return status;
  status.applied = true;
  status.applied_at = found->second.applied_at;
  status.checksum_matches = found->second.checksum.empty() || found->second.checksum == checksum_of(migration);
  return status;
}

// The file without the BEGIN and COMMIT that it has for psql: here the runner makes the transaction.
std::string without_transaction(std::string_view sql) {
  std::string text(sql);
  for (const std::string_view line : {"\nBEGIN;\n", "\nCOMMIT;\n"}) {
    const auto at = text.find(line);
    VAULT_CHECK(at != std::string::npos);
    text.replace(at, line.size(), "\n");
  }
  return text;
}

Status roll_back(PgConnection& connection, const Error& error, const EmbeddedMigration& migration) {
  (void)connection.script("ROLLBACK");
  Error out = error;
  out.message = fmt::format("migration {:03}_{} was rolled back, nothing has changed: {}", migration.version,
                            migration.name, error.message);
  return tl::unexpected(std::move(out));
}

// A migration waits at most this often, and briefly each time (its lock_timeout), for a table that is in use, because
// whoever queues behind a waiting migration waits too.
constexpr int tries_max = 30;

// Runs one migration up or down in one transaction, if it is still due once the lock is held. True if it was.
Result<bool> run_one(PgConnection& connection, const EmbeddedMigration& migration, bool up) {
  if (auto begun = connection.script(begin_locked); !begun) return tl::unexpected(begun.error());
  const auto abandon = [&](const Error& error) {
    return tl::unexpected(roll_back(connection, error, migration).error());
  };
  auto applied = read_applied(connection);
  if (!applied) return abandon(applied.error());
  if (applied->contains(migration.version) == up) {
    if (auto ended = connection.script("COMMIT"); !ended) return abandon(ended.error());
    return false;
  }
  auto ran = connection.script(without_transaction(up ? migration.up : migration.down));
  if (!ran) return abandon(ran.error());
  if (up) {
    // Both values are this program's own: a number and hex digits.
    auto recorded = connection.script(fmt::format("UPDATE vault_schema SET checksum = '{}' WHERE version = {}",
                                                  checksum_of(migration), migration.version));
    if (!recorded) return abandon(recorded.error());
    if (recorded->command_tag() != "UPDATE 1") {
      return abandon({ErrorCode::internal, "its SQL does not record the version", {}});
    }
  }
  auto ended = connection.script("COMMIT");
  if (!ended) return abandon(ended.error());
  if (ended->command_tag() != "COMMIT") return abandon({ErrorCode::internal, "COMMIT answered ROLLBACK", {}});
  return true;
}

// Looks for the schema first: a role that may make tables in it need not have the right to create it.
Status make_schema(PgConnection& connection, const std::string& schema) {
  if (const char* wrong = wants_schema(schema)) {
    return fail(ErrorCode::invalid_argument, fmt::format("a schema is {}", wrong), "schema");
  }
  // The name has been checked: nothing in it needs quoting.
  auto there = connection.script(fmt::format("SELECT FROM pg_catalog.pg_namespace WHERE nspname = '{}'", schema));
  if (!there) return tl::unexpected(there.error());
  if (there->rows() > 0) return {};
  // Keeps Citus from distributing every new schema: migrations have to run before that (vaultctl migrate distribute).
  // Without Citus nobody reads the setting.
  if (auto set = connection.script("SET citus.enable_schema_based_sharding = off"); !set) {
    return tl::unexpected(set.error());
  }
  auto made = connection.script(fmt::format("CREATE SCHEMA IF NOT EXISTS \"{}\"", schema));
  if (!made) return tl::unexpected(made.error());
  return {};
}

}  // namespace

const char* wants_schema(const std::string& name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  const bool fine = !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), plain) &&
                    !(name[0] >= '0' && name[0] <= '9') && !name.starts_with("pg_") && name != "information_schema";
  return fine ? nullptr : "1 to 63 of a-z, 0-9 and _, no digit first, and none of PostgreSQL's own (pg_...)";
}

int schema_version_wanted() {
  return embedded_migrations().back().version;
}

Result<int> schema_version(const PostgresPlace& place) {
  auto connection = connect_migrator(place);
  if (!connection) return tl::unexpected(connection.error());
  auto applied = read_applied(**connection);
  if (!applied) return tl::unexpected(applied.error());
  return applied->empty() ? 0 : applied->rbegin()->first;
}

Result<std::vector<MigrationStatus>> migration_status(const PostgresPlace& place) {
  auto connection = connect_migrator(place);
  if (!connection) return tl::unexpected(connection.error());
  auto applied = read_applied(**connection);
  if (!applied) return tl::unexpected(applied.error());
  std::vector<MigrationStatus> all;
  for (const auto& migration : embedded_migrations()) all.push_back(status_of(migration, *applied));
  return all;
}

Status check_encoding(const std::string& server_encoding) {
  if (server_encoding == "UTF8") return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("the database's encoding is {}; make one with: createdb --template=template0 --encoding=UTF8",
                          server_encoding));
}

Result<std::vector<MigrationStatus>> migrate_up(const PostgresPlace& place) {
  auto connection = connect_migrator(place);
  if (!connection) return tl::unexpected(connection.error());
  auto encoding = (*connection)->script("SHOW server_encoding");
  if (!encoding) return tl::unexpected(encoding.error());
  if (Status fits = check_encoding(std::string(encoding->value(0, 0))); !fits) return tl::unexpected(fits.error());
  if (Status made = make_schema(**connection, place.schema); !made) return tl::unexpected(made.error());
  std::vector<MigrationStatus> done;
  for (const auto& migration : embedded_migrations()) {
    auto ran = run_one(**connection, migration, true);
    for (int tries = 1; tries < tries_max && !ran && ran.error().code == ErrorCode::unavailable; ++tries) {
      if ((*connection)->lost()) break;
      std::this_thread::sleep_for(std::chrono::seconds(1));
      ran = run_one(**connection, migration, true);
    }
    if (!ran) return tl::unexpected(ran.error());
    if (!*ran) continue;
    auto applied = read_applied(**connection);
    if (!applied) return tl::unexpected(applied.error());
    done.push_back(status_of(migration, *applied));
  }
  return done;
}

Result<std::vector<MigrationStatus>> migrate_down(const PostgresPlace& place) {
  auto connection = connect_migrator(place);
  if (!connection) return tl::unexpected(connection.error());
  std::vector<MigrationStatus> done;
  const auto all = embedded_migrations();
  for (auto migration = all.rbegin(); migration != all.rend(); ++migration) {
    auto ran = run_one(**connection, *migration, false);
    if (!ran) return tl::unexpected(ran.error());
    if (*ran) done.push_back(status_of(*migration, {}));
  }
  return done;
}

}  // namespace vault
