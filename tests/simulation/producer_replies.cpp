// The producers' handling of replies.
#include <algorithm>
#include <utility>

#include "ledger/receipt.hpp"
#include "tests/simulation/producers.hpp"

namespace vault::sim {
namespace {

bool is_retryable_code(ErrorCode code) {
  return code == ErrorCode::busy || code == ErrorCode::unavailable || code == ErrorCode::deadline_exceeded;
}

const std::map<ErrorCode, const char*> code_names = {
    {ErrorCode::busy, "busy"},           {ErrorCode::unavailable, "unavailable"},
    {ErrorCode::internal, "internal"},   {ErrorCode::deadline_exceeded, "deadline_exceeded"},
    {ErrorCode::not_found, "not_found"}, {ErrorCode::seal_id_conflict, "seal_id_conflict"}};

}  // namespace

void Producers::on_reply(int vaultd, const std::vector<std::string>& frames) {
  require(frames.size() == 2, "a reply is an envelope and a message");
  if (frames[0] == "malformed") {
    ++world_.coverage["reply.malformed"];
    return;
  }
  const auto reply = decode_reply(frames[1]);
  require(reply.has_value(), "a reply that cannot be decoded");
  if (reply->progress) return;
  const auto found = attempts_.find(reply->id);
  require(found != attempts_.end(), "a reply to nothing that was asked");
  Attempt& attempt = found->second;
  require(attempt.vaultd == vaultd, "a reply from the wrong vaultd");
  require(++attempt.replies == 1, "a second reply to one request");
  if (reply->error) {
    const auto name = code_names.find(reply->error->code);
    require(name != code_names.end(), "an error that no good request deserves: " + reply->error->message);
    ++world_.coverage[std::string("reply.") + name->second];
  }
  const bool late = reply->error && reply->error->code == ErrorCode::deadline_exceeded;
  require(!late || !no_deadlines_, "a deadline is missed where nothing is wrong");
  // Some replies are lost in transit.
  if (!world_.database.quiet && world_.random.chance(20)) return;
  if (attempt.request) {
    on_seal_reply(vaultd, *attempt.request, *reply);
  } else {
    on_query_reply(attempt.query, *reply);
  }
}

// --- Seals -----------------------------------------------------------------------------------------------------------

void Producers::on_seal_reply(int vaultd, std::uint64_t number, const Reply& reply) {
  LogicalRequest& request = requests_.at(number);
  if (reply.error) return on_seal_refused(request, number, *reply.error);
  std::vector<Receipt> receipts;
  if (request.seal.batch) {
    auto decoded = decode_receipts(reply.result).and_then(of_ledger);
    require(decoded.has_value(), "receipts that cannot be decoded");
    receipts = std::move(*decoded);
  } else {
    auto decoded = decode_receipt(reply.result).and_then(of_ledger);
    require(decoded.has_value(), "a receipt that cannot be decoded");
    receipts.push_back(std::move(*decoded));
  }
  check_receipts(vaultd, request, receipts);
  require(request.state != State::refused, "a receipt after a refusal for good");
  request.state = State::sealed;
  open_.erase(number);
}

void Producers::check_receipts(int vaultd, const LogicalRequest& request, const std::vector<Receipt>& receipts) {
  require(receipts.size() == request.seal.seals.size(), "not one receipt for each seal");
  std::int64_t last_fresh = 0;
  for (std::size_t i = 0; i < receipts.size(); ++i) {
    const Receipt& receipt = receipts[i];
    world_.invariants.receipt(fleet_[static_cast<std::size_t>(vaultd)]->feed(), receipt, request.seal.seals[i]);
    if (!receipt.duplicate) {
      require(last_fresh == 0 || receipt.entry.sequence == last_fresh + 1, "a batch's new seals are not contiguous");
      last_fresh = receipt.entry.sequence;
    }
    require(receipt.proof.has_value() == request.seal.sign, "a proof where none was asked for, or none where one was");
    if (receipt.proof) check_signature(receipt, request.seal.seals[i]);
  }
}

void Producers::check_signature(const Receipt& receipt, const Seal& seal) {
  ++world_.coverage["receipt.signed"];
  const auto peeked = peek_checkpoint(receipt.proof->checkpoint);
  require(peeked.has_value(), "a signed receipt whose checkpoint cannot be read");
  const auto checked = check_receipt(receipt, key_of(peeked->origin).verifier(), seal.seal_data);
  require(checked.has_value(), "a signed receipt that does not check: " + (checked ? "" : checked.error().message));
  world_.invariants.signed_checkpoint(receipt.proof->checkpoint);
}

void Producers::on_seal_refused(LogicalRequest& request, std::uint64_t number, const Error& error) {
  if (is_retryable_code(error.code)) {
    const Micros again_at = world_.now + world_.random.between(10 * millisecond, second);
    if (const auto open = open_.find(number); open != open_.end()) open->second = std::min(open->second, again_at);
    return;
  }
  if (world_.invariants.history_lost()) {
    // From a server that no longer exists.
  } else if (error.code == ErrorCode::seal_id_conflict) {
    world_.invariants.conflict(request.seal.seals, number);
  } else {
    require(error.code == ErrorCode::internal && request.poisoned, "a good seal was refused: " + error.message);
  }
  require(request.state != State::sealed, "a refusal after a receipt");
  request.state = State::refused;
  open_.erase(number);
}

// --- Queries ---------------------------------------------------------------------------------------------------------

void Producers::on_query_reply(const Operation& query, const Reply& reply) {
  if (world_.invariants.history_lost()) return;  // it may be an answer of the previous server
  if (reply.error) {
    require(reply.error->code != ErrorCode::internal && reply.error->code != ErrorCode::seal_id_conflict,
            "a query failed: " + reply.error->message);
    return;
  }
  if (std::holds_alternative<ReadRequest>(query)) {
    const auto entry = decode_entry(reply.result).and_then(of_ledger);
    require(entry.has_value(), "an entry that cannot be decoded");
    const auto& entries = world_.database.state.entries;
    require(entry->sequence <= std::ssize(entries), "an entry that is not there");
    require(*entry == entries[static_cast<std::size_t>(entry->sequence - 1)], "an entry that differs from the row");
  } else if (std::holds_alternative<VerifyRangeRequest>(query)) {
    const auto result = decode_verify(reply.result);
    require(result.has_value(), "a verification that cannot be decoded");
    require(result->valid || world_.invariants.rollback_is_fine,
            "verify found fault with a good ledger: " + result->reason.value_or("?"));
    ++world_.coverage["query.verify"];
  } else if (std::holds_alternative<ProofRequest>(query)) {
    const auto result = decode_proof(reply.result);
    require(result.has_value(), "a proof that cannot be decoded");
    check_proof(*result);
  } else if (std::holds_alternative<ConsistencyRequest>(query)) {
    const auto result = decode_consistency(reply.result);
    require(result.has_value(), "a consistency proof that cannot be decoded");
    const auto from = static_cast<std::uint64_t>(result->first);
    const auto to = static_cast<std::uint64_t>(result->second);
    require(from <= to && to <= world_.invariants.size(), "a consistency proof beyond the ledger");
    require(result->first_root == world_.invariants.root(from) && result->second_root == world_.invariants.root(to),
            "a consistency proof of other roots");
    require(from == 0 || verify_consistency(from, to, result->first_root, result->second_root, result->proof),
            "a consistency proof that does not check");
    ++world_.coverage["query.consistency"];
  } else if (std::holds_alternative<CheckpointRequest>(query)) {
    const auto result = decode_checkpoint(reply.result);
    require(result.has_value(), "a checkpoint that cannot be decoded");
    world_.invariants.signed_checkpoint(result->checkpoint);
  } else if (std::holds_alternative<HeadRequest>(query)) {
    const auto head = decode_head(reply.result);
    require(head.has_value(), "a head that cannot be decoded");
    require(head->merkle_root == world_.invariants.root(static_cast<std::size_t>(head->sequence)),
            "a head of no ledger");
  }
}

void Producers::check_proof(const ProofResult& result) {
  const auto size = static_cast<std::uint64_t>(result.tree_size);
  const auto index = static_cast<std::uint64_t>(result.leaf_index);
  require(size <= world_.invariants.size() && index < size, "an inclusion proof beyond the ledger");
  require(result.merkle_root == world_.invariants.root(size), "an inclusion proof under another root");
  require(result.entry_hash == world_.database.state.entries[index].entry_hash, "an inclusion proof of another entry");
  require(verify_inclusion(result.entry_hash, index, size, result.proof, result.merkle_root).has_value(),
          "an inclusion proof that does not check");
  ++world_.coverage["query.proof"];
}

}  // namespace vault::sim
