#include "tools/common/json_output.hpp"

#include <msgpack.hpp>

#include "ledger/bytes.hpp"
#include "ledger/canonical_json.hpp"
#include "ledger/json.hpp"

namespace vault::ctl {
namespace {

constexpr std::size_t depth_max = 100;  // an entry's payload is at most 64 deep, with a few maps around it

bool append_json(const msgpack::object& value, std::string& out);

void append_double(double value, std::string& out) {
  const std::size_t from = out.size();
  append_number(value, out);
  if (out.find_first_of(".e", from) == std::string::npos) out += ".0";
}

bool append_map_members(const msgpack::object_map& map, std::string& out) {
  for (std::uint32_t i = 0; i < map.size; ++i) {
    const msgpack::object_kv& member = map.ptr[i];
    if (member.key.type != msgpack::type::STR) return false;
    if (i > 0) out += ',';
    append_string({member.key.via.str.ptr, member.key.via.str.size}, out);
    out += ':';
    if (!append_json(member.val, out)) return false;
  }
  return true;
}

bool append_json(const msgpack::object& value, std::string& out) {
  switch (value.type) {
    case msgpack::type::NIL:
      out += "null";
      return true;
    case msgpack::type::BOOLEAN:
      out += value.via.boolean ? "true" : "false";
      return true;
    case msgpack::type::POSITIVE_INTEGER:
      out += std::to_string(value.via.u64);
      return true;
    case msgpack::type::NEGATIVE_INTEGER:
      out += std::to_string(value.via.i64);
      return true;
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64:
      if (!(value.via.f64 - value.via.f64 == 0)) return false;  // NaN, infinities
      append_double(value.via.f64, out);
      return true;
    case msgpack::type::STR:
      if (!is_valid_utf8({value.via.str.ptr, value.via.str.size})) return false;
      append_string({value.via.str.ptr, value.via.str.size}, out);
      return true;
    case msgpack::type::ARRAY:
      out += '[';
      for (std::uint32_t i = 0; i < value.via.array.size; ++i) {
        if (i > 0) out += ',';
        if (!append_json(value.via.array.ptr[i], out)) return false;
      }
      out += ']';
      return true;
    case msgpack::type::MAP:
      out += '{';
      if (!append_map_members(value.via.map, out)) return false;
      out += '}';
      return true;
    default:
      return false;
  }
}

Result<msgpack::object_handle> unpack(std::string_view bytes) {
  try {
    const std::size_t most = bytes.size();
    std::size_t end = 0;
    auto handle = msgpack::unpack(bytes.data(), bytes.size(), end, nullptr, nullptr,
                                  msgpack::unpack_limit(most, most, most, most, most, depth_max));
    if (end == bytes.size()) return handle;
  } catch (const std::exception&) {
    // msgpack-c reports truncated and oversized input by exceptions; here all of it is one refusal
  }
  return fail(ErrorCode::internal, "vaultd sent what is not one MessagePack value");
}

tl::unexpected<Error> not_json() {
  return fail(ErrorCode::internal, "vaultd sent a value that cannot be shown as JSON");
}

}  // namespace

Result<std::string> msgpack_to_json(std::string_view bytes) {
  const auto handle = unpack(bytes);
  if (!handle) return tl::unexpected(handle.error());
  std::string out;
  if (!append_json(handle->get(), out)) return not_json();
  return out;
}

Result<std::string> msgpack_map_to_json(std::string_view bytes, std::string_view members_in_front) {
  const auto handle = unpack(bytes);
  if (!handle) return tl::unexpected(handle.error());
  if (handle->get().type != msgpack::type::MAP) return not_json();
  std::string out = "{";
  out += members_in_front;
  if (!members_in_front.empty() && handle->get().via.map.size > 0) out += ',';
  if (!append_map_members(handle->get().via.map, out)) return not_json();
  out += '}';
  return out;
}

Status for_each_in_array(std::string_view map_bytes, std::string_view member,
                         const std::function<void(std::string json)>& element) {
  const auto handle = unpack(map_bytes);
  if (!handle) return tl::unexpected(handle.error());
  const msgpack::object& map = handle->get();
  if (map.type != msgpack::type::MAP) return not_json();
  for (std::uint32_t i = 0; i < map.via.map.size; ++i) {
    const auto& [key, value] = map.via.map.ptr[i];
    if (key.type != msgpack::type::STR || std::string_view(key.via.str.ptr, key.via.str.size) != member) continue;
    if (value.type != msgpack::type::ARRAY) break;
    for (std::uint32_t k = 0; k < value.via.array.size; ++k) {
      std::string json;
      if (!append_json(value.via.array.ptr[k], json)) return not_json();
      element(std::move(json));
    }
    return {};
  }
  return fail(ErrorCode::internal, "vaultd's result has no array " + std::string(member));
}

std::string json_string(std::string_view text) {
  std::string out;
  append_string(text, out);
  return out;
}

}  // namespace vault::ctl
