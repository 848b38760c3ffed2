// Replies out of MessagePack, for clients.
#include <utility>

#include "wire/codec.hpp"
#include "wire/error.hpp"
#include "wire/unpacked.hpp"

namespace vault {
namespace {

Error read_error(const msgpack::object& object) {
  MapReader map(object);
  Error error;
  error.code = parse_error_name(map.text("code")).value_or(ErrorCode::internal);
  error.message = map.text("message");
  error.field = map.optional_text("field").value_or("");
  return error;
}

// Unpacks a result and hands its map to `read`.
template <class T, class Read>
Result<T> decode(std::string_view result, Read read) {
  auto unpacked = unpack(result);
  if (!unpacked) return tl::unexpected(unpacked.error());
  MapReader map(unpacked->get());
  T value = read(map);
  return map.finish(std::move(value));
}

// The elements of an array of maps, each read by `read`.
template <class T, class Read>
Result<std::vector<T>> decode_elements(MapReader& map, std::string_view name, Read read) {
  std::vector<T> elements;
  const msgpack::object* array = map.array(name);
  if (array == nullptr) return tl::unexpected(*map.error());
  elements.reserve(array->via.array.size);
  for (std::uint32_t i = 0; i < array->via.array.size; ++i) {
    auto element = read(array->via.array.ptr[i]);
    if (!element) return tl::unexpected(std::move(element.error()));
    elements.push_back(std::move(*element));
  }
  return elements;
}

// Elements that all belong to the ledger, or all to the emergency mode. Error: internal naming the array if they are
// mixed.
template <class Sealed, class Kept>
Result<std::variant<std::vector<Sealed>, std::vector<Kept>>> part(std::vector<std::variant<Sealed, Kept>> elements,
                                                                  std::string_view name, MapReader& map) {
  std::vector<Sealed> sealed;
  std::vector<Kept> kept;
  for (auto& one : elements) {
    if (auto* entry = std::get_if<Sealed>(&one)) sealed.push_back(std::move(*entry));
    if (auto* seal = std::get_if<Kept>(&one)) kept.push_back(std::move(*seal));
  }
  if (kept.empty()) return sealed;
  if (sealed.empty()) return kept;
  map.refuse(name);
  return tl::unexpected(*map.error());
}

}  // namespace

Result<Reply> decode_reply(std::string_view message) {
  auto unpacked = unpack(message);
  if (!unpacked) return tl::unexpected(unpacked.error());
  MapReader map(unpacked->get());
  Reply reply;
  if (!map.is_nil("id")) reply.id = static_cast<std::uint64_t>(map.integer("id"));
  if (map.find("progress") != nullptr) {
    reply.progress = true;
    if (const msgpack::object* progress = map.map("progress")) {
      MapReader counts(*progress);
      reply.checked = counts.integer("checked");
      reply.total = counts.integer("total");
      if (counts.error()) return tl::unexpected(*counts.error());
    }
  } else if (map.boolean("ok")) {
    if (const msgpack::object* result = map.map("result")) {
      msgpack::sbuffer bytes;
      msgpack::pack(bytes, *result);
      reply.result.assign(bytes.data(), bytes.size());
    }
  } else if (!map.error()) {
    if (const msgpack::object* error = map.map("error")) reply.error = read_error(*error);
  }
  return map.finish(std::move(reply));
}

Result<AnyReceipt> decode_receipt(std::string_view result) {
  auto unpacked = unpack(result);
  if (!unpacked) return tl::unexpected(unpacked.error());
  return read_receipt(unpacked->get());
}

Result<AnyReceipts> decode_receipts(std::string_view result) {
  auto unpacked = unpack(result);
  if (!unpacked) return tl::unexpected(unpacked.error());
  MapReader map(unpacked->get());
  auto receipts = decode_elements<AnyReceipt>(map, "receipts", read_receipt);
  if (!receipts) return tl::unexpected(std::move(receipts.error()));
  return part(std::move(*receipts), "receipts", map);
}

Result<AnyEntry> decode_entry(std::string_view result) {
  auto unpacked = unpack(result);
  if (!unpacked) return tl::unexpected(unpacked.error());
  MapReader map(unpacked->get());
  const msgpack::object* entry = map.map("entry");
  if (entry == nullptr) return tl::unexpected(*map.error());
  return read_entry(*entry);
}

Result<AnyEntry> decode_entry_event(std::string_view map) {
  auto unpacked = unpack(map);
  if (!unpacked) return tl::unexpected(unpacked.error());
  return read_entry(unpacked->get());
}

Result<AnyPage> decode_page(std::string_view result) {
  auto unpacked = unpack(result);
  if (!unpacked) return tl::unexpected(unpacked.error());
  MapReader map(unpacked->get());
  auto elements = decode_elements<AnyEntry>(map, "entries", read_entry);
  if (!elements) return tl::unexpected(std::move(elements.error()));
  auto parted = part(std::move(*elements), "entries", map);
  if (!parted) return tl::unexpected(std::move(parted.error()));
  const auto next_cursor = map.optional_integer("next_cursor");
  if (auto* seals = std::get_if<std::vector<KeptSeal>>(&*parted)) {
    return map.finish(AnyPage(KeptPage{std::move(*seals), next_cursor}));
  }
  return map.finish(AnyPage(Page{std::move(std::get<std::vector<Entry>>(*parted)), next_cursor}));
}

Result<VerifyResult> decode_verify(std::string_view result) {
  return decode<VerifyResult>(result, [](MapReader& map) {
    VerifyResult verify;
    verify.valid = map.boolean("valid");
    verify.first_invalid_sequence = map.optional_integer("first_invalid_sequence");
    verify.reason = map.optional_text("reason");
    verify.checked = map.integer("checked");
    verify.from = map.integer("from");
    verify.to = map.integer("to");
    verify.head_hash = map.hash("head_hash");
    verify.merkle_root = map.hash("merkle_root");
    verify.elapsed_ms = map.integer("elapsed_ms");
    return verify;
  });
}

Result<ProofResult> decode_proof(std::string_view result) {
  return decode<ProofResult>(result, [](MapReader& map) {
    ProofResult proof;
    proof.sequence = map.integer("sequence");
    proof.leaf_index = map.integer("leaf_index");
    proof.tree_size = map.integer("tree_size");
    proof.entry_hash = map.hash("entry_hash");
    proof.merkle_root = map.hash("merkle_root");
    proof.proof = map.proof("proof");
    proof.checkpoint = map.optional_text("checkpoint");
    return proof;
  });
}

Result<ConsistencyResult> decode_consistency(std::string_view result) {
  return decode<ConsistencyResult>(result, [](MapReader& map) {
    ConsistencyResult consistency;
    consistency.first = map.integer("first");
    consistency.second = map.integer("second");
    consistency.first_root = map.hash("first_root");
    consistency.second_root = map.hash("second_root");
    consistency.proof = map.proof("proof");
    return consistency;
  });
}

Result<CheckpointResult> decode_checkpoint(std::string_view result) {
  return decode<CheckpointResult>(result, [](MapReader& map) {
    CheckpointResult checkpoint;
    checkpoint.checkpoint = map.text("checkpoint");
    checkpoint.tree_size = map.integer("tree_size");
    checkpoint.vkey = map.text("vkey");
    return checkpoint;
  });
}

Result<Head> decode_head(std::string_view result) {
  return decode<Head>(result, [](MapReader& map) {
    Head head;
    head.sequence = map.integer("sequence");
    head.entry_hash = map.hash("entry_hash");
    head.merkle_root = map.hash("merkle_root");
    if (head.sequence > 0) head.timestamp = map.timestamp("timestamp");
    return head;
  });
}

}  // namespace vault
