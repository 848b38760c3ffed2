#include "tools/vaultctl/offline_check.hpp"

#include "ledger/canonical_json.hpp"
#include "ledger/limits.hpp"
#include "ledger/merkle_hash.hpp"
#include "ledger/proof_file.hpp"
#include "tools/common/ledger_json.hpp"
#include "tools/vaultctl/evidence.hpp"

namespace vault::ctl {
namespace {

constexpr std::string_view proof_begins = "c2sp.org/tlog-proof@";

std::string describe_error(const Error& error) {
  return error.field.empty() ? error.message : error.message + " [" + error.field + "]";
}

// The entry's claim about the root at its own sequence.
Status check_root(const Hash& claimed, const Hash& leaf, std::uint64_t index, std::uint64_t size, const Proof& proof) {
  const auto root = root_at_leaf(leaf, index, size, proof);
  if (!root) return tl::unexpected(root.error());
  if (*root != claimed) {
    return fail(ErrorCode::invalid_argument, "merkle_root is not the root of the tree that ends with this entry",
                "merkle_root");
  }
  return {};
}

Status compare_entry(const EntryText& entry, const ProofFile& file, const std::string& leaf_data) {
  if (static_cast<std::uint64_t>(entry.entry.sequence) - 1 != file.index) {
    return fail(ErrorCode::invalid_argument,
                "the proof is of entry " + std::to_string(file.index + 1) + ", not of this one (" +
                    std::to_string(entry.entry.sequence) + ")",
                "sequence");
  }
  if (file.extra && *file.extra != leaf_data) {
    return fail(ErrorCode::invalid_argument, "the entry is not the one that is proven: its leaf differs");
  }
  return {};
}

// The leaf's own sequence must be where the proof puts it. A leaf that is not an envelope has none.
Status check_leaf_sequence(const ProofFile& file) {
  const auto envelope = JsonObject::split(*file.extra);
  if (!envelope || !envelope->has("sequence")) return {};
  const auto sequence = envelope->integer("sequence");
  if (sequence && *sequence >= 1 && static_cast<std::uint64_t>(*sequence) - 1 == file.index) return {};
  return fail(ErrorCode::invalid_argument, "the leaf's sequence does not fit the proof's index", "sequence");
}

}  // namespace

Evidence recognise(std::string_view text) {
  if (text.starts_with(proof_begins)) return Evidence::proof;
  std::string plain(text);
  std::erase(plain, '\r');
  if (peek_checkpoint(plain)) return Evidence::checkpoint;
  const auto object = JsonObject::split(text);
  if (!object) return Evidence::other;
  if (!object->has("sequence")) return object->has("entry") ? Evidence::entry : Evidence::other;
  if (!object->has("session_id")) return Evidence::other;
  return object->has("seal_data") ? Evidence::entry : Evidence::receipt;
}

std::string_view evidence_name(Evidence kind) {
  switch (kind) {
    case Evidence::proof:
      return "proof";
    case Evidence::receipt:
      return "receipt";
    case Evidence::entry:
      return "entry";
    case Evidence::checkpoint:
      return "checkpoint";
    case Evidence::other:
      break;
  }
  return "unknown";
}

Result<Proven> check_proof_text(const std::string& text, const VerifierKey& key,
                                const std::optional<std::string>& entry_text) {
  auto file = parse_proof_file(text);
  if (!file) return tl::unexpected(file.error());
  std::string payload = "not checked (--entry FILE checks it)";
  std::optional<EntryText> entry;
  if (entry_text) {
    const auto parsed = parse_entry_json(*entry_text);
    if (!parsed) return fail(ErrorCode::invalid_argument, "the entry file: " + describe_error(parsed.error()));
    entry = *parsed;
    const auto leaf_data = rebuild_leaf(*entry);
    if (!leaf_data) return fail(ErrorCode::invalid_argument, "the entry file: " + describe_error(leaf_data.error()));
    if (const Status same = compare_entry(*entry, *file, *leaf_data); !same) {
      return tl::unexpected(same.error());
    }
    file->extra = *leaf_data;  // a proof file may leave the leaf out
    payload = "checked";
  }
  auto checkpoint = check_proof_file(*file, key);
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  Proven proven{std::move(*checkpoint), file->index, hash_leaf(*file->extra), {}, std::move(payload)};
  if (const Status fits = check_leaf_sequence(*file); !fits) return tl::unexpected(fits.error());
  if (entry && entry->has_merkle_root) {
    const Status fits =
        check_root(entry->entry.merkle_root, proven.entry_hash, file->index, proven.checkpoint.tree_size, file->proof);
    if (!fits) return fail(ErrorCode::invalid_argument, "the entry file: " + describe_error(fits.error()));
  }
  if (auto leaf = parse_entry_json(*file->extra)) proven.entry = std::move(leaf->entry);
  return proven;
}

Result<Proven> check_receipt_text(const std::string& text, const VerifierKey& key,
                                  const std::optional<std::string>& data) {
  const auto receipt = parse_receipt_json(text);
  if (!receipt) return tl::unexpected(receipt.error());
  std::optional<std::string> canonical;
  if (data) {
    auto result = canonicalize(*data, {.bytes_max = limits::seal_bytes_max, .bound_numbers = false});
    if (!result) return fail(ErrorCode::invalid_argument, "the payload: " + describe_error(result.error()));
    canonical = std::move(*result);
  }
  auto checkpoint = check_receipt(*receipt, key, canonical);
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  const Entry& entry = receipt->entry;
  const Status fits = check_root(entry.merkle_root, entry.entry_hash, receipt->proof->leaf_index,
                                 receipt->proof->tree_size, receipt->proof->proof);
  if (!fits) return tl::unexpected(fits.error());
  return Proven{std::move(*checkpoint), receipt->proof->leaf_index, entry.entry_hash, entry,
                canonical ? "checked" : "not checked (--data-file FILE checks it)"};
}

std::string why_invalid(const Error& error, std::string_view text, Evidence wanted) {
  if (wanted != Evidence::receipt && text.find("\r\n") != std::string_view::npos) {
    return "its line ends were changed on the way (CRLF); turn them back (dos2unix) and check again";
  }
  if (const Evidence found = recognise(text); found != wanted && found != Evidence::other) {
    const std::string_view name = evidence_name(found);
    return "this is " + std::string(found == Evidence::entry ? "an " : "a ") + std::string(name) + ", not a " +
           std::string(evidence_name(wanted)) + "; `vaultctl check` finds out by itself";
  }
  if (wanted != Evidence::receipt && !text.empty() && text.back() != '\n') {
    return "its last line end is missing, or what followed it";
  }
  return describe_error(error);
}

}  // namespace vault::ctl
