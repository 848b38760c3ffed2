#include <variant>

#include "wire/codec.hpp"
#include "wire/packing.hpp"

namespace vault {
namespace {

// A request's members after `v` and `id`, counted before they are written: MessagePack wants the size of a map first.
class RequestPacking {
 public:
  RequestPacking(std::uint64_t id, std::string_view op) : id_(id), op_(op), out_(members_) {}

  Packing& member(std::string_view name) {
    ++count_;
    return out_.key(name);
  }
  void optional(std::string_view name, const std::optional<std::int64_t>& value) {
    if (value) member(name).integer(*value);
  }
  void optional(std::string_view name, const std::optional<std::string>& value) {
    if (value) member(name).text(*value);
  }
  void optional(std::string_view name, const std::optional<Timestamp>& value) {
    if (value) member(name).timestamp(*value);
  }
  std::string finish() const {
    std::string message;
    Packing(message)
        .map(3 + count_)
        .key("v")
        .integer(1)
        .key("id")
        .unsigned_integer(id_)
        .key("op")
        .text(op_)
        .raw(members_);
    return message;
  }

 private:
  std::uint64_t id_;
  std::string_view op_;
  std::string members_;
  Packing out_;
  std::size_t count_ = 0;
};

void pack_seal(Packing& out, const Seal& seal) {
  out.map(seal.seal_id ? 5 : 4);
  out.key("session_id").text(seal.session_id);
  out.key("authority").text(seal.authority);
  out.key("verdict").text(verdict_name(seal.verdict));
  out.key("seal_data");
  if (!out.json(seal.seal_data)) out.nil();  // not canonical text: for vaultd to refuse by name
  if (seal.seal_id) out.key("seal_id").uuid(*seal.seal_id);
}

std::string encode(std::uint64_t id, const SealRequest& request) {
  RequestPacking out(id, request.batch ? "seal_batch" : "seal");
  if (request.batch) {
    Packing& seals = out.member("seals").array(request.seals.size());
    for (const Seal& seal : request.seals) pack_seal(seals, seal);
  } else if (!request.seals.empty()) {
    pack_seal(out.member("seal"), request.seals.front());
  }
  if (request.sign) out.member("sign").boolean(true);
  return out.finish();
}

void pack_paging(RequestPacking& out, const PageRequest& page) {
  out.optional("cursor", page.cursor);
  out.member("limit").unsigned_integer(page.limit);
}

std::string encode(std::uint64_t id, const ReadRequest& request) {
  RequestPacking out(id, "read");
  out.optional("sequence", request.sequence);
  if (request.seal_id) out.member("seal_id").uuid(*request.seal_id);
  if (request.session) {
    out.optional("session_id", request.session->session_id);
    pack_paging(out, *request.session);
  }
  return out.finish();
}

std::string encode(std::uint64_t id, const ListRequest& request) {
  const PageRequest& page = request.page;
  const bool filtered = page.verdict || page.session_id || page.authority || page.from || page.to;
  RequestPacking out(id, filtered ? "query" : "list");
  if (page.verdict) out.member("verdict").text(verdict_name(*page.verdict));
  out.optional("session_id", page.session_id);
  out.optional("authority", page.authority);
  out.optional("from", page.from);
  out.optional("to", page.to);
  pack_paging(out, page);
  out.member("order").text(page.order == Order::ascending ? "asc" : "desc");
  return out.finish();
}

std::string encode(std::uint64_t id, const VerifyRangeRequest& request) {
  RequestPacking out(id, "verify");
  out.optional("from", request.from);
  out.optional("to", request.to);
  if (request.progress) out.member("progress").boolean(true);
  return out.finish();
}

std::string encode(std::uint64_t id, const ProofRequest& request) {
  RequestPacking out(id, "proof");
  out.member("sequence").integer(request.sequence);
  out.optional("tree_size", request.tree_size);
  return out.finish();
}

std::string encode(std::uint64_t id, const ConsistencyRequest& request) {
  RequestPacking out(id, "consistency");
  out.member("first").integer(request.first);
  out.optional("second", request.second);
  return out.finish();
}

std::string encode(std::uint64_t id, const CheckpointRequest&) {
  return RequestPacking(id, "checkpoint").finish();
}
std::string encode(std::uint64_t id, const HeadRequest&) {
  return RequestPacking(id, "head").finish();
}
std::string encode(std::uint64_t id, const StatusRequest&) {
  return RequestPacking(id, "status").finish();
}

}  // namespace

std::string encode_request(std::uint64_t id, const Operation& operation) {
  return std::visit([id](const auto& request) { return encode(id, request); }, operation);
}

}  // namespace vault
