#include "wire/request_visitor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ledger/member_path.hpp"
#include "wire/members.hpp"

namespace vault {
namespace {

// In the order of Member.
constexpr std::array<std::string_view, 24> member_names = {
    "v",     "id",     "op",       "sign",      "sequence", "seal_id", "session_id", "cursor",
    "limit", "order",  "verdict",  "authority", "from",     "to",      "progress",   "tree_size",
    "first", "second", "at_least", "level",     "index",    "width",   "seal",       "seals",
};

Member find_member(std::string_view name) {
  for (std::size_t i = 0; i < member_names.size(); ++i) {
    if (member_names[i] == name) return static_cast<Member>(i);
  }
  return Member::unknown;
}

// Bytes of a scalar other than str, bin and ext, by its first byte.
std::size_t fixed_size(std::uint8_t first) {
  switch (first) {
    case 0xcc:
    case 0xd0:
      return 2;
    case 0xcd:
    case 0xd1:
      return 3;
    case 0xca:
    case 0xce:
    case 0xd2:
      return 5;
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 9;
    default:
      return 1;
  }
}

void keep_first(std::optional<Error>& slot, Error error) {
  if (!slot) slot = std::move(error);
}

}  // namespace

std::string_view member_name(Member member) {
  return member_names[static_cast<std::size_t>(member)];
}

RequestVisitor::RequestVisitor(std::string_view message, const CodecLimits& limits, bool id_only,
                               JsonDocument& document)
    : message_(message), id_only_(id_only), draft_(document, limits.seal_bytes_max) {}

// --- Values ----------------------------------------------------------------------------------------------------------

// Takes a value that belongs to a payload.
template <class Give>
bool RequestVisitor::feed(Give&& give) {
  if (in_key_) return refuse_in_payload("names must be strings");
  draft_.feed(give);
  return true;
}

bool RequestVisitor::visit_nil() {
  if (draft_.in_payload()) return feed([](JsonBuilder& json) { return json.null(); });
  return take({.kind = Scalar::Kind::nil});
}

bool RequestVisitor::visit_boolean(bool value) {
  if (draft_.in_payload()) return feed([&](JsonBuilder& json) { return json.boolean(value); });
  return take({.kind = Scalar::Kind::boolean, .boolean = value});
}

bool RequestVisitor::visit_positive_integer(std::uint64_t value) {
  if (draft_.in_payload()) return feed([&](JsonBuilder& json) { return json.unsigned_integer(value); });
  if (value > static_cast<std::uint64_t>(INT64_MAX)) return take({.kind = Scalar::Kind::big_integer});
  return take({.kind = Scalar::Kind::integer, .integer = static_cast<std::int64_t>(value)});
}

bool RequestVisitor::visit_negative_integer(std::int64_t value) {
  if (value >= 0) return visit_positive_integer(static_cast<std::uint64_t>(value));  // a signed type may hold 5
  if (draft_.in_payload()) return feed([&](JsonBuilder& json) { return json.integer(value); });
  return take({.kind = Scalar::Kind::integer, .integer = value});
}

bool RequestVisitor::visit_float64(double value) {
  if (draft_.in_payload()) return feed([&](JsonBuilder& json) { return json.number(value); });
  return take({.kind = Scalar::Kind::number});
}

bool RequestVisitor::visit_str(const char* text, std::uint32_t size) {
  const std::string_view value = size == 0 ? std::string_view() : std::string_view(text, size);
  const bool is_key = std::exchange(in_key_, false);
  if (draft_.in_payload()) {
    return feed([&](JsonBuilder& json) { return is_key ? json.key(value) : json.string(value); });
  }
  if (!is_key) return take({.kind = Scalar::Kind::string, .text = value});
  take_key(value);
  return true;
}

bool RequestVisitor::visit_bin(const char* bytes, std::uint32_t size) {
  if (draft_.in_payload()) return refuse_in_payload("byte strings cannot be stored; send base64 text");
  return take({.kind = Scalar::Kind::bytes, .text = {bytes, size}});
}

bool RequestVisitor::visit_ext(const char* /*bytes*/, std::uint32_t /*size*/) {
  if (draft_.in_payload())
    return refuse_in_payload("MessagePack extensions and timestamps cannot be stored; send text");
  return take({.kind = Scalar::Kind::extension});
}

bool RequestVisitor::take(const Scalar& value) {
  if (depth_ == 0) {
    message_error = Error{ErrorCode::invalid_message, "a message is a MessagePack map", {}};
    return false;
  }
  if (in_key_) {
    refuse_key();
    return true;
  }
  if (depth_ == 1) {
    take_argument(value);
    return !(id_only_ && member_ == Member::id);
  }
  if (at_seals_item()) {
    keep_first(seals_error,
               Error{ErrorCode::invalid_argument, "a seal must be a map", member_path("seals", seals_index_, {})});
  } else if (at_draft_member()) {
    draft_.take(value);
  }
  return true;
}

void RequestVisitor::take_argument(const Scalar& value) {
  if (member_ == Member::unknown) return;
  if (member_ == Member::seal || member_ == Member::seals) {
    if (!value.present()) return;
    const std::string_view name = member_name(member_);
    const std::string_view what = member_ == Member::seal ? "a map" : "an array of maps";
    keep_first(member_ == Member::seal ? seal_error : seals_error,
               Error{ErrorCode::invalid_argument, fmt::format("{} must be {}", name, what), std::string(name)});
    return;
  }
  Scalar& slot = scalars_[static_cast<std::size_t>(member_)];
  if (slot.kind != Scalar::Kind::absent) return;  // a duplicate name: check_duplicates() refuses it
  slot = value;
  if (member_ == Member::id) read_id(value);
}

// Keeps the id's bytes as they arrived.
void RequestVisitor::read_id(const Scalar& value) {
  using Kind = Scalar::Kind;
  if (value.kind == Kind::extension || value.kind == Kind::array || value.kind == Kind::map) {
    keep_first(structure_error,
               Error{ErrorCode::invalid_argument, "id must be nil, a boolean, a number, a string or bin", "id"});
    return;
  }
  const char* begin = message_.data() + id_offset_;
  if (value.kind != Kind::string && value.kind != Kind::bytes) {
    id_.msgpack.assign(begin, fixed_size(static_cast<std::uint8_t>(*begin)));
  } else if (!value.text.empty()) {
    id_.msgpack.assign(begin, value.text.data() + value.text.size());
  } else {  // the parser does not say where an empty one ends: assume its shortest form
    id_.msgpack = value.kind == Kind::string ? std::string("\xa0") : std::string("\xc4\0", 2);
  }
}

// --- Names -----------------------------------------------------------------------------------------------------------

bool RequestVisitor::start_map_key() {
  in_key_ = true;
  return true;
}

bool RequestVisitor::end_map_key() {
  in_key_ = false;
  return true;
}

void RequestVisitor::take_key(std::string_view name) {
  if (depth_ == 1) {
    member_ = find_member(name);
    if (member_ != Member::unknown) {
      seen_ |= bit(member_);
    } else if (!unknown_ && !is_ignored_member(name)) {
      unknown_ = name;
    }
    if (member_ == Member::id) id_offset_ = static_cast<std::size_t>(name.data() + name.size() - message_.data());
  } else if (at_draft_member()) {
    draft_.name(name);
  }
  if (structure_error || id_only_) return;
  if (++members_ > members_max) {
    structure_error = Error{
        ErrorCode::too_large, fmt::format("a message holds at most {} members outside payloads", members_max), {}};
    return;
  }
  const auto offset = name.empty() ? 0 : static_cast<std::uint32_t>(name.data() - message_.data());
  keys_.push_back({offset, static_cast<std::uint32_t>(name.size())});
}

// Refuses a name that is not a string; the member after it belongs to no name.
void RequestVisitor::refuse_key() {
  in_key_ = false;
  if (depth_ == 1) {
    member_ = Member::unknown;
    keep_first(message_error, Error{ErrorCode::invalid_message, "a message's names must be strings", {}});
    return;
  }
  if (at_draft_member()) draft_.name({});
  if (!structure_error) {
    structure_error = Error{ErrorCode::invalid_argument, "the names in a map must be strings", path_to(std::nullopt)};
  }
}

// Refuses a duplicate name in the map that has just ended, and drops the map's names.
void RequestVisitor::check_duplicates() {
  const std::size_t mark = marks_.back();
  if (structure_error || id_only_) {
    marks_.pop_back();
    return;
  }
  const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(mark);
  const auto less = [this](Key a, Key b) { return key_text(a) < key_text(b); };
  const auto equal = [this](Key a, Key b) { return a.size == b.size && key_text(a) == key_text(b); };
  auto twice = keys_.end();
  if (keys_.size() - mark <= 16) {
    for (auto it = begin; it != keys_.end() && twice == keys_.end(); ++it) {
      if (std::any_of(begin, it, [&](Key key) { return equal(key, *it); })) twice = it;
    }
  } else {
    std::sort(begin, keys_.end(), less);
    twice = std::adjacent_find(begin, keys_.end(), equal);
  }
  if (twice != keys_.end()) {
    const std::string name(key_text(*twice));
    keys_.resize(mark);
    structure_error = Error{ErrorCode::invalid_argument, "a name stands twice in one map", path_to(name)};
  }
  keys_.resize(mark);
  marks_.pop_back();
}

// The path of member `name` of the innermost map, or of that map. The member that holds a map is the last name before
// the map's mark.
std::string RequestVisitor::path_to(std::optional<std::string_view> name) const {
  std::string path;
  for (std::size_t level = 1; level < marks_.size() && path.size() < 1024; ++level) {
    if (marks_[level] == 0) continue;  // a map where a name should be
    append_member(path, key_text(keys_[marks_[level] - 1]));
    if (level == 1 && in_seals_) path += fmt::format("[{}]", seals_index_);
  }
  if (name) append_member(path, *name);
  return path;
}

// --- Containers ------------------------------------------------------------------------------------------------------

bool RequestVisitor::enter_container() {
  if (++depth_ <= nesting_max) return true;
  const bool named = !marks_.empty() && keys_.size() > marks_.back();
  keep_first(structure_error, Error{ErrorCode::invalid_argument, "nested too deep",
                                    path_to(named ? std::optional(key_text(keys_.back())) : std::nullopt)});
  return false;
}

// Notes a container where a scalar may have been expected.
void RequestVisitor::note_container(Scalar::Kind kind) {
  take({.kind = kind});
}

bool RequestVisitor::start_map(std::uint32_t /*size*/) {
  if (draft_.in_payload()) {
    feed([](JsonBuilder& json) { return json.begin_object(); });
    return enter_container();
  }
  if (depth_ == 0 || id_only_) {
    in_key_ = false;
  } else if (in_key_) {
    refuse_key();
  } else if ((depth_ == 1 && member_ == Member::seal && !std::exchange(seal_seen_, true)) ||
             (at_seals_item() && !seals_error)) {
    begin_draft();
  } else if (at_draft_member() && draft_.expects_payload()) {
    draft_.begin_payload();
    return enter_container();
  } else if (!at_seals_item() && !(depth_ == 1 && member_ == Member::seal)) {
    note_container(Scalar::Kind::map);
  }
  marks_.push_back(static_cast<std::uint32_t>(keys_.size()));
  return enter_container();
}

bool RequestVisitor::end_map() {
  if (draft_.in_payload()) {
    feed([](JsonBuilder& json) { return json.end_object(); });
    if (--depth_ == draft_depth_) draft_.end_payload();
    return true;
  }
  check_duplicates();
  if (at_draft_member()) finish_draft();
  --depth_;
  return true;
}

bool RequestVisitor::start_array(std::uint32_t size) {
  if (draft_.in_payload()) {
    feed([](JsonBuilder& json) { return json.begin_array(); });
    return enter_container();
  }
  if (depth_ == 0) return take({.kind = Scalar::Kind::array});
  if (id_only_) {
    in_key_ = false;
  } else if (in_key_) {
    refuse_key();
  } else if (depth_ == 1 && member_ == Member::seals && !std::exchange(seals_seen_, true)) {
    in_seals_ = true;
    if (size == 0) {
      keep_first(seals_error, Error{ErrorCode::invalid_argument, "seals must hold at least one seal", "seals"});
    } else if (size > limits::batch_seals_max) {
      keep_first(seals_error, Error{ErrorCode::too_large,
                                    fmt::format("a batch of {} seals is over the limit of {} seals a batch", size,
                                                limits::batch_seals_max),
                                    "seals"});
    }
  } else if (!(depth_ == 1 && member_ == Member::seals)) {
    note_container(Scalar::Kind::array);
  }
  return enter_container();
}

bool RequestVisitor::start_array_item() {
  if (at_seals_item()) ++seals_index_;
  return true;
}

bool RequestVisitor::end_array() {
  if (draft_.in_payload()) feed([](JsonBuilder& json) { return json.end_array(); });
  if (at_seals_item()) in_seals_ = false;
  --depth_;
  return true;
}

// --- Seals -----------------------------------------------------------------------------------------------------------

void RequestVisitor::begin_draft() {
  if (in_seals_) {
    draft_.begin("seals", seals_index_);
  } else {
    draft_.begin("seal", -1);
  }
  draft_depth_ = depth_ + 1;
}

void RequestVisitor::finish_draft() {
  auto built = draft_.finish();
  if (!built) {
    keep_first(in_seals_ ? seals_error : seal_error, std::move(built.error()));
  } else {
    (in_seals_ ? seals : seal).push_back(std::move(*built));
  }
}

bool RequestVisitor::refuse_in_payload(std::string_view what) {
  in_key_ = false;
  draft_.refuse_value(what);
  return true;
}

}  // namespace vault
