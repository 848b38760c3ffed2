#include "actors/reader.hpp"

#include <chrono>
#include <utility>

#include "ledger/proof.hpp"
#include "store/verify.hpp"
#include "wire/codec.hpp"

namespace vault {

namespace {

tl::unexpected<Error> beyond_head(const std::string& field, std::int64_t asked, std::int64_t head) {
  return fail(ErrorCode::not_found,
              field + " " + std::to_string(asked) + " is beyond the head, which is " + std::to_string(head), field);
}

// After a restore or failover, or on a replica that lags.
tl::unexpected<Error> behind_checkpoint(std::int64_t size, std::int64_t head) {
  return fail(ErrorCode::unavailable, "the database is behind the latest checkpoint: its head is " +
                                          std::to_string(head) + ", the checkpoint's tree size " + std::to_string(size));
}

// A checkpoint of exactly this size, where one is kept.
Result<std::optional<std::string>> checkpoint_of_size(Snapshot& snapshot, const std::optional<StoredCheckpoint>& latest,
                                                      std::int64_t size) {
  if (latest && latest->tree_size == size) return latest->note;
  auto kept = snapshot.checkpoints(size, size, 8);
  if (!kept) return tl::unexpected<Error>(kept.error());
  if (kept->empty()) return std::nullopt;
  return kept->back().note;
}

}  // namespace

void Reader::handle(Message message, Effects& effects) {
  if (const auto* task = std::get_if<ReadTask>(&message)) {
    Outcome outcome = run(*task, effects);
    ReadAnswer answer{task->ticket, id_, {}, outcome.wait_for_size};
    if (outcome.wait_for_size == 0) {
      answer.message =
          outcome.body ? encode_reply(task->id, *outcome.body) : encode_error_reply(task->id, outcome.body.error());
    }
    effects.send(ActorId::gateway, std::move(answer));
  } else if (const auto* request = std::get_if<SliceRequest>(&message)) {
    effects.send(ActorId::notary, slice(*request));
  }
}

Reader::Outcome Reader::run(const ReadTask& task, Effects& effects) {
  if (const auto* verify = std::get_if<VerifyRangeRequest>(&task.task)) return run_verify(task, *verify, effects);
  auto opened = store_.snapshot();
  if (!opened) return {tl::unexpected<Error>(opened.error())};
  Snapshot& snapshot = **opened;
  if (const auto* read = std::get_if<ReadRequest>(&task.task)) return run_read(*read, snapshot);
  if (const auto* list = std::get_if<ListRequest>(&task.task)) {
    auto page = snapshot.page(list->page);
    if (!page) return {tl::unexpected<Error>(page.error())};
    return {ReplyBody(std::move(*page))};
  }
  if (const auto* proof = std::get_if<ProofRequest>(&task.task)) return run_proof(task, *proof, snapshot);
  if (const auto* consistency = std::get_if<ConsistencyRequest>(&task.task)) {
    return run_consistency(task, *consistency, snapshot);
  }
  if (const auto* sign = std::get_if<SignTask>(&task.task)) return run_sign(task, *sign, snapshot);
  auto head = snapshot.head();
  if (!head) return {tl::unexpected<Error>(head.error())};
  return {ReplyBody(HeadResult{*head})};
}

Reader::Outcome Reader::run_read(const ReadRequest& request, Snapshot& snapshot) {
  if (request.session) {
    auto page = snapshot.page(*request.session);
    if (!page) return {tl::unexpected<Error>(page.error())};
    return {ReplyBody(std::move(*page))};
  }
  auto entry = request.sequence ? snapshot.entry_by_sequence(*request.sequence)
                                : snapshot.entry_by_seal_id(*request.seal_id);
  if (!entry) return {tl::unexpected<Error>(entry.error())};
  if (!*entry) {
    return {request.sequence
                ? fail(ErrorCode::not_found, "there is no entry with sequence " + std::to_string(*request.sequence),
                       "sequence")
                : fail(ErrorCode::not_found, "there is no entry with seal_id " + format_uuid(*request.seal_id),
                       "seal_id")};
  }
  return {ReplyBody(std::move(**entry))};
}

Reader::Outcome Reader::run_verify(const ReadTask& task, const VerifyRangeRequest& request, Effects& effects) {
  VerifyRequest verify;
  verify.from = request.from;
  verify.to = request.to;
  if (task.known_head.sequence > 0) verify.known_head = task.known_head;
  if (task.checkpoint) {
    verify.known.push_back({task.checkpoint->origin, static_cast<std::uint64_t>(task.checkpoint->tree_size),
                            task.checkpoint->root});
  }
  const auto started = effects.clock();
  auto reported = started;
  const auto progress = [&](std::int64_t checked, std::int64_t total) {
    const auto now = effects.clock();
    if (request.progress && now - reported >= std::chrono::milliseconds(250)) {
      reported = now;
      effects.send(ActorId::gateway, ReadProgress{task.ticket, encode_progress(task.id, checked, total)});
    }
    return !stopping_.load(std::memory_order_relaxed);
  };
  auto report = verify_ledger(store_, verify, progress);
  if (!report) return {tl::unexpected<Error>(report.error())};
  VerifyResult result;
  result.valid = !report->finding;
  if (report->finding) {
    result.first_invalid_sequence = report->finding->sequence;
    result.reason = std::string(finding_name(report->finding->reason));
  }
  result.checked = report->checked;
  result.from = report->from;
  result.to = report->to;
  result.head_hash = report->end.head.entry_hash;
  result.merkle_root = report->end.head.merkle_root;
  result.elapsed_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(effects.clock() - started).count();
  return {ReplyBody(result)};
}

Reader::Outcome Reader::run_proof(const ReadTask& task, const ProofRequest& request, Snapshot& snapshot) {
  auto head = snapshot.head();
  if (!head) return {tl::unexpected<Error>(head.error())};
  if (request.sequence > head->sequence) return {beyond_head("sequence", request.sequence, head->sequence)};
  std::int64_t size = request.tree_size.value_or(task.checkpoint ? task.checkpoint->tree_size : 0);
  if (request.tree_size) {
    if (size < request.sequence) {
      return {fail(ErrorCode::invalid_argument, "tree_size must not be smaller than sequence", "tree_size")};
    }
    if (size > head->sequence) return {beyond_head("tree_size", size, head->sequence)};
  } else if (size < request.sequence) {
    return {ReplyBody(HeadResult{}), request.sequence};  // until the next checkpoint
  } else if (size > head->sequence) {
    return {behind_checkpoint(size, head->sequence)};
  }
  TileNodeReader nodes(snapshot, static_cast<std::uint64_t>(size));
  const auto index = static_cast<std::uint64_t>(request.sequence - 1);
  auto leaf = nodes.read_node(0, index);
  if (!leaf) return {tl::unexpected<Error>(leaf.error())};
  auto proof = prove_inclusion(nodes, index, static_cast<std::uint64_t>(size));
  if (!proof) return {tl::unexpected<Error>(proof.error())};
  auto root = root_of_size(nodes, static_cast<std::uint64_t>(size));
  if (!root) return {tl::unexpected<Error>(root.error())};
  auto checkpoint = checkpoint_of_size(snapshot, task.checkpoint, size);
  if (!checkpoint) return {tl::unexpected<Error>(checkpoint.error())};
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
  if (!head) return {tl::unexpected<Error>(head.error())};
  if (request.first > head->sequence) return {beyond_head("first", request.first, head->sequence)};
  const std::int64_t second = request.second.value_or(task.checkpoint ? task.checkpoint->tree_size : 0);
  if (request.second) {
    if (second < request.first) {
      return {fail(ErrorCode::invalid_argument, "second must not be smaller than first", "second")};
    }
    if (second > head->sequence) return {beyond_head("second", second, head->sequence)};
  } else if (second < request.first) {
    return {ReplyBody(HeadResult{}), request.first};
  } else if (second > head->sequence) {
    return {behind_checkpoint(second, head->sequence)};
  }
  TileNodeReader nodes(snapshot, static_cast<std::uint64_t>(second));
  auto first_root = root_of_size(nodes, static_cast<std::uint64_t>(request.first));
  if (!first_root) return {tl::unexpected<Error>(first_root.error())};
  auto second_root = root_of_size(nodes, static_cast<std::uint64_t>(second));
  if (!second_root) return {tl::unexpected<Error>(second_root.error())};
  auto proof = prove_consistency(nodes, static_cast<std::uint64_t>(request.first), static_cast<std::uint64_t>(second));
  if (!proof) return {tl::unexpected<Error>(proof.error())};
  return {ReplyBody(ConsistencyResult{request.first, second, *first_root, *second_root, std::move(*proof)})};
}

Reader::Outcome Reader::run_sign(const ReadTask& task, const SignTask& request, Snapshot& snapshot) {
  ReceiptsResult result{request.receipts};
  const auto size = static_cast<std::uint64_t>(task.checkpoint->tree_size);
  TileNodeReader nodes(snapshot, size);
  for (Receipt& receipt : result.receipts) {
    const auto index = static_cast<std::uint64_t>(receipt.entry.sequence - 1);
    auto proof = prove_inclusion(nodes, index, size);
    if (!proof) return {tl::unexpected<Error>(proof.error())};
    receipt.proof = ReceiptProof{index, size, std::move(*proof), task.checkpoint->note};
  }
  if (request.batch) return {ReplyBody(std::move(result))};
  return {ReplyBody(std::move(result.receipts.front()))};
}

TreeSlice Reader::slice(const SliceRequest& request) {
  TreeSlice out{fail(ErrorCode::unavailable, "no database"), {}};
  auto opened = store_.snapshot();
  if (!opened) {
    out.frontier = tl::unexpected<Error>(opened.error());
    return out;
  }
  Snapshot& snapshot = **opened;
  auto edge = load_edge(snapshot, request.from);
  if (!edge) {
    out.frontier = tl::unexpected<Error>(edge.error());
    return out;
  }
  bool readable = true;
  if (request.to > request.from) {
    const Status scanned =
        snapshot.scan(static_cast<std::int64_t>(request.from) + 1, static_cast<std::int64_t>(request.to),
                      [&](const RowView& row) {
                        const auto leaf = hash_from_hex(row.entry_hash);
                        readable = leaf.has_value();
                        if (leaf) out.leaves.push_back(*leaf);
                        return readable;
                      });
    if (!scanned) {
      out.frontier = tl::unexpected<Error>(scanned.error());
      return out;
    }
  }
  if (readable) out.frontier = edge->frontier();
  else out.frontier = fail(ErrorCode::internal, "an entry_hash after the last checkpoint is no hash");
  return out;
}

}  // namespace vault
