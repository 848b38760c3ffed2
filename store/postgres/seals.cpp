#include "store/postgres/seals.hpp"

#include <algorithm>
#include <unordered_map>

#include "ledger/check.hpp"
#include "ledger/verifier.hpp"
#include "store/postgres/rows.hpp"
#include "store/postgres/statements.hpp"

namespace vault {

namespace {

// Longest answer to wait for at once: some 300 kB.
constexpr std::size_t ids_max = 512;

using Found = std::unordered_map<Uuid, FoundSeal, UuidHash>;

// Columns as in sql::find_seals. A value longer than its kind allows has been returned as null, which is no value of
// any kind.
FoundSeal sealed_entry_at(const PgResult& result, int row) {
  static const std::string no_hash(64, '0');
  const bool erased = result.value(row, 10) == "\x01";
  RowView view;
  view.sequence = read_int8(result.value(row, 1));
  view.seal_id = result.value(row, 0);
  view.session_id = result.value(row, 2);
  view.timestamp_micros = read_timestamp(result.value(row, 3)).micros;
  view.authority = result.value(row, 4);
  view.verdict = result.value(row, 5);
  view.data_hash = erased ? result.value(row, 7) : std::string_view(no_hash);
  view.entry_hash = result.value(row, 8);
  view.prev_hash = result.value(row, 9);
  view.merkle_root = result.value(row, 11);
  auto entry = entry_from_row(view);
  if (!entry) return tl::unexpected(entry.error());
  SealedEntry sealed{*std::move(entry), true};
  if (!erased) {
    sealed.entry.data_salt = array_from_bytes<16>(result.value(row, 6));
    if (!sealed.entry.data_salt) {
      return fail(ErrorCode::internal,
                  "entry " + std::to_string(view.sequence) + ": column data_salt holds no value of its kind");
    }
  }
  const bool follows = result.is_null(row, 12) || result.value(row, 12) == view.prev_hash;
  const bool followed = result.is_null(row, 13) || result.value(row, 13) == view.entry_hash;
  sealed.linked = follows && followed;
  return sealed;
}

Status look(PgConnection& connection, std::span<const Uuid> seal_ids, Found& found) {
  PgArray ids(PgType::uuid, seal_ids.size() * 20);
  for (const Uuid& id : seal_ids) ids.add_bytes(as_view(id.bytes));
  auto result = connection.execute(sql::find_seals, PgParams().array(std::move(ids)));
  if (!result) return tl::unexpected(result.error());
  for (int i = 0; i < result->rows(); ++i) {
    const auto bytes = array_from_bytes<16>(result->value(i, 0));
    VAULT_CHECK(bytes.has_value());
    found.insert_or_assign(Uuid{*bytes}, sealed_entry_at(*result, i));
  }
  return {};
}

}  // namespace

Result<std::vector<FoundSeal>> query_seals(PgConnection& connection, std::span<const Uuid> seal_ids) {
  Found found;
  const auto is_databases = [](const Error& error) { return error.code != ErrorCode::internal; };
  for (std::size_t first = 0; first < seal_ids.size(); first += ids_max) {
    const auto some = seal_ids.subspan(first, std::min(ids_max, seal_ids.size() - first));
    Status looked = look(connection, some, found);
    if (looked) continue;
    if (is_databases(looked.error())) return tl::unexpected(looked.error());
    for (const Uuid& id : some) {
      looked = look(connection, {&id, 1}, found);
      if (looked) continue;
      if (is_databases(looked.error())) return tl::unexpected(looked.error());
      found.insert_or_assign(id, fail(ErrorCode::internal, "the entry with seal_id " + format_uuid(id) +
                                                               " cannot be read: " + looked.error().message));
    }
  }
  std::vector<FoundSeal> answers;
  answers.reserve(seal_ids.size());
  for (const Uuid& id : seal_ids) {
    const auto at = found.find(id);
    answers.push_back(at == found.end() ? FoundSeal(std::nullopt) : at->second);
  }
  return answers;
}

}  // namespace vault
