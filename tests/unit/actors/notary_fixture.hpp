// A notary on a state directory in memory, whose coordinator and lease keeper answer at once.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/notary.hpp"
#include "tests/unit/actors/notes_in_memory.hpp"
#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {

using Outcome = Adopted::Outcome;
inline constexpr const char* log_name = "log.example";

inline Head head_of(const Frontier& tree) {
  Head head = empty_head();
  if (tree.size() == 0) return head;
  head.sequence = static_cast<std::int64_t>(tree.size());
  head.merkle_root = tree.root();
  return head;
}

// A notary whose coordinator reads the tree of `history`, whose first `common` leaves all histories share.
class NotaryTest : public ::testing::Test {
 protected:
  NotaryTest() { restart(); }

  // A new process on the same state directory.
  void restart(const std::string& origin = log_name, std::optional<std::int64_t> accept_rollback = {}) {
    NotaryOptions options;
    options.identity = {origin, accept_rollback};
    notary_.emplace(disk_, options);
    effects_.sent.clear();
    promises_.identities = {identity_of(log_name)};
  }

  Frontier ledger(std::size_t size) const { return tree_of(size, history_, common_); }

  // Answers what the coordinator and the lease keeper have been asked since the last call.
  void answer() {
    for (; answered_ < effects_.sent.size(); ++answered_) {
      // Copies, because a request may move while it is answered.
      if (const auto* read = std::get_if<ReadTree>(&effects_.sent[answered_].second)) {
        answer_tree(ReadTree(*read));
      } else if (const auto* confirm = std::get_if<ConfirmLease>(&effects_.sent[answered_].second)) {
        Status status;
        if (!lease_is_ours_) status = fail(ErrorCode::forbidden, "another writer has taken over");
        notary_->handle(LeaseConfirmed{confirm->epoch, confirm->at_least_sequence, status}, effects_);
      } else if (const auto* tell = std::get_if<ReportContradiction>(&effects_.sent[answered_].second)) {
        told_.push_back(tell->checkpoint);
        notary_->handle(ContradictionReported{told_.back(), {}}, effects_);
      }
    }
  }
  void answer_tree(const ReadTree& read) {
    TreeView view;
    for (const std::uint64_t size : read.request.sizes) view.roots.push_back(ledger(size).root());
    view.frontier = ledger(read.request.from);
    for (std::size_t i = read.request.from + 1; i <= read.request.to; ++i) {
      const std::string name = i <= common_ ? "common" : history_;
      view.leaves.push_back(hash_leaf(name + " " + std::to_string(i)));
    }
    notary_->handle(TreeRead{read.question, std::move(view)}, effects_);
  }

  Outcome adopt(std::size_t size) {
    answered_ = effects_.sent.size();
    notary_->handle(Adopt{++epoch_, head_of(ledger(size)), promises_, "5ea1c0de"}, effects_);
    answer();
    const auto adopted = effects_.messages<Adopted>(ActorId::writer);
    EXPECT_FALSE(adopted.empty());
    return adopted.empty() ? Outcome::unread : adopted.back().outcome;
  }

  // Why the lease must not be taken; nullopt: it may.
  std::optional<std::string> follow(std::size_t size) {
    answered_ = effects_.sent.size();
    notary_->handle(Follow{head_of(ledger(size)), promises_, "5ea1c0de"}, effects_);
    answer();
    const auto followed = effects_.messages<Followed>(ActorId::writer);
    EXPECT_FALSE(followed.empty());
    return followed.empty() ? std::nullopt : followed.back().refusal;
  }

  // Entries from + 1 ... to are durable and have receipts.
  void commit(std::size_t from, std::size_t to) {
    auto entries = std::make_shared<std::vector<Entry>>();
    for (std::size_t i = from + 1; i <= to; ++i) {
      Entry entry;
      entry.sequence = static_cast<std::int64_t>(i);
      entry.entry_hash = hash_leaf((i <= common_ ? std::string("common") : history_) + " " + std::to_string(i));
      entry.merkle_root = ledger(i).root();
      entries->push_back(entry);
    }
    notary_->handle(Committed{epoch_, entries, head_of(ledger(to)), {}, 0}, effects_);
  }

  // Ends a round one second later, and answers what it asks.
  void round() {
    effects_.time += std::chrono::seconds(1);
    answered_ = effects_.sent.size();
    notary_->round_done(effects_);
    answer();
  }

  std::int64_t last_signed() const {
    const auto all = effects_.messages<CheckpointSigned>(ActorId::publisher);
    return all.empty() ? -1 : all.back().checkpoint.tree_size;
  }
  bool raised(const std::string& kind) const {
    bool raised = false;
    for (const AlertMessage& one : effects_.messages<AlertMessage>(ActorId::gateway)) {
      if (one.alert.kind == kind) raised = one.alert.raised;
    }
    return raised;
  }
  std::int64_t remembered() const { return static_cast<std::int64_t>(peek_checkpoint(*disk_.checkpoint)->tree_size); }

  NotesInMemory disk_;
  RecordedEffects effects_;
  std::optional<Notary> notary_;
  Promises promises_;
  std::string history_ = "a";
  std::size_t common_ = 0;
  bool lease_is_ours_ = true;
  std::vector<StoredCheckpoint> told_;
  std::int64_t epoch_ = 0;
  std::size_t answered_ = 0;
};

}  // namespace vault
