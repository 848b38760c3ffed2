// What a file of evidence proves, by nothing but its text and the log's key. Pure.
//
// A file that is malformed proves nothing, so these errors are answers: they are invalid_argument, whose message says
// what is wrong.
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

// What a file wants to be, by how it begins and what members it has; whether it is well formed, the checks find.
Evidence recognise(std::string_view text);
std::string_view evidence_name(Evidence kind);  // "proof"

// What was found to hold.
struct Proven {
  Checkpoint checkpoint;
  std::uint64_t index = 0;
  Hash entry_hash{};
  std::optional<Entry> entry;  // as far as the leaf tells; without payload
  std::string payload;         // "checked" or "not checked"
};

// A proof file; with `entry_text` also that this entry (as JSON), payload included, is the one proven.
Result<Proven> check_proof_text(const std::string& text, const VerifierKey& key,
                                const std::optional<std::string>& entry_text);
// A signed receipt; with `data` also that this payload is the one sealed.
Result<Proven> check_receipt_text(const std::string& text, const VerifierKey& key,
                                  const std::optional<std::string>& data);

// Why `text` does not check, for people: what happened to it on its way (a mail turned its line ends, say) goes before
// what is wrong with it line by line. `wanted`: what it was taken for.
std::string why_invalid(const Error& error, std::string_view text, Evidence wanted);

}  // namespace vault::ctl
