#include "store/postgres/promises.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "ledger/announcement.hpp"
#include "ledger/checkpoint.hpp"
#include "store/postgres/rows.hpp"
#include "store/postgres/statements.hpp"

namespace vault {
namespace {

constexpr PgStatement statements[] = {sql::identities, sql::newest_checkpoints, sql::contradictions,
                                      sql::contradiction_rows, sql::announcement};

// In most ledgers the newest row verifies; each further query costs a round trip.
constexpr std::int64_t rows_at_once = 16;
constexpr int looks_max = 64;
bool matches_its_note(const StoredCheckpoint& checkpoint, const VerifierKey& key) {
  const auto note = open_checkpoint(checkpoint.note, key);
  return note && *note == static_cast<const Checkpoint&>(checkpoint);
}

std::optional<VerifierKey> parsed_key(const LogIdentity& identity) {
  auto key = VerifierKey::parse(identity.vkey);
  return key ? std::optional(*std::move(key)) : std::nullopt;
}

Result<std::vector<StoredCheckpoint>> query_contradictions(PgConnection& connection,
                                                           const std::vector<LogIdentity>& identities) {
  std::vector<StoredCheckpoint> believed;
  auto rows = connection.execute(sql::contradictions, PgParams().int8(sql::contradictions_read_max));
  if (!rows) return tl::unexpected(rows.error());
  for (int row = 0; row < rows->rows(); ++row) {
    StoredCheckpoint reported = checkpoint_at(*rows, row);
    const auto identity = std::find_if(identities.begin(), identities.end(),
                                       [&](const LogIdentity& one) { return one.origin == reported.origin; });
    const auto key = identity == identities.end() ? std::nullopt : parsed_key(*identity);
    if (identity == identities.end() || (key && matches_its_note(reported, *key))) {
      believed.push_back(std::move(reported));
    }
  }
  return believed;
}

}  // namespace

std::span<const PgStatement> promise_statements() {
  return statements;
}

// The first identity is the one that the ledger began with. Each later one either is announced by the entry after the
// history that it accepted, or began when nothing had been signed except that the ledger was empty (an archive restored
// into a database that a vaultd had already started on).
Result<Identities> query_identities(PgConnection& connection) {
  auto rows = connection.execute(sql::identities);
  if (!rows) return tl::unexpected(rows.error());
  Identities found;
  for (int row = 0; row < rows->rows(); ++row) {
    LogIdentity identity{std::string(rows->value(row, 1)), std::string(rows->value(row, 2)),
                         read_int8(rows->value(row, 3))};
    const auto seal_id = array_from_bytes<16>(rows->value(row, 4));
    const bool signed_before = rows->value(row, 5) == std::string_view("\x01");
    const bool announced = row == 0 || (identity.accepted_sequence == 0 && !signed_before) ||
                           (seal_id && is_announcement_of(Uuid{*seal_id}, identity.origin));
    if (announced) {
      found.announced.push_back(std::move(identity));
    } else {
      found.unannounced.push_back(std::move(identity.origin));
    }
  }
  return found;
}

Result<std::optional<StoredCheckpoint>> query_newest_checkpoint(PgConnection& connection, const LogIdentity& identity) {
  const auto key = VerifierKey::parse(identity.vkey);
  if (!key) return std::nullopt;
  std::int64_t largest = INT64_MAX;
  for (int look = 0; look < looks_max && largest >= 0; ++look) {
    auto rows =
        connection.execute(sql::newest_checkpoints, PgParams().text(identity.origin).int8(largest).int8(rows_at_once));
    if (!rows) return tl::unexpected(rows.error());
    for (int row = 0; row < rows->rows(); ++row) {
      StoredCheckpoint stored = checkpoint_at(*rows, row);
      if (matches_its_note(stored, *key)) return stored;
      largest = stored.tree_size - 1;
    }
    if (rows->rows() < rows_at_once) break;
  }
  return std::nullopt;
}

Result<Promises> query_promises(PgConnection& connection) {
  Promises promises;
  auto identities = query_identities(connection);
  if (!identities) return tl::unexpected(identities.error());
  promises.identities = std::move(identities->announced);
  promises.unannounced = std::move(identities->unannounced);
  if (!promises.identities.empty()) {
    auto newest = query_newest_checkpoint(connection, promises.identities.back());
    if (!newest) return tl::unexpected(newest.error());
    promises.newest = *std::move(newest);
  }
  // Counted first: a row added between the two queries is read now, and noticed once more later.
  auto count = connection.execute(sql::contradiction_rows);
  if (!count) return tl::unexpected(count.error());
  promises.contradiction_rows = read_int8(count->value(0, 0));
  if (promises.contradiction_rows > 0) {
    auto reported = query_contradictions(connection, promises.identities);
    if (!reported) return tl::unexpected(reported.error());
    promises.contradictions = *std::move(reported);
  }
  auto announcement = query_announcement(connection);
  if (!announcement) return tl::unexpected(announcement.error());
  promises.announcement = *std::move(announcement);
  return promises;
}

Result<std::optional<AnnouncementSeen>> query_announcement(PgConnection& connection) {
  auto row = connection.execute(sql::announcement);
  if (!row) return tl::unexpected(row.error());
  if (row->rows() == 0) return std::optional<AnnouncementSeen>();
  AnnouncementSeen seen{read_int8(row->value(0, 0)), {}, {}};
  if (const auto seal_id = array_from_bytes<16>(row->value(0, 1))) seen.seal_id = Uuid{*seal_id};
  constexpr std::size_t digits = 2 * sizeof(Hash);
  for (std::string_view roots = row->value(0, 2); roots.size() >= digits; roots.remove_prefix(digits)) {
    seen.given_up.push_back(hash_or_impossible(roots.substr(0, digits)));
  }
  return std::optional(std::move(seen));
}

}  // namespace vault
