// Arbitrary bytes: decode_request() must answer, within its limits. Accepted requests must survive re-encoding.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ledger/check.hpp"
#include "wire/codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  // Small limits, so that small inputs reach them.
  const vault::CodecLimits limits{.message_bytes_max = 4096, .seal_bytes_max = 512};
  const auto request = vault::decode_request(message, limits);
  if (!request) {
    VAULT_CHECK(!request.error().error.message.empty());
    VAULT_CHECK(!request.error().id.msgpack.empty());
    (void)vault::encode_error_reply(request.error().id, request.error().error);
    return 0;
  }
  // The producer chooses the order of members and the widths of integers; after one encoding they are ours and stay.
  const std::string encoded = vault::encode_request(7, request->operation);
  const auto again = vault::decode_request(encoded, {.message_bytes_max = 1U << 20, .seal_bytes_max = 512});
  VAULT_CHECK(again.has_value());
  VAULT_CHECK(vault::encode_request(7, again->operation) == encoded);
  return 0;
}
