#include "store/postgres/restore.hpp"

#include <fmt/format.h>

#include <utility>

#include "store/postgres/durability.hpp"
#include "store/postgres/inserts.hpp"
#include "store/postgres/migrator.hpp"
#include "store/postgres/promises.hpp"
#include "store/postgres/rows.hpp"
#include "store/postgres/session.hpp"
#include "store/postgres/statements.hpp"
#include "store/postgres/store.hpp"

namespace vault {
namespace {

// A statement inserts at most this many rows and bytes of payload: libpq holds all parameters of a statement at once.
constexpr std::size_t insert_rows_max = 1024;
constexpr std::size_t insert_bytes_max = std::size_t{2} << 20;

// For one statement; the last one, COMMIT, may have to wait for a synchronous replica.
constexpr std::chrono::milliseconds restore_answer_timeout{600'000};

const PgStatement restore_statements[] = {
    sql::begin,           sql::commit,
    sql::rollback,        sql::lock_head_row,
    sql::last_sequence,   sql::raise_epoch,
    sql::raise_lease,     sql::insert_entries,
    sql::insert_tiles,    sql::update_head,
    sql::insert_identity, sql::insert_checkpoint,
    sql::identities,      sql::largest_checkpoint,
    sql::any_tile,        durability_statement,
};

class Restore {
 public:
  explicit Restore(PgConnection& connection) : connection_(connection) {}

  // Requires a database without a ledger: no entries, tiles or checkpoints.
  Status check_empty(const VerifierKey& key) {
    const auto not_empty = [](const std::string& what) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("the database is not empty: it holds {}. Restore into a new one (createdb)", what));
    };
    auto last = connection_.execute(sql::last_sequence);
    if (!last) return tl::unexpected(last.error());
    if (last->rows() > 0) return not_empty(fmt::format("a ledger of {} entries", read_int8(last->value(0, 0))));
    auto tile = connection_.execute(sql::any_tile);
    if (!tile) return tl::unexpected(tile.error());
    if (tile->rows() > 0) return not_empty("the tiles of a ledger");
    auto largest = connection_.execute(sql::largest_checkpoint);
    if (!largest) return tl::unexpected(largest.error());
    if (largest->rows() > 0 && read_int8(largest->value(0, 0)) > 0) {
      return not_empty(fmt::format("a checkpoint of {} entries", read_int8(largest->value(0, 0))));
    }
    return check_identities(key);
  }

  Status begin(const VerifierKey& key) {
    if (auto begun = connection_.execute(sql::begin); !begun) return tl::unexpected(begun.error());
    if (const Status durable = require_durability(connection_); !durable) return durable;
    auto head = connection_.execute(sql::lock_head_row);  // from here on no append can come in between
    if (!head) return tl::unexpected(head.error());
    if (head->rows() == 0) return fail(ErrorCode::internal, "vault_head has no row");
    if (head_at(*head, 0).head.sequence != 0) {
      return fail(ErrorCode::invalid_argument, "the database is not empty: its head is not that of an empty ledger");
    }
    // From here on, a vaultd running on this database is fenced: its appends, and the checkpoints that it stores.
    auto raised = connection_.execute(sql::raise_epoch);
    if (!raised) return tl::unexpected(raised.error());
    auto fenced = connection_.execute(sql::raise_lease,
                                      PgParams().int8(read_int8(raised->value(0, 0))).int4(schema_version_wanted()));
    if (!fenced) return tl::unexpected(fenced.error());
    return check_empty(key);
  }

  Status take(Entry&& entry, const std::vector<Tile>& finished) {
    bytes_ += entry.seal_data ? entry.seal_data->size() : 0;
    last_ = {entry.sequence, entry.entry_hash, entry.merkle_root, entry.timestamp};
    entries_.push_back(std::move(entry));
    tiles_.insert(tiles_.end(), finished.begin(), finished.end());
    return entries_.size() < insert_rows_max && bytes_ < insert_bytes_max ? Status{} : send_entries();
  }

  Status end(const RestoreTarget& target) {
    if (const Status sent = send_entries(); !sent) return sent;
    if (const Status answered = await_answers(0); !answered) return answered;
    if (last_.merkle_root != target.checkpoint.root) {
      return fail(ErrorCode::internal, "what was restored is not the ledger of its checkpoint");
    }
    if (const Status kept = keep_checkpoint(target); !kept) return kept;
    if (const Status durable = require_durability(connection_); !durable) return durable;
    auto moved = connection_.execute(
        sql::update_head,
        PgParams().int8(last_.sequence).hex(as_view(last_.entry_hash)).hex(as_view(last_.merkle_root)));
    if (!moved) return tl::unexpected(moved.error());
    return commit();
  }

  void give_up() {
    if (!connection_.lost()) (void)await_answers(0);
    if (!connection_.lost()) (void)connection_.execute(sql::rollback);
  }

  // True if the connection was lost while the COMMIT was under way.
  bool in_doubt() const { return in_doubt_; }

 private:
  // A vaultd that was started on the empty database has signed that it is empty, under an identity of its own. That
  // stays true; the archive's identity follows it.
  Status check_identities(const VerifierKey& key) {
    auto identities = query_identities(connection_);
    if (!identities) return tl::unexpected(identities.error());
    identities_ = std::move(identities->announced);
    const std::string vkey = key.format();
    for (std::size_t i = 0; i < identities_.size(); ++i) {
      if (identities_[i].origin != key.name) continue;
      if (identities_[i].vkey != vkey || i + 1 < identities_.size()) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the database belongs to another log of the name {}", key.name));
      }
    }
    return {};
  }

  Status keep_checkpoint(const RestoreTarget& target) {
    if (identities_.empty() || identities_.back().origin != target.key.name) {
      auto identity =
          connection_.execute(sql::insert_identity, PgParams().text(target.key.name).text(target.key.format()).int8(0));
      if (!identity) return tl::unexpected(identity.error());
    }
    auto inserted = connection_.execute(sql::insert_checkpoint, PgParams()
                                                                    .text(target.key.name)
                                                                    .int8(target.checkpoint.tree_size)
                                                                    .hex(as_view(target.checkpoint.root))
                                                                    .text(target.note));
    if (!inserted) return tl::unexpected(inserted.error());
    return {};
  }

  Status commit() {
    const Status done = connection_.commit(sql::commit);
    if (done || !connection_.lost()) return done;
    in_doubt_ = true;
    return fail(ErrorCode::unavailable,
                "the connection was lost while the restored ledger was being committed (" + done.error().message +
                    "). Run the same command again: it finds out whether the database holds it, or restores it");
  }

  // One statement is under way while the entries of the next are read and checked.
  Status send_entries() {
    if (entries_.empty()) return {};
    if (const Status answered = await_answers(1); !answered) return answered;
    PgParams rows;
    add_entries(rows, entries_);
    connection_.send(sql::insert_entries, rows);
    connection_.sync();
    ++in_flight_;
    if (!tiles_.empty()) {
      PgParams tiles;
      add_tiles(tiles, tiles_);
      connection_.send(sql::insert_tiles, tiles);
      connection_.sync();
      ++in_flight_;
    }
    entries_.clear();
    tiles_.clear();
    bytes_ = 0;
    return connection_.lost() ? fail(ErrorCode::unavailable, connection_.last_error()) : Status{};
  }

  Status await_answers(int left) {
    Status outcome;
    for (; in_flight_ > left; --in_flight_) {
      const PgResult result = connection_.receive();
      if (connection_.lost()) return fail(ErrorCode::unavailable, connection_.last_error());
      if (!result.ok() && outcome) outcome = tl::unexpected(error_of(result));
      (void)connection_.receive();  // the sync
    }
    return outcome;
  }

  PgConnection& connection_;
  std::vector<LogIdentity> identities_;
  std::vector<Entry> entries_;
  std::vector<Tile> tiles_;
  std::size_t bytes_ = 0;
  int in_flight_ = 0;
  bool in_doubt_ = false;
  Head last_ = empty_head();
};

Result<std::unique_ptr<PgConnection>> connect_for_restore(const PostgresPlace& place) {
  return PgConnection::open(
      {place.url, "vaultctl restore", std::chrono::milliseconds(5000), restore_answer_timeout, place.schema},
      restore_settings(), restore_statements);
}

// True for a schema left by a restore that was killed while making it.
const PgStatement no_entries{"no_entries", "SELECT NOT EXISTS (SELECT FROM vault_ledger)"};

Result<bool> has_no_entries(const PostgresPlace& place) {
  auto connection = PgConnection::open(
      {place.url, "vaultctl restore", std::chrono::milliseconds(5000), restore_answer_timeout, place.schema},
      restore_settings(), std::span(&no_entries, 1));
  if (!connection) return tl::unexpected(connection.error());
  auto answer = (*connection)->execute(no_entries);
  if (!answer) return tl::unexpected(answer.error());
  return answer->value(0, 0) == "\x01";
}

}  // namespace

Result<bool> needs_schema(const PostgresPlace& place, const VerifierKey& key) {
  const auto version = schema_version(place);
  if (!version) return tl::unexpected(version.error());
  if (*version == 0) return true;
  if (*version < schema_version_wanted()) {
    auto unused = has_no_entries(place);
    if (!unused || *unused) return unused;
  }
  if (const Status good = check_database(place); !good) return tl::unexpected(good.error());
  auto connection = connect_for_restore(place);
  if (!connection) return tl::unexpected(connection.error());
  if (const Status empty = Restore(**connection).check_empty(key); !empty) return tl::unexpected(empty.error());
  return false;
}

tl::expected<void, RestoreFailure> restore_ledger(const PostgresPlace& place, const RestoreTarget& target,
                                                  const RestoreSource& source) {
  if (const Status good = check_database(place); !good) return tl::unexpected(good.error());
  auto connection = connect_for_restore(place);
  if (!connection) return tl::unexpected(connection.error());
  Restore restore(**connection);
  Status outcome = restore.begin(target.key);
  if (outcome) {
    outcome = source(
        [&](Entry&& entry, const std::vector<Tile>& finished) { return restore.take(std::move(entry), finished); });
  }
  if (outcome) outcome = restore.end(target);
  if (outcome) return {};
  restore.give_up();
  RestoreFailure failure(outcome.error());
  failure.in_doubt = restore.in_doubt();
  return tl::unexpected<RestoreFailure>(std::move(failure));
}

}  // namespace vault
