// MessagePack to messages and back (docs/protocol.md, "Frames", "Operations").
//
// Decoding is one pass over the bytes without a tree in between: payloads go straight into canonical text, and memory
// stays in proportion to the limits, whatever a container announces.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "ledger/json.hpp"
#include "ledger/limits.hpp"
#include "wire/message.hpp"

namespace vault {

struct CodecLimits {
  std::size_t message_bytes_max = limits::message_bytes_default;
  std::size_t seal_bytes_max = limits::seal_bytes_default;
};

struct DecodeFailure {
  RequestId id;  // nil if it could not be read
  Error error;
};

// Decodes one request. Codes, first match wins: too_large (message_bytes_max), invalid_message (not MessagePack, not a
// map, trailing bytes, a container that announces more than is there, a key that is not a string), then
// unsupported_version, unknown_op, then invalid_argument / too_large with the member's path in `field`
// ("seal.session_id", "seals[3].seal_data.score"). Members that the operation or a seal does not know are
// invalid_argument, except names that begin with "x-", which are ignored; a duplicate name in any map is
// invalid_argument. Never throws.
tl::expected<Request, DecodeFailure> decode_request(std::string_view message, const CodecLimits& limits);

// The id of a request that is refused without decoding; nil if it is not within the first MiB. Never throws.
RequestId find_request_id(std::string_view message);

// {"v":1,"id":...,"ok":true,"result":{...}}
std::string encode_reply(const RequestId& id, const ReplyBody& body);
// {"v":1,"id":...,"ok":false,"error":{...}}
std::string encode_error_reply(const RequestId& id, const Error& error);
// {"v":1,"id":...,"progress":{"checked":...,"total":...}}
std::string encode_progress(const RequestId& id, std::int64_t checked, std::int64_t total);

// The MessagePack form of a JSON document, appended to `out`: integers as integers, other numbers as float 64.
void append_msgpack(const JsonDocument& document, std::string& out);

// --- The client's side -----------------------------------------------------------------------------------------------

// {"v":1,"id":<unsigned>,"op":...,...} for each operation. Seals carry canonical text, which becomes a map again.
// `at_least` goes with reading operations; 0: none.
std::string encode_request(std::uint64_t id, const Operation& operation, std::int64_t at_least = 0);

struct Reply {
  std::uint64_t id = 0;
  std::string result;  // MessagePack of the `result` map, or empty
  std::optional<Error> error;
  bool progress = false;  // a progress message; checked and total are set
  std::int64_t checked = 0, total = 0;
};
// Error: internal if the bytes are not a reply of this protocol.
Result<Reply> decode_reply(std::string_view message);

// Typed results out of a `result` map. Error: internal naming the member that is missing or of the wrong type. Answers
// of a vaultd in the emergency mode have types of their own (ledger/kept_seal.hpp); of_ledger() refuses them.
Result<AnyReceipt> decode_receipt(std::string_view result);
Result<AnyReceipts> decode_receipts(std::string_view result);
Result<AnyEntry> decode_entry(std::string_view result);  // {entry: {...}}
Result<AnyPage> decode_page(std::string_view result);
// The entry described by an event's map (`entry`, `receipt`), with payload and salt if they were published.
Result<AnyEntry> decode_entry_event(std::string_view map);
Result<VerifyResult> decode_verify(std::string_view result);
Result<ProofResult> decode_proof(std::string_view result);
Result<ConsistencyResult> decode_consistency(std::string_view result);
Result<CheckpointResult> decode_checkpoint(std::string_view result);
Result<Head> decode_head(std::string_view result);

}  // namespace vault
