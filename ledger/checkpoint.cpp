#include "ledger/checkpoint.hpp"

#include <fmt/format.h>

#include <utility>

#include "ledger/check.hpp"
#include "ledger/limits.hpp"
#include "ledger/line_reader.hpp"
#include "ledger/merkle_hash.hpp"

namespace vault {
namespace {}  // namespace

std::string format_checkpoint(const Checkpoint& checkpoint) {
  return fmt::format("{}\n{}\n{}\n", checkpoint.origin, checkpoint.tree_size, to_base64(as_view(checkpoint.root)));
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  LineReader lines(text);
  Checkpoint checkpoint;
  const auto origin = lines.next();
  if (!origin || !check_key_name(*origin)) return refuse_argument("line 1: not an origin");
  checkpoint.origin = *origin;
  const auto size = parse_decimal(lines.next().value_or(""));
  // A tree beyond the largest possible sequence cannot be ours, and callers count leaves as sequences.
  if (!size || *size > std::uint64_t{limits::sequence_max}) return refuse_argument("line 2: not a tree size");
  checkpoint.tree_size = static_cast<std::int64_t>(*size);
  const auto root = from_base64(lines.next().value_or(""));
  const auto hash = array_from_bytes<32>(root.value_or(""));
  if (!hash) return refuse_argument("line 3: not the base64 of a root");
  if (*size == 0 && *hash != empty_root()) return refuse_argument("line 3: not the root of the empty tree");
  checkpoint.root = *hash;
  if (!lines.rest().empty()) return refuse_argument("line 4: a checkpoint has three lines");
  return checkpoint;
}

std::string sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key) {
  VAULT_CHECK(checkpoint.origin == key.name());
  SignedNote note{format_checkpoint(checkpoint), {}};
  note.signatures.push_back(key.sign(note.text));
  return format_note(note);
}

Result<Checkpoint> open_checkpoint(std::string_view note, const VerifierKey& key) {
  if (key.type != KeyType::ed25519)
    return refuse_argument("a log's key is of type 1; a cosignature alone opens no checkpoint");
  Result<SignedNote> parsed = parse_note(note);
  if (!parsed) return tl::unexpected(std::move(parsed.error()));
  if (Status verified = verify_note(*parsed, key); !verified) return tl::unexpected(std::move(verified.error()));
  Result<Checkpoint> checkpoint = parse_checkpoint(parsed->text);
  if (checkpoint && checkpoint->origin != key.name) {
    return refuse_argument(fmt::format("line 1: the origin is not the key's name, {}", key.name));
  }
  return checkpoint;
}

Result<Checkpoint> peek_checkpoint(std::string_view note) {
  Result<SignedNote> parsed = parse_note(note);
  if (!parsed) return tl::unexpected(std::move(parsed.error()));
  return parse_checkpoint(parsed->text);
}

}  // namespace vault
