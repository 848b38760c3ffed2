#include "ledger/canonical_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "ledger/check.hpp"
#include "ledger/json_text.hpp"

namespace vault {

namespace {

// The letter after the backslash in RFC 8785 section 3.2.2.2, or 'u' for \u00xx.
constexpr std::array<char, 0x20> make_control_letters() {
  std::array<char, 0x20> letters{};
  for (char& letter : letters) letter = 'u';
  letters['\b'] = 'b';
  letters['\t'] = 't';
  letters['\n'] = 'n';
  letters['\f'] = 'f';
  letters['\r'] = 'r';
  return letters;
}
constexpr std::array<char, 0x20> control_letters = make_control_letters();

void append_escaped(char special, std::string& out) {
  const auto code = static_cast<unsigned char>(special);
  out.push_back('\\');
  if (code >= 0x20) {  // quotation mark, backslash
    out.push_back(special);
    return;
  }
  out.push_back(control_letters[code]);
  if (control_letters[code] != 'u') return;
  out.append("00");
  out.push_back(code < 0x10 ? '0' : '1');
  out.push_back("0123456789abcdef"[code & 15]);
}

template <class Integer>
std::size_t append_integer(Integer value, std::string& out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const auto size = static_cast<std::size_t>(end - digits);
  out.append(digits, size);
  return size;
}

// Bytes of `digits` times 10^(point - count) without an exponent, as PostgreSQL's numeric prints it.
std::size_t written_out_bytes(int count, int point) {
  int bytes = point;                          // ddd000
  if (point < count) bytes = count + 1;       // d.dd
  if (point <= 0) bytes = count + 2 - point;  // 0.000ddd
  return static_cast<std::size_t>(bytes);
}

// Lays out `digits` times 10^(point - digits.size()) as ECMAScript's Number::toString does.
void append_decimal(std::string_view digits, int point, std::string& out) {
  const auto count = static_cast<int>(digits.size());
  if (point > 21 || point <= -6) {
    out.push_back(digits[0]);
    if (count > 1) out.append(1, '.').append(digits.substr(1));
    out.append(point > 0 ? "e+" : "e-");
    append_integer(std::abs(point - 1), out);
  } else if (point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else if (point < count) {
    const auto whole = static_cast<std::size_t>(point);
    out.append(digits.substr(0, whole)).append(1, '.').append(digits.substr(whole));
  } else {
    out.append(digits).append(static_cast<std::size_t>(point - count), '0');
  }
}

// Prints one document. Recursion is bounded: JsonBuilder allows no nesting deeper than limits::json_depth_max.
class Printer {
 public:
  Printer(const JsonDocument& document, std::string& out) : document_(document), nodes_(document.nodes()), out_(out) {}

  void print(std::uint32_t index) {
    const JsonNode& node = nodes_[index];
    switch (node.kind) {
      case JsonKind::null:
        out_.append("null", 4);
        return;
      case JsonKind::boolean:
        out_.append(node.as.boolean ? "true" : "false");
        return;
      case JsonKind::signed_integer:
        numbers_written_out_ += append_integer(node.as.signed_integer, out_);
        return;
      case JsonKind::unsigned_integer:
        numbers_written_out_ += append_integer(node.as.unsigned_integer, out_);
        return;
      case JsonKind::number:
        numbers_written_out_ += append_number(node.as.number, out_);
        return;
      case JsonKind::string:
        return append_string(document_.text(node), out_);
      case JsonKind::array:
        return print_array(index);
      case JsonKind::object:
        return print_object(index);
    }
  }

  // Bytes taken by the numbers printed so far once they are written out without exponents.
  std::size_t numbers_written_out() const { return numbers_written_out_; }

 private:
  void print_array(std::uint32_t index) {
    out_.push_back('[');
    const std::uint32_t end = nodes_[index].next;
    for (std::uint32_t element = index + 1; element < end; element = nodes_[element].next) {
      if (element > index + 1) out_.push_back(',');
      print(element);
    }
    out_.push_back(']');
  }

  void print_object(std::uint32_t index) {
    // The names of all open objects share one stack; each object sorts its own part of it.
    const std::size_t base = names_.size();
    const std::uint32_t end = nodes_[index].next;
    bool sorted = true;
    for (std::uint32_t name = index + 1; name < end; name = nodes_[name + 1].next) {
      sorted = sorted && (names_.size() == base || name_before(text(names_.back()), text(name)));
      names_.push_back(name);
    }
    if (!sorted) {
      std::sort(names_.begin() + static_cast<std::ptrdiff_t>(base), names_.end(),
                [this](std::uint32_t a, std::uint32_t b) { return name_before(text(a), text(b)); });
    }
    out_.push_back('{');
    const std::size_t top = names_.size();
    for (std::size_t i = base; i < top; ++i) {
      if (i > base) out_.push_back(',');
      append_string(text(names_[i]), out_);
      out_.push_back(':');
      print(names_[i] + 1);
    }
    out_.push_back('}');
    names_.resize(base);
  }

  std::string_view text(std::uint32_t index) const { return document_.text(nodes_[index]); }

  const JsonDocument& document_;
  const std::vector<JsonNode>& nodes_;
  std::string& out_;
  std::vector<std::uint32_t> names_;
  std::size_t numbers_written_out_ = 0;
};

}  // namespace

void append_string(std::string_view text, std::string& out) {
  out.push_back('"');
  while (true) {
    const std::size_t plain = plain_length(text);
    out.append(text.data(), plain);
    if (plain == text.size()) break;
    append_escaped(text[plain], out);
    text.remove_prefix(plain + 1);
  }
  out.push_back('"');
}

std::size_t append_number(double value, std::string& out) {
  VAULT_CHECK(std::isfinite(value));
  // Below 2^53 every integer is its own shortest text.
  constexpr double exact_below = 9007199254740992.0;
  if (std::fabs(value) < exact_below) {
    const auto whole = static_cast<std::int64_t>(value);
    if (static_cast<double>(whole) == value) return append_integer(whole, out);  // -0 becomes 0 here
  }
  // Shortest digits that read back as `value`, as d.ddde+xx; then the ECMAScript layout.
  char text[32];
  const char* const end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  const char* at = text;
  const bool negative = *at == '-';
  if (negative) {
    out.push_back('-');
    ++at;
  }
  char digits[20];
  std::size_t count = 0;
  for (; *at != 'e'; ++at) {
    if (*at != '.') digits[count++] = *at;
  }
  int exponent = 0;
  at += at[1] == '+' ? 2 : 1;
  std::from_chars(at, end, exponent);
  append_decimal({digits, count}, exponent + 1, out);
  return written_out_bytes(static_cast<int>(count), exponent + 1) + (negative ? 1 : 0);
}

std::size_t append_canonical(const JsonDocument& document, std::string& out) {
  VAULT_CHECK(!document.empty());
  Printer printer(document, out);
  printer.print(0);
  return printer.numbers_written_out();
}

Status append_bounded(const JsonDocument& document, const JsonRules& rules, std::string& out) {
  const std::size_t before = out.size();
  const std::size_t numbers = append_canonical(document, out);
  if (out.size() - before > rules.bytes_max) return tl::unexpected(document_too_large(rules));
  if (rules.bound_numbers && numbers > limits::written_out_factor * rules.bytes_max) {
    return tl::unexpected(numbers_too_large(rules, numbers));
  }
  return {};
}

Result<std::string> canonicalize(std::string_view json, const JsonRules& rules) {
  JsonDocument document;
  if (Status parsed = parse_json(json, rules, document); !parsed) {
    return tl::unexpected(std::move(parsed).error());
  }
  std::string out;
  out.reserve(std::min(json.size(), rules.bytes_max));
  if (Status fits = append_bounded(document, rules, out); !fits) return tl::unexpected(std::move(fits).error());
  return out;
}

}  // namespace vault
