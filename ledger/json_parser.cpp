// JSON text into the builder, strictly by RFC 8259.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "ledger/ascii.hpp"
#include "ledger/canonical_json.hpp"
#include "ledger/json.hpp"
#include "ledger/json_text.hpp"

namespace vault {

namespace {

// The grammatical properties of one number literal (RFC 8259 section 6).
struct Literal {
  std::string_view text;
  bool is_integer = true;  // no fraction, no exponent
};

// True if the magnitude of a literal that no double can hold is too large, false if it is too small.
bool is_huge(std::string_view literal) {
  // The power of ten of the first non-zero digit: digits before the point, zeros after it, the exponent.
  constexpr std::int64_t far = std::int64_t{1} << 60;
  std::int64_t exponent = 0;
  if (const std::size_t at = literal.find_first_of("eE"); at != std::string_view::npos) {
    const std::size_t digits = literal[at + 1] == '+' ? at + 2 : at + 1;
    const auto read = std::from_chars(literal.data() + digits, literal.data() + literal.size(), exponent);
    if (read.ec != std::errc()) exponent = literal[digits] == '-' ? -far : far;
    literal = literal.substr(0, at);
  }
  std::size_t point = literal.find('.');
  if (point == std::string_view::npos) point = literal.size();
  const std::size_t leading = literal.find_first_of("123456789");
  if (leading == std::string_view::npos) return false;
  const auto distance = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(leading);
  return (exponent > far ? far : exponent < -far ? -far : exponent) + distance > 0;
}

void append_utf8(std::uint32_t code, std::string& out) {
  const auto push = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0 | code >> 6);
    push(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    push(0xE0 | code >> 12);
    push(0x80 | (code >> 6 & 0x3F));
    push(0x80 | (code & 0x3F));
  } else {
    push(0xF0 | code >> 18);
    push(0x80 | (code >> 12 & 0x3F));
    push(0x80 | (code >> 6 & 0x3F));
    push(0x80 | (code & 0x3F));
  }
}

// Recursive descent; the builder refuses nesting deeper than limits::json_depth_max, so the stack is bounded.
class Parser {
 public:
  Parser(std::string_view text, const JsonRules& rules, JsonDocument& out)
      : text_(text), source_(rules.source), builder_(out, rules) {}

  Status parse() {
    skip_space();
    if (Status taken = value(); !taken) return taken;
    skip_space();
    if (at_ < text_.size()) return not_json("nothing may follow the value");
    return {};
  }

 private:
  // The byte at the cursor, or 0 at the end (a NUL byte is no token either).
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
      ++at_;
    }
  }

  Status refuse(std::string_view what) const {
    return tl::unexpected(builder_.refuse(ErrorCode::invalid_argument, what));
  }

  Status not_json(std::string_view what) const { return refuse(fmt::format("not JSON at byte {}: {}", at_, what)); }

  bool accept_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Status value() {
    switch (peek()) {
      case '{':
        return object();
      case '[':
        return array();
      case '"': {
        std::string_view content;
        if (Status read = string(content); !read) return read;
        return builder_.string(content);
      }
      case 't':
        return accept_word("true") ? builder_.boolean(true) : not_json("a value was expected");
      case 'f':
        return accept_word("false") ? builder_.boolean(false) : not_json("a value was expected");
      case 'n':
        return accept_word("null") ? builder_.null() : not_json("a value was expected");
      default:
        if (peek() == '-' || is_digit(peek())) return number();
        return not_json("a value was expected");
    }
  }

  Status object() {
    ++at_;
    if (Status begun = builder_.begin_object(); !begun) return begun;
    skip_space();
    if (accept('}')) return builder_.end_object();
    while (true) {
      if (peek() != '"') return not_json("a member's name in quotation marks was expected");
      std::string_view name;
      if (Status read = string(name); !read) return read;
      if (Status taken = builder_.key(name); !taken) return taken;
      skip_space();
      if (!accept(':')) return not_json("':' was expected");
      skip_space();
      if (Status taken = value(); !taken) return taken;
      skip_space();
      if (accept('}')) return builder_.end_object();
      if (!accept(',')) return not_json("',' or '}' was expected");
      skip_space();
    }
  }

  Status array() {
    ++at_;
    if (Status begun = builder_.begin_array(); !begun) return begun;
    skip_space();
    if (accept(']')) return builder_.end_array();
    while (true) {
      if (Status taken = value(); !taken) return taken;
      skip_space();
      if (accept(']')) return builder_.end_array();
      if (!accept(',')) return not_json("',' or ']' was expected");
      skip_space();
    }
  }

  // Reads the string at the cursor. `content` points into the text, or into unescaped_ until the next call.
  Status string(std::string_view& content) {
    ++at_;
    const std::size_t begin = at_;
    at_ += plain_length(text_.substr(at_));
    if (accept('"')) {
      content = text_.substr(begin, at_ - 1 - begin);
      return {};
    }
    unescaped_.assign(text_, begin, at_ - begin);
    while (!accept('"')) {
      if (at_ == text_.size()) return not_json("the string does not end");
      if (!accept('\\')) return not_json("a control character in a string must be escaped");
      if (Status read = escape(); !read) return read;
      const std::size_t plain = plain_length(text_.substr(at_));
      unescaped_.append(text_, at_, plain);
      at_ += plain;
    }
    content = unescaped_;
    return {};
  }

  // Reads the rest of an escape, after its backslash.
  Status escape() {
    const char c = peek();
    switch (c) {
      case '"':
      case '\\':
      case '/':
        unescaped_.push_back(c);
        break;
      case 'b':
        unescaped_.push_back('\b');
        break;
      case 'f':
        unescaped_.push_back('\f');
        break;
      case 'n':
        unescaped_.push_back('\n');
        break;
      case 'r':
        unescaped_.push_back('\r');
        break;
      case 't':
        unescaped_.push_back('\t');
        break;
      case 'u':
        ++at_;
        return unicode_escape();
      default:
        return not_json("no such escape");
    }
    ++at_;
    return {};
  }

  bool hex4(std::uint32_t& unit) {
    if (text_.size() - at_ < 4) return false;
    const auto read = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, unit, 16);
    if (read.ec != std::errc() || read.ptr != text_.data() + at_ + 4) return false;
    at_ += 4;
    return true;
  }

  Status unicode_escape() {
    constexpr std::string_view digits_expected = "four hexadecimal digits were expected";
    constexpr std::string_view lone = "a string holds a lone surrogate, which has no UTF-8 form";
    std::uint32_t unit = 0;
    if (!hex4(unit)) return not_json(digits_expected);
    if (unit >= 0xDC00 && unit <= 0xDFFF) return refuse(lone);
    if (unit >= 0xD800 && unit <= 0xDBFF) {
      if (!accept_word("\\u")) return refuse(lone);
      std::uint32_t low = 0;
      if (!hex4(low)) return not_json(digits_expected);
      if (low < 0xDC00 || low > 0xDFFF) return refuse(lone);
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(unit, unescaped_);
    return {};
  }

  bool digits() {
    const std::size_t begin = at_;
    while (is_digit(peek())) ++at_;
    return at_ > begin;
  }

  bool literal(Literal& out) {
    const std::size_t begin = at_;
    accept('-');
    if (!accept('0') && !digits()) return false;
    if (accept('.')) {
      out.is_integer = false;
      if (!digits()) return false;
    }
    if (accept('e') || accept('E')) {
      out.is_integer = false;
      if (!accept('+')) accept('-');
      if (!digits()) return false;
    }
    out.text = text_.substr(begin, at_ - begin);
    return true;
  }

  Status number() {
    Literal read;
    if (!literal(read)) return not_json("a digit was expected");
    return read.is_integer ? integer(read.text) : floating(read.text);
  }

  Status integer(std::string_view digits) {
    const char* const end = digits.data() + digits.size();
    if (digits[0] == '-') {
      std::int64_t value = 0;
      if (std::from_chars(digits.data(), end, value).ec == std::errc()) return builder_.integer(value);
    } else {
      std::uint64_t value = 0;
      if (std::from_chars(digits.data(), end, value).ec == std::errc()) return builder_.unsigned_integer(value);
    }
    return floating(digits, true);
  }

  // `is_integer`: an integer literal outside 64 bits, which a producer may send only if a double preserves its digits.
  Status floating(std::string_view digits, bool is_integer = false) {
    double value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc()) {
      if (is_huge(digits)) return refuse("a number is too large for a double");
      value = 0;
    }
    if (is_integer && source_ == JsonSource::producer) {
      printed_.clear();
      append_number(value, printed_);
      if (printed_ != digits) {
        return refuse("an integer outside 64 bits would change when read as a double; send it as a string");
      }
    }
    return builder_.number(value);
  }

  std::string_view text_;
  JsonSource source_;
  JsonBuilder builder_;
  std::size_t at_ = 0;
  std::string unescaped_;
  std::string printed_;
};

}  // namespace

Status parse_json(std::string_view text, const JsonRules& rules, JsonDocument& out) {
  return Parser(text, rules, out).parse();
}

}  // namespace vault
