// Takes a JSON document value by value, and refuses what a payload must not contain.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "ledger/bytes.hpp"
#include "ledger/check.hpp"
#include "ledger/json.hpp"
#include "ledger/json_text.hpp"
#include "ledger/member_path.hpp"

namespace vault {

namespace {

constexpr std::uint32_t few_names = 16;  // up to this many, comparing all pairs beats sorting

Error refusal(ErrorCode code, std::string_view what, std::string path) {
  return Error{code, path.empty() ? std::string(what) : fmt::format("{}: {}", path, what), std::move(path)};
}

tl::unexpected<Error> invalid(std::string_view what, std::string path) {
  return tl::unexpected(refusal(ErrorCode::invalid_argument, what, std::move(path)));
}

// Two equal names, or nullptr. May reorder `names`.
const std::string_view* find_duplicate(std::vector<std::string_view>& names) {
  if (names.size() <= few_names) {
    for (auto name = names.begin(); name != names.end(); ++name) {
      if (std::find(names.begin(), name, *name) != name) return &*name;
    }
    return nullptr;
  }
  std::sort(names.begin(), names.end());
  const auto found = std::adjacent_find(names.begin(), names.end());
  return found == names.end() ? nullptr : &*found;
}

}  // namespace

Error document_too_large(const JsonRules& rules) {
  return refusal(ErrorCode::too_large,
                 fmt::format("the canonical text is larger than max_seal_bytes, {} bytes", rules.bytes_max),
                 rules.root);
}

Error numbers_too_large(const JsonRules& rules, std::size_t bytes) {
  return refusal(
      ErrorCode::too_large,
      fmt::format("its numbers take {} bytes where jsonb writes them out (5e-324 takes 326), more than {} times "
                  "max_seal_bytes, {} bytes",
                  bytes, limits::written_out_factor, limits::written_out_factor * rules.bytes_max),
      rules.root);
}

JsonBuilder::JsonBuilder(JsonDocument& out, JsonRules rules) : out_(out), rules_(std::move(rules)) {
  VAULT_CHECK(rules_.bytes_max <= UINT32_MAX);  // sizes and indices of the tape are 32 bits wide
  out_.clear();
  // Enough for a typical payload, so that the vector does not grow.
  out_.nodes_.reserve(64);
  open_.reserve(8);
}

Status JsonBuilder::begin_object() {
  return open(JsonKind::object);
}
Status JsonBuilder::begin_array() {
  return open(JsonKind::array);
}

Status JsonBuilder::end_object() {
  VAULT_CHECK(!open_.empty() && !open_.back().expects_value);
  if (Status unique = check_names(); !unique) return unique;
  close(JsonKind::object);
  return {};
}

Status JsonBuilder::end_array() {
  close(JsonKind::array);
  return {};
}

Status JsonBuilder::key(std::string_view name) {
  VAULT_CHECK(!open_.empty() && !open_.back().expects_value);
  Open& object = open_.back();
  VAULT_CHECK(out_.nodes_[object.node].kind == JsonKind::object);
  if (Status taken = take_bytes(name.size() + 3 + (object.key_node != 0 ? 1 : 0)); !taken) return taken;
  if (Status valid = check_text(name, "a member's name"); !valid) return valid;

  JsonNode node{.kind = JsonKind::string, .size = static_cast<std::uint32_t>(name.size())};
  object.key_node = static_cast<std::uint32_t>(out_.nodes_.size());
  object.expects_value = true;
  node.next = object.key_node + 1;
  node.as.text_offset = out_.text_.size();
  out_.text_.append(name);
  ++out_.nodes_[object.node].size;
  out_.nodes_.push_back(node);
  return {};
}

Status JsonBuilder::null() {
  return take_value({.kind = JsonKind::null}, 4);
}

Status JsonBuilder::boolean(bool value) {
  JsonNode node{.kind = JsonKind::boolean};
  node.as.boolean = value;
  return take_value(node, value ? 4 : 5);
}

Status JsonBuilder::integer(std::int64_t value) {
  if (value >= 0) return unsigned_integer(static_cast<std::uint64_t>(value));
  JsonNode node{.kind = JsonKind::signed_integer};
  node.as.signed_integer = value;
  return take_value(node, 2);
}

Status JsonBuilder::unsigned_integer(std::uint64_t value) {
  JsonNode node{.kind = JsonKind::unsigned_integer};
  node.as.unsigned_integer = value;
  return take_value(node, 1);
}

Status JsonBuilder::number(double value) {
  if (!std::isfinite(value)) return invalid("a number must be finite; NaN and infinities have no JSON form", path());
  JsonNode node{.kind = JsonKind::number};
  node.as.number = value;
  return take_value(node, 1);
}

Status JsonBuilder::string(std::string_view value) {
  // Check the size first, so that nothing oversized is scanned.
  if (value.size() > rules_.bytes_max) return tl::unexpected(document_too_large(rules_));
  if (Status valid = check_text(value, "a string"); !valid) return valid;
  JsonNode node{.kind = JsonKind::string, .size = static_cast<std::uint32_t>(value.size())};
  node.as.text_offset = out_.text_.size();
  if (Status taken = take_value(node, value.size() + 2); !taken) return taken;
  out_.text_.append(value);
  return {};
}

Error JsonBuilder::refuse(ErrorCode code, std::string_view what) const {
  return refusal(code, what, path());
}

bool JsonBuilder::complete() const {
  return open_.empty() && !out_.nodes_.empty();
}

Status JsonBuilder::take_bytes(std::size_t bytes_at_least) {
  bytes_least_ += bytes_at_least;
  if (bytes_least_ > rules_.bytes_max) return tl::unexpected(document_too_large(rules_));
  return {};
}

// Every value passes through here: counts it in its parent and puts it on the tape.
Status JsonBuilder::take_value(JsonNode node, std::size_t bytes_at_least) {
  VAULT_CHECK(!complete());
  if (open_.empty()) {
    if (rules_.object_only && node.kind != JsonKind::object) return invalid("must be an object", path());
    if (Status taken = take_bytes(bytes_at_least); !taken) return taken;
  } else {
    Open& parent = open_.back();
    JsonNode& parent_node = out_.nodes_[parent.node];
    const bool in_array = parent_node.kind == JsonKind::array;
    VAULT_CHECK(in_array || parent.expects_value);
    const bool needs_comma = in_array && parent_node.size > 0;
    if (Status taken = take_bytes(bytes_at_least + (needs_comma ? 1 : 0)); !taken) return taken;
    parent.expects_value = false;
    if (in_array) ++parent_node.size;
  }
  node.next = static_cast<std::uint32_t>(out_.nodes_.size() + 1);
  out_.nodes_.push_back(node);
  return {};
}

Status JsonBuilder::check_text(std::string_view text, std::string_view what) const {
  if (!is_valid_utf8(text)) return invalid(fmt::format("{} is not valid UTF-8", what), path());
  // Text out of PostgreSQL cannot hold U+0000; the refusal protects what goes in.
  if (rules_.source == JsonSource::producer && !text.empty() && std::memchr(text.data(), 0, text.size()) != nullptr) {
    return invalid(fmt::format("{} holds U+0000, which cannot be stored", what), path());
  }
  return {};
}

Status JsonBuilder::open(JsonKind kind) {
  if (open_.size() >= limits::json_depth_max) {
    return invalid(fmt::format("nested deeper than {} levels", limits::json_depth_max), path());
  }
  const auto index = static_cast<std::uint32_t>(out_.nodes_.size());
  if (Status taken = take_value({.kind = kind}, 2); !taken) return taken;
  open_.push_back({.node = index});
  return {};
}

void JsonBuilder::close(JsonKind kind) {
  VAULT_CHECK(!open_.empty() && out_.nodes_[open_.back().node].kind == kind);
  out_.nodes_[open_.back().node].next = static_cast<std::uint32_t>(out_.nodes_.size());
  open_.pop_back();
}

bool JsonBuilder::names_ascend(const JsonNode& object, std::uint32_t first) const {
  std::uint32_t name = first;
  for (std::uint32_t i = 1; i < object.size; ++i) {
    const std::uint32_t following = out_.nodes_[name + 1].next;
    if (!name_before(out_.text(out_.nodes_[name]), out_.text(out_.nodes_[following]))) return false;
    name = following;
  }
  return true;
}

// Refuses a name that occurs twice in the innermost object.
Status JsonBuilder::check_names() {
  const std::uint32_t first = open_.back().node + 1;
  const JsonNode& object = out_.nodes_[open_.back().node];
  if (names_ascend(object, first)) return {};
  names_.clear();
  for (std::uint32_t name = first; names_.size() < object.size; name = out_.nodes_[name + 1].next) {
    names_.push_back(out_.text(out_.nodes_[name]));
  }
  const std::string_view* const duplicate = find_duplicate(names_);
  if (duplicate == nullptr) return {};
  std::string where = path();
  append_member(where, *duplicate);
  return invalid("this name occurs twice in its object", std::move(where));
}

// The path of the next value or, between members, of the innermost object.
std::string JsonBuilder::path() const {
  std::string out = rules_.root;
  for (std::size_t i = 0; i < open_.size(); ++i) {
    const bool innermost = i + 1 == open_.size();
    const JsonNode& node = out_.nodes_[open_[i].node];
    if (node.kind == JsonKind::array) {
      // Open containers have already been counted; a value that is being refused has not.
      out.append(fmt::format("[{}]", innermost ? node.size : node.size - 1));
    } else if (!innermost || open_[i].expects_value) {
      append_member(out, out_.text(out_.nodes_[open_[i].key_node]));
    }
  }
  return out;
}

}  // namespace vault
