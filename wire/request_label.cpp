#include "wire/request_label.hpp"

#include <algorithm>

#include "wire/unpacked.hpp"

namespace vault {
namespace {

constexpr std::size_t label_bytes_max = 128;

// Looks for the value of x-trace at the top level, and keeps nothing else. Returns false to end the parse.
class TraceVisitor : public msgpack::null_visitor {
 public:
  const std::string& trace() const { return trace_; }

  bool visit_str(const char* text, std::uint32_t size) {
    if (at_key()) {
      is_trace_ = std::string_view(text, size) == "x-trace";
      return true;
    }
    return take({text, std::min<std::size_t>(size, label_bytes_max)});
  }
  bool visit_positive_integer(std::uint64_t value) { return take(std::to_string(value)); }
  bool visit_negative_integer(std::int64_t value) { return take(std::to_string(value)); }
  bool start_array(std::uint32_t) { return enter(); }
  bool end_array() { return leave(); }
  bool start_map(std::uint32_t) { return enter(); }
  bool end_map() { return leave(); }
  bool start_map_key() {
    if (depth_ == 1) is_key_ = true, is_trace_ = false;
    return true;
  }
  bool end_map_key() {
    if (depth_ == 1) is_key_ = false;
    return true;
  }

 private:
  static constexpr std::size_t depth_max = 1'024;  // the parser keeps a stack

  bool at_key() const { return depth_ == 1 && is_key_; }
  bool enter() { return ++depth_ <= depth_max; }
  bool leave() {
    --depth_;
    return true;
  }
  bool take(std::string value) {
    if (depth_ != 1 || is_key_ || !is_trace_) return true;
    trace_ = std::move(value);
    return false;
  }

  std::size_t depth_ = 0;
  bool is_key_ = false, is_trace_ = false;
  std::string trace_;
};

std::string text_of(const msgpack::object& value) {
  switch (value.type) {
    case msgpack::type::STR:
      return {value.via.str.ptr, std::min<std::size_t>(value.via.str.size, label_bytes_max)};
    case msgpack::type::POSITIVE_INTEGER:
      return std::to_string(value.via.u64);
    case msgpack::type::NEGATIVE_INTEGER:
      return std::to_string(value.via.i64);
    case msgpack::type::NIL:
      return {};
    default:
      return "?";
  }
}

}  // namespace

std::string label_of(const RequestId& id) {
  const auto handle = unpack(id.msgpack);
  return handle ? text_of(handle->get()) : "?";
}

std::string_view name_of(const Operation& operation) {
  struct Name {
    std::string_view operator()(const SealRequest& r) const { return r.batch ? "seal_batch" : "seal"; }
    std::string_view operator()(const ReadRequest&) const { return "read"; }
    std::string_view operator()(const ListRequest&) const { return "list or query"; }
    std::string_view operator()(const VerifyRangeRequest&) const { return "verify"; }
    std::string_view operator()(const ProofRequest&) const { return "proof"; }
    std::string_view operator()(const ConsistencyRequest&) const { return "consistency"; }
    std::string_view operator()(const TileRequest&) const { return "tile"; }
    std::string_view operator()(const EntryBundleRequest&) const { return "entry_bundle"; }
    std::string_view operator()(const CheckpointRequest&) const { return "checkpoint"; }
    std::string_view operator()(const HeadRequest&) const { return "head"; }
    std::string_view operator()(const StatusRequest&) const { return "status"; }
  };
  return std::visit(Name{}, operation);
}

std::string trace_of(std::string_view message) {
  TraceVisitor visitor;
  try {
    std::size_t offset = 0;
    msgpack::parse(message.data(), message.size(), offset, visitor);
  } catch (const std::exception&) {  // not MessagePack, or out of memory
  }
  return visitor.trace();
}

}  // namespace vault
