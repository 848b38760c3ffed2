#include "actors/reader.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "ledger/proof.hpp"
#include "store/verify.hpp"
#include "wire/codec.hpp"

namespace vault {

namespace {

// Length of a turn of a verification where stopping costs nothing; and how many times as long where it wastes rows that
// have been read already, which large payloads need.
constexpr std::chrono::milliseconds verify_turn{50};
constexpr int verify_overtime = 5;
constexpr int pause_rows = 16;

// A checkpoint of exactly this size, if one is stored.
Result<std::optional<std::string>> checkpoint_of_size(Snapshot& snapshot, const StoredCheckpoint* latest,
                                                      std::int64_t size) {
  if (latest && latest->tree_size == size) return latest->note;
  auto kept = snapshot.checkpoints(size, size, 8);
  if (!kept) return tl::unexpected(kept.error());
  if (kept->empty()) return std::nullopt;
  return kept->back().note;
}

}  // namespace

void Reader::handle(Message message, Effects& effects) {
  receive<ReaderInbox>(
      std::move(message),
      [&](ReadTask& task) {
        effects.send(to::gateway, answer(std::move(task), effects));
        effects.set_timer(0, idle_timeout_);
      },
      [&](TimerFired&) { store_.rest(); });
}

ReadAnswer Reader::answer(ReadTask task, Effects& effects) {
  ReadAnswer answer;
  answer.ticket = task.ticket;
  answer.reader = id_;
  seen_ = -1;
  replica_ = true;
  auto snapshot = store_.snapshot();
  if (!snapshot) {
    answer.lost = snapshot.error().message;
    answer.message = encode_error_reply(task.id, snapshot.error());
    answer.task = std::move(task);
    return answer;
  }
  if (std::holds_alternative<ProbeTask>(task.task)) {
    const auto sight = look(std::numeric_limits<std::int64_t>::max(), **snapshot);
    if (!sight && sight.error().code == ErrorCode::unavailable) answer.lost = sight.error().message;
  } else {
    Outcome outcome = run(task, *std::move(snapshot), effects);
    if (const auto* body = std::get_if<Result<ReplyBody>>(&outcome)) {
      answer.message = *body ? encode_reply(task.id, **body) : encode_error_reply(task.id, body->error());
    } else {
      const Wait& wait = std::get<Wait>(outcome);
      answer.wait = wait.until;
      answer.size = wait.size;
      if (wait.excuse) answer.message = encode_error_reply(task.id, *wait.excuse);
      // Pin it: a newer checkpoint would be just as far ahead of a database that is behind.
      task.pinned = wait.until != ReadWait::checkpoint;
      answer.task = std::move(task);
    }
  }
  answer.seen = seen_;
  answer.replica = replica_;
  return answer;
}

Result<Sight> Reader::look(std::int64_t size, Snapshot& snapshot) {
  auto sight = sight_of(snapshot, size, &seen_);
  if (sight) replica_ = *sight != Sight::missing;
  return sight;
}

// nullopt if the snapshot sees `size` entries.
std::optional<Reader::Outcome> Reader::behind(const ReadTask& task, std::int64_t size, Snapshot& snapshot) {
  const auto sight = look(size, snapshot);
  if (!sight) return tl::unexpected(sight.error());
  if (*sight == Sight::reached) return std::nullopt;
  auto refusal = fail(ErrorCode::unavailable, "the database that is read is behind: its head is " +
                                                  std::to_string(seen_) + ", wanted is " + std::to_string(size));
  if (*sight == Sight::lagging || !task.insist) return Wait{ReadWait::snapshot, size, std::move(refusal.value())};
  return refusal;
}

Reader::Outcome Reader::run(ReadTask& task, std::unique_ptr<Snapshot> owned, Effects& effects) {
  Snapshot& snapshot = *owned;
  if (task.at_least > 0) {
    if (auto late = behind(task, task.at_least, snapshot)) return *std::move(late);
  }
  if (const auto* verify = std::get_if<VerifyRangeRequest>(&task.task)) {
    return run_verify(task, *verify, std::move(owned), effects);
  }
  if (const auto* read = std::get_if<ReadRequest>(&task.task)) return run_read(task, *read, snapshot);
  if (const auto* list = std::get_if<ListRequest>(&task.task)) {
    auto page = snapshot.page(list->page);
    if (!page) return {tl::unexpected(page.error())};
    return {ReplyBody(std::move(*page))};
  }
  if (const auto* proof = std::get_if<ProofRequest>(&task.task)) return run_proof(task, *proof, snapshot);
  if (const auto* consistency = std::get_if<ConsistencyRequest>(&task.task)) {
    return run_consistency(task, *consistency, snapshot);
  }
  if (const auto* tile = std::get_if<TileRequest>(&task.task)) return run_tile(task, *tile, snapshot);
  if (const auto* bundle = std::get_if<EntryBundleRequest>(&task.task)) return run_bundle(task, *bundle, snapshot);
  if (const auto* sign = std::get_if<SignTask>(&task.task)) return run_sign(task, *sign, snapshot);
  auto head = snapshot.head();
  if (!head) return {tl::unexpected(head.error())};
  return {ReplyBody(HeadResult{*head})};
}

Reader::Outcome Reader::run_read(const ReadTask& task, const ReadRequest& request, Snapshot& snapshot) {
  if (request.session) {
    auto page = snapshot.page(*request.session);
    if (!page) return {tl::unexpected(page.error())};
    return {ReplyBody(std::move(*page))};
  }
  auto entry =
      request.sequence ? snapshot.entry_by_sequence(*request.sequence) : snapshot.entry_by_seal_id(*request.seal_id);
  if (!entry) return {tl::unexpected(entry.error())};
  if (*entry) return {ReplyBody(std::move(**entry))};
  if (!request.sequence || *request.sequence <= task.told) {
    if (auto late = behind(task, request.sequence.value_or(task.told), snapshot)) return *std::move(late);
  }
  if (request.sequence) {
    return {
        fail(ErrorCode::not_found, "there is no entry with sequence " + std::to_string(*request.sequence), "sequence")};
  }
  return {fail(ErrorCode::not_found, "there is no entry with seal_id " + format_uuid(*request.seal_id), "seal_id")};
}

// Verifies for one turn. Known sizes are compared once the snapshot sees them; a snapshot that still lacks them after a
// while, and is not a replica's, is compared too, and found truncated.
Reader::Outcome Reader::run_verify(ReadTask& task, const VerifyRangeRequest& request,
                                   std::unique_ptr<Snapshot> snapshot, Effects& effects) {
  std::int64_t known = task.known_head.sequence;
  if (task.checkpoint) known = std::max(known, task.checkpoint->tree_size);
  if (task.run && task.run->end) known = std::max(known, task.run->end->head.sequence);
  if (auto late = behind(task, known, *snapshot)) {
    const bool cut_off = !std::holds_alternative<Wait>(*late) && !replica_;
    if (!cut_off) return *std::move(late);
  }
  snapshot.reset();

  const auto started = effects.clock();
  if (!task.run) {
    task.run = std::make_shared<VerifyRun>();
    task.run->started = task.run->told = started;
  }
  VerifyRun& run = *task.run;
  LedgerVerification verify;
  if (!run.end) verify.from = request.from;
  verify.to = request.to;
  verify.resume = run.end;
  if (task.known_head.sequence > 0) verify.known_head = task.known_head;
  if (task.checkpoint) verify.known.push_back(*task.checkpoint);
  // If the ledger grows while it is verified, the turns that catch up with it grow too.
  const auto turn = verify_turn * (std::int64_t{1} << run.turns_beyond);
  verify.pause = [&, rows = 0](bool joint) mutable {
    if (!joint && ++rows % pause_rows != 0) return false;
    const auto spent = effects.clock() - started;
    return spent >= (joint ? turn : verify_overtime * turn) || stopping_.load(std::memory_order_relaxed);
  };
  const auto report = verify_ledger(store_, verify, [&](std::int64_t checked, std::int64_t left) {
    const auto now = effects.clock();
    if (request.progress && now - run.told >= std::chrono::milliseconds(250)) {
      run.told = now;
      effects.send(to::gateway,
                   ReadProgress{task.ticket, encode_progress(task.id, run.checked + checked, run.checked + left)});
    }
    return true;
  });
  if (!report) return {tl::unexpected(report.error())};
  if (!run.end) {
    run.from = report->from;
    run.to = report->to;
  }
  run.checked += report->checked;
  if (report->paused) {
    if (stopping_.load(std::memory_order_relaxed)) return {fail(ErrorCode::unavailable, "verification was stopped")};
    run.end = report->end;
    if (report->end.head.sequence > run.to) run.turns_beyond = std::min(run.turns_beyond + 1, 10);
    return Wait{ReadWait::turn};
  }
  VerifyResult result;
  result.valid = !report->finding;
  if (report->finding) {
    result.first_invalid_sequence = report->finding->sequence;
    result.reason = std::string(finding_name(report->finding->reason));
  }
  result.checked = run.checked;
  result.from = run.from;
  result.to = report->to;
  result.head_hash = report->end.head.entry_hash;
  result.merkle_root = report->end.head.merkle_root;
  result.elapsed_ms = std::chrono::duration_cast<std::chrono::milliseconds>(effects.clock() - run.started).count();
  return {ReplyBody(result)};
}

// The request goes beyond the snapshot: the database is behind if vaultd has reported that entry; otherwise there is no
// such entry.
Reader::Outcome Reader::beyond(const ReadTask& task, const std::string& field, std::int64_t asked, const Head& head,
                               Snapshot& snapshot) {
  if (asked <= task.told) {
    if (auto late = behind(task, asked, snapshot)) return *std::move(late);
  }
  return {fail(ErrorCode::not_found,
               field + " " + std::to_string(asked) + " is beyond the head, which is " + std::to_string(head.sequence),
               field)};
}

Reader::Outcome Reader::run_proof(const ReadTask& task, const ProofRequest& request, Snapshot& snapshot) {
  auto head = snapshot.head();
  if (!head) return {tl::unexpected(head.error())};
  if (request.sequence > head->sequence) return beyond(task, "sequence", request.sequence, *head, snapshot);
  std::int64_t size = request.tree_size.value_or(task.checkpoint ? task.checkpoint->tree_size : 0);
  if (request.tree_size) {
    if (size < request.sequence) {
      return {fail(ErrorCode::invalid_argument, "tree_size must not be smaller than sequence", "tree_size")};
    }
    if (size > head->sequence) return beyond(task, "tree_size", size, *head, snapshot);
  } else if (size < request.sequence) {
    return Wait{ReadWait::checkpoint, request.sequence};
  } else if (size > head->sequence) {
    if (auto late = behind(task, size, snapshot)) return *std::move(late);
  }
  TileNodeReader nodes(snapshot, static_cast<std::uint64_t>(size));
  const auto index = static_cast<std::uint64_t>(request.sequence - 1);
  auto leaf = nodes.read_node(0, index);
  if (!leaf) return {tl::unexpected(leaf.error())};
  auto proof = prove_inclusion(nodes, index, static_cast<std::uint64_t>(size));
  if (!proof) return {tl::unexpected(proof.error())};
  auto root = root_of_size(nodes, static_cast<std::uint64_t>(size));
  if (!root) return {tl::unexpected(root.error())};
  auto checkpoint = checkpoint_of_size(snapshot, task.checkpoint.get(), size);
  if (!checkpoint) return {tl::unexpected(checkpoint.error())};
  ProofResult result;
  result.sequence = request.sequence;
  result.leaf_index = request.sequence - 1;
  result.tree_size = size;
  result.entry_hash = *leaf;
  result.merkle_root = *root;
  result.proof = std::move(*proof);
  result.checkpoint = std::move(*checkpoint);
  return {ReplyBody(std::move(result))};
}

Reader::Outcome Reader::run_consistency(const ReadTask& task, const ConsistencyRequest& request, Snapshot& snapshot) {
  auto head = snapshot.head();
  if (!head) return {tl::unexpected(head.error())};
  if (request.first > head->sequence) return beyond(task, "first", request.first, *head, snapshot);
  const std::int64_t second = request.second.value_or(task.checkpoint ? task.checkpoint->tree_size : 0);
  if (request.second) {
    if (second < request.first) {
      return {fail(ErrorCode::invalid_argument, "second must not be smaller than first", "second")};
    }
    if (second > head->sequence) return beyond(task, "second", second, *head, snapshot);
  } else if (second < request.first) {
    return Wait{ReadWait::checkpoint, request.first};
  } else if (second > head->sequence) {
    if (auto late = behind(task, second, snapshot)) return *std::move(late);
  }
  TileNodeReader nodes(snapshot, static_cast<std::uint64_t>(second));
  auto first_root = root_of_size(nodes, static_cast<std::uint64_t>(request.first));
  if (!first_root) return {tl::unexpected(first_root.error())};
  auto second_root = root_of_size(nodes, static_cast<std::uint64_t>(second));
  if (!second_root) return {tl::unexpected(second_root.error())};
  auto proof = prove_consistency(nodes, static_cast<std::uint64_t>(request.first), static_cast<std::uint64_t>(second));
  if (!proof) return {tl::unexpected(proof.error())};
  return {ReplyBody(ConsistencyResult{request.first, second, *first_root, *second_root, std::move(*proof)})};
}

Reader::Outcome Reader::run_sign(const ReadTask& task, const SignTask& request, Snapshot& snapshot) {
  ReceiptsResult result{request.receipts};
  const auto size = static_cast<std::uint64_t>(task.checkpoint->tree_size);
  TileNodeReader nodes(snapshot, size);
  for (Receipt& receipt : result.receipts) {
    const auto index = static_cast<std::uint64_t>(receipt.entry.sequence - 1);
    auto proof = prove_inclusion(nodes, index, size);
    if (!proof) {
      // On a replica that is behind, tiles and rows are missing. Only checked here, since nearly all are there.
      if (auto late = behind(task, task.checkpoint->tree_size, snapshot)) return *std::move(late);
      return {tl::unexpected(proof.error())};
    }
    receipt.proof = ReceiptProof{index, size, std::move(*proof), task.checkpoint->note};
  }
  if (request.batch) return {ReplyBody(std::move(result))};
  return {ReplyBody(std::move(result.receipts.front()))};
}

}  // namespace vault
