#include "store/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <tuple>

#include "ledger/merkle_hash.hpp"
#include "store/checkpoint_check.hpp"
#include "store/end_check.hpp"

namespace vault {

namespace {

// Rows per snapshot. A long transaction would keep Postgres from removing old versions of vault_head, of which every
// commit makes one; this also bounds the tiles and checkpoints held at once.
constexpr std::int64_t slice_rows = 16'384;
constexpr std::size_t slice_bytes = std::size_t{64} << 20;
constexpr std::int64_t progress_rows = 256;
constexpr std::size_t progress_bytes = std::size_t{1} << 20;
constexpr std::chrono::milliseconds progress_interval{200};
constexpr std::int64_t last_possible = std::numeric_limits<std::int64_t>::max();

// Approximate size of a row in transit.
std::size_t row_bytes(const RowView& row) {
  return 512 + row.session_id.size() + row.authority.size() + row.seal_data.value_or("").size();
}

class LedgerCheck {
 public:
  LedgerCheck(ReaderStore& store, const LedgerVerification& request, const VerifyProgress& progress)
      : store_(store), request_(request), progress_(progress), checkpoints_(request.threads) {}

  Result<VerifyReport> run() {
    Status done = check();
    if (done) found_earlier(checkpoints_.settle());
    if (!done) return tl::unexpected(done.error());
    report_.end = verifier_ ? verifier_->state() : LedgerState{};
    return std::move(report_);
  }

 private:
  std::int64_t position() const { return verifier_->state().head.sequence; }

  // Records the finding; returns false, so that loops over rows end.
  bool found(std::int64_t sequence, FindingReason reason, std::string detail) {
    if (!report_.finding) report_.finding = Finding{sequence, reason, std::move(detail)};
    return false;
  }
  bool found(std::optional<Finding> finding) {
    if (finding && !report_.finding) report_.finding = std::move(finding);
    return valid();
  }
  bool valid() const { return !report_.finding; }
  // A bad signature may be reported only after later rows have been read.
  void found_earlier(std::optional<Finding> finding) {
    const auto rank = [](const Finding& one) { return std::tuple(one.sequence, one.reason); };
    if (!finding || (report_.finding && rank(*report_.finding) < rank(*finding))) return;
    report_.checked = std::min(report_.checked, finding->sequence - report_.from + 1);
    report_.finding = std::move(finding);
    report_.paused = false;
  }

  // There are fewer entries than before. A lagging replica has yet to receive the others.
  Status found_cut(std::int64_t sequence, std::string detail) {
    const auto replica = snapshot_->is_replica();
    if (!replica) return tl::unexpected(replica.error());
    if (*replica) return fail(ErrorCode::unavailable, "the database is a replica that is behind: " + detail);
    found(sequence, FindingReason::truncated, std::move(detail));
    return {};
  }

  Status check() {
    if (auto opened = open_snapshot(); !opened) return opened;
    if (auto ranged = choose_range(); !ranged || !valid()) return ranged;
    if (auto started = choose_start(); !started || !valid()) return started;
    if (report_.from == 1) {
      if (auto looked = look_before_first(); !looked) return looked;
    }
    check_known(position(), verifier_->state().head);
    while (valid() && !report_.paused && position() < report_.to) {
      if (auto opened = open_snapshot(); !opened) return opened;
      if (auto checked = check_slice(); !checked) return checked;
      if (position() == report_.to) break;
      // End the transaction before the next begins.
      snapshot_.reset();
      report_.paused = report_.paused || (valid() && request_.pause && request_.pause(true));
    }
    if (!valid() || !reaches_end_ || report_.paused || request_.rows_only) return {};
    auto end = check_end(*snapshot_, checkpoints_, {request_.known, request_.known_head});
    if (!end) return tl::unexpected(end.error());
    if (!found(std::move(end->finding)) || !end->lagging) return {};
    return fail(ErrorCode::unavailable, "the database is a replica that is behind what is known; ask again");
  }

  // Checks everything with a smaller sequence than the first entry.
  Status look_before_first() {
    auto strays = snapshot_->strays(head_.sequence);
    if (!strays) return tl::unexpected(strays.error());
    if (strays->row_below) {
      found(*strays->row_below, FindingReason::stray_row,
            fmt::format("a row of sequence {}; the first is 1", *strays->row_below));
    }
    auto oldest = snapshot_->checkpoints(std::numeric_limits<std::int64_t>::min(), 0, slice_rows);
    if (!oldest) return tl::unexpected(oldest.error());
    for (const auto& checkpoint : *oldest) found(checkpoints_.check(checkpoint, 0, empty_root()));
    return {};
  }

  Status open_snapshot() {
    if (snapshot_) return {};
    auto opened = store_.snapshot();
    if (!opened) return tl::unexpected(opened.error());
    snapshot_ = *std::move(opened);
    auto head = snapshot_->head();
    if (head) {
      head_ = *head;
      head_.sequence = std::max<std::int64_t>(head_.sequence, 0);  // check_end() reports a row below
    } else if (head.error().code == ErrorCode::not_found) {
      head_ = Head{};  // no row at all: differs from every head, even an empty ledger's
    } else {
      return tl::unexpected(head.error());
    }
    auto identities = snapshot_->identities();
    if (!identities) return tl::unexpected(identities.error());
    checkpoints_.use_identities(*std::move(identities));
    return {};
  }

  Status choose_range() {
    const std::int64_t known = request_.resume ? request_.resume->head.sequence : 0;
    const std::int64_t last = head_.sequence;
    report_.from = request_.from.value_or(known + 1);
    report_.to = request_.to.value_or(last);
    reaches_end_ = !request_.to || *request_.to == last;
    if (request_.resume && report_.from != known + 1) {
      return fail(ErrorCode::invalid_argument, "from does not follow the state to resume from", "from");
    }
    if (report_.from < 1) return fail(ErrorCode::invalid_argument, "from must be at least 1", "from");
    if (report_.to > last || (request_.to && *request_.to < 1)) {
      return fail(ErrorCode::invalid_argument, fmt::format("to must be between 1 and the last sequence, {}", last),
                  "to");
    }
    if (known > last) {
      return found_cut(last + 1, fmt::format("{} entries were there before, now {}", known, last));
    }
    if (report_.from > report_.to && !(reaches_end_ && report_.from == report_.to + 1 && !explicit_beyond())) {
      return fail(ErrorCode::invalid_argument, fmt::format("no entries from {} to {}", report_.from, report_.to),
                  "from");
    }
    return {};
  }

  // An empty range is good if the caller did not ask for entries: an empty ledger, or a resumption at its end.
  bool explicit_beyond() const { return request_.from && !request_.resume && *request_.from > 1; }

  Status choose_start() {
    if (request_.resume || report_.from == 1) {
      verifier_.emplace(request_.resume.value_or(LedgerState{}));
      return {};
    }
    const std::int64_t before = report_.from - 1;
    verifier_.emplace(LedgerState{});
    LedgerState state;
    bool there = false;
    Hash row_root{};
    Status read = snapshot_->scan(before, before, [&](const RowView& row) {
      there = true;
      state.head.sequence = before;
      state.head.timestamp = {row.timestamp_micros};
      const auto hash = hash_from_hex(row.entry_hash);
      const auto root = hash_from_hex(row.merkle_root);
      if (!hash) return found(before, FindingReason::entry_hash_mismatch, "entry_hash is not a hash");
      if (!root) return found(before, FindingReason::merkle_root_mismatch, "merkle_root is not a hash");
      state.head.entry_hash = *hash;
      row_root = *root;
      return false;
    });
    if (!read || !valid()) return read;
    if (!there) {
      found(before, FindingReason::sequence_gap, "the entry before the range is missing");
      return {};
    }
    auto edge = load_edge(*snapshot_, static_cast<std::uint64_t>(before));
    if (!edge && edge.error().code == ErrorCode::unavailable) return tl::unexpected(edge.error());
    if (!edge || edge->root() != row_root) {
      found(before, FindingReason::merkle_root_mismatch,
            edge ? "tiles and rows before the range have another root" : edge.error().message);
      return {};
    }
    state.head.merkle_root = row_root;
    state.edge = *std::move(edge);
    verifier_.emplace(std::move(state));
    return {};
  }

  // --- Rows ----------------------------------------------------------------------------------------------------------

  Status check_slice() {
    const std::int64_t first = position() + 1;
    const std::int64_t last = std::min(report_.to, (first - 1) / slice_rows * slice_rows + slice_rows);
    if (auto loaded = load_tiles(first - 1, last); !loaded) return loaded;
    auto checkpoints = snapshot_->checkpoints(first, last, std::numeric_limits<std::size_t>::max());
    if (!checkpoints) return tl::unexpected(checkpoints.error());
    auto next = checkpoints->begin();
    bool interrupted = false, slice_full = false;
    const std::size_t bytes_before = bytes_;
    Status taken;
    Status scanned = snapshot_->scan(first, last, [&](const RowView& row) {
      if (!found(verifier_->feed(row))) return false;
      const Head& head = verifier_->state().head;
      ++report_.checked;
      if (!check_tiles() || !check_known(head.sequence, head)) return false;
      for (; next != checkpoints->end() && next->tree_size == head.sequence; ++next) {
        if (!found(checkpoints_.check(*next, head.sequence, head.merkle_root))) return false;
      }
      if (request_.sink) taken = request_.sink(*verifier_);
      verifier_->clear_finished_tiles();
      bytes_ += row_bytes(row);
      slice_full = bytes_ - bytes_before >= slice_bytes;
      interrupted = !report_progress();
      report_.paused = !interrupted && head.sequence < report_.to && request_.pause && request_.pause(false);
      return taken && !interrupted && !report_.paused && !slice_full;
    });
    if (!taken) return taken;
    if (!scanned) return scanned;
    if (interrupted) return fail(ErrorCode::unavailable, "verification was stopped");
    if (valid() && !report_.paused && !slice_full && position() < last) return explain_missing(last);
    return {};
  }

  // The rows ended before the range did.
  Status explain_missing(std::int64_t wanted) {
    const std::int64_t missing = position() + 1;
    bool later = false;
    Status scanned = snapshot_->scan(wanted, last_possible, [&](const RowView&) {
      later = true;
      return false;
    });
    if (!scanned) return scanned;
    if (later) {
      found(missing, FindingReason::sequence_gap, fmt::format("entry {} is missing, later ones are there", missing));
    } else if (head_.sequence < wanted) {
      return found_cut(missing, "entries that were there when verification began are gone");
    } else {
      found(missing, FindingReason::head_mismatch,
            fmt::format("vault_head is at {}, the last entry at {}", head_.sequence, position()));
    }
    return {};
  }

  // Reads the clock only after a number of rows or bytes, because it is called for every row.
  bool report_progress() {
    if (!progress_ || (report_.checked % progress_rows != 0 && bytes_ - told_bytes_ < progress_bytes)) return true;
    told_bytes_ = bytes_;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_progress_ < progress_interval) return true;
    last_progress_ = now;
    return progress_(report_.checked, report_.to - report_.from + 1);
  }

  // --- Tiles ---------------------------------------------------------------------------------------------------------

  // The stored tiles that rows (before, last] finish.
  Status load_tiles(std::int64_t before, std::int64_t last) {
    stored_tiles_.clear();
    for (unsigned level = 0; full_tiles(static_cast<std::uint64_t>(last), level) > 0; ++level) {
      auto tiles = snapshot_->tiles(level, full_tiles(static_cast<std::uint64_t>(before), level),
                                    full_tiles(static_cast<std::uint64_t>(last), level));
      if (!tiles) return tl::unexpected(tiles.error());
      for (Tile& tile : *tiles) {
        const auto [stored, is_new] = stored_tiles_.emplace(tile.id, std::move(tile));
        if (!is_new) stored->second.hashes.clear();  // stored twice: neither is believed
      }
    }
    return {};
  }

  bool check_tiles() {
    for (const Tile& tile : verifier_->finished_tiles()) {
      const auto stored = stored_tiles_.find(tile.id);
      const auto name = [&] { return fmt::format("tile {} of level {}", tile.id.index, tile.id.level); };
      if (stored == stored_tiles_.end()) {
        return found(position(), FindingReason::tile_mismatch, name() + " is missing");
      }
      if (stored->second.hashes != tile.hashes) {
        return found(position(), FindingReason::tile_mismatch, name() + " holds other hashes");
      }
      if (stored->second.root != tile.root) {
        return found(position(), FindingReason::tile_mismatch, name() + " is stored with another root");
      }
    }
    return true;
  }

  // --- Known heads and checkpoints -----------------------------------------------------------------------------------

  // Compares `head`, at `sequence`, with the caller's known head and checkpoints of that size.
  bool check_known(std::int64_t sequence, const Head& head) {
    for (const Checkpoint& known : request_.known) {
      if (known.tree_size == sequence && known.root != head.merkle_root) {
        return found(sequence, FindingReason::checkpoint_mismatch, "a known checkpoint of this size has another root");
      }
    }
    const auto& known = request_.known_head;
    if (known && known->sequence == sequence && sequence > 0 &&
        (known->entry_hash != head.entry_hash || known->merkle_root != head.merkle_root)) {
      return found(sequence, FindingReason::head_mismatch, "the writer's own head differs");
    }
    return true;
  }

  ReaderStore& store_;
  const LedgerVerification& request_;
  const VerifyProgress& progress_;
  std::unique_ptr<Snapshot> snapshot_;
  Head head_;  // vault_head as snapshot_ sees it
  CheckpointCheck checkpoints_;
  bool reaches_end_ = false;
  std::optional<Verifier> verifier_;
  std::map<TileId, Tile> stored_tiles_;
  std::size_t bytes_ = 0;       // of the rows checked
  std::size_t told_bytes_ = 0;  // when the clock was last read
  std::chrono::steady_clock::time_point last_progress_{};
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> verify_ledger(ReaderStore& store, const LedgerVerification& request,
                                   const VerifyProgress& progress) {
  return LedgerCheck(store, request, progress).run();
}

}  // namespace vault
