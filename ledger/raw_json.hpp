// JSON text as a foreign program wrote it: read without the rules for payloads, with every literal kept as written.
//
// ledger/json.hpp reads what may be sealed. This reads everything that RFC 8259 calls JSON: duplicate names, numbers of
// any size, U+0000, lone surrogates, any depth. It does not interpret, so that the text can be hashed again exactly as
// the program that wrote it did.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace vault {

struct RawJsonFault {
  std::size_t at = 0;  // byte offset in the text
  std::string what;
};

class RawJson {
 public:
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

  // Nodes stand in document order; offsets are into the text.
  struct Node {
    Kind kind = Kind::null;
    std::uint32_t begin = 0, end = 0;            // of the value, quotation marks and brackets included
    std::uint32_t next = 0;                      // index of the node after this whole value
    std::uint32_t name_begin = 0, name_end = 0;  // of a member's name, quotation marks included; equal: no name
  };

  // `text` is valid UTF-8 of less than 4 GiB and outlives the result. Cost: linear; 24 bytes a value.
  static tl::expected<RawJson, RawJsonFault> parse(std::string_view text);

  std::string_view source() const { return text_; }
  const Node& root() const { return nodes_.front(); }
  // The top-level object's member of this name; the last if there are several, as in Python's json. nullptr: none.
  const Node* member(std::string_view name) const;
  // The value as written.
  std::string_view text(const Node& node) const { return text_.substr(node.begin, node.end - node.begin); }
  // A string's characters, with escapes decoded. A lone surrogate comes out as the three bytes that UTF-8 would have
  // for it, which is not valid UTF-8.
  std::string characters(const Node& node) const { return unescape(text(node)); }
  // The values of an object or array, in order; none for anything else. Cost: linear in their number.
  std::vector<const Node*> children(const Node& node) const;
  // The name of an object's member, read like characters().
  std::string name(const Node& member) const;

  // Every value, in document order.
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  friend class RawJsonParser;
  static std::string unescape(std::string_view quoted);

  std::string_view text_;
  std::vector<Node> nodes_;
};

}  // namespace vault
