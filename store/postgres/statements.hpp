// Every SQL statement of the store, in one place. Parameters and results are binary; casts fix their types.
#pragma once

#include "store/postgres/connection.hpp"

namespace vault::sql {

#define VAULT_ROW_COLUMNS                                                                           \
  "sequence, session_id, seal_id, timestamp, authority, verdict, seal_data, data_salt, data_hash, " \
  "entry_hash, prev_hash, merkle_root"
// With the column that Postgres itself adds.
#define VAULT_READ_COLUMNS VAULT_ROW_COLUMNS ", created_at"

// --- Transactions ----------------------------------------------------------------------------------------------------

inline constexpr PgStatement begin{"begin", "BEGIN ISOLATION LEVEL READ COMMITTED"};
inline constexpr PgStatement commit{"commit", "COMMIT"};
inline constexpr PgStatement rollback{"rollback", "ROLLBACK"};
inline constexpr PgStatement begin_snapshot{"begin_snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"};

// --- Append ----------------------------------------------------------------------------------------------------------

// One statement is one append. It moves the head, which locks it, and inserts only if the head was exactly what the
// writer builds on: otherwise the answer is INSERT 0 0 and nothing has been written. If somebody else holds a lock on
// the head, the statement waits and then checks it again. unnest() is in the select list, not in FROM, where it would
// first be written to a tuple store, row by row.
//
// The condition also covers whether the commit will be durable, since nearly everything that durability depends on can
// change during a session: by ALTER SYSTEM and a reload, or by a pooler that hands the statement to another server
// process than the one that was configured. If it would not be durable, the statement divides by zero (SQLSTATE 22012),
// which nothing else in it can do. The server evaluates this once, before it looks for the row.
#define VAULT_DURABLE(backend_pid)                                                                                    \
  "1 / (pg_catalog.current_setting('synchronous_commit') IN ('on', 'remote_apply') AND "                              \
  "pg_catalog.current_setting('fsync') = 'on' AND pg_catalog.current_setting('client_min_messages') = 'warning' AND " \
  "pg_catalog.pg_backend_pid() = " backend_pid ")::int = 1"
#define VAULT_MOVE_HEAD                                                                                             \
  "WITH moved AS (UPDATE vault_head SET head_sequence = $1::bigint, head_hash = $2::text, merkle_root = $3::text, " \
  "updated_at = pg_catalog.now() WHERE id = 1 AND writer_epoch = $4::bigint AND head_sequence = $5::bigint "        \
  "AND head_hash = $6::text AND merkle_root = $7::text AND " VAULT_DURABLE("$8::int") " RETURNING id)"
#define VAULT_INSERT_ENTRIES                                                                                   \
  " INSERT INTO vault_ledger (" VAULT_ROW_COLUMNS                                                              \
  ") SELECT pg_catalog.unnest($9::bigint[]), pg_catalog.unnest($10::text[]), pg_catalog.unnest($11::uuid[]), " \
  "pg_catalog.unnest($12::timestamptz[]), "                                                                    \
  "pg_catalog.unnest($13::text[]), pg_catalog.unnest($14::text[]), pg_catalog.unnest($15::jsonb[]), "          \
  "pg_catalog.unnest($16::bytea[]), pg_catalog.unnest($17::text[]), "                                          \
  "pg_catalog.unnest($18::text[]), pg_catalog.unnest($19::text[]), pg_catalog.unnest($20::text[]) FROM moved"

inline constexpr PgStatement append{"append", VAULT_MOVE_HEAD VAULT_INSERT_ENTRIES};

// For a single seal, every microsecond counts, and arrays cost some.
inline constexpr PgStatement append_one{
    "append_one", VAULT_MOVE_HEAD
    " INSERT INTO vault_ledger (" VAULT_ROW_COLUMNS
    ") SELECT $9::bigint, $10::text, $11::uuid, $12::timestamptz, $13::text, $14::text, $15::jsonb, $16::bytea, "
    "$17::text, $18::text, $19::text, $20::text FROM moved"};

inline constexpr PgStatement append_with_tiles{
    "append_with_tiles", VAULT_MOVE_HEAD
    ", tiles AS (INSERT INTO vault_tile (level, index, hashes, root) SELECT pg_catalog.unnest($21::int[]), "
    "pg_catalog.unnest($22::bigint[]), "
    "pg_catalog.unnest($23::bytea[]), pg_catalog.unnest($24::bytea[]) FROM moved)" VAULT_INSERT_ENTRIES};

// The same as one call, with the same parameters except for the server process. The statement must contain nothing
// else, or Citus would not pass it to the node that holds the ledger.
inline constexpr PgStatement append_call{
    "append_call",
    "SELECT vault_append($1::bigint, $2::text, $3::text, $4::bigint, $5::bigint, $6::text, $7::text, $8::bigint[], "
    "$9::text[], $10::uuid[], $11::timestamptz[], $12::text[], $13::text[], $14::jsonb[], $15::bytea[], $16::text[], "
    "$17::text[], $18::text[], $19::text[], $20::int[], $21::bigint[], $22::bytea[], $23::bytea[])"};

// Chooses between the two: the call if the database has Citus, or if a setting says so (of the database, the role or
// the connection string).
inline constexpr PgStatement append_form{
    "append_form",
    "SELECT coalesce(nullif(pg_catalog.current_setting('vault.append_form', true), ''), CASE WHEN EXISTS (SELECT FROM "
    "pg_catalog.pg_extension WHERE extname = 'citus') THEN 'function' ELSE 'statement' END) = 'function'"};

// Restoring writes a ledger in many statements, with the head locked.
inline constexpr PgStatement insert_entries{
    "insert_entries",
    "INSERT INTO vault_ledger (" VAULT_ROW_COLUMNS
    ") SELECT pg_catalog.unnest($1::bigint[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::uuid[]), "
    "pg_catalog.unnest($4::timestamptz[]), pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::text[]), "
    "pg_catalog.unnest($7::jsonb[]), "
    "pg_catalog.unnest($8::bytea[]), pg_catalog.unnest($9::text[]), pg_catalog.unnest($10::text[]), "
    "pg_catalog.unnest($11::text[]), "
    "pg_catalog.unnest($12::text[])"};

inline constexpr PgStatement insert_tiles{
    "insert_tiles",
    "INSERT INTO vault_tile (level, index, hashes, root) SELECT "
    "pg_catalog.unnest($1::int[]), pg_catalog.unnest($2::bigint[]), pg_catalog.unnest($3::bytea[]), "
    "pg_catalog.unnest($4::bytea[])"};

inline constexpr PgStatement update_head{"update_head",
                                         "UPDATE vault_head SET head_sequence = $1::bigint, head_hash = $2::text, "
                                         "merkle_root = $3::text, updated_at = pg_catalog.now() WHERE id = 1"};

// Reads no payloads, nor anything that could be as large: a column that holds more than its kind allows is returned as
// null. The neighbours show whether the entry's own hashes are unchanged.
#define VAULT_AT_MOST(bytes, column) "CASE WHEN pg_catalog.octet_length(" column ") <= " bytes " THEN " column " END"
inline constexpr PgStatement find_seals{
    "find_seals",
    "SELECT l.seal_id, l.sequence, " VAULT_AT_MOST("256", "l.session_id") ", l.timestamp, "
    VAULT_AT_MOST("256", "l.authority") ", " VAULT_AT_MOST("16", "l.verdict") ", "
    VAULT_AT_MOST("16", "l.data_salt") ", " VAULT_AT_MOST("64", "l.data_hash") ", "
    VAULT_AT_MOST("64", "l.entry_hash") ", " VAULT_AT_MOST("64", "l.prev_hash") ", l.seal_data IS NULL, "
    VAULT_AT_MOST("64", "l.merkle_root") ", "
    "(SELECT " VAULT_AT_MOST("64", "b.entry_hash") " FROM vault_ledger b WHERE b.sequence = l.sequence - 1), "
    "(SELECT " VAULT_AT_MOST("64", "a.prev_hash") " FROM vault_ledger a WHERE a.sequence = l.sequence + 1) "
    "FROM vault_ledger l WHERE l.seal_id = ANY ($1::uuid[])"};

// --- Lease and fence -------------------------------------------------------------------------------------------------

// Locks the head against every append and every other taker; columns as head_at() reads them (rows.hpp).
inline constexpr PgStatement lock_head_row{
    "lock_head_row",
    "SELECT head_sequence, head_hash, merkle_root, writer_epoch FROM vault_head WHERE id = 1 FOR UPDATE"};

inline constexpr PgStatement read_lease{
    "read_lease",
    "SELECT holder, epoch, holder = '' OR holder = $1::text, "
    "renewed_at < pg_catalog.clock_timestamp() - $2::bigint::float8 * interval '1 "
    "microsecond', renewed_at, "
    "coalesce(pg_catalog.left(holder_host, 255), ''), coalesce(holder_pid, 0), "
    "coalesce(held_since, '-infinity'), told_by = holder, pg_catalog.clock_timestamp() "
    "FROM vault_lease WHERE id = 1"};

inline constexpr PgStatement raise_epoch{
    "raise_epoch", "UPDATE vault_head SET writer_epoch = writer_epoch + 1 WHERE id = 1 RETURNING writer_epoch"};

// Like every statement that renews the lease, these two record which schema their vaultd knows (migration 002). For
// taking the lease. Two statements, since a server that plans for other nodes accepts no clock inside a CASE.
inline constexpr PgStatement write_lease{"write_lease",
                                         "UPDATE vault_lease SET holder = $1::text, epoch = $2::bigint, "
                                         "renewed_at = pg_catalog.statement_timestamp(), schema_known = $3::int, "
                                         "told_by = $1::text, holder_host = $4::text, holder_pid = $5::bigint, "
                                         "held_since = pg_catalog.statement_timestamp() "
                                         "WHERE id = 1 RETURNING renewed_at"};

// For keeping the lease under a new epoch.
inline constexpr PgStatement raise_lease{"raise_lease",
                                         "UPDATE vault_lease SET epoch = $1::bigint, "
                                         "renewed_at = pg_catalog.statement_timestamp(), schema_known = $2::int "
                                         "WHERE id = 1 RETURNING renewed_at"};

inline constexpr PgStatement renew_lease{
    "renew_lease",
    "UPDATE vault_lease SET renewed_at = pg_catalog.statement_timestamp(), "
    "schema_known = $3::int WHERE id = 1 AND holder = $1::text AND epoch = $2::bigint "
    "RETURNING renewed_at"};

// Checks in one snapshot that the lease is the caller's, the ledger has as many entries, and the lease was renewed
// lately.
inline constexpr PgStatement confirm_lease{
    "confirm_lease",
    "SELECT l.holder = $1::text AND l.epoch = $2::bigint AND h.writer_epoch = $2::bigint, "
    "h.head_sequence >= $3::bigint, "
    "l.renewed_at >= pg_catalog.statement_timestamp() - $4::bigint::float8 * interval '1 microsecond' "
    "FROM vault_lease l, vault_head h WHERE l.id = 1 AND h.id = 1"};

// The current transaction does not wait for a standby.
inline constexpr PgStatement commit_locally{"commit_locally",
                                            "SELECT pg_catalog.set_config('synchronous_commit', 'local', true)"};

inline constexpr PgStatement release_lease{"release_lease",
                                           "UPDATE vault_lease SET holder = '', renewed_at = '-infinity' "
                                           "WHERE id = 1 AND holder = $1::text AND epoch = $2::bigint"};

// Every takeover writes its epoch here too, so that this row can serve as the fence where the head must not be locked.
inline constexpr PgStatement epoch_for_share{"epoch_for_share", "SELECT epoch FROM vault_lease WHERE id = 1 FOR SHARE"};

inline constexpr PgStatement last_sequence{"last_sequence",
                                           "SELECT sequence FROM vault_ledger ORDER BY sequence DESC LIMIT 1"};

// --- Checkpoints and identities --------------------------------------------------------------------------------------

inline constexpr PgStatement insert_identity{
    "insert_identity",
    "WITH last AS (SELECT coalesce(pg_catalog.max(ordinal), 0) + 1 AS next FROM vault_origin) "
    "INSERT INTO vault_origin (ordinal, origin, vkey, accepted_sequence) "
    "SELECT next, $1::text, $2::text, $3::bigint FROM last"};

inline constexpr PgStatement insert_checkpoint{
    "insert_checkpoint",
    "INSERT INTO vault_checkpoint (origin, tree_size, root, note) "
    "VALUES ($1::text, $2::bigint, $3::text, $4::text) ON CONFLICT (origin, tree_size) DO NOTHING"};

inline constexpr PgStatement checkpoint_of_size{
    "checkpoint_of_size",
    "SELECT origin, tree_size, root, note FROM vault_checkpoint WHERE origin = $1::text AND tree_size = $2::bigint"};

// With what announces each: the entry after the history that it began on, and whether an earlier identity had signed
// anything. One subquery per row, not a join: without statistics a join reads the whole ledger, damaged pages too.
inline constexpr PgStatement identities{
    "identities",
    "SELECT o.ordinal, o.origin, o.vkey, o.accepted_sequence, CASE WHEN o.accepted_sequence > 0 THEN (SELECT l.seal_id "
    "FROM vault_ledger l WHERE l.sequence = o.accepted_sequence + 1) END, EXISTS (SELECT FROM vault_origin p "
    "JOIN vault_checkpoint c ON c.origin = p.origin WHERE p.ordinal < o.ordinal AND c.tree_size > 0) "
    "FROM vault_origin o ORDER BY o.ordinal"};

// Only in session vaultd/rollback. Entries from before that name was reserved for vaultd do not count.
inline constexpr PgStatement announcement{
    "announcement",
    "SELECT sequence, seal_id, CASE WHEN pg_catalog.jsonb_typeof(seal_data -> 'contradicted') = 'array' THEN "
    "(SELECT pg_catalog.string_agg(c ->> 'root', '') FROM pg_catalog.jsonb_array_elements(seal_data -> 'contradicted') "
    "c WHERE pg_catalog.length(c ->> 'root') = 64) END FROM vault_ledger WHERE (session_id, sequence) >= "
    "('vaultd/rollback', "
    "(SELECT reserved_from FROM vault_meta WHERE id = 1)) AND session_id = 'vaultd/rollback' "
    "ORDER BY session_id DESC, sequence DESC LIMIT 1"};

// vaultds store at most vault::contradictions_max per origin; more come from somebody else.
inline constexpr std::int64_t contradictions_read_max = 1'000;
inline constexpr PgStatement contradictions{
    "contradictions",
    "SELECT origin, tree_size, root, note FROM vault_contradiction ORDER BY created_at, note_hash LIMIT $1::bigint"};

inline constexpr PgStatement contradiction_rows{"contradiction_rows",
                                                "SELECT pg_catalog.count(*) FROM vault_contradiction"};

inline constexpr PgStatement contradictions_of{
    "contradictions_of", "SELECT pg_catalog.count(*) FROM vault_contradiction WHERE origin = $1::text"};

inline constexpr PgStatement insert_contradiction{
    "insert_contradiction",
    "INSERT INTO vault_contradiction (note_hash, origin, tree_size, root, note, told_by) VALUES ($1::text, $2::text, "
    "$3::bigint, $4::text, $5::text, $6::text) ON CONFLICT (note_hash) DO NOTHING"};

inline constexpr PgStatement checkpoints{"checkpoints",
                                         "SELECT origin, tree_size, root, note FROM vault_checkpoint "
                                         "WHERE tree_size >= $1::bigint AND tree_size <= $2::bigint "
                                         "ORDER BY tree_size LIMIT $3::bigint"};

// For one origin, largest first, from a size downwards.
inline constexpr PgStatement newest_checkpoints{
    "newest_checkpoints",
    "SELECT origin, tree_size, root, note FROM vault_checkpoint WHERE origin = $1::text AND tree_size <= $2::bigint "
    "ORDER BY origin DESC, tree_size DESC LIMIT $3::bigint"};

// For any origin.
inline constexpr PgStatement largest_checkpoint{
    "largest_checkpoint", "SELECT tree_size FROM vault_checkpoint ORDER BY tree_size DESC LIMIT 1"};

inline constexpr PgStatement ledger_id{"ledger_id", "SELECT ledger_id::text FROM vault_meta WHERE id = 1"};

// --- Reading ---------------------------------------------------------------------------------------------------------

inline constexpr PgStatement head{
    "head",
    "SELECT h.head_sequence, h.head_hash, h.merkle_root, h.writer_epoch, l.timestamp "
    "FROM vault_head h LEFT JOIN vault_ledger l ON l.sequence = h.head_sequence WHERE h.id = 1"};

inline constexpr PgStatement in_recovery{"in_recovery", "SELECT pg_catalog.pg_is_in_recovery()"};

inline constexpr PgStatement database_bytes{"database_bytes",
                                            "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())"};

inline constexpr PgStatement entry_by_sequence{
    "entry_by_sequence", "SELECT " VAULT_READ_COLUMNS " FROM vault_ledger WHERE sequence = $1::bigint"};

inline constexpr PgStatement entry_by_seal_id{
    "entry_by_seal_id", "SELECT " VAULT_READ_COLUMNS " FROM vault_ledger WHERE seal_id = $1::uuid"};

inline constexpr PgStatement rows_ascending{
    "rows_ascending", "SELECT " VAULT_READ_COLUMNS
                      " FROM vault_ledger WHERE sequence >= $1::bigint AND sequence <= $2::bigint "
                      "ORDER BY sequence LIMIT $3::bigint"};

inline constexpr PgStatement next_sequence{"next_sequence",
                                           "SELECT sequence FROM vault_ledger WHERE sequence >= $1::bigint AND "
                                           "sequence <= $2::bigint ORDER BY sequence LIMIT 1"};

inline constexpr PgStatement full_tile{"full_tile",
                                       "SELECT hashes FROM vault_tile WHERE level = $1::int AND index = $2::bigint"};

inline constexpr PgStatement any_tile{"any_tile", "SELECT level FROM vault_tile LIMIT 1"};

inline constexpr PgStatement leaf_hashes{"leaf_hashes",
                                         "SELECT entry_hash FROM vault_ledger "
                                         "WHERE sequence >= $1::bigint AND sequence < $2::bigint ORDER BY sequence"};

inline constexpr PgStatement tile_roots{"tile_roots",
                                        "SELECT root FROM vault_tile WHERE level = $1::int AND index >= $2::bigint AND "
                                        "index < $3::bigint ORDER BY level, index"};

inline constexpr PgStatement tiles{
    "tiles",
    "SELECT index, hashes, root FROM vault_tile "
    "WHERE level = $1::int AND index >= $2::bigint AND index < $3::bigint ORDER BY level, index"};

inline constexpr PgStatement savepoint_scan{"savepoint_scan", "SAVEPOINT vault_scan"};
inline constexpr PgStatement release_scan{"release_scan", "RELEASE SAVEPOINT vault_scan"};
inline constexpr PgStatement rollback_to_scan{"rollback_to_scan", "ROLLBACK TO SAVEPOINT vault_scan"};

// --- Rows where there must be none -----------------------------------------------------------------------------------

// $1 is the head. Tiles of level l are finished by every 256^(l + 1) entries; no ledger finishes one above level 6.
inline constexpr PgStatement strays{
    "strays",
    "SELECT (SELECT sequence FROM vault_ledger WHERE sequence < 1 ORDER BY sequence LIMIT 1), "
    "(SELECT sequence FROM vault_ledger WHERE sequence > greatest($1::bigint, 0) ORDER BY sequence LIMIT 1), "
    "t.level::bigint, t.index, (SELECT pg_catalog.count(*) FROM (SELECT id FROM vault_head LIMIT 2) h), "
    "(SELECT sequence FROM vault_ledger WHERE sequence BETWEEN 1 AND $1::bigint ORDER BY sequence DESC LIMIT 1) "
    "FROM (SELECT 1) one LEFT JOIN LATERAL (SELECT u.level, u.index FROM ("
    "(SELECT level, index FROM vault_tile WHERE level < 0 ORDER BY level, index LIMIT 1) UNION ALL "
    "(SELECT level, index FROM vault_tile WHERE level > 6 ORDER BY level, index LIMIT 1) UNION ALL "
    "(SELECT s.level, s.index FROM pg_catalog.generate_series(0, 6) l, LATERAL (SELECT level, index FROM vault_tile "
    "WHERE level = l AND index < 0 ORDER BY level, index LIMIT 1) s) UNION ALL "
    "(SELECT s.level, s.index FROM pg_catalog.generate_series(0, 6) l, LATERAL (SELECT level, index FROM vault_tile "
    "WHERE level = l AND index >= greatest($1::bigint, 0) >> (8 * (l + 1)) ORDER BY level, index LIMIT 1) s)"
    ") u LIMIT 1) t ON true"};

// Steps from origin to origin through the primary key.
inline constexpr PgStatement checkpoints_beyond{
    "checkpoints_beyond",
    "WITH RECURSIVE o AS ((SELECT origin FROM vault_checkpoint ORDER BY origin LIMIT 1) UNION ALL "
    "SELECT (SELECT c.origin FROM vault_checkpoint c WHERE c.origin > o.origin ORDER BY c.origin LIMIT 1) "
    "FROM o WHERE o.origin IS NOT NULL) "
    "SELECT b.origin, b.tree_size, b.root, b.note FROM (SELECT origin FROM o WHERE origin IS NOT NULL LIMIT 100) f, "
    "LATERAL (SELECT origin, tree_size, root, note FROM vault_checkpoint c WHERE c.origin = f.origin "
    "AND c.tree_size > $1::bigint ORDER BY c.origin, c.tree_size LIMIT 1) b"};

inline constexpr PgStatement prepared_open{
    "prepared_open",
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database())"};

}  // namespace vault::sql
