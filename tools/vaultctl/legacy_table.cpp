#include "tools/vaultctl/legacy_table.hpp"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <string_view>

#include "store/legacy/directory.hpp"
#include "store/postgres/connection.hpp"
#include "store/postgres/statements.hpp"

namespace vault {
namespace {

constexpr const char* wanted_columns[] = {"sequence", "session_id", "seal_id",    "timestamp", "authority",
                                          "verdict",  "seal_data",  "entry_hash", "prev_hash", "merkle_root"};
constexpr PgStatement rows_statement{"legacy_rows", ""};  // prepared once the columns' types are known
// A hash that was replaced by a long text is cut: it fits nothing either way.
constexpr const char* hash_column = "pg_catalog.left(t.{}::text, 128)";

using Columns = std::map<std::string, std::string>;  // name -> type

Result<Columns> read_columns(PgConnection& connection, const char* table) {
  auto found = connection.script(fmt::format(
      "SELECT attname, pg_catalog.format_type(atttypid, NULL) FROM pg_catalog.pg_attribute WHERE attrelid = "
      "pg_catalog.to_regclass('{}') AND attnum > 0 AND NOT attisdropped",
      table));
  if (!found) return tl::unexpected(found.error());
  Columns out;
  for (int row = 0; row < found->rows(); ++row) out.emplace(found->value(row, 0), found->value(row, 1));
  return out;
}

tl::unexpected<Error> refuse(const std::string& what) {
  return fail(ErrorCode::invalid_argument, what, "database");
}

Status check_columns(const Columns& columns, const std::string& schema) {
  if (columns.empty()) {
    return refuse(
        fmt::format("there is no table {} in the schema \"{}\", or it may not be seen (--schema names another)",
                    legacy_table, schema));
  }
  if (columns.count("data_salt") != 0) {
    return refuse(
        fmt::format("the {} in the schema \"{}\" is a ledger of vaultd's own, not the old service's; "
                    "`vaultctl archive` and `vaultctl restore` move such a one",
                    legacy_table, schema));
  }
  std::string missing;
  for (const char* name : wanted_columns) {
    if (columns.count(name) == 0) missing += (missing.empty() ? "" : ", ") + std::string(name);
  }
  if (missing.empty()) return {};
  return refuse(fmt::format("the {} in the schema \"{}\" is not the old service's: it has no column {}", legacy_table,
                            schema, missing));
}

// The instant as Python's isoformat() writes it in UTC; text columns unchanged.
std::string timestamp_column(const std::string& type) {
  constexpr const char* iso =
      "pg_catalog.replace(pg_catalog.to_char(t.timestamp{}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '.000000', '') || "
      "'+00:00'";
  if (type == "timestamp with time zone") return fmt::format(iso, " AT TIME ZONE 'UTC'");
  if (type == "timestamp without time zone") return fmt::format(iso, "");
  return "t.timestamp::text";
}

std::string rows_sql(const Columns& columns) {
  std::string sizes, values;
  for (const char* name : {"session_id", "seal_id", "authority", "verdict", "timestamp", "seal_data"}) {
    const std::string value =
        std::string(name) == "timestamp" ? timestamp_column(columns.at(name)) : fmt::format("t.{}::text", name);
    sizes += fmt::format("{}coalesce(pg_catalog.octet_length({}), 0)::bigint", sizes.empty() ? "" : " + ", value);
    values += fmt::format(", CASE WHEN s.bytes <= {} THEN {} END", legacy_record_bytes_max, value);
  }
  for (const char* name : {"entry_hash", "prev_hash", "merkle_root"}) values += ", " + fmt::format(hash_column, name);
  return fmt::format(
      "SELECT t.sequence::bigint, s.bytes{} FROM {} t CROSS JOIN LATERAL (SELECT {} AS bytes OFFSET 0) s "
      "ORDER BY t.sequence",
      values, legacy_table, sizes);
}

std::optional<std::string> text_at(const PgResult& result, int column) {
  if (result.is_null(0, column)) return std::nullopt;
  return std::string(result.value(0, column));
}

std::int64_t number_at(const PgResult& result, int column) {
  const std::string_view text = result.value(0, column);
  std::int64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

}  // namespace

PostgresLegacyTable::~PostgresLegacyTable() = default;

Result<std::unique_ptr<PostgresLegacyTable>> PostgresLegacyTable::open(const PostgresPlace& place) {
  PgConnectOptions options;
  options.url = place.url;
  options.schema = place.schema;
  options.application_name = "vaultctl legacy";
  auto connection = PgConnection::open(options, "", {});
  if (!connection) return tl::unexpected(connection.error());
  std::unique_ptr<PostgresLegacyTable> out(new PostgresLegacyTable);
  out->connection_ = std::move(*connection);
  PgConnection& session = *out->connection_;
  const auto begun = session.script(sql::begin_snapshot.sql);
  if (!begun) return tl::unexpected(begun.error());
  const auto columns = read_columns(session, legacy_table);
  if (!columns) return tl::unexpected(columns.error());
  if (auto known = check_columns(*columns, place.schema); !known) return tl::unexpected(known.error());
  out->jsonb_ = columns->at("seal_data") == "jsonb";

  const auto head_columns = read_columns(session, "vault_head");
  if (!head_columns) return tl::unexpected(head_columns.error());
  for (const char* hash : {"head_hash", "head_entry_hash"}) {
    for (const char* root : {"merkle_root", "head_merkle_root"}) {
      if (out->head_ || head_columns->count(hash) == 0 || head_columns->count(root) == 0) continue;
      const auto read = out->read_head(fmt::format("{}::text, {}::text", hash, root));
      if (!read) return tl::unexpected(read.error());
    }
  }
  const auto range = session.script("SELECT pg_catalog.min(sequence), pg_catalog.max(sequence) FROM vault_ledger");
  if (!range) return tl::unexpected(range.error());
  if (!range->is_null(0, 0)) out->range_ = Range{number_at(*range, 0), number_at(*range, 1)};

  const auto prepared = session.script(fmt::format("PREPARE {} AS {}", rows_statement.name, rows_sql(*columns)));
  if (!prepared) return tl::unexpected(prepared.error());
  session.send(rows_statement);
  session.sync();
  return out;
}

Status PostgresLegacyTable::read_head(const std::string& columns) {
  const auto row = connection_->script(fmt::format("SELECT {} FROM vault_head LIMIT 1", columns));
  if (!row) return tl::unexpected(row.error());
  if (row->rows() > 0) head_ = LegacyHead{text_at(*row, 0), text_at(*row, 1)};
  return {};
}

Result<std::optional<LegacyRow>> PostgresLegacyTable::next() {
  if (at_end_) return std::nullopt;
  const PgResult result = connection_->stream_next();
  if (!result.single_row()) {
    at_end_ = true;
    if (connection_->lost()) return fail(ErrorCode::unavailable, connection_->last_error());
    if (!result.ok()) return tl::unexpected(error_of(result));
    return std::nullopt;
  }
  LegacyRow row;
  row.sequence = result.is_null(0, 0) ? 0 : read_int8(result.value(0, 0));
  row.bytes = static_cast<std::uint64_t>(read_int8(result.value(0, 1)));
  row.jsonb = jsonb_;
  int column = 2;
  for (auto* into : {&row.session_id, &row.seal_id, &row.authority, &row.verdict, &row.timestamp, &row.seal_data,
                     &row.entry_hash, &row.prev_hash, &row.merkle_root}) {
    *into = text_at(result, column++);
  }
  return row;
}

}  // namespace vault
