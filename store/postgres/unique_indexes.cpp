#include "store/postgres/unique_indexes.hpp"

#include <algorithm>

namespace vault {

const PgStatement UniqueIndexes::statement{
    "unique_indexes",
    "SELECT c.relname::text, i.indrelid = pg_catalog.to_regclass('vault_ledger') AND i.indnkeyatts = 1 AND "
    "i.indkey[0] = (SELECT a.attnum FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND "
    "a.attname = 'seal_id') FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
    "WHERE i.indisunique AND i.indrelid IN (pg_catalog.to_regclass('vault_ledger'), "
    "pg_catalog.to_regclass('vault_tile'))"};

Result<UniqueIndexes> UniqueIndexes::load(PgConnection& connection) {
  auto rows = connection.execute(statement);
  if (!rows) return tl::unexpected(rows.error());
  UniqueIndexes found;
  for (int row = 0; row < rows->rows(); ++row) {
    auto& names = rows->value(row, 1) == "\x01" ? found.seal_id_ : found.others_;
    names.emplace_back(rows->value(row, 0));
  }
  return found;
}

UniqueIndexes::Refusal UniqueIndexes::refusal(std::string_view constraint, std::string_view message) const {
  const auto any = [](const std::vector<std::string>& names, const auto& fits) {
    return std::any_of(names.begin(), names.end(), fits);
  };
  const auto is_it = [&](std::string_view name) { return constraint == name; };
  const auto begins_it = [&](std::string_view name) { return constraint.starts_with(name); };
  const auto is_named = [&](std::string_view name) {
    return message.find('"' + std::string(name)) != std::string_view::npos;
  };
  if (constraint.empty()) return any(seal_id_, is_named) ? Refusal::seal_id : Refusal::other;
  if (any(seal_id_, is_it)) return Refusal::seal_id;
  if (any(others_, is_it)) return Refusal::other;
  if (any(seal_id_, begins_it)) return Refusal::seal_id;
  return any(others_, begins_it) ? Refusal::other : Refusal::unknown;
}

}  // namespace vault
