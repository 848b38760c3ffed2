#include "ledger/raw_json.hpp"

#include <charconv>
#include <utility>

#include "ledger/ascii.hpp"
#include "ledger/json_text.hpp"

namespace vault {
namespace {

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_high_surrogate(std::uint32_t unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

bool is_low_surrogate(std::uint32_t unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

// Encodes as UTF-8 without exceptions, surrogates included.
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

}  // namespace

// Parses without recursion, so that no depth can exhaust the stack.
class RawJsonParser {
 public:
  explicit RawJsonParser(std::string_view text) : text_(text) { out_.text_ = text; }

  tl::expected<RawJson, RawJsonFault> parse() {
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

  bool in_object() const { return out_.nodes_[open_.back()].kind == RawJson::Kind::object; }
  char closer() const { return in_object() ? '}' : ']'; }

  void close() {
    RawJson::Node& node = out_.nodes_[open_.back()];
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
    RawJson::Node node;
    node.begin = offset();
    node.name_begin = std::exchange(name_begin_, 0);
    node.name_end = std::exchange(name_end_, 0);
    const char c = peek();
    if (c == '{' || c == '[') {
      ++at_;
      node.kind = c == '{' ? RawJson::Kind::object : RawJson::Kind::array;
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

  bool scalar(char c, RawJson::Kind& kind) {
    switch (c) {
      case '"':
        kind = RawJson::Kind::string;
        return string();
      case 't':
        kind = RawJson::Kind::boolean;
        return accept_word("true");
      case 'f':
        kind = RawJson::Kind::boolean;
        return accept_word("false");
      case 'n':
        kind = RawJson::Kind::null;
        return accept_word("null");
      default:
        kind = RawJson::Kind::number;
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
  RawJson out_;
  RawJsonFault fault_;
  std::vector<std::uint32_t> open_;  // containers around the cursor
  bool fresh_ = false;               // the innermost one has no element yet
  std::size_t at_ = 0;
  std::uint32_t name_begin_ = 0, name_end_ = 0;  // of the member whose value comes next
};

tl::expected<RawJson, RawJsonFault> RawJson::parse(std::string_view text) {
  return RawJsonParser(text).parse();
}

std::string RawJson::unescape(std::string_view quoted) {
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

std::string RawJson::name(const Node& member) const {
  return unescape(text_.substr(member.name_begin, member.name_end - member.name_begin));
}

std::vector<const RawJson::Node*> RawJson::children(const Node& node) const {
  std::vector<const Node*> out;
  if (node.kind != Kind::object && node.kind != Kind::array) return out;
  const Node* const end = nodes_.data() + node.next;
  for (const Node* child = &node + 1; child != end; child = nodes_.data() + child->next) out.push_back(child);
  return out;
}

const RawJson::Node* RawJson::member(std::string_view wanted) const {
  if (root().kind != Kind::object) return nullptr;
  const Node* found = nullptr;
  for (const Node* child : children(root())) {
    if (name(*child) == wanted) found = child;
  }
  return found;
}

}  // namespace vault
