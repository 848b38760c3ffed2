// Converts the body of POST /api/v1/seals to the request that seals it, by the ledger's own JSON rules: duplicate names
// are refused, integers are exact.
#pragma once

#include <string>
#include <string_view>

#include "ledger/result.hpp"
#include "wire/message.hpp"

namespace vault::web {

// `body`: a seal, or {"seals": […]}. `key`: the Idempotency-Key header, or empty. A UUID becomes the seal_id of a
// single seal; other text is hashed into one (UUIDv5). Errors: those of docs/protocol.md, with `field`; a key together
// with a batch, or with a different seal_id, is invalid_argument ("Idempotency-Key").
Result<SealRequest> parse_seal_body(std::string_view body, std::string_view key, bool sign);

}  // namespace vault::web
