// Determines what a file of evidence proves, from nothing but its text and the log's key. Pure.
//
// A malformed file proves nothing, so these errors are answers: they are invalid_argument with a message saying what is
// wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/checkpoint.hpp"
#include "ledger/entry.hpp"
#include "ledger/result.hpp"

namespace vault::ctl {

enum class Evidence { proof, receipt, entry, checkpoint, other };

// The kind of evidence that a file appears to be, by its beginning and its members; the checks find out whether it is
// well formed.
Evidence recognise(std::string_view text);
std::string_view evidence_name(Evidence kind);  // "proof"

// Facts that were found to hold.
struct Proven {
  Checkpoint checkpoint;
  std::uint64_t index = 0;
  Hash entry_hash{};
  std::optional<Entry> entry;  // as far as the leaf shows; without payload
  std::string payload;         // "checked" or "not checked"
};

// A proof file; with `entry_text`, also checks that this entry (as JSON), payload included, is the proven one.
Result<Proven> check_proof_text(const std::string& text, const VerifierKey& key,
                                const std::optional<std::string>& entry_text);
// A signed receipt; with `data`, also checks that this payload is the sealed one.
Result<Proven> check_receipt_text(const std::string& text, const VerifierKey& key,
                                  const std::optional<std::string>& data);

// Why `text` does not check, for people: damage in transit (line ends changed by a mail program, say) is named in
// preference to the error that it causes. `wanted`: the expected kind of evidence.
std::string why_invalid(const Error& error, std::string_view text, Evidence wanted);

}  // namespace vault::ctl
