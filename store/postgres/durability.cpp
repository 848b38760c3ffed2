#include "store/postgres/durability.hpp"

#include <fmt/format.h>

#include "store/postgres/values.hpp"

namespace vault {

// Unlogged tables are emptied after a crash.
const PgStatement durability_statement{
    "durability",
    "SELECT pg_catalog.current_setting('synchronous_commit'), pg_catalog.current_setting('fsync'), "
    "pg_catalog.pg_backend_pid(), pg_catalog.current_setting('transaction_read_only'), pg_catalog.pg_is_in_recovery(), "
    "(SELECT pg_catalog.min(c.relname::text) FROM pg_catalog.pg_class c WHERE c.relpersistence <> 'p' AND c.oid IN "
    "('vault_ledger'::regclass::oid, 'vault_tile'::regclass::oid, 'vault_head'::regclass::oid, "
    "'vault_checkpoint'::regclass::oid, 'vault_origin'::regclass::oid, 'vault_lease'::regclass::oid)), "
    "pg_catalog.current_setting('full_page_writes'), pg_catalog.current_setting('data_sync_retry', true), "
    "pg_catalog.current_setting('client_min_messages')"};

Result<Durability> look_at_durability(PgConnection& connection, bool commits_promise) {
  auto found = connection.execute(durability_statement);
  if (!found) return tl::unexpected(found.error());
  const auto setting = [&](int column) { return found->value(0, column); };
  Durability durability;
  if (read_int4(setting(2)) != connection.backend_pid()) {
    durability.broken = leads_elsewhere;
  } else if (setting(1) != "on") {
    durability.broken =
        "fsync is off on the database server, so nothing there is durable; fix it with: ALTER SYSTEM SET fsync = on; "
        "SELECT pg_reload_conf()";
  } else if (commits_promise && setting(0) != "on" && setting(0) != "remote_apply") {
    durability.broken = fmt::format("synchronous_commit is {} in vaultd's own session", setting(0));
  } else if (commits_promise && setting(8) != "warning") {
    durability.broken = fmt::format("client_min_messages is {} in vaultd's own session", setting(8));
  } else if (setting(3) == "on") {
    durability.broken = setting(4) == "\x01"
                            ? "the database server is a standby and takes no writes"
                            : "default_transaction_read_only is on: the server is not to be written to";
  } else if (!found->is_null(0, 5)) {
    durability.broken = fmt::format(
        "table {0} is unlogged, so a crash of the server empties it; fix it with: ALTER TABLE {0} SET LOGGED",
        setting(5));
  }
  if (setting(6) != "on") {
    durability.cautions.emplace_back(
        "full_page_writes is off: a power failure may tear pages, unless the file system writes 8 kB at once or not at "
        "all");
  }
  if (setting(7) == "on") {
    durability.cautions.emplace_back(
        "data_sync_retry is on: a failed write to disk may be forgotten by the operating system and never reported");
  }
  return durability;
}

Status require_durability(PgConnection& connection) {
  auto durability = look_at_durability(connection);
  if (!durability) return tl::unexpected(durability.error());
  if (durability->broken) return fail(ErrorCode::unavailable, "nothing is promised now: " + *durability->broken);
  return {};
}

}  // namespace vault
