// Requests out of MessagePack: which operation, with which arguments.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <initializer_list>
#include <utility>
#include <vector>

#include "wire/codec.hpp"
#include "wire/members.hpp"
#include "wire/request_visitor.hpp"

namespace vault {
namespace {

constexpr std::size_t scratch_nodes_kept = 65'536;
constexpr std::size_t id_bytes_max = std::size_t{1} << 20;  // ids beyond this are not searched for

using M = Member;

// The arguments of one operation; yields the operation or the first refusal.
struct Arguments {
  RequestVisitor& visitor;
  ScalarReader reader;

  const Scalar& at(M member) const { return visitor.scalar(member); }
  bool has(M member) const { return at(member).present(); }
  std::optional<bool> boolean(M member) { return reader.boolean(at(member), member_name(member)); }
  std::optional<std::int64_t> integer(M member, std::int64_t min, std::int64_t max = INT64_MAX) {
    return reader.integer(at(member), member_name(member), min, max);
  }
  std::optional<std::string> name(M member) { return reader.checked_name(at(member), member_name(member)); }
  std::optional<Timestamp> timestamp(M member) { return reader.timestamp(at(member), member_name(member)); }
  void require(M member) { reader.require(at(member), member_name(member)); }
  void refuse(M member, std::string message) { reader.refuse(member_name(member), std::move(message)); }
};

using Decoded = Result<Operation>;

Decoded decode_seal(Arguments& arguments) {
  RequestVisitor& visitor = arguments.visitor;
  if (visitor.seal_error) return tl::unexpected(*visitor.seal_error);
  if (visitor.seal.empty()) return fail(ErrorCode::invalid_argument, "seal is required", "seal");
  const auto sign = arguments.boolean(M::sign);
  return SealRequest{.seals = std::move(visitor.seal), .batch = false, .sign = sign.value_or(false)};
}

Decoded decode_seal_batch(Arguments& arguments) {
  RequestVisitor& visitor = arguments.visitor;
  if (visitor.seals_error) return tl::unexpected(*visitor.seals_error);
  if (visitor.seals.empty()) return fail(ErrorCode::invalid_argument, "seals is required", "seals");
  const auto sign = arguments.boolean(M::sign);
  return SealRequest{.seals = std::move(visitor.seals), .batch = true, .sign = sign.value_or(false)};
}

void read_paging(Arguments& arguments, PageRequest& page) {
  page.cursor = arguments.integer(M::cursor, 0);
  page.limit = static_cast<std::size_t>(
      arguments.integer(M::limit, 1, limits::list_limit_max).value_or(limits::list_limit_default));
}

Decoded decode_read(Arguments& arguments) {
  constexpr std::string_view rule = "exactly one of sequence, seal_id and session_id is required";
  ReadRequest request;
  int given = 0;
  for (const M member : {M::sequence, M::seal_id, M::session_id}) {
    if (!arguments.has(member)) continue;
    if (++given == 2) arguments.refuse(member, std::string(rule));
  }
  if (given == 0) arguments.refuse(M::sequence, std::string(rule));
  request.sequence = arguments.integer(M::sequence, 1);
  request.seal_id = arguments.reader.uuid(arguments.at(M::seal_id), member_name(M::seal_id));
  if (arguments.has(M::session_id)) {
    PageRequest page;
    page.order = Order::ascending;
    page.session_id = arguments.name(M::session_id);
    read_paging(arguments, page);
    request.session = std::move(page);
  }
  return request;
}

void read_order(Arguments& arguments, PageRequest& page) {
  page.order = arguments.reader.order(arguments.at(M::order), member_name(M::order)).value_or(Order::descending);
}

Decoded decode_list(Arguments& arguments) {
  ListRequest request;
  read_paging(arguments, request.page);
  read_order(arguments, request.page);
  return request;
}

Decoded decode_query(Arguments& arguments) {
  ListRequest request;
  PageRequest& page = request.page;
  page.verdict = arguments.reader.verdict(arguments.at(M::verdict), member_name(M::verdict));
  page.session_id = arguments.name(M::session_id);
  page.authority = arguments.name(M::authority);
  page.from = arguments.timestamp(M::from);
  page.to = arguments.timestamp(M::to);
  read_paging(arguments, page);
  read_order(arguments, page);
  return request;
}

Decoded decode_verify(Arguments& arguments) {
  VerifyRangeRequest request;
  request.from = arguments.integer(M::from, 1);
  request.to = arguments.integer(M::to, 1);
  request.progress = arguments.boolean(M::progress).value_or(false);
  if (request.from && request.to && *request.to < *request.from) arguments.refuse(M::to, "to must not be below from");
  return request;
}

Decoded decode_proof(Arguments& arguments) {
  arguments.require(M::sequence);
  ProofRequest request;
  request.sequence = arguments.integer(M::sequence, 1).value_or(0);
  request.tree_size = arguments.integer(M::tree_size, 1);
  if (request.tree_size && *request.tree_size < request.sequence) {
    arguments.refuse(M::tree_size, "tree_size must not be below sequence");
  }
  return request;
}

Decoded decode_consistency(Arguments& arguments) {
  arguments.require(M::first);
  ConsistencyRequest request;
  request.first = arguments.integer(M::first, 0).value_or(0);
  request.second = arguments.integer(M::second, 0);
  if (request.second && *request.second < request.first) {
    arguments.refuse(M::second, "second must not be below first");
  }
  return request;
}

Decoded decode_tile(Arguments& arguments) {
  arguments.require(M::level);
  arguments.require(M::index);
  TileRequest request;
  request.level = arguments.integer(M::level, 0, 63).value_or(0);
  request.index = arguments.integer(M::index, 0).value_or(0);
  request.width = arguments.integer(M::width, 1, limits::tile_width).value_or(limits::tile_width);
  return request;
}

Decoded decode_entry_bundle(Arguments& arguments) {
  arguments.require(M::index);
  EntryBundleRequest request;
  request.index = arguments.integer(M::index, 0).value_or(0);
  request.width = arguments.integer(M::width, 1, limits::tile_width).value_or(limits::tile_width);
  return request;
}

constexpr MemberSet set(std::initializer_list<M> members) {
  MemberSet out = 0;
  for (const M member : members) out |= bit(member);
  return out;
}
constexpr MemberSet every = set({M::v, M::id, M::op});
constexpr MemberSet reading = every | set({M::at_least});  // members that every reading operation takes
constexpr MemberSet paging = reading | set({M::cursor, M::limit});

struct OperationDecoder {
  std::string_view op;
  MemberSet members;  // every member that it takes
  Decoded (*decode)(Arguments&);
};
constexpr OperationDecoder decoders[] = {
    {"seal", every | set({M::seal, M::sign}), decode_seal},
    {"seal_batch", every | set({M::seals, M::sign}), decode_seal_batch},
    {"read", paging | set({M::sequence, M::seal_id, M::session_id}), decode_read},
    {"list", paging | set({M::order}), decode_list},
    {"query", paging | set({M::verdict, M::session_id, M::authority, M::from, M::to, M::order}), decode_query},
    {"verify", reading | set({M::from, M::to, M::progress}), decode_verify},
    {"proof", reading | set({M::sequence, M::tree_size}), decode_proof},
    {"consistency", reading | set({M::first, M::second}), decode_consistency},
    {"tile", reading | set({M::level, M::index, M::width}), decode_tile},
    {"entry_bundle", reading | set({M::index, M::width}), decode_entry_bundle},
    {"checkpoint", reading, [](Arguments&) -> Decoded { return CheckpointRequest{}; }},
    {"head", reading, [](Arguments&) -> Decoded { return HeadRequest{}; }},
    {"status", every, [](Arguments&) -> Decoded { return StatusRequest{}; }},
};

bool reads_ledger(const Operation& operation) {
  return !std::holds_alternative<SealRequest>(operation) && !std::holds_alternative<StatusRequest>(operation);
}

// The first member that the operation does not take: preferably one that no operation takes.
std::optional<Error> other_member(const RequestVisitor& visitor, const OperationDecoder& decoder) {
  std::optional<std::string_view> name = visitor.unknown_name();
  if (!name && (visitor.seen() & ~decoder.members) == 0) return std::nullopt;
  std::vector<std::string_view> known;
  for (std::size_t i = 0; i < static_cast<std::size_t>(M::unknown); ++i) {
    const auto member = static_cast<M>(i);
    const bool takes = (decoder.members & bit(member)) != 0;
    if (takes) known.push_back(member_name(member));
    if (!takes && !name && (visitor.seen() & bit(member)) != 0) name = member_name(member);
  }
  return unknown_member(decoder.op, {}, *name, known);
}

Error other_operation(const Scalar& op) {
  std::vector<std::string_view> known;
  for (const OperationDecoder& decoder : decoders) known.push_back(decoder.op);
  const bool named = op.kind == Scalar::Kind::string;
  return unknown_operation(named ? std::optional<std::string_view>(op.text) : std::nullopt, known);
}

// The refusals of a well-formed map, in the order of docs/protocol.md, "Errors".
Decoded decode_operation(RequestVisitor& visitor, std::int64_t& at_least) {
  const Scalar& version = visitor.scalar(M::v);
  if (version.kind != Scalar::Kind::integer || version.integer != 1) {
    return fail(ErrorCode::unsupported_version, "v must be 1: this vaultd speaks version 1 of the protocol", "v");
  }
  const Scalar& op = visitor.scalar(M::op);
  const OperationDecoder* decoder = nullptr;
  for (const OperationDecoder& known : decoders) {
    if (op.kind == Scalar::Kind::string && op.text == known.op) decoder = &known;
  }
  if (decoder == nullptr) return tl::unexpected(other_operation(op));
  if (visitor.structure_error) return tl::unexpected(*visitor.structure_error);
  if (auto error = other_member(visitor, *decoder)) return tl::unexpected(std::move(*error));
  Arguments arguments{visitor, ScalarReader{}};
  Decoded decoded = decoder->decode(arguments);
  if (decoded && reads_ledger(*decoded)) at_least = arguments.integer(M::at_least, 0).value_or(0);
  if (decoded && arguments.reader.error()) return tl::unexpected(*arguments.reader.error());
  return decoded;
}

// An oversized message is answered under its own id if that lies in the part that fits.
RequestId find_id(std::string_view message, const CodecLimits& limits, JsonDocument& scratch) {
  RequestVisitor visitor(message, limits, true, scratch);
  std::size_t offset = 0;
  msgpack::parse(message.data(), message.size(), offset, visitor);
  return visitor.id();
}

tl::expected<Request, DecodeFailure> decode(std::string_view message, const CodecLimits& limits,
                                            JsonDocument& scratch) {
  if (message.size() > limits.message_bytes_max) {
    return tl::unexpected(DecodeFailure{
        find_id(message.substr(0, std::min(limits.message_bytes_max, id_bytes_max)), limits, scratch),
        {ErrorCode::too_large,
         fmt::format("a message of {} bytes is over max_message_bytes ({})", message.size(), limits.message_bytes_max),
         {}}});
  }
  RequestVisitor visitor(message, limits, false, scratch);
  std::size_t offset = 0;
  const bool parsed = msgpack::parse(message.data(), message.size(), offset, visitor);
  const auto refuse = [&](Error error) { return tl::unexpected(DecodeFailure{visitor.id(), std::move(error)}); };
  if (visitor.message_error) return refuse(std::move(*visitor.message_error));
  if (visitor.stopped()) return refuse(std::move(*visitor.structure_error));
  if (!parsed) return refuse({ErrorCode::invalid_message, "truncated, or not MessagePack", {}});
  if (offset != message.size()) {
    return refuse({ErrorCode::invalid_message, "bytes follow the map that is the message", {}});
  }
  std::int64_t at_least = 0;
  Decoded operation = decode_operation(visitor, at_least);
  if (!operation) return refuse(std::move(operation.error()));
  return Request{visitor.id(), std::move(*operation), at_least};
}

}  // namespace

RequestId find_request_id(std::string_view message) {
  try {
    JsonDocument scratch;
    return find_id(message.substr(0, id_bytes_max), CodecLimits{}, scratch);
  } catch (const std::exception&) {  // not MessagePack, or out of memory
    return {};
  }
}

tl::expected<Request, DecodeFailure> decode_request(std::string_view message, const CodecLimits& limits) {
  // One payload's tape, reused from message to message unless it has grown unusually large.
  thread_local JsonDocument scratch;
  try {
    auto request = decode(message, limits, scratch);
    if (scratch.nodes().capacity() > scratch_nodes_kept) scratch = JsonDocument{};
    return request;
  } catch (const msgpack::unpack_error& error) {
    return tl::unexpected(DecodeFailure{{}, {ErrorCode::invalid_message, error.what(), {}}});
  } catch (const std::exception& error) {  // out of memory
    return tl::unexpected(DecodeFailure{{}, {ErrorCode::internal, error.what(), {}}});
  }
}

}  // namespace vault
