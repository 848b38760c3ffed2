// Verifies many Ed25519 signatures (RFC 8032), in several threads at once.
//
// A ledger that seals about once a second has one stored checkpoint per row, and a signature costs ten times as much as
// its row. libsodium verifies one in less than half of OpenSSL's time. Whatever it accepts, OpenSSL accepts; but it
// also refuses keys of small order, so OpenSSL decides about whatever it refuses, as everywhere else here.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "ledger/bytes.hpp"
#include "ledger/ed25519.hpp"

namespace vault {

struct KeyedMessage {
  Hash public_key{};
  SignedMessage signed_message;
};

// Index of the first signature that does not verify. `threads`: at most this many work at once, including the caller's.
// Cost: about 0.04 ms each, divided by the threads that get a processor.
std::optional<std::size_t> first_bad_signature(std::span<const KeyedMessage> all, unsigned threads);

}  // namespace vault
