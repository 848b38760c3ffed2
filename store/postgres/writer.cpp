#include "store/postgres/writer.hpp"

#include <fmt/format.h>

#include "ledger/check.hpp"
#include "ledger/limits.hpp"
#include "ledger/sha256.hpp"
#include "store/postgres/promises.hpp"
#include "store/postgres/rows.hpp"
#include "store/postgres/seals.hpp"
#include "store/postgres/statements.hpp"

namespace vault {

std::unique_ptr<WriterStore> make_postgres_writer(const PostgresOptions& options) {
  return std::make_unique<PostgresWriter>(options);
}

Result<std::vector<FoundSeal>> PostgresWriter::find_seals(std::span<const Uuid> seal_ids) {
  if (auto connected = connection_.connect(); !connected) return tl::unexpected(connected.error());
  return query_seals(*connection_, seal_ids);
}

// --- Checkpoints -----------------------------------------------------------------------------------------------------

Status PostgresWriter::keep_identity(const LogIdentity& identity) {
  auto identities = query_identities(*connection_);
  if (!identities) return tl::unexpected(identities.error());
  const std::vector<LogIdentity>& known = identities->announced;
  for (std::size_t i = 0; i < known.size(); ++i) {
    const LogIdentity& other = known[i];
    if (other.origin != identity.origin) continue;
    if (other.vkey != identity.vkey) {
      return fail(ErrorCode::invalid_argument, fmt::format("the ledger's key for {} is another one", identity.origin));
    }
    if (i + 1 < known.size()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("log identity {} was given up for {}", identity.origin, known.back().origin));
    }
    return {};
  }
  auto inserted = connection_->execute(
      sql::insert_identity, PgParams().text(identity.origin).text(identity.vkey).int8(identity.accepted_sequence));
  if (!inserted) return tl::unexpected(inserted.error());
  return {};
}

Result<std::optional<StoredCheckpoint>> PostgresWriter::store_checkpoint(std::int64_t epoch,
                                                                         const StoredCheckpoint& checkpoint,
                                                                         const LogIdentity& identity) {
  VAULT_CHECK(checkpoint.origin == identity.origin);
  std::optional<StoredCheckpoint> in_its_place;
  const Status done = connection_.transact([&]() -> Status {
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
        connection_->execute(sql::checkpoint_of_size, PgParams().text(checkpoint.origin).int8(checkpoint.tree_size));
    if (!stored) return tl::unexpected(stored.error());
    if (stored->rows() == 1) {
      in_its_place = checkpoint_at(*stored, 0);
      if (in_its_place->root == checkpoint.root) in_its_place.reset();
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return in_its_place;
}

Status PostgresWriter::store_contradiction(const StoredCheckpoint& checkpoint, const std::string& told_by) {
  return connection_.transact([&]() -> Status {
    auto kept = connection_->execute(sql::contradictions_of, PgParams().text(checkpoint.origin));
    if (!kept) return tl::unexpected(kept.error());
    if (read_int8(kept->value(0, 0)) >= static_cast<std::int64_t>(contradictions_max)) {
      return fail(ErrorCode::too_large, fmt::format("vault_contradiction holds {} notes of {} already",
                                                    contradictions_max, checkpoint.origin));
    }
    auto reported = connection_->execute(sql::insert_contradiction, PgParams()
                                                                        .text(to_hex(sha256(checkpoint.note)))
                                                                        .text(checkpoint.origin)
                                                                        .int8(checkpoint.tree_size)
                                                                        .hex(as_view(checkpoint.root))
                                                                        .text(checkpoint.note)
                                                                        .text(told_by));
    if (!reported) return tl::unexpected(reported.error());
    return {};
  });
}

// --- The tree --------------------------------------------------------------------------------------------------------

Result<TreeView> PostgresWriter::read_tree(const TreeRequest& request) {
  if (auto connected = connection_.connect(); !connected) return tl::unexpected(connected.error());
  TreeView view;
  Status outcome;
  if (auto begun = connection_->execute(sql::begin_snapshot); !begun) outcome = tl::unexpected(begun.error());
  if (outcome) outcome = read_tree_into(view, request);
  connection_.roll_back();
  if (!outcome) return tl::unexpected(outcome.error());
  return view;
}

Status PostgresWriter::read_tree_into(TreeView& view, const TreeRequest& request) {
  PgTileReader tiles(*connection_);
  for (const std::uint64_t size : request.sizes) {
    auto edge = load_edge(tiles, size);
    if (!edge) return tl::unexpected(edge.error());
    view.roots.push_back(edge->root());
  }
  auto edge = load_edge(tiles, request.from);
  if (!edge) return tl::unexpected(edge.error());
  view.frontier = edge->frontier();
  return read_leaves(view.leaves, request.from, request.to);
}

// The leaves from + 1 ... to: one row for each finished tile in between, one for each entry at the ends.
Status PostgresWriter::read_leaves(std::vector<Hash>& leaves, std::uint64_t from, std::uint64_t to) {
  constexpr std::uint64_t tiles_at_once = 256;  // 2 MiB
  leaves.reserve(to - from);
  const auto width = static_cast<std::uint64_t>(limits::tile_width);
  std::uint64_t at = from;
  while (at < to) {
    const std::uint64_t finished = to / width;
    if (at % width == 0 && at / width < finished) {
      const std::uint64_t first = at / width, end = std::min(first + tiles_at_once, finished);
      auto rows = connection_->execute(
          sql::tiles, PgParams().int4(0).int8(static_cast<std::int64_t>(first)).int8(static_cast<std::int64_t>(end)));
      if (!rows) return tl::unexpected(rows.error());
      for (int row = 0; row < rows->rows(); ++row) {
        const std::string_view hashes = rows->value(row, 1);
        if (read_int8(rows->value(row, 0)) != static_cast<std::int64_t>(at / width) ||
            hashes.size() != width * sizeof(Hash)) {
          return fail(ErrorCode::internal, fmt::format("tile {} of level 0 is not as it was finished", at / width));
        }
        for (std::size_t i = 0; i < width; ++i) {
          leaves.push_back(*array_from_bytes<32>(hashes.substr(i * sizeof(Hash), sizeof(Hash))));
        }
        at += width;
      }
      if (at != end * width) return fail(ErrorCode::internal, fmt::format("tile {} of level 0 is missing", at / width));
      continue;
    }
    const std::uint64_t end = std::min(to, (at / width + 1) * width);
    auto rows = connection_->execute(
        sql::leaf_hashes, PgParams().int8(static_cast<std::int64_t>(at) + 1).int8(static_cast<std::int64_t>(end) + 1));
    if (!rows) return tl::unexpected(rows.error());
    if (rows->rows() != static_cast<int>(end - at)) {
      return fail(ErrorCode::internal, fmt::format("entries are missing between {} and {}", at + 1, end));
    }
    for (int row = 0; row < rows->rows(); ++row) leaves.push_back(hash_or_impossible(rows->value(row, 0)));
    at = end;
  }
  return {};
}

}  // namespace vault
