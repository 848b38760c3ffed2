#include "store/legacy/python_text.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace vault {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

// The code point at `at`, which is advanced. `text` is well-formed except for surrogates.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  if (lead < 0x80) return lead;
  const int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  std::uint32_t code = lead & (0x3FU >> more);
  for (int i = 0; i < more; ++i) code = code << 6 | (static_cast<unsigned char>(text[at++]) & 0x3F);
  return code;
}

void append_unit(std::uint32_t unit, std::string& out) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(hex_digits[unit >> shift & 0xF]);
}

// A string as Python prints it with ensure_ascii, quotation marks included.
void append_python_string(std::string_view text, std::string& out) {
  out.push_back('"');
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t code = next_code_point(text, at);
    constexpr std::string_view short_escapes = "\"\\\n\r\t\f\b";
    const std::size_t escape = code < 0x80 ? short_escapes.find(static_cast<char>(code)) : std::string_view::npos;
    if (escape != std::string_view::npos) {
      out.push_back('\\');
      out.push_back("\"\\nrtfb"[escape]);
    } else if (code >= 0x20 && code < 0x7F) {
      out.push_back(static_cast<char>(code));
    } else if (code < 0x10000) {
      append_unit(code, out);
    } else {
      append_unit(0xD800 + ((code - 0x10000) >> 10), out);
      append_unit(0xDC00 + ((code - 0x10000) & 0x3FF), out);
    }
  }
  out.push_back('"');
}

struct Separators {
  std::string_view item, member;
};

// The members of `object` in order of their names; of duplicates, the last. `without` applies to the top level. Bytes
// of generalised UTF-8 sort like code points.
std::vector<const RawJson::Node*> members_in_order(const RawJson& json, const RawJson::Node& object,
                                                   std::optional<std::string_view> without) {
  std::vector<std::pair<std::string, const RawJson::Node*>> members;
  for (const RawJson::Node* child : json.children(object)) {
    std::string name = json.name(*child);
    if (&object != &json.root() || name != without) members.emplace_back(std::move(name), child);
  }
  std::sort(members.begin(), members.end());
  std::vector<const RawJson::Node*> out;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const bool last_of_its_name = i + 1 == members.size() || members[i + 1].first != members[i].first;
    if (last_of_its_name) out.push_back(members[i].second);
  }
  return out;
}

std::string print(const RawJson& json, const RawJson::Node& root, std::optional<std::string_view> without,
                  const Separators& separators) {
  using Kind = RawJson::Kind;
  struct Open {
    std::vector<const RawJson::Node*> elements;
    std::size_t at = 0;
    bool object = false;
  };
  std::string out;
  std::vector<Open> open;
  const auto begin = [&](const RawJson::Node& node) {
    switch (node.kind) {
      case Kind::object:
        out.push_back('{');
        open.push_back({members_in_order(json, node, without), 0, true});
        break;
      case Kind::array:
        out.push_back('[');
        open.push_back({json.children(node), 0, false});
        break;
      case Kind::string:
        append_python_string(json.characters(node), out);
        break;
      default:
        out += json.text(node);
    }
  };
  begin(root);
  while (!open.empty()) {
    Open& top = open.back();
    if (top.at == top.elements.size()) {
      out.push_back(top.object ? '}' : ']');
      open.pop_back();
      continue;
    }
    if (top.at > 0) out += separators.item;
    const RawJson::Node& element = *top.elements[top.at++];
    if (top.object) {
      append_python_string(json.name(element), out);
      out += separators.member;
    }
    begin(element);
  }
  return out;
}

}  // namespace

std::string python_text(const RawJson& json, std::string_view without) {
  return print(json, json.root(), without, {", ", ": "});
}

std::string python_compact(const RawJson& json, const RawJson::Node& node) {
  return print(json, node, std::nullopt, {",", ":"});
}

std::string python_string(std::string_view characters) {
  std::string out;
  append_python_string(characters, out);
  return out;
}

}  // namespace vault
