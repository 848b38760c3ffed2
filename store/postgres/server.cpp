// Checks whether a PostgreSQL server can hold a ledger: version, encoding, durability, schema.
#include <fmt/format.h>

#include "store/postgres/connection.hpp"
#include "store/postgres/migrator.hpp"
#include "store/postgres/store.hpp"

namespace vault {

namespace {

Result<std::unique_ptr<PgConnection>> connect_to_check(const PostgresPlace& place, const PgStatement& statement) {
  return PgConnection::open(
      {place.url, "vaultd start", std::chrono::milliseconds(5000), std::chrono::milliseconds(30'000), place.schema}, "",
      {&statement, 1});
}

}  // namespace

Status check_server(const PostgresPlace& place) {
  const PgStatement settings{
      "settings",
      "SELECT pg_catalog.current_setting('server_encoding'), pg_catalog.current_setting('fsync'), "
      "pg_catalog.current_setting('server_version')"};
  auto connection = connect_to_check(place, settings);
  if (!connection) return tl::unexpected(connection.error());
  auto found = (*connection)->execute(settings);
  if (!found) return tl::unexpected(found.error());
  if ((*connection)->server_version() < 130'000) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the database server is PostgreSQL {}; 13 or newer is needed", found->value(0, 2)));
  }
  if (Status fits = check_encoding(std::string(found->value(0, 0))); !fits) return fits;
  if (found->value(0, 1) != "on") {
    return fail(ErrorCode::invalid_argument,
                "fsync is off on the database server, so nothing there is durable; fix it with: "
                "ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf()");
  }
  return {};
}

Status check_database(const PostgresPlace& place) {
  if (Status fits = check_server(place); !fits) return fits;
  auto version = schema_version(place);
  if (!version) {
    Error error = version.error();
    const bool newer = error.code == ErrorCode::internal && error.sqlstate.empty();
    if (newer) error.code = ErrorCode::invalid_argument;
    return tl::unexpected(std::move(error));
  }
  if (*version < schema_version_wanted()) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("the database's schema is at version {}, {} is needed; run: vaultctl migrate up --database URL{} "
                    "(or start vaultd with --migrate)",
                    *version, schema_version_wanted(),
                    place.schema == default_schema ? "" : " --schema " + place.schema));
  }
  return {};
}

Result<std::vector<std::string>> read_verifier_keys(const PostgresPlace& place) {
  const PgStatement keys{"verifier_keys", "SELECT vkey FROM vault_origin ORDER BY ordinal"};
  auto connection = connect_to_check(place, keys);
  if (!connection) return tl::unexpected(connection.error());
  auto found = (*connection)->execute(keys);
  if (!found) return tl::unexpected(found.error());
  std::vector<std::string> list;
  for (int row = 0; row < found->rows(); ++row) list.emplace_back(found->value(row, 0));
  return list;
}

Status check_may_migrate(const PostgresPlace& place) {
  const PgStatement may{"may_migrate",
                        "SELECT CASE WHEN pg_catalog.to_regnamespace($1::text) IS NULL "
                        "THEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') "
                        "ELSE pg_catalog.has_schema_privilege($1::text, 'CREATE') END, current_user"};
  auto connection = connect_to_check(place, may);
  if (!connection) return tl::unexpected(connection.error());
  auto found = (*connection)->execute(may, PgParams().text(place.schema));
  if (!found) return tl::unexpected(found.error());
  if (found->value(0, 0) == std::string_view("\x01")) return {};
  return fail(ErrorCode::forbidden,
              fmt::format("the role {} may not create tables in schema {}, which a migration needs", found->value(0, 1),
                          place.schema));
}

Status check_rights(const PostgresPlace& place) {
  const PgStatement rights{
      "rights",
      "SELECT relation, needed FROM (VALUES ('vault_ledger', 'INSERT'), ('vault_tile', 'INSERT'), "
      "('vault_checkpoint', 'INSERT'), ('vault_origin', 'INSERT'), ('vault_contradiction', 'INSERT'), "
      "('vault_head', 'UPDATE'), ('vault_lease', 'UPDATE')) wanted (relation, needed) "
      "WHERE NOT pg_catalog.has_table_privilege(relation, needed) LIMIT 1"};
  auto connection = connect_to_check(place, rights);
  if (!connection) return tl::unexpected(connection.error());
  auto missing = (*connection)->execute(rights);
  if (!missing) return tl::unexpected(missing.error());
  if (missing->rows() == 0) return {};
  return fail(ErrorCode::forbidden,
              fmt::format("the database's role may not {} {}; a writer needs the rights of vault_writer",
                          missing->value(0, 1), missing->value(0, 0)));
}

}  // namespace vault
