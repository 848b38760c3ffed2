#include "store/postgres_writer.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "ledger/check.hpp"
#include "store/postgres_appender.hpp"
#include "store/postgres_durability.hpp"
#include "store/postgres_guards.hpp"
#include "store/postgres_rows.hpp"
#include "store/postgres_session.hpp"
#include "store/postgres_statements.hpp"

namespace vault {

namespace {

// Longest wait for an answer: a server that is silent for longer is treated as lost, and resolve() finds out.
constexpr std::chrono::milliseconds answer_timeout{30'000};

const PgStatement writer_statements[] = {
    sql::begin,
    sql::commit,
    sql::rollback,
    durability_statement,
    guards_statement,
    sql::find_seals,
    sql::lock_head_row,
    sql::read_lease,
    sql::raise_epoch,
    sql::write_lease,
    sql::renew_lease,
    sql::release_lease,
    sql::epoch_for_share,
    sql::last_sequence,
    sql::insert_identity,
    sql::insert_checkpoint,
    sql::checkpoint_root,
    sql::identities,
    sql::newest_checkpoint,
    sql::ledger_id,
    sql::head,
    sql::entry_by_sequence,
    sql::full_tile,
    sql::leaf_hashes,
    sql::tile_roots,
};

}  // namespace

std::unique_ptr<WriterStore> make_postgres_writer(const PostgresOptions& options) {
  return std::make_unique<PostgresWriter>(options);
}

PgConnectOptions PostgresWriter::connect_options() const {
  return {options_.url, options_.application_name, options_.connect_timeout, answer_timeout, options_.schema};
}

Status PostgresWriter::connect() {
  if (connection_ && connection_->probe()) return {};
  connection_.reset();
  auto opened = PgConnection::open(connect_options(), writer_settings(options_.lease_timeout), writer_statements);
  if (!opened) return tl::unexpected(opened.error());
  connection_ = *std::move(opened);
  return {};
}

void PostgresWriter::roll_back() {
  if (connection_ && !connection_->lost() && !connection_->execute(sql::rollback)) connection_.reset();
  if (connection_ && connection_->lost()) connection_.reset();
}

Result<std::unique_ptr<AppendSession>> PostgresWriter::open_session() {
  auto opened =
      PgConnection::open(connect_options(), writer_settings(options_.lease_timeout), PostgresAppender::statements());
  if (!opened) return tl::unexpected(opened.error());
  return std::make_unique<PostgresAppender>(*std::move(opened));
}

Result<std::vector<std::optional<Entry>>> PostgresWriter::find_seals(std::span<const Uuid> seal_ids) {
  if (auto connected = connect(); !connected) return tl::unexpected(connected.error());
  PgArray ids(PgType::uuid, seal_ids.size() * 20);
  for (const Uuid& id : seal_ids) ids.add_bytes(as_view(id.bytes));
  auto result = connection_->execute(sql::find_seals, PgParams().array(std::move(ids)));
  if (!result) return tl::unexpected(result.error());
  std::unordered_map<Uuid, int, UuidHash> rows;
  for (int i = 0; i < result->rows(); ++i) {
    const auto bytes = array_from_bytes<16>(result->value(i, 2));
    VAULT_CHECK(bytes.has_value());
    rows.emplace(Uuid{*bytes}, i);
  }
  std::vector<std::optional<Entry>> found;
  found.reserve(seal_ids.size());
  for (const Uuid& id : seal_ids) {
    const auto row = rows.find(id);
    if (row == rows.end()) {
      found.emplace_back();
      continue;
    }
    auto entry = entry_at(*result, row->second);
    if (!entry) return tl::unexpected(entry.error());
    found.emplace_back(*std::move(entry));
  }
  return found;
}

// --- Checkpoints -----------------------------------------------------------------------------------------------------

Status PostgresWriter::keep_identity(const LogIdentity& identity) {
  auto known = query_identities(*connection_);
  if (!known) return tl::unexpected(known.error());
  for (std::size_t i = 0; i < known->size(); ++i) {
    const LogIdentity& other = (*known)[i];
    if (other.origin != identity.origin) continue;
    if (other.vkey != identity.vkey) {
      return fail(ErrorCode::invalid_argument, fmt::format("the ledger's key for {} is another one", identity.origin));
    }
    if (i + 1 < known->size()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("log identity {} was given up for {}", identity.origin, known->back().origin));
    }
    return {};
  }
  auto inserted = connection_->execute(
      sql::insert_identity, PgParams().text(identity.origin).text(identity.vkey).int8(identity.accepted_sequence));
  if (!inserted) return tl::unexpected(inserted.error());
  return {};
}

Status PostgresWriter::store_checkpoint(std::int64_t epoch, const StoredCheckpoint& checkpoint,
                                        const LogIdentity& identity) {
  VAULT_CHECK(checkpoint.origin == identity.origin);
  return transact([&]() -> Status {
    auto current = connection_->execute(sql::epoch_for_share);
    if (!current) return tl::unexpected(current.error());
    if (current->rows() == 0 || read_int8(current->value(0, 0)) != epoch) {
      return fail(ErrorCode::forbidden, "another writer has taken over");
    }
    if (auto kept = keep_identity(identity); !kept) return kept;
    auto inserted = connection_->execute(sql::insert_checkpoint, PgParams()
                                                                     .text(checkpoint.origin)
                                                                     .int8(checkpoint.tree_size)
                                                                     .hex(as_view(checkpoint.root))
                                                                     .text(checkpoint.note));
    if (!inserted) return tl::unexpected(inserted.error());
    if (inserted->command_tag() == "INSERT 0 1") return {};
    auto stored =
        connection_->execute(sql::checkpoint_root, PgParams().text(checkpoint.origin).int8(checkpoint.tree_size));
    if (!stored) return tl::unexpected(stored.error());
    if (stored->rows() == 1 && stored->value(0, 0) == to_hex(checkpoint.root)) return {};
    return fail(ErrorCode::internal,
                fmt::format("a checkpoint of size {} with another root is stored already", checkpoint.tree_size));
  });
}

}  // namespace vault
