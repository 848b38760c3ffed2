#include "actors/promise_memory.hpp"

#include <algorithm>
#include <utility>

#include "ledger/check.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/sha256.hpp"
#include "os/log.hpp"

namespace vault {
namespace {

std::optional<StoredCheckpoint> peek(const std::string& note) {
  auto peeked = peek_checkpoint(note);
  if (!peeked) return std::nullopt;
  return StoredCheckpoint{std::move(*peeked), note};
}

// An acknowledged head: the three lines of a checkpoint, and one more line, by which an incomplete file is recognised.
std::string format_told(const StoredCheckpoint& told) {
  const std::string text = format_checkpoint(told);
  return text + to_hex(sha256(text)) + "\n";
}

std::optional<StoredCheckpoint> parse_told(const std::string& saved) {
  constexpr std::size_t last_line = 65;
  if (saved.size() <= last_line) return std::nullopt;
  const std::string text = saved.substr(0, saved.size() - last_line);
  auto checkpoint = parse_checkpoint(text);
  if (!checkpoint || saved.substr(text.size()) != to_hex(sha256(text)) + "\n") return std::nullopt;
  return StoredCheckpoint{std::move(*checkpoint), {}};
}

}  // namespace

Status PromiseMemory::load() {
  if (loaded_) return {};
  const auto note = disk_.load_checkpoint();
  if (!note) return tl::unexpected(note.error());
  const auto evidence = disk_.load_evidence();
  if (!evidence) return tl::unexpected(evidence.error());
  const auto told = disk_.load_told();
  if (!told) return tl::unexpected(told.error());
  std::optional<StoredCheckpoint> checkpoint;
  if (*note) {
    checkpoint = peek(**note);
    if (!checkpoint) {
      return fail(
          ErrorCode::invalid_argument,
          "the file checkpoint in the state directory holds no checkpoint. It is a promise that nobody can read "
          "any more: restore it from a backup, or move it away by hand if you know what was signed");
    }
  }
  // Promises that could not be written are still remembered as long as this process lives.
  const bool newer_on_disk = checkpoint && checkpoint_ && checkpoint->origin == checkpoint_->origin &&
                             checkpoint->tree_size >= checkpoint_->tree_size;
  if (!checkpoint_ || newer_on_disk) {
    checkpoint_ = std::move(checkpoint);
    unwritten_ = false;
  }
  const std::vector<StoredCheckpoint> unwritten = std::exchange(evidence_, {});
  for (const std::string& one : *evidence) {
    if (auto peeked = peek(one)) evidence_.push_back(*std::move(peeked));
  }
  for (const StoredCheckpoint& one : unwritten) {
    if (is_evidence(one)) continue;
    evidence_.push_back(one);
    (void)disk_.keep_evidence(one.note);  // another try
  }
  // A receipt given by this process since then is newer.
  if (*told && !told_) {
    told_ = parse_told(**told);
    if (!told_) log_warning("notary", "the last acknowledged head was not written completely; ignored");
  }
  loaded_ = true;
  return {};
}

Status PromiseMemory::remember(const StoredCheckpoint& checkpoint) {
  if (!unwritten_ && checkpoint_ && checkpoint_->note == checkpoint.note) return {};
  if (checkpoint_ && checkpoint_->origin != checkpoint.origin) {
    if (const Status kept = keep_evidence(*checkpoint_); !kept) return kept;
  }
  VAULT_CHECK(!checkpoint_ || checkpoint_->origin != checkpoint.origin ||
              checkpoint_->tree_size <= checkpoint.tree_size);
  Status saved = disk_.save_checkpoint(checkpoint.note);
  checkpoint_ = checkpoint;
  unwritten_ = !saved;
  if (!saved) loaded_ = false;  // it may have been written after all
  return saved;
}

Status PromiseMemory::keep_evidence(const StoredCheckpoint& checkpoint) {
  if (is_evidence(checkpoint)) return {};
  if (evidence_.size() >= contradictions_max) {
    return fail(ErrorCode::too_large, "the state directory holds " + std::to_string(contradictions_max) +
                                          " contradicting checkpoints already");
  }
  evidence_.push_back(checkpoint);
  Status kept = disk_.keep_evidence(checkpoint.note);
  if (!kept) loaded_ = false;
  return kept;
}

bool PromiseMemory::is_evidence(const StoredCheckpoint& checkpoint) const {
  return std::any_of(evidence_.begin(), evidence_.end(),
                     [&](const StoredCheckpoint& one) { return one.note == checkpoint.note; });
}

void PromiseMemory::tell(const std::string& origin, std::int64_t sequence, const Hash& root) {
  if (told_ && told_->origin == origin && told_->tree_size >= sequence) return;
  told_ = StoredCheckpoint{{origin, sequence, root}, {}};
  told_unwritten_ = told_undurable_ = true;
}

Status PromiseMemory::write_told(bool durably) {
  if (!told_ || !(durably ? told_undurable_ : told_unwritten_)) return {};
  if (const Status saved = disk_.save_told(format_told(*told_), durably); !saved) return saved;
  told_unwritten_ = false;
  told_undurable_ = told_undurable_ && !durably;
  return {};
}

}  // namespace vault
