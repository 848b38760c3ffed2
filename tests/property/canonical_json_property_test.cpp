// Canonical JSON over random documents: a plain model is written out as untidily as JSON allows (members shuffled,
// white space, escapes, other spellings of the same number), and must come back as the text that a naive recursive
// printer makes of the model.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ledger/canonical_json.hpp"

namespace vault {
namespace {

using Text = std::u32string;  // code points

struct Model {
  JsonKind kind = JsonKind::null;
  bool negative = false;        // signed_integer or unsigned_integer
  std::uint64_t magnitude = 0;  // of an integer
  double number = 0;
  Text text;
  std::vector<Text> names;      // of an object's members
  std::vector<Model> elements;  // of an array, or the values of the members
};

// Everything random comes from one seed.
class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  char32_t character() {
    constexpr char32_t odd[] = {0x1,    0x8,    '\t',   '\n',    '"',     '\\',    '/',
                                0x1f,   0x7f,   0x80,   0x7ff,   0x800,   0xd7ff,  0xe000,
                                0xfb33, 0xfdd0, 0xffff, 0x10000, 0x1f512, 0x1ffff, 0x10ffff};
    if (below(3) != 0) return static_cast<char32_t>('a' + below(3));
    return odd[below(std::size(odd))];
  }

  Text text() {
    Text out;
    for (std::uint64_t left = below(2) == 0 ? below(4) : below(24); left > 0; --left) out.push_back(character());
    return out;
  }

  Model value(int depth) {
    Model model;
    switch (below(depth > 0 ? 9 : 6)) {
      case 0:
        break;
      case 1:
        model.kind = JsonKind::boolean;
        model.negative = below(2) == 0;
        break;
      case 2:
        model.kind = JsonKind::unsigned_integer;
        model.magnitude = random_() >> below(64);
        model.negative = model.magnitude != 0 && model.magnitude <= std::uint64_t{1} << 63 && below(2) == 0;
        break;
      case 3:
      case 4:
        model.kind = JsonKind::number;
        do model.number = std::bit_cast<double>(random_());
        while (!std::isfinite(model.number));
        if (below(2) == 0) model.number = static_cast<double>(static_cast<int>(random_())) / 1000.0;
        break;
      case 5:
        model.kind = JsonKind::string;
        model.text = text();
        break;
      case 6:
        model.kind = JsonKind::array;
        for (std::uint64_t left = below(5); left > 0; --left) model.elements.push_back(value(depth - 1));
        break;
      default:
        return object(depth);
    }
    return model;
  }

  Model object(int depth) {
    Model model;
    model.kind = JsonKind::object;
    for (std::uint64_t left = below(4) == 0 ? below(40) : below(6); left > 0; --left) {
      Text name = text();
      if (std::find(model.names.begin(), model.names.end(), name) != model.names.end()) continue;
      model.names.push_back(std::move(name));
      model.elements.push_back(value(depth - 1));
    }
    return model;
  }

  std::mt19937_64& random() { return random_; }

 private:
  std::mt19937_64 random_;
};

std::string utf8(const Text& text) {
  std::string out;
  for (const char32_t c : text) {
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else {
      const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
      out += static_cast<char>((0xF0 << (3 - more) & 0xF0) | c >> (6 * more));
      for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
    }
  }
  return out;
}

std::u16string utf16(const Text& text) {
  std::u16string out;
  for (const char32_t c : text) {
    if (c >= 0x10000) out += static_cast<char16_t>(0xD7C0 + (c >> 10));
    out += static_cast<char16_t>(c >= 0x10000 ? 0xDC00 + (c & 0x3FF) : c);
  }
  return out;
}

// Shortest digits by trying every precision (the C library rounds correctly), laid out by RFC 8785 section 3.2.2.3.
std::string naive_number(double value) {
  if (value == 0) return "0";
  if (value < 0) return "-" + naive_number(-value);
  char text[40];
  for (int precision = 0; precision < 17; ++precision) {
    std::snprintf(text, sizeof text, "%.*e", precision, value);
    if (std::strtod(text, nullptr) == value) break;
  }
  const std::string scientific = text;
  const std::size_t e = scientific.find('e');
  const int exponent = std::atoi(scientific.c_str() + e + 1);
  std::string digits = scientific.substr(0, 1) + (e > 2 ? scientific.substr(2, e - 2) : "");
  const int count = static_cast<int>(digits.size());
  if (exponent >= 21 || exponent < -6) {
    if (count > 1) digits.insert(1, ".");
    return digits + "e" + (exponent < 0 ? "-" : "+") + std::to_string(std::abs(exponent));
  }
  if (exponent < 0) return "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  if (count <= exponent + 1) return digits + std::string(static_cast<std::size_t>(exponent + 1 - count), '0');
  return digits.insert(static_cast<std::size_t>(exponent) + 1, ".");
}

std::string naive_string(const Text& text) {
  std::string out = "\"";
  for (const char32_t c : text) {
    const std::size_t short_form = std::u32string_view(U"\b\t\n\f\r\"\\").find(c);
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c & 0xFFFF));
    out += short_form != std::u32string_view::npos ? std::string("\\") + "btnfr\"\\"[short_form]
           : c < 0x20                              ? std::string(escaped)
                                                   : utf8(Text(1, c));
  }
  return out + "\"";
}

std::vector<std::size_t> positions(const Model& object) {
  std::vector<std::size_t> out(object.names.size());
  std::iota(out.begin(), out.end(), std::size_t{0});
  return out;
}

std::string naive_print(const Model& model) {
  std::string out;
  switch (model.kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return model.negative ? "true" : "false";
    case JsonKind::signed_integer:
    case JsonKind::unsigned_integer:
      return (model.negative ? "-" : "") + std::to_string(model.magnitude);
    case JsonKind::number:
      return naive_number(model.number);
    case JsonKind::string:
      return naive_string(model.text);
    case JsonKind::array:
      for (const Model& element : model.elements) out += "," + naive_print(element);
      return "[" + (out.empty() ? out : out.substr(1)) + "]";
    case JsonKind::object:
      break;
  }
  std::vector<std::size_t> order = positions(model);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return utf16(model.names[a]) < utf16(model.names[b]); });
  for (const std::size_t i : order) out += "," + naive_string(model.names[i]) + ":" + naive_print(model.elements[i]);
  return "{" + (out.empty() ? out : out.substr(1)) + "}";
}

// Writes a model in one of its many legal spellings.
class Scribbler {
 public:
  explicit Scribbler(Maker& maker) : maker_(maker) {}

  std::string write(const Model& model) {
    std::string out;
    if (model.kind == JsonKind::number) return spaced(number(model.number));
    if (model.kind == JsonKind::string) return spaced(string(model.text));
    if (model.kind == JsonKind::array) {
      for (const Model& element : model.elements) out += "," + write(element);
      return spaced("[" + (out.empty() ? spaced("") : out.substr(1)) + "]");
    }
    if (model.kind == JsonKind::object) {
      std::vector<std::size_t> order = positions(model);
      std::shuffle(order.begin(), order.end(), maker_.random());
      for (const std::size_t i : order) out += "," + spaced(string(model.names[i])) + ":" + write(model.elements[i]);
      return spaced("{" + (out.empty() ? spaced("") : out.substr(1)) + "}");
    }
    return spaced(naive_print(model));
  }

 private:
  std::string spaced(const std::string& token) {
    constexpr const char* spaces[] = {"", "", "", " ", "\n\t", "\r\n    "};
    const auto space = [&] { return std::string(spaces[maker_.below(std::size(spaces))]); };
    return space() + token + space();
  }

  // Always with an exponent or a point, so that it stays a double.
  std::string number(double value) {
    char text[400];
    switch (maker_.below(3)) {
      case 0:
        std::snprintf(text, sizeof text, "%.17e", value);
        break;
      case 1:
        std::snprintf(text, sizeof text, "%.25E", value);
        break;
      default:
        if (std::fabs(value) > 1e-5 && std::fabs(value) < 1e50) {
          std::snprintf(text, sizeof text, "%.30f", value);
        } else {
          std::snprintf(text, sizeof text, "%.20e", value);
        }
    }
    return text;
  }

  std::string string(const Text& text) {
    std::string out = "\"";
    for (const char32_t c : text) {
      const std::string plain = naive_string(Text(1, c));
      if (maker_.below(4) != 0) {
        out += plain.substr(1, plain.size() - 2);
        continue;
      }
      for (const char16_t unit : utf16(Text(1, c))) {
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, maker_.below(2) == 0 ? "\\u%04x" : "\\u%04X", unsigned{unit});
        out += escaped;
      }
    }
    return out + "\"";
  }

  Maker& maker_;
};

// rapidcheck draws seeds over the whole range (size 100 is its widest); a failure names the seed.
void expect_property(const char* name, const std::function<void(std::uint64_t)>& property) {
  EXPECT_TRUE(rc::check(name, [&] { property(*rc::gen::resize(100, rc::gen::arbitrary<std::uint64_t>())); }));
}

TEST(CanonicalJsonProperty, AgreesWithTheNaivePrinterWhateverTheSpelling) {
  expect_property("spelling does not matter", [](std::uint64_t seed) {
    for (int round = 0; round < 10; ++round) {
      Maker maker(seed + static_cast<std::uint64_t>(round));
      const Model model = maker.object(4);
      const std::string expected = naive_print(model);
      Scribbler scribbler(maker);
      const std::string text = scribbler.write(model);
      const auto first = canonicalize(text, {});
      if (!first) RC_FAIL(first.error().message + " in " + text);
      RC_ASSERT(*first == expected);
      RC_ASSERT(canonicalize(scribbler.write(model), {}).value() == expected);
    }
  });
}

TEST(CanonicalJsonProperty, CanonicalTextIsAFixedPoint) {
  expect_property("parse and print of canonical text", [](std::uint64_t seed) {
    Maker maker(seed);
    const std::string text = naive_print(maker.object(5));
    for (const JsonSource source : {JsonSource::producer, JsonSource::stored}) {
      const auto printed = canonicalize(text, {.source = source, .object_only = false});
      if (!printed) RC_FAIL(printed.error().message + " in " + text);
      RC_ASSERT(*printed == text);
    }
  });
}

TEST(CanonicalJsonProperty, NumbersAgreeWithTheNaivePrinter) {
  expect_property("numbers", [](std::uint64_t seed) {
    Maker maker(seed);
    for (int round = 0; round < 20; ++round) {
      auto value = std::bit_cast<double>(maker.random()());
      if (!std::isfinite(value)) continue;
      // Every second one near the boundaries between layouts.
      if (round % 2 == 0)
        value = std::ldexp(value / std::pow(2.0, std::ilogb(value)), static_cast<int>(maker.below(120)) - 40);
      std::string out;
      append_number(value, out);
      RC_ASSERT(out == naive_number(value));
    }
  });
}

// Arbitrary bytes: an answer, never a crash, and accepted text is a fixed point.
TEST(CanonicalJsonProperty, DamagedTextIsAnsweredAndNeverHalfTaken) {
  expect_property("damage", [](std::uint64_t seed) {
    Maker maker(seed);
    std::string text = Scribbler(maker).write(maker.object(3));
    for (std::uint64_t hits = 1 + maker.below(3); hits > 0; --hits) {
      text[maker.below(text.size())] =
          static_cast<char>(maker.below(4) == 0 ? maker.below(256) : "{}[],:\"\\0-.eE"[maker.below(13)]);
    }
    const auto printed = canonicalize(text, {});
    if (printed) {
      RC_ASSERT(canonicalize(*printed, {}).value() == *printed);
    } else {
      RC_ASSERT(printed.error().code == ErrorCode::invalid_argument);
      RC_ASSERT(printed.error().field.substr(0, 9) == "seal_data");
    }
  });
}

}  // namespace
}  // namespace vault
