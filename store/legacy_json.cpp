#include "store/legacy_json.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "ledger/json_text.hpp"

namespace vault {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_high_surrogate(std::uint32_t unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

bool is_low_surrogate(std::uint32_t unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

// UTF-8 by the general scheme, surrogates included.
void append_code_point(std::uint32_t code, std::string& out) {
  const auto push = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    push(code);
    return;
  }
  if (code < 0x800) {
    push(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      push(0xE0 | code >> 12);
    } else {
      push(0xF0 | code >> 18);
      push(0x80 | (code >> 12 & 0x3F));
    }
    push(0x80 | (code >> 6 & 0x3F));
  }
  push(0x80 | (code & 0x3F));
}

// The code point at `at`, which moves on. `text` is well-formed but for surrogates.
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

}  // namespace

// Reads the grammar without recursion, so that no depth can exhaust the stack.
class LegacyJsonParser {
 public:
  explicit LegacyJsonParser(std::string_view text) : text_(text) { out_.text_ = text; }

  tl::expected<LegacyJson, LegacyJsonFault> parse() {
    if (!run()) return tl::unexpected(fault_);
    return std::move(out_);
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  bool accept_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return wrong("a value was expected");
    at_ += word.size();
    return true;
  }

  void skip_space() {
    while (at_ < text_.size() && (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t')) ++at_;
  }

  bool wrong(std::string_view what) {
    const bool at_end = at_ >= text_.size();
    fault_ = {at_, at_end ? std::string("it ends too early: ").append(what) : std::string(what)};
    return false;
  }

  bool run() {
    skip_space();
    do {
      if (!value()) return false;
      skip_space();
      while (!open_.empty() && accept(closer())) {
        close();
        skip_space();
      }
      if (open_.empty()) continue;
      if (fresh_) {
        fresh_ = false;  // the first element of a container that has just been opened
      } else if (!accept(',')) {
        return wrong(in_object() ? "',' or '}' was expected" : "',' or ']' was expected");
      }
      skip_space();
      if (in_object() && !member_name()) return false;
    } while (!open_.empty());
    return at_ == text_.size() || wrong("nothing may follow the value");
  }

  bool in_object() const { return out_.nodes_[open_.back()].kind == LegacyJson::Kind::object; }
  char closer() const { return in_object() ? '}' : ']'; }

  void close() {
    LegacyJson::Node& node = out_.nodes_[open_.back()];
    node.end = offset();
    node.next = static_cast<std::uint32_t>(out_.nodes_.size());
    open_.pop_back();
    fresh_ = false;
  }

  std::uint32_t offset() const { return static_cast<std::uint32_t>(at_); }

  bool member_name() {
    if (peek() != '"') return wrong("a member's name in quotation marks was expected");
    name_begin_ = offset();
    if (!string()) return false;
    name_end_ = offset();
    skip_space();
    if (!accept(':')) return wrong("':' was expected");
    skip_space();
    return true;
  }

  // One scalar, or the opening bracket of a container.
  bool value() {
    LegacyJson::Node node;
    node.begin = offset();
    node.name_begin = std::exchange(name_begin_, 0);
    node.name_end = std::exchange(name_end_, 0);
    const char c = peek();
    if (c == '{' || c == '[') {
      ++at_;
      node.kind = c == '{' ? LegacyJson::Kind::object : LegacyJson::Kind::array;
      open_.push_back(static_cast<std::uint32_t>(out_.nodes_.size()));
      out_.nodes_.push_back(node);
      fresh_ = true;
      return true;
    }
    if (!scalar(c, node.kind)) return false;
    node.end = offset();
    node.next = static_cast<std::uint32_t>(out_.nodes_.size() + 1);
    out_.nodes_.push_back(node);
    return true;
  }

  bool scalar(char c, LegacyJson::Kind& kind) {
    switch (c) {
      case '"':
        kind = LegacyJson::Kind::string;
        return string();
      case 't':
        kind = LegacyJson::Kind::boolean;
        return accept_word("true");
      case 'f':
        kind = LegacyJson::Kind::boolean;
        return accept_word("false");
      case 'n':
        kind = LegacyJson::Kind::null;
        return accept_word("null");
      default:
        kind = LegacyJson::Kind::number;
        return c == '-' || is_digit(c) ? number() : wrong("a value was expected");
    }
  }

  bool string() {
    ++at_;
    while (true) {
      at_ += plain_length(text_.substr(at_));
      if (accept('"')) return true;
      if (at_ == text_.size()) return wrong("a string does not end");
      if (!accept('\\')) return wrong("a control character in a string must be escaped");
      if (accept('u')) {
        for (int i = 0; i < 4; ++i, ++at_) {
          if (!is_hex(peek())) return wrong("four hexadecimal digits were expected");
        }
      } else if (std::string_view("\"\\/bfnrt").find(peek()) == std::string_view::npos || at_ == text_.size()) {
        return wrong("no such escape");
      } else {
        ++at_;
      }
    }
  }

  bool digits() {
    const std::size_t begin = at_;
    while (is_digit(peek())) ++at_;
    return at_ > begin || wrong("a digit was expected");
  }

  bool number() {
    accept('-');
    if (!accept('0') && !digits()) return false;
    if (accept('.') && !digits()) return false;
    if (accept('e') || accept('E')) {
      if (!accept('+')) accept('-');
      return digits();
    }
    return true;
  }

  std::string_view text_;
  LegacyJson out_;
  LegacyJsonFault fault_;
  std::vector<std::uint32_t> open_;  // containers around the cursor
  bool fresh_ = false;               // the innermost one has no element yet
  std::size_t at_ = 0;
  std::uint32_t name_begin_ = 0, name_end_ = 0;  // of the member whose value comes next
};

tl::expected<LegacyJson, LegacyJsonFault> LegacyJson::parse(std::string_view text) {
  return LegacyJsonParser(text).parse();
}

std::string LegacyJson::unescape(std::string_view quoted) {
  const std::string_view text = quoted.substr(1, quoted.size() - 2);
  std::string out;
  out.reserve(text.size());
  const auto unit_at = [&](std::size_t at) {
    std::uint32_t unit = 0;
    std::from_chars(text.data() + at, text.data() + at + 4, unit, 16);
    return unit;
  };
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out.push_back(text[at++]);
      continue;
    }
    constexpr std::string_view letters = "bfnrt";
    const char letter = text[at + 1];
    at += 2;
    if (const std::size_t found = letters.find(letter); found != std::string_view::npos) {
      out.push_back("\b\f\n\r\t"[found]);
    } else if (letter != 'u') {
      out.push_back(letter);
    } else {
      std::uint32_t code = unit_at(at);
      at += 4;
      const bool escape_follows = text.size() - at >= 6 && text[at] == '\\' && text[at + 1] == 'u';
      if (is_high_surrogate(code) && escape_follows && is_low_surrogate(unit_at(at + 2))) {
        code = 0x10000 + ((code - 0xD800) << 10) + (unit_at(at + 2) - 0xDC00);
        at += 6;
      }
      append_code_point(code, out);
    }
  }
  return out;
}

std::string LegacyJson::name(const Node& member) const {
  return unescape(text_.substr(member.name_begin, member.name_end - member.name_begin));
}

std::vector<const LegacyJson::Node*> LegacyJson::children(const Node& node) const {
  std::vector<const Node*> out;
  if (node.kind != Kind::object && node.kind != Kind::array) return out;
  const Node* const end = nodes_.data() + node.next;
  for (const Node* child = &node + 1; child != end; child = nodes_.data() + child->next) out.push_back(child);
  return out;
}

std::vector<std::uint32_t> LegacyJson::child_indices(std::uint32_t node) const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t child = node + 1; child < nodes_[node].next; child = nodes_[child].next) out.push_back(child);
  return out;
}

const LegacyJson::Node* LegacyJson::member(std::string_view wanted) const {
  if (root().kind != Kind::object) return nullptr;
  const Node* found = nullptr;
  for (const Node* child : children(root())) {
    if (name(*child) == wanted) found = child;
  }
  return found;
}

// Bytes of generalised UTF-8 sort as code points do.
std::vector<std::uint32_t> LegacyJson::members_in_order(std::uint32_t object,
                                                        std::optional<std::string_view> without) const {
  std::vector<std::pair<std::string, std::uint32_t>> members;
  for (const std::uint32_t child : child_indices(object)) {
    std::string child_name = name(nodes_[child]);
    if (object != 0 || child_name != without) members.emplace_back(std::move(child_name), child);
  }
  std::sort(members.begin(), members.end());
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const bool last_of_its_name = i + 1 == members.size() || members[i + 1].first != members[i].first;
    if (last_of_its_name) out.push_back(members[i].second);
  }
  return out;
}

std::string LegacyJson::python_string(std::string_view characters) {
  std::string out;
  append_python_string(characters, out);
  return out;
}

std::string LegacyJson::python_text(std::string_view without) const {
  return print(0, without, {", ", ": "});
}

std::string LegacyJson::python_compact(const Node& node) const {
  return print(static_cast<std::uint32_t>(&node - nodes_.data()), std::nullopt, {",", ":"});
}

std::string LegacyJson::print(std::uint32_t root, std::optional<std::string_view> without,
                              const Separators& separators) const {
  struct Open {
    std::vector<std::uint32_t> elements;
    std::size_t at = 0;
    bool object = false;
  };
  std::string out;
  std::vector<Open> open;
  const auto begin = [&](std::uint32_t node) {
    switch (nodes_[node].kind) {
      case Kind::object:
        out.push_back('{');
        open.push_back({members_in_order(node, without), 0, true});
        break;
      case Kind::array:
        out.push_back('[');
        open.push_back({child_indices(node), 0, false});
        break;
      case Kind::string:
        append_python_string(characters(nodes_[node]), out);
        break;
      default:
        out += text(nodes_[node]);
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
    const std::uint32_t element = top.elements[top.at++];
    if (top.object) {
      append_python_string(name(nodes_[element]), out);
      out += separators.member;
    }
    begin(element);
  }
  return out;
}

}  // namespace vault
