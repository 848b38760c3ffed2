#include "tools/common/ledger_json.hpp"

#include <algorithm>

#include "ledger/canonical_json.hpp"
#include "ledger/json.hpp"
#include "ledger/limits.hpp"
#include "tools/common/arguments.hpp"
#include "wire/members.hpp"

namespace vault::ctl {
namespace {

const JsonRules any_value{
    .source = JsonSource::producer, .object_only = false, .bytes_max = 2 * limits::seal_bytes_max, .root = ""};

// Walks a JSON text from member to member; skips values by their brackets and quotes alone. RawJson, by which vault-mcp
// reads its lines, would keep 24 bytes for each value, and what is read here may be a body of 64 MiB from a stranger.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  bool take(char wanted) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  // The text of one string, quotes included; empty if there is none.
  std::string_view take_string() {
    skip_space();
    const std::size_t from = at_;
    if (at_ >= text_.size() || text_[at_] != '"') return {};
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    if (at_ >= text_.size()) return {};
    ++at_;
    return text_.substr(from, at_ - from);
  }
  // Everything up to the comma or brace that ends the value.
  std::string_view take_value() {
    skip_space();
    const std::size_t from = at_;
    for (std::size_t depth = 0; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        if (take_string().empty()) return {};
        --at_;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
        break;
      } else if (c == '}' || c == ']') {
        --depth;
      }
    }
    const std::string_view value = text_.substr(from, at_ - from);
    return value.substr(0, value.find_last_not_of(" \t\r\n") + 1);
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

tl::unexpected<Error> expected(std::string_view name, std::string_view kind) {
  return fail(ErrorCode::invalid_argument, std::string(name) + " must be " + std::string(kind), std::string(name));
}

// A string, number, ... on its own: the document's only node.
Result<JsonDocument> parse_value(const std::string& text, std::string_view name) {
  JsonDocument document;
  if (const Status status = parse_json(text, any_value, document); !status) {
    return fail(ErrorCode::invalid_argument, std::string(name) + ": " + status.error().message, std::string(name));
  }
  return document;
}

template <class T, class Parse>
Status read_text(const JsonObject& object, std::string_view name, std::string_view kind, Parse parse, T& out) {
  const auto text = object.string(name);
  if (!text) return tl::unexpected(text.error());
  auto value = parse(*text);
  if (!value) return expected(name, kind);
  out = std::move(*value);
  return {};
}

Status read_hash(const JsonObject& object, std::string_view name, Hash& out) {
  return read_text(
      object, name, "64 lower-case hex digits", [](std::string_view text) { return hash_from_hex(text); }, out);
}

// The hashed members that entries and receipts share, except data_hash.
Status read_envelope(const JsonObject& object, Entry& entry) {
  const auto sequence = object.integer("sequence");
  if (!sequence) return tl::unexpected(sequence.error());
  if (*sequence < 1) return expected("sequence", "at least 1");
  entry.sequence = *sequence;
  for (auto [name, out] : {std::pair{"session_id", &entry.session_id}, std::pair{"authority", &entry.authority}}) {
    auto text = object.string(name);
    if (!text) return tl::unexpected(text.error());
    if (const Status status = check_name(*text, name); !status) return status;
    *out = std::move(*text);
  }
  Status status = read_text(
      object, "seal_id", "a UUID", [](auto text) { return parse_uuid(text); }, entry.seal_id);
  if (!status) return status;
  status = read_text(
      object, "timestamp", "of the form YYYY-MM-DDTHH:MM:SS.ffffffZ", [](auto text) { return parse_timestamp(text); },
      entry.timestamp);
  if (!status) return status;
  status = read_text(
      object, "verdict", "SEAL, PARTIAL, SABAR, VOID, 888_HOLD or SUNSET",
      [](auto text) { return parse_verdict(text); }, entry.verdict);
  if (!status) return status;
  if (!object.is_null("data_salt")) {
    Salt salt{};
    status = read_text(
        object, "data_salt", "32 lower-case hex digits", [](auto text) { return salt_from_hex(text); }, salt);
    if (!status) return status;
    entry.data_salt = salt;
  }
  return read_hash(object, "prev_hash", entry.prev_hash);
}

Status read_optional_hash(const JsonObject& object, std::string_view name, Hash& out, bool& there) {
  there = object.has(name);
  return there ? read_hash(object, name, out) : Status{};
}

}  // namespace

Result<JsonObject> JsonObject::split(std::string_view text) {
  if (!is_valid_utf8(text)) return fail(ErrorCode::invalid_argument, "not valid UTF-8");
  Splitter in(text);
  JsonObject object;
  const auto not_json = [] { return fail(ErrorCode::invalid_argument, "not a JSON object"); };
  if (!in.take('{')) return not_json();
  bool more = !in.take('}');
  while (more) {
    const std::string_view quoted = in.take_string();
    JsonDocument name;
    if (quoted.empty() || !parse_json(quoted, any_value, name) || !in.take(':')) return not_json();
    const std::string_view value = in.take_value();
    std::string key(name.text(name.nodes().front()));
    if (object.has(key)) return fail(ErrorCode::invalid_argument, "the name " + key + " occurs twice", key);
    JsonDocument checked;
    // These are read later: as a whole, since they may be 64 deep themselves, or one by one, since together they are
    // large.
    const bool read_later = key == "seal_data" || key == "entry" || key == "seals";
    if (const Status status = read_later ? Status{} : parse_json(value, any_value, checked); !status) {
      return fail(status.error().code, key + ": " + status.error().message, key);
    }
    object.members_.emplace_back(std::move(key), std::string(value));
    more = in.take(',');
    if (!more && !in.take('}')) return not_json();
  }
  if (!in.at_end()) return not_json();
  return object;
}

Result<std::vector<std::string_view>> split_json_array(std::string_view text) {
  Splitter in(text);
  const auto not_json = [] { return fail(ErrorCode::invalid_argument, "not a JSON array"); };
  std::vector<std::string_view> out;
  if (!in.take('[')) return not_json();
  if (!in.take(']')) {
    do {
      out.push_back(in.take_value());
      if (out.back().empty()) return not_json();
    } while (in.take(','));
    if (!in.take(']')) return not_json();
  }
  if (!in.at_end()) return not_json();
  return out;
}

const std::string* JsonObject::find(std::string_view name) const {
  for (const auto& member : members_) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

const std::string* JsonObject::other_than(std::span<const std::string_view> known) const {
  for (const auto& [name, value] : members_) {
    if (!is_ignored_member(name) && std::find(known.begin(), known.end(), name) == known.end()) return &name;
  }
  return nullptr;
}

bool JsonObject::is_null(std::string_view name) const {
  const std::string* text = find(name);
  return text == nullptr || *text == "null";
}

Result<std::string> JsonObject::string(std::string_view name) const {
  const std::string* text = find(name);
  if (text == nullptr) return fail(ErrorCode::invalid_argument, std::string(name) + " is missing", std::string(name));
  const auto document = parse_value(*text, name);
  if (!document) return tl::unexpected(document.error());
  const JsonNode& node = document->nodes().front();
  if (node.kind != JsonKind::string) return expected(name, "a string");
  return std::string(document->text(node));
}

Result<std::int64_t> JsonObject::integer(std::string_view name) const {
  const std::string* text = find(name);
  if (text == nullptr) return fail(ErrorCode::invalid_argument, std::string(name) + " is missing", std::string(name));
  const auto value = parse_integer(*text);
  if (!value) return expected(name, "a whole number");
  return *value;
}

Result<std::vector<std::string>> JsonObject::strings(std::string_view name) const {
  const std::string* text = find(name);
  if (text == nullptr) return fail(ErrorCode::invalid_argument, std::string(name) + " is missing", std::string(name));
  const auto document = parse_value(*text, name);
  if (!document) return tl::unexpected(document.error());
  const auto& nodes = document->nodes();
  if (nodes.front().kind != JsonKind::array) return expected(name, "an array of strings");
  std::vector<std::string> out;
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    if (nodes[i].kind != JsonKind::string) return expected(name, "an array of strings");
    out.emplace_back(document->text(nodes[i]));
  }
  return out;
}

Result<EntryText> parse_entry_json(std::string_view text) {
  auto object = JsonObject::split(text);
  if (!object) return tl::unexpected(object.error());
  if (const std::string* inner = object->find("entry"); inner != nullptr && !object->has("sequence")) {
    auto unwrapped = JsonObject::split(*inner);
    if (!unwrapped) return tl::unexpected(unwrapped.error());
    object = std::move(unwrapped);
  }
  EntryText out;
  if (const Status status = read_envelope(*object, out.entry); !status) return tl::unexpected(status.error());
  Entry& entry = out.entry;
  for (auto [name, hash, there] : {std::tuple{"data_hash", &entry.data_hash, &out.has_data_hash},
                                   std::tuple{"entry_hash", &entry.entry_hash, &out.has_entry_hash},
                                   std::tuple{"merkle_root", &entry.merkle_root, &out.has_merkle_root}}) {
    if (const Status status = read_optional_hash(*object, name, *hash, *there); !status) {
      return tl::unexpected(status.error());
    }
  }
  if (!object->is_null("seal_data")) {
    auto canonical =
        canonicalize(*object->find("seal_data"), {.bytes_max = limits::seal_bytes_max, .bound_numbers = false});
    if (!canonical) return tl::unexpected(canonical.error());
    entry.seal_data = std::move(*canonical);
  }
  return out;
}

Result<Receipt> parse_receipt_json(std::string_view text) {
  const auto object = JsonObject::split(text);
  if (!object) return tl::unexpected(object.error());
  Receipt receipt;
  Status status = read_envelope(*object, receipt.entry);
  if (status) status = read_hash(*object, "data_hash", receipt.entry.data_hash);
  if (status) status = read_hash(*object, "entry_hash", receipt.entry.entry_hash);
  if (status) status = read_hash(*object, "merkle_root", receipt.entry.merkle_root);
  if (!status) return tl::unexpected(status.error());
  if (!object->has("proof") && !object->has("checkpoint")) return receipt;

  ReceiptProof proof;
  const auto leaf_index = object->integer("leaf_index");
  if (!leaf_index) return tl::unexpected(leaf_index.error());
  const auto tree_size = object->integer("tree_size");
  if (!tree_size) return tl::unexpected(tree_size.error());
  if (*leaf_index < 0 || *tree_size < 0) return expected("tree_size", "and leaf_index at least 0");
  proof.leaf_index = static_cast<std::uint64_t>(*leaf_index);
  proof.tree_size = static_cast<std::uint64_t>(*tree_size);
  const auto hashes = object->strings("proof");
  if (!hashes) return tl::unexpected(hashes.error());
  for (const std::string& hex : *hashes) {
    const auto hash = hash_from_hex(hex);
    if (!hash) return expected("proof", "an array of hashes, 64 lower-case hex digits each");
    proof.proof.push_back(*hash);
  }
  auto checkpoint = object->string("checkpoint");
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  proof.checkpoint = std::move(*checkpoint);
  receipt.proof = std::move(proof);
  return receipt;
}

Result<SealDraft> parse_seal_json(std::string_view text) {
  const auto object = JsonObject::split(text);
  if (!object) return tl::unexpected(object.error());
  if (const std::string* name = object->other_than(seal_members())) {
    return tl::unexpected(unknown_member("a seal", {}, *name, seal_members()));
  }
  SealDraft draft;
  for (auto [name, out] : {std::pair{"session_id", &draft.session_id}, std::pair{"authority", &draft.authority},
                           std::pair{"verdict", &draft.verdict}}) {
    auto value = object->string(name);
    if (!value) return tl::unexpected(value.error());
    *out = std::move(*value);
  }
  const std::string* seal_data = object->find("seal_data");
  if (seal_data == nullptr) return fail(ErrorCode::invalid_argument, "seal_data is missing", "seal_data");
  draft.seal_data = *seal_data;
  if (!object->is_null("seal_id")) {
    auto seal_id = object->string("seal_id");
    if (!seal_id) return tl::unexpected(seal_id.error());
    draft.seal_id = std::move(*seal_id);
    if (draft.seal_id.empty()) return expected("seal_id", "a UUID");
  }
  return draft;
}

}  // namespace vault::ctl
