// Many Ed25519 signatures (RFC 8032): one after the other in a thread, in several threads at once.
//
// A ledger that seals about once a second has a stored checkpoint a row, and a signature costs ten times what its row
// does. libsodium verifies one in less than half of OpenSSL's time. What it takes, OpenSSL takes; it also refuses keys
// of small order, so that of what it refuses OpenSSL has the last word, as everywhere else here.
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

// Index of the first that does not verify. `threads`: at most this many work at once, the caller's among them.
// Cost: about 0.04 ms each, divided by the threads that get a processor.
std::optional<std::size_t> first_bad_signature(std::span<const KeyedMessage> all, unsigned threads);

}  // namespace vault
