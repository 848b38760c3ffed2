// Ed25519 signatures by one key, verified many at a time (RFC 8032, section 8.2): one sum over all of them instead of
// one for each.
#pragma once

#include <span>
#include <string>

#include "ledger/bytes.hpp"

namespace vault {

struct SignedMessage {
  std::string message;
  std::string signature;  // 64 bytes
};

// One by itself.
bool verify_ed25519(const Hash& public_key, const SignedMessage& one);

// True: every signature verifies. False: one at least does not, or may not; whoever needs to know asks for each alone.
// A wrong signature passes with a chance of 2^-128, if its maker does not hold the key. Deterministic: the factors that
// make the sum a test of each summand come from a hash of everything that is verified.
// Cost: about 10 us a signature where there are hundreds of them; one alone costs three times as much as by itself.
bool verify_ed25519_batch(const Hash& public_key, std::span<const SignedMessage> batch);

}  // namespace vault
