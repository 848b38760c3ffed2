#include "store/postgres/guards.hpp"

namespace vault {

const PgStatement guards_statement{
    "missing_guard",
    "WITH named(name, insert_only) AS (VALUES ('vault_ledger', true), ('vault_tile', true), ('vault_checkpoint', "
    "true), "
    "('vault_origin', true), ('vault_meta', true), ('vault_contradiction', true), ('vault_head', false), "
    "('vault_lease', false)), "
    "made AS (SELECT n.name, n.insert_only, c.oid, c.relpersistence, c.relkind, c.relrowsecurity FROM named n "
    "JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(n.name)), "
    "keys(name, columns) AS (VALUES ('vault_ledger', 'sequence'), ('vault_ledger', 'seal_id'), "
    "('vault_tile', 'level,index'), ('vault_checkpoint', 'origin,tree_size'), ('vault_origin', 'ordinal'), "
    "('vault_origin', 'origin'), ('vault_head', 'id'), ('vault_lease', 'id')) "
    "SELECT what FROM ("
    "SELECT 1 AS rank, pg_catalog.format('%s is not a logged table: a crash empties it', name) AS what FROM made "
    "WHERE relpersistence <> 'p' OR relkind <> 'r' UNION ALL "
    "SELECT 2, pg_catalog.format('%s has rules or row security: what is read or written there may be something else', "
    "name) FROM made WHERE relrowsecurity OR EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = made.oid) "
    "UNION ALL "
    "SELECT 3, pg_catalog.format('trigger %s of %s, which refuses changes, is gone or not enabled ALWAYS', v.trigger, "
    "made.name) FROM made, (VALUES ('vault_insert_only'), ('vault_insert_only_row')) v(trigger) WHERE insert_only "
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = made.oid AND t.tgname = v.trigger "
    "AND t.tgenabled = 'A') UNION ALL "
    "SELECT 4, pg_catalog.format('%s has no valid unique index of (%s)', made.name, keys.columns) "
    "FROM made JOIN keys ON keys.name = made.name WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_index i "
    "WHERE i.indrelid = made.oid AND i.indisunique AND i.indisvalid AND i.indisready AND i.indimmediate "
    "AND i.indpred IS NULL AND (SELECT pg_catalog.string_agg(a.attname::text, ',' ORDER BY k.place) "
    "FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY k(attnum, place) JOIN pg_catalog.pg_attribute a "
    "ON a.attrelid = i.indrelid AND a.attnum = k.attnum) = keys.columns)"
    ") found ORDER BY rank, what LIMIT 1"};

Result<std::optional<std::string>> missing_guard(PgConnection& connection) {
  auto result = connection.execute(guards_statement);
  if (!result) return tl::unexpected(result.error());
  if (result->rows() == 0) return std::nullopt;
  return std::optional(std::string(result->value(0, 0)));
}

}  // namespace vault
