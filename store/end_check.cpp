#include "store/end_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace vault {

namespace {

class EndCheck {
 public:
  EndCheck(Snapshot& snapshot, const CheckpointCheck& checkpoints, const EndRequest& request)
      : snapshot_(snapshot), checkpoints_(checkpoints), request_(request) {}

  Result<EndState> run() {
    auto head = snapshot_.head();
    if (!head && head.error().code != ErrorCode::not_found) return tl::unexpected(head.error());
    if (head) head_ = *head;
    for (const auto step : {&EndCheck::check_strays, &EndCheck::compare_head, &EndCheck::compare_known,
                            &EndCheck::check_truncated, &EndCheck::check_beyond, &EndCheck::check_reported}) {
      if (const Status done = (this->*step)(); !done) return tl::unexpected(done.error());
    }
    return EndState{std::move(finding_), lagging_};
  }

 private:
  // The first sequence after the last entry; there is none at the end of the range of numbers.
  std::int64_t after_head() const {
    const std::int64_t last = std::max<std::int64_t>(head_ ? head_->sequence : 0, 0);
    return last == std::numeric_limits<std::int64_t>::max() ? last : last + 1;
  }

  void found(Finding finding) {
    const auto rank = [](const Finding& one) { return std::tuple(one.reason, one.sequence); };
    if (!finding_ || rank(finding) < rank(*finding_)) finding_ = std::move(finding);
  }

  Status check_strays() {
    auto strays = snapshot_.strays(head_ ? head_->sequence : 0);
    if (!strays) return tl::unexpected(strays.error());
    row_last_ = strays->row_last;
    if (strays->row_below) {
      found({*strays->row_below, FindingReason::stray_row,
             fmt::format("a row of sequence {}; the first is 1", *strays->row_below)});
    }
    if (strays->tile && head_) {
      found({after_head(), FindingReason::stray_row,
             fmt::format("tile {} of level {} is stored, and not finished by any entry", strays->tile->index,
                         strays->tile->level)});
    }
    if (!head_) {
      found({strays->row_beyond ? 1 : 0, FindingReason::head_mismatch, "vault_head has no row"});
    } else if (strays->row_beyond) {
      found({*strays->row_beyond, FindingReason::stray_row,
             fmt::format("vault_head is at {}, but entry {} is there", head_->sequence, *strays->row_beyond)});
    }
    if (strays->head_rows > 1) {
      found({std::max<std::int64_t>(head_ ? head_->sequence : 0, 0), FindingReason::head_mismatch,
             "vault_head has more than one row"});
    }
    return {};
  }

  // The head according to the rows up to `sequence`; a head of sequence -1 if there are none.
  Result<Head> head_in_rows(std::int64_t sequence) {
    if (sequence == 0) return empty_head();
    Head head;
    head.sequence = -1;
    const Status scanned = snapshot_.scan(sequence, sequence, [&](const RowView& row) {
      head = Head{row.sequence, hash_from_hex(row.entry_hash).value_or(zero_hash),
                  hash_from_hex(row.merkle_root).value_or(zero_hash), Timestamp{row.timestamp_micros}};
      return false;
    });
    if (!scanned) return tl::unexpected(scanned.error());
    return head;
  }

  Status compare_head() {
    if (!head_) return {};
    const std::int64_t last = head_->sequence;
    if (last < 0) {
      found({0, FindingReason::head_mismatch, fmt::format("vault_head is at {}", last)});
      return {};
    }
    const auto actual = head_in_rows(last);
    if (!actual) return tl::unexpected(actual.error());
    if (actual->sequence != last) {
      found({row_last_ + 1, FindingReason::head_mismatch,
             fmt::format("vault_head is at {}, the last entry at {}", last, row_last_)});
    } else if (actual->entry_hash != head_->entry_hash || actual->merkle_root != head_->merkle_root) {
      found({last, FindingReason::head_mismatch, fmt::format("vault_head is not entry {}", last)});
    }
    return {};
  }

  // Compares known heads and checkpoints whose sizes are within the ledger.
  Status compare_known() {
    for (const Checkpoint& known : request_.known) {
      const std::int64_t size = known.tree_size;
      if (size >= after_head()) continue;
      const auto actual = head_in_rows(size);
      if (!actual) return tl::unexpected(actual.error());
      if (actual->sequence == size && actual->merkle_root == known.root) continue;
      found({size, FindingReason::checkpoint_mismatch, "a known checkpoint of this size has another root"});
    }
    const auto& known = request_.known_head;
    if (!known || known->sequence < 1 || known->sequence >= after_head()) return {};
    const auto actual = head_in_rows(known->sequence);
    if (!actual) return tl::unexpected(actual.error());
    if (actual->sequence != known->sequence || actual->entry_hash != known->entry_hash ||
        actual->merkle_root != known->merkle_root) {
      found({known->sequence, FindingReason::head_mismatch, "the writer's own head differs"});
    }
    return {};
  }

  void cut(const std::string& what, std::int64_t size) {
    found({after_head(), FindingReason::truncated,
           fmt::format("{} is of {} entries, there are {}", what, size, after_head() - 1)});
  }

  // Looks for known sizes beyond the ledger. A replica may simply not have received them yet.
  Status check_truncated() {
    const std::int64_t last = after_head() - 1;
    std::int64_t wanted = last;
    for (const Checkpoint& known : request_.known) wanted = std::max(wanted, known.tree_size);
    if (request_.known_head) wanted = std::max(wanted, request_.known_head->sequence);
    if (wanted == last) return {};
    const auto replica = snapshot_.is_replica();
    if (!replica) return tl::unexpected(replica.error());
    lagging_ = *replica;
    if (lagging_) return {};
    for (const Checkpoint& known : request_.known) {
      if (known.tree_size > last) cut("a known checkpoint", known.tree_size);
    }
    if (request_.known_head && request_.known_head->sequence >= after_head()) {
      cut("the writer's own head", request_.known_head->sequence);
    }
    return {};
  }

  // Looks for sizes beyond the ledger that the database itself knows. It is consistent in itself, even on a replica.
  Status check_beyond() {
    const auto identities = snapshot_.identities();
    if (!identities) return tl::unexpected(identities.error());
    if (!identities->empty() && identities->back().accepted_sequence >= after_head()) {
      cut("the history that the log identity began on", identities->back().accepted_sequence);
    }
    const auto beyond = snapshot_.checkpoints_beyond(after_head() - 1);
    if (!beyond) return tl::unexpected(beyond.error());
    for (const StoredCheckpoint& checkpoint : *beyond) {
      if (auto bad = checkpoints_.check_note(checkpoint, after_head())) {
        found(*std::move(bad));
      } else if (!checkpoints_.given_up(checkpoint)) {
        cut("a stored checkpoint", checkpoint.tree_size);
      }
    }
    return {};
  }

  // Checks the checkpoints reported by other vaultds: those signed by the current log identity must fit this tree.
  // Notes that do not verify count for nothing, and those abandoned with an earlier identity contradict nothing.
  Status check_reported() {
    const auto reported = snapshot_.contradictions();
    if (!reported) return tl::unexpected(reported.error());
    if (reported->empty()) return {};
    // A new identity reaches vault_origin together with its first checkpoint, and the ledger before that.
    const auto announced = snapshot_.announcement();
    if (!announced) return tl::unexpected(announced.error());
    const auto is_given_up = [&](const Hash& root) {
      return *announced && std::find((*announced)->given_up.begin(), (*announced)->given_up.end(), root) !=
                               (*announced)->given_up.end();
    };
    for (const StoredCheckpoint& checkpoint : *reported) {
      if (is_given_up(checkpoint.root)) continue;
      if (!checkpoints_.is_current(checkpoint) || checkpoints_.check_note(checkpoint, 0)) continue;
      if (checkpoint.tree_size >= after_head()) {
        cut("a checkpoint in vault_contradiction", checkpoint.tree_size);
        continue;
      }
      const auto actual = head_in_rows(checkpoint.tree_size);
      if (!actual) return tl::unexpected(actual.error());
      if (actual->sequence == checkpoint.tree_size && actual->merkle_root == checkpoint.root) continue;
      found(
          {checkpoint.tree_size, FindingReason::checkpoint_mismatch,
           fmt::format("vault_contradiction holds a checkpoint of size {} that this log has signed, with another root",
                       checkpoint.tree_size)});
    }
    return {};
  }

  Snapshot& snapshot_;
  const CheckpointCheck& checkpoints_;
  const EndRequest& request_;
  std::optional<Head> head_;  // vault_head; nullopt if it has no row
  std::optional<Finding> finding_;
  bool lagging_ = false;
  std::int64_t row_last_ = 0;
};

}  // namespace

Result<EndState> check_end(Snapshot& snapshot, const CheckpointCheck& checkpoints, const EndRequest& request) {
  return EndCheck(snapshot, checkpoints, request).run();
}

Result<EndReport> check_ledger_end(ReaderStore& store, const EndRequest& request) {
  auto snapshot = store.snapshot();
  if (!snapshot) return tl::unexpected(snapshot.error());
  auto identities = (*snapshot)->identities();
  if (!identities) return tl::unexpected(identities.error());
  EndReport report;
  if (!identities->empty()) report.origin = identities->back().origin;
  CheckpointCheck checkpoints;
  checkpoints.use_identities(*std::move(identities));
  const auto head = (*snapshot)->head();
  if (!head && head.error().code != ErrorCode::not_found) return tl::unexpected(head.error());
  report.head = head ? head->sequence : 0;
  auto end = check_end(**snapshot, checkpoints, request);
  if (!end) return tl::unexpected(end.error());
  static_cast<EndState&>(report) = *std::move(end);
  if (!report.finding) return report;
  const auto prepared = (*snapshot)->prepared_open();
  if (!prepared) return tl::unexpected(prepared.error());
  report.prepared_open = *prepared;
  return report;
}

}  // namespace vault
