// Requests as MessagePack, for clients.
#include <variant>

#include "wire/codec.hpp"
#include "wire/packing.hpp"

namespace vault {
namespace {

// Members that any request may hold.
struct Header {
  std::uint64_t id = 0;
  std::int64_t at_least = 0;
};

// A request's members after `v` and `id`, counted before they are written: MessagePack wants the size of a map first.
class RequestPacking {
 public:
  RequestPacking(const Header& header, std::string_view op) : id_(header.id), op_(op), out_(members_) {
    if (header.at_least > 0) member("at_least").integer(header.at_least);
  }

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
  if (!out.json(seal.seal_data)) out.nil();  // not canonical text: let vaultd refuse it by name
  if (seal.seal_id) out.key("seal_id").uuid(*seal.seal_id);
}

std::string encode(const Header& header, const SealRequest& request) {
  RequestPacking out(header, request.batch ? "seal_batch" : "seal");
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

std::string encode(const Header& header, const ReadRequest& request) {
  RequestPacking out(header, "read");
  out.optional("sequence", request.sequence);
  if (request.seal_id) out.member("seal_id").uuid(*request.seal_id);
  if (request.session) {
    out.optional("session_id", request.session->session_id);
    pack_paging(out, *request.session);
  }
  return out.finish();
}

std::string encode(const Header& header, const ListRequest& request) {
  const PageRequest& page = request.page;
  const bool filtered = page.verdict || page.session_id || page.authority || page.from || page.to;
  RequestPacking out(header, filtered ? "query" : "list");
  if (page.verdict) out.member("verdict").text(verdict_name(*page.verdict));
  out.optional("session_id", page.session_id);
  out.optional("authority", page.authority);
  out.optional("from", page.from);
  out.optional("to", page.to);
  pack_paging(out, page);
  out.member("order").text(page.order == Order::ascending ? "asc" : "desc");
  return out.finish();
}

std::string encode(const Header& header, const VerifyRangeRequest& request) {
  RequestPacking out(header, "verify");
  out.optional("from", request.from);
  out.optional("to", request.to);
  if (request.progress) out.member("progress").boolean(true);
  return out.finish();
}

std::string encode(const Header& header, const ProofRequest& request) {
  RequestPacking out(header, "proof");
  out.member("sequence").integer(request.sequence);
  out.optional("tree_size", request.tree_size);
  return out.finish();
}

std::string encode(const Header& header, const ConsistencyRequest& request) {
  RequestPacking out(header, "consistency");
  out.member("first").integer(request.first);
  out.optional("second", request.second);
  return out.finish();
}

std::string encode(const Header& header, const TileRequest& request) {
  RequestPacking out(header, "tile");
  out.member("level").integer(request.level);
  out.member("index").integer(request.index);
  out.member("width").integer(request.width);
  return out.finish();
}

std::string encode(const Header& header, const EntryBundleRequest& request) {
  RequestPacking out(header, "entry_bundle");
  out.member("index").integer(request.index);
  out.member("width").integer(request.width);
  return out.finish();
}

std::string encode(const Header& header, const CheckpointRequest&) {
  return RequestPacking(header, "checkpoint").finish();
}
std::string encode(const Header& header, const HeadRequest&) {
  return RequestPacking(header, "head").finish();
}
std::string encode(const Header& header, const StatusRequest&) {
  return RequestPacking(header, "status").finish();
}

}  // namespace

std::string encode_request(std::uint64_t id, const Operation& operation, std::int64_t at_least) {
  const Header header{id, at_least};
  return std::visit([&header](const auto& request) { return encode(header, request); }, operation);
}

}  // namespace vault
