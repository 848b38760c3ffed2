#include "store/verify.hpp"

#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <map>

#include "ledger/merkle_hash.hpp"
#include "ledger/signed_note.hpp"

namespace vault {

namespace {

// Rows per snapshot. A long transaction would keep Postgres from clearing away old versions of vault_head, which every
// commit makes; and it bounds the tiles and checkpoints held at once.
constexpr std::int64_t slice_rows = 16'384;
constexpr std::int64_t progress_rows = 1'024;
constexpr std::chrono::milliseconds progress_interval{200};
constexpr std::int64_t last_possible = std::numeric_limits<std::int64_t>::max();

class LedgerCheck {
 public:
  LedgerCheck(ReaderStore& store, const VerifyRequest& request, const VerifyProgress& progress)
      : store_(store), request_(request), progress_(progress) {}

  Result<VerifyReport> run() {
    Status done = check();
    if (!done) return tl::unexpected(done.error());
    report_.end = verifier_ ? verifier_->state() : LedgerState{};
    return std::move(report_);
  }

 private:
  std::int64_t position() const { return verifier_->state().head.sequence; }

  // Remembers the finding; false, so that loops over rows end.
  bool found(std::int64_t sequence, FindingReason reason, std::string detail) {
    if (!report_.finding) report_.finding = Finding{sequence, reason, std::move(detail)};
    return false;
  }
  bool valid() const { return !report_.finding; }

  Status check() {
    if (auto opened = open_snapshot(); !opened) return opened;
    if (auto ranged = choose_range(); !ranged || !valid()) return ranged;
    if (auto started = choose_start(); !started || !valid()) return started;
    if (report_.from == 1) {
      auto oldest = snapshot_->checkpoints(std::numeric_limits<std::int64_t>::min(), 0, slice_rows);
      if (!oldest) return tl::unexpected(oldest.error());
      for (const auto& checkpoint : *oldest) check_checkpoint(checkpoint, 0, empty_root());
    }
    check_known(position(), verifier_->state().head);
    while (valid() && !report_.paused && position() < report_.to) {
      if (auto opened = open_snapshot(); !opened) return opened;
      if (auto checked = check_slice(); !checked) return checked;
      if (position() == report_.to) break;
      // Ends the transaction before the next begins.
      snapshot_.reset();
      report_.paused = report_.paused || (valid() && request_.pause && request_.pause(true));
    }
    if (valid() && !report_.paused && reaches_end_) return check_end();
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
    } else if (head.error().code == ErrorCode::not_found) {
      head_ = Head{};  // no row at all: equals no head, not even that of an empty ledger
    } else {
      return tl::unexpected(head.error());
    }
    auto identities = snapshot_->identities();
    if (!identities) return tl::unexpected(identities.error());
    identities_ = *std::move(identities);
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
      found(last + 1, FindingReason::truncated, fmt::format("{} entries were there before, now {}", known, last));
      return {};
    }
    if (report_.from > report_.to && !(reaches_end_ && report_.from == report_.to + 1 && !explicit_beyond())) {
      return fail(ErrorCode::invalid_argument, fmt::format("no entries from {} to {}", report_.from, report_.to),
                  "from");
    }
    return {};
  }

  // An empty range is good where nobody asked for entries: an empty ledger, or a resumption at its end.
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
      if (!hash) return found(before, FindingReason::entry_hash_mismatch, "entry_hash is no hash");
      if (!root) return found(before, FindingReason::merkle_root_mismatch, "merkle_root is no hash");
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
    bool stopped = false;
    Status scanned = snapshot_->scan(first, last, [&](const RowView& row) {
      if (auto bad = verifier_->feed(row)) return found(bad->sequence, bad->reason, std::move(bad->detail));
      const Head& head = verifier_->state().head;
      ++report_.checked;
      if (!check_tiles() || !check_known(head.sequence, head)) return false;
      for (; next != checkpoints->end() && next->tree_size == head.sequence; ++next) {
        if (!check_checkpoint(*next, head.sequence, head.merkle_root)) return false;
      }
      stopped = !report_progress();
      report_.paused = !stopped && head.sequence < report_.to && request_.pause && request_.pause(false);
      return !stopped && !report_.paused;
    });
    if (!scanned) return scanned;
    if (stopped) return fail(ErrorCode::unavailable, "verification was stopped");
    if (valid() && !report_.paused && position() < last) return explain_missing(last);
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
      found(missing, FindingReason::truncated, "entries that were there when verification began are gone");
    } else {
      found(missing, FindingReason::head_mismatch,
            fmt::format("vault_head is at {}, the last entry at {}", head_.sequence, position()));
    }
    return {};
  }

  bool report_progress() {
    if (!progress_ || report_.checked % progress_rows != 0) return true;
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
      for (Tile& tile : *tiles) stored_tiles_.emplace(tile.id, std::move(tile));
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
    verifier_->clear_finished_tiles();
    return true;
  }

  // --- Checkpoints and heads -----------------------------------------------------------------------------------------

  // Compares `head`, at `sequence`, with what the caller knows of that size.
  bool check_known(std::int64_t sequence, const Head& head) {
    for (const Checkpoint& known : request_.known) {
      if (known.tree_size == static_cast<std::uint64_t>(sequence) && known.root != head.merkle_root) {
        return found(sequence, FindingReason::checkpoint_mismatch, "a known checkpoint of this size has another root");
      }
    }
    const auto& known = request_.known_head;
    if (known && known->sequence == sequence && sequence > 0 &&
        (known->entry_hash != head.entry_hash || known->merkle_root != head.merkle_root)) {
      return found(sequence, FindingReason::head_mismatch, "the writer's own head is another");
    }
    return true;
  }

  // nullptr where the checkpoint's origin is unknown.
  const LogIdentity* identity_of(const StoredCheckpoint& checkpoint, std::int64_t* counts_up_to) const {
    for (std::size_t i = 0; i < identities_.size(); ++i) {
      if (identities_[i].origin != checkpoint.origin) continue;
      *counts_up_to = i + 1 < identities_.size() ? identities_[i + 1].accepted_sequence : last_possible;
      return &identities_[i];
    }
    return nullptr;
  }

  // The checkpoint says what its note says, and is signed. `sequence` is what a finding names.
  bool check_note(const StoredCheckpoint& checkpoint, const LogIdentity* identity, std::int64_t sequence) {
    const auto unsigned_because = [&](const std::string& why) {
      return found(sequence, FindingReason::checkpoint_signature_invalid,
                   fmt::format("checkpoint of size {}: {}", checkpoint.tree_size, why));
    };
    if (identity == nullptr) return unsigned_because("its origin is none of this ledger's");
    const auto note = peek_checkpoint(checkpoint.note);
    if (!note) return unsigned_because(note.error().message);
    if (note->origin != checkpoint.origin || note->root != checkpoint.root ||
        note->tree_size != static_cast<std::uint64_t>(checkpoint.tree_size)) {
      return found(
          sequence, FindingReason::checkpoint_mismatch,
          fmt::format("checkpoint of size {} is stored beside a note that says otherwise", checkpoint.tree_size));
    }
    const auto key = VerifierKey::parse(identity->vkey);
    if (!key) return unsigned_because("the stored vkey is malformed");
    const auto opened = open_checkpoint(checkpoint.note, *key);
    return opened ? true : unsigned_because(opened.error().message);
  }

  bool check_checkpoint(const StoredCheckpoint& checkpoint, std::int64_t sequence, const Hash& root) {
    std::int64_t counts_up_to = last_possible;
    const LogIdentity* identity = identity_of(checkpoint, &counts_up_to);
    if (checkpoint.tree_size > counts_up_to) return true;  // of a history that was given up
    if (checkpoint.root != root || checkpoint.tree_size != sequence) {
      return found(sequence, FindingReason::checkpoint_mismatch,
                   fmt::format("the stored checkpoint of size {} has another root", checkpoint.tree_size));
    }
    return check_note(checkpoint, identity, sequence);
  }

  // --- The end -------------------------------------------------------------------------------------------------------

  Status check_end() {
    if (auto compared = compare_head(); !compared || !valid()) return compared;
    if (auto checked = check_stray_tiles(); !checked || !valid()) return checked;
    return check_truncated();
  }

  // vault_head is the last entry. The ledger may have grown while its rows were checked; then the head is compared with
  // the row that is last now.
  Status compare_head() {
    const std::int64_t last = head_.sequence;
    bool beyond = false;
    Status scanned = snapshot_->scan(last + 1, last_possible, [&](const RowView&) {
      beyond = true;
      return false;
    });
    if (!scanned) return scanned;
    if (beyond) {
      found(last + 1, FindingReason::head_mismatch, fmt::format("vault_head is at {}, but entries follow", last));
      return {};
    }
    Head actual = verifier_->state().head;
    if (last != actual.sequence) {
      actual = Head{};
      scanned = snapshot_->scan(last, last, [&](const RowView& row) {
        actual = Head{row.sequence, hash_from_hex(row.entry_hash).value_or(zero_hash),
                      hash_from_hex(row.merkle_root).value_or(zero_hash), Timestamp{row.timestamp_micros}};
        return false;
      });
      if (!scanned) return scanned;
      if (!check_known(last, actual)) return {};
    }
    if (actual.sequence != last || actual.entry_hash != head_.entry_hash || actual.merkle_root != head_.merkle_root) {
      found(last, FindingReason::head_mismatch, fmt::format("vault_head is not entry {}", last));
    }
    return {};
  }

  // A tile that is stored before its rows are.
  Status check_stray_tiles() {
    const auto size = static_cast<std::uint64_t>(head_.sequence);
    for (unsigned level = 0; level == 0 || full_tiles(size, level - 1) > 0; ++level) {
      const std::uint64_t next = full_tiles(size, level);
      auto stray = snapshot_->tiles(level, next, next + 1);
      if (!stray) return tl::unexpected(stray.error());
      if (!stray->empty()) {
        found(head_.sequence, FindingReason::tile_mismatch,
              fmt::format("tile {} of level {} is stored, but not finished yet", next, level));
        return {};
      }
    }
    return {};
  }

  Status check_truncated() {
    const std::int64_t last = head_.sequence;
    const auto cut = [&](const std::string& what, auto size) {
      found(last + 1, FindingReason::truncated, fmt::format("{} is of {} entries, there are {}", what, size, last));
    };
    for (const Checkpoint& known : request_.known) {
      if (known.tree_size > static_cast<std::uint64_t>(last)) cut("a known checkpoint", known.tree_size);
    }
    if (request_.known_head && request_.known_head->sequence > last) {
      cut("the writer's own head", request_.known_head->sequence);
    }
    if (!identities_.empty() && identities_.back().accepted_sequence > last) {
      cut("the history that the log identity began on", identities_.back().accepted_sequence);
    }
    auto newest = snapshot_->newest_checkpoint();
    if (!newest) return tl::unexpected(newest.error());
    if (!*newest || (*newest)->tree_size <= last) return {};
    std::int64_t counts_up_to = last_possible;
    const LogIdentity* identity = identity_of(**newest, &counts_up_to);
    if (check_note(**newest, identity, last + 1)) cut("the newest stored checkpoint", (*newest)->tree_size);
    return {};
  }

  ReaderStore& store_;
  const VerifyRequest& request_;
  const VerifyProgress& progress_;
  std::unique_ptr<Snapshot> snapshot_;
  Head head_;  // vault_head as snapshot_ sees it
  std::vector<LogIdentity> identities_;
  bool reaches_end_ = false;
  std::optional<Verifier> verifier_;
  std::map<TileId, Tile> stored_tiles_;
  std::chrono::steady_clock::time_point last_progress_{};
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> verify_ledger(ReaderStore& store, const VerifyRequest& request, const VerifyProgress& progress) {
  return LedgerCheck(store, request, progress).run();
}

}  // namespace vault
