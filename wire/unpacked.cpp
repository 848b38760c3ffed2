#include "wire/unpacked.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "ledger/canonical_json.hpp"

namespace vault {
namespace {

using Type = msgpack::type::object_type;

constexpr std::size_t depth_max = 256;

// The value as JSON. Recursion is bounded by depth_max.
Status feed(const msgpack::object& value, JsonBuilder& json) {
  switch (value.type) {
    case Type::NIL:
      return json.null();
    case Type::BOOLEAN:
      return json.boolean(value.via.boolean);
    case Type::POSITIVE_INTEGER:
      return json.unsigned_integer(value.via.u64);
    case Type::NEGATIVE_INTEGER:
      return json.integer(value.via.i64);
    case Type::FLOAT32:
    case Type::FLOAT64:
      return json.number(value.via.f64);
    case Type::STR:
      return json.string({value.via.str.ptr, value.via.str.size});
    case Type::ARRAY: {
      if (Status status = json.begin_array(); !status) return status;
      for (std::uint32_t i = 0; i < value.via.array.size; ++i) {
        if (Status status = feed(value.via.array.ptr[i], json); !status) return status;
      }
      return json.end_array();
    }
    case Type::MAP: {
      if (Status status = json.begin_object(); !status) return status;
      for (std::uint32_t i = 0; i < value.via.map.size; ++i) {
        const auto& [key, member] = value.via.map.ptr[i];
        if (key.type != Type::STR) return tl::unexpected(json.refuse(ErrorCode::internal, "a name is not a string"));
        if (Status status = json.key({key.via.str.ptr, key.via.str.size}); !status) return status;
        if (Status status = feed(member, json); !status) return status;
      }
      return json.end_object();
    }
    default:
      return tl::unexpected(json.refuse(ErrorCode::internal, "bin or ext in a payload"));
  }
}

}  // namespace

Result<msgpack::object_handle> unpack(std::string_view bytes) {
  try {
    // First a pass that allocates nothing: it ensures that what containers announce is really there.
    msgpack::null_visitor nothing;
    std::size_t offset = 0;
    if (!msgpack::parse(bytes.data(), bytes.size(), offset, nothing) || offset != bytes.size()) {
      return fail(ErrorCode::internal, "a reply that is not one MessagePack value");
    }
    const std::size_t all = bytes.size();
    return msgpack::unpack(bytes.data(), all, nullptr, nullptr,
                           msgpack::unpack_limit(all, all, all, all, all, depth_max));
  } catch (const std::exception& error) {
    return fail(ErrorCode::internal, fmt::format("a reply that cannot be unpacked: {}", error.what()));
  }
}

MapReader::MapReader(const msgpack::object& map) : map_(map) {
  if (map_.type != Type::MAP) error_ = Error{ErrorCode::internal, "a reply's value is not a map", {}};
}

const msgpack::object* MapReader::find(std::string_view name) const {
  if (map_.type != Type::MAP) return nullptr;
  for (std::uint32_t i = 0; i < map_.via.map.size; ++i) {
    const msgpack::object& key = map_.via.map.ptr[i].key;
    if (key.type == Type::STR && std::string_view(key.via.str.ptr, key.via.str.size) == name) {
      return &map_.via.map.ptr[i].val;
    }
  }
  return nullptr;
}

bool MapReader::is_nil(std::string_view name) const {
  const msgpack::object* value = find(name);
  return value == nullptr || value->type == Type::NIL;
}

void MapReader::refuse(std::string_view name) {
  if (error_) return;
  error_ = Error{ErrorCode::internal, fmt::format("a reply's member {} is missing or of the wrong type", name),
                 std::string(name)};
}

bool MapReader::boolean(std::string_view name) {
  const msgpack::object* value = find(name);
  if (value != nullptr && value->type == Type::BOOLEAN) return value->via.boolean;
  refuse(name);
  return false;
}

std::int64_t MapReader::integer(std::string_view name) {
  const msgpack::object* value = find(name);
  if (value != nullptr && value->type == Type::NEGATIVE_INTEGER) return value->via.i64;
  if (value != nullptr && value->type == Type::POSITIVE_INTEGER && value->via.u64 <= INT64_MAX) {
    return static_cast<std::int64_t>(value->via.u64);
  }
  refuse(name);
  return 0;
}

std::optional<std::int64_t> MapReader::optional_integer(std::string_view name) {
  if (is_nil(name)) return std::nullopt;
  return integer(name);
}

std::optional<std::string_view> MapReader::view(std::string_view name) {
  const msgpack::object* value = find(name);
  if (value != nullptr && value->type == Type::STR) return std::string_view(value->via.str.ptr, value->via.str.size);
  refuse(name);
  return std::nullopt;
}

std::string MapReader::text(std::string_view name) {
  return std::string(view(name).value_or(""));
}

std::optional<std::string> MapReader::optional_text(std::string_view name) {
  if (is_nil(name)) return std::nullopt;
  return text(name);
}

template <class T, class Parse>
T MapReader::parsed(std::string_view name, Parse parse) {
  const auto text = view(name);
  if (!text) return T{};
  const std::optional<T> value = parse(*text);
  if (!value) refuse(name);
  return value.value_or(T{});
}

Hash MapReader::hash(std::string_view name) {
  return parsed<Hash>(name, hash_from_hex);
}
Uuid MapReader::uuid(std::string_view name) {
  return parsed<Uuid>(name, parse_uuid);
}
Verdict MapReader::verdict(std::string_view name) {
  return parsed<Verdict>(name, parse_verdict);
}
Timestamp MapReader::timestamp(std::string_view name) {
  return parsed<Timestamp>(name, parse_timestamp);
}

std::optional<Salt> MapReader::optional_salt(std::string_view name) {
  if (is_nil(name)) return std::nullopt;
  return parsed<Salt>(name, salt_from_hex);
}

const msgpack::object* MapReader::map(std::string_view name) {
  const msgpack::object* value = find(name);
  if (value != nullptr && value->type == Type::MAP) return value;
  refuse(name);
  return nullptr;
}

const msgpack::object* MapReader::array(std::string_view name) {
  const msgpack::object* value = find(name);
  if (value != nullptr && value->type == Type::ARRAY) return value;
  refuse(name);
  return nullptr;
}

Proof MapReader::proof(std::string_view name) {
  Proof hashes;
  const msgpack::object* list = array(name);
  for (std::uint32_t i = 0; list != nullptr && i < list->via.array.size; ++i) {
    const msgpack::object& item = list->via.array.ptr[i];
    std::optional<Hash> hash;
    if (item.type == Type::STR) hash = hash_from_hex({item.via.str.ptr, item.via.str.size});
    if (!hash) refuse(name);
    hashes.push_back(hash.value_or(Hash{}));
  }
  return hashes;
}

namespace {

// True if the map holds a kept seal of the emergency mode.
bool is_kept(MapReader& map) {
  return !map.is_nil("backend") && map.text("backend") == "legacy";
}

template <class EntryOrSeal>
void read_envelope(MapReader& map, EntryOrSeal& out) {
  out.session_id = map.text("session_id");
  out.seal_id = map.uuid("seal_id");
  out.timestamp = map.timestamp("timestamp");
  out.authority = map.text("authority");
  out.verdict = map.verdict("verdict");
}

// The members that an entry and a receipt share; all but seal_data.
void read_entry_members(MapReader& map, Entry& entry) {
  entry.sequence = map.integer("sequence");
  read_envelope(map, entry);
  entry.data_salt = map.optional_salt("data_salt");
  entry.data_hash = map.hash("data_hash");
  entry.entry_hash = map.hash("entry_hash");
  entry.prev_hash = map.hash("prev_hash");
  entry.merkle_root = map.hash("merkle_root");
}

Status read_payload(MapReader& map, std::optional<std::string>& out) {
  if (map.is_nil("seal_data")) return {};
  if (const msgpack::object* payload = map.map("seal_data")) {
    JsonDocument document;
    JsonBuilder json(document, {.source = JsonSource::stored,
                                .object_only = true,
                                .bytes_max = limits::seal_bytes_max * 64,
                                .root = "seal_data"});
    if (Status fed = feed(*payload, json); !fed) return fail(ErrorCode::internal, fed.error().message, "seal_data");
    append_canonical(document, out.emplace());
  }
  return {};
}

}  // namespace

Result<AnyEntry> read_entry(const msgpack::object& object) {
  MapReader map(object);
  if (is_kept(map)) {
    KeptSeal seal;
    read_envelope(map, seal);
    if (Status read = read_payload(map, seal.seal_data); !read) return tl::unexpected(read.error());
    return map.finish(AnyEntry(std::move(seal)));
  }
  Entry entry;
  read_entry_members(map, entry);
  if (!map.is_nil("created_at")) entry.created_at = map.timestamp("created_at");
  if (Status read = read_payload(map, entry.seal_data); !read) return tl::unexpected(read.error());
  return map.finish(AnyEntry(std::move(entry)));
}

Result<AnyReceipt> read_receipt(const msgpack::object& object) {
  MapReader map(object);
  if (is_kept(map)) {
    KeptReceipt kept;
    read_envelope(map, kept.seal);
    kept.duplicate = map.boolean("duplicate");
    return map.finish(AnyReceipt(std::move(kept)));
  }
  Receipt receipt;
  read_entry_members(map, receipt.entry);
  receipt.duplicate = map.boolean("duplicate");
  if (!map.is_nil("checkpoint")) {
    ReceiptProof& proof = receipt.proof.emplace();
    proof.leaf_index = static_cast<std::uint64_t>(map.integer("leaf_index"));
    proof.tree_size = static_cast<std::uint64_t>(map.integer("tree_size"));
    proof.proof = map.proof("proof");
    proof.checkpoint = map.text("checkpoint");
  }
  return map.finish(AnyReceipt(std::move(receipt)));
}

}  // namespace vault
