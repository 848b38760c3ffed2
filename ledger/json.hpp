// A JSON document as a flat tape, and the builder and parser that fill it under the rules for payloads
// (docs/ledger-format.md, "Payload").
//
// Nodes stand in document order (pre-order). An object is followed by its members, each a `string` node (the name) and
// then the value; an array by its elements. Strings live in one arena, so a document that is cleared and refilled
// allocates nothing. Member order is the order of the input; canonical_json.hpp sorts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/limits.hpp"
#include "ledger/result.hpp"

namespace vault {

enum class JsonKind : std::uint8_t { null, boolean, signed_integer, unsigned_integer, number, string, object, array };

struct JsonNode {
  JsonKind kind = JsonKind::null;
  // object: members; array: elements; string: length in bytes; else 0
  std::uint32_t size = 0;
  // Index of the node after this whole value: the next sibling, or the end of the parent.
  std::uint32_t next = 0;
  union {
    bool boolean;
    std::int64_t signed_integer;     // negative integers only
    std::uint64_t unsigned_integer;  // every integer >= 0
    double number;                   // finite
    std::uint64_t text_offset;       // string: where it starts in the arena
  } as{.unsigned_integer = 0};
};

class JsonDocument {
 public:
  const std::vector<JsonNode>& nodes() const { return nodes_; }
  std::string_view text(const JsonNode& node) const { return {text_.data() + node.as.text_offset, node.size}; }
  void clear() {
    nodes_.clear();
    text_.clear();
  }
  bool empty() const { return nodes_.empty(); }

 private:
  friend class JsonBuilder;
  std::vector<JsonNode> nodes_;
  std::string text_;
};

// The source of a document decides which refusals apply.
enum class JsonSource : std::uint8_t {
  producer,  // everything in docs/ledger-format.md: U+0000, lone surrogates, numbers that would change, depth, ...
  stored,    // text out of jsonb: numbers are read alike, but integers that change as doubles and U+0000 pass
};

struct JsonRules {
  JsonSource source = JsonSource::producer;
  bool object_only = true;                             // the top level must be an object
  std::size_t bytes_max = limits::seal_bytes_default;  // bound on the canonical text
  std::string root = "seal_data";                      // how error paths begin; may be empty
  // Whether limits::written_out_factor applies. Not for payloads that may have been sealed before this bound existed.
  bool bound_numbers = source == JsonSource::producer;
};

// Takes a document value by value and stores it in `out`. Every call reports at once whether the value is acceptable;
// after a refusal the builder must not be fed further. Errors carry the member's path in `field`
// ("seal_data.items[3].score"): invalid_argument, or too_large once the text can no longer fit `bytes_max` (so memory
// stays in proportion to the limit, whatever size the input announces).
// Duplicate names in an object are found at its end_object().
class JsonBuilder {
 public:
  JsonBuilder(JsonDocument& out, JsonRules rules);

  Status begin_object();
  Status key(std::string_view name);
  Status end_object();
  Status begin_array();
  Status end_array();
  Status null();
  Status boolean(bool value);
  Status integer(std::int64_t value);
  Status unsigned_integer(std::uint64_t value);
  Status number(double value);  // NaN and infinities are refused
  Status string(std::string_view value);
  // A refusal for a reason of the caller's own (MessagePack bin, ext), located at the value that would come next.
  Error refuse(ErrorCode code, std::string_view what) const;

  const JsonRules& rules() const { return rules_; }
  bool complete() const;  // exactly one whole value has been taken

 private:
  struct Open {
    std::uint32_t node = 0;
    std::uint32_t key_node = 0;  // object: the latest member's name; 0: none yet
    bool expects_value = false;  // object: a name has been given
  };
  Status take_value(JsonNode node, std::size_t bytes_at_least);
  Status take_bytes(std::size_t bytes_at_least);
  Status check_text(std::string_view text, std::string_view what) const;
  Status open(JsonKind kind);
  void close(JsonKind kind);
  Status check_names();
  bool names_ascend(const JsonNode& object, std::uint32_t first) const;
  std::string path() const;

  JsonDocument& out_;
  JsonRules rules_;
  std::vector<Open> open_;
  std::vector<std::string_view> names_;  // of the object that is being closed
  std::size_t bytes_least_ = 0;          // lower bound of the size of the canonical text so far
};

// The refusal of a document whose canonical text exceeds rules.bytes_max; names max_seal_bytes and its value.
Error document_too_large(const JsonRules& rules);
// The refusal of a document whose numbers, written out, take `bytes`: more than rules.bytes_max allows.
Error numbers_too_large(const JsonRules& rules, std::size_t bytes);

// Parses RFC 8259 text: exactly one value, with white space around it allowed. Replaces the contents of `out`.
// Errors: invalid_argument with the member's path, or the byte offset where the text is not JSON; too_large.
Status parse_json(std::string_view text, const JsonRules& rules, JsonDocument& out);

}  // namespace vault
