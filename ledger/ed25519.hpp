// One Ed25519 signature (RFC 8032), for callers that have already parsed the key and the note.
#pragma once

#include <string>

#include "ledger/bytes.hpp"

namespace vault {

struct SignedMessage {
  std::string message;
  std::string signature;  // 64 bytes
};

// Cost: about 0.1 ms.
bool verify_ed25519(const Hash& public_key, const SignedMessage& one);

}  // namespace vault
