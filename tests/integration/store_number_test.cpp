// The size of a number once jsonb has written it out: append_number()'s prediction, and a real PostgreSQL.
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "ledger/canonical_json.hpp"
#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

std::vector<double> doubles() {
  constexpr double max = std::numeric_limits<double>::max(), min = std::numeric_limits<double>::denorm_min();
  std::vector<double> out = {
      0.0,  -0.0, 1.0,    0.1,    -0.1,  1e20,   1e21,   1e22,   123456789012345680000.0, 1.5e21, 1e-5,
      1e-6, 1e-7, 1.5e-7, 5e-324, 1e308, 0x1p53, 0x1p60, -1e300, 2.2250738585072014e-308};
  out.insert(out.end(), {max, -max, min, -min});
  for (int exponent = -324; exponent <= 308; ++exponent) {
    for (const char* digits : {"1", "1.5", "9.999", "-1.2345678901234567"}) {
      const double value = std::strtod((std::string(digits) + "e" + std::to_string(exponent)).c_str(), nullptr);
      if (std::isfinite(value)) out.push_back(value);
    }
  }
  std::mt19937_64 source(999);
  while (out.size() < 8'000) {
    const auto value = std::bit_cast<double>(source());
    if (std::isfinite(value)) out.push_back(value);
  }
  while (out.size() < 10'000) out.push_back(std::uniform_real_distribution(-1e6, 1e6)(source));
  return out;
}

TEST(WrittenOut, IsWhatJsonbGivesBack) {
  const std::vector<double> all = doubles();
  std::string texts, expected;
  for (const double value : all) {
    std::string text;
    const std::size_t bytes = append_number(value, text);
    texts += (texts.empty() ? "[" : ",") + text;
    expected += (expected.empty() ? "" : " ") + std::to_string(bytes);
  }
  PrivatePostgres& postgres = PrivatePostgres::instance();
  const std::string stored = postgres.ask(postgres.create_empty_database(),
                                          "SELECT string_agg(length(value::text)::text, ' ' ORDER BY ordinality) FROM "
                                          "jsonb_array_elements('" +
                                              texts + "]'::jsonb) WITH ORDINALITY");
  EXPECT_EQ(stored, expected);
}

}  // namespace
}  // namespace vault::test
