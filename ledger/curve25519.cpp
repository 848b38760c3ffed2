#include "ledger/curve25519.hpp"

#include "ledger/check.hpp"

namespace vault::curve25519 {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr unsigned limb_bits = 51;
constexpr std::uint64_t limb_mask = (std::uint64_t{1} << limb_bits) - 1;

constexpr Field zero{};
constexpr Field one{{1, 0, 0, 0, 0}};
// d = -121665/121666, 2d, and a square root of -1.
constexpr Field curve_d{{929955233495203, 466365720129213, 1662059464998953, 2033849074728123, 1442794654840575}};
constexpr Field curve_2d{{1859910466990425, 932731440258426, 1072319116312658, 1815898335770999, 633789495995903}};
constexpr Field root_of_minus_one{
    {1718705420411056, 234908883556509, 2233514472574048, 2117202627021982, 765476049583133}};

Field operator+(const Field& a, const Field& b) {
  Field out;
  for (std::size_t i = 0; i < 5; ++i) out.limb[i] = a.limb[i] + b.limb[i];
  return out;
}

// `b` is a product or the sum of two: four times the modulus is added, so that no limb falls below zero.
Field operator-(const Field& a, const Field& b) {
  constexpr std::uint64_t low = 4 * (limb_mask - 18), high = 4 * limb_mask;
  Field out;
  out.limb[0] = a.limb[0] + low - b.limb[0];
  for (std::size_t i = 1; i < 5; ++i) out.limb[i] = a.limb[i] + high - b.limb[i];
  return out;
}

Field carry(Wide r0, Wide r1, Wide r2, Wide r3, Wide r4) {
  r1 += r0 >> limb_bits;
  r2 += r1 >> limb_bits;
  r3 += r2 >> limb_bits;
  r4 += r3 >> limb_bits;
  r0 = (r0 & limb_mask) + (r4 >> limb_bits) * 19;
  r1 = (r1 & limb_mask) + (r0 >> limb_bits);
  return {{static_cast<std::uint64_t>(r0) & limb_mask, static_cast<std::uint64_t>(r1),
           static_cast<std::uint64_t>(r2) & limb_mask, static_cast<std::uint64_t>(r3) & limb_mask,
           static_cast<std::uint64_t>(r4) & limb_mask}};
}

// Limbs of both are below 2^55.
Field operator*(const Field& a, const Field& b) {
  const auto& [a0, a1, a2, a3, a4] = a.limb;
  const auto& [b0, b1, b2, b3, b4] = b.limb;
  const std::uint64_t b1_19 = b1 * 19, b2_19 = b2 * 19, b3_19 = b3 * 19, b4_19 = b4 * 19;
  return carry(Wide{a0} * b0 + Wide{a1} * b4_19 + Wide{a2} * b3_19 + Wide{a3} * b2_19 + Wide{a4} * b1_19,
               Wide{a0} * b1 + Wide{a1} * b0 + Wide{a2} * b4_19 + Wide{a3} * b3_19 + Wide{a4} * b2_19,
               Wide{a0} * b2 + Wide{a1} * b1 + Wide{a2} * b0 + Wide{a3} * b4_19 + Wide{a4} * b3_19,
               Wide{a0} * b3 + Wide{a1} * b2 + Wide{a2} * b1 + Wide{a3} * b0 + Wide{a4} * b4_19,
               Wide{a0} * b4 + Wide{a1} * b3 + Wide{a2} * b2 + Wide{a3} * b1 + Wide{a4} * b0);
}

Field square(const Field& a) {
  const auto& [a0, a1, a2, a3, a4] = a.limb;
  const std::uint64_t a0_2 = a0 * 2, a1_2 = a1 * 2, a3_19 = a3 * 19, a4_19 = a4 * 19;
  return carry(Wide{a0} * a0 + Wide{a1_2} * a4_19 + Wide{a2 * 2} * a3_19,
               Wide{a0_2} * a1 + Wide{a2 * 2} * a4_19 + Wide{a3} * a3_19,
               Wide{a0_2} * a2 + Wide{a1} * a1 + Wide{a3 * 2} * a4_19,
               Wide{a0_2} * a3 + Wide{a1_2} * a2 + Wide{a4} * a4_19, Wide{a0_2} * a4 + Wide{a1_2} * a3 + Wide{a2} * a2);
}

Field square_times(Field a, int times) {
  for (int i = 0; i < times; ++i) a = square(a);
  return a;
}

// a^(2^252 - 3), by the chain of exponents 2^n - 1.
Field raise_for_root(const Field& a) {
  const Field a2 = square(a);
  const Field a9 = square_times(a2, 2) * a;
  const Field a11 = a9 * a2;
  const Field n5 = square(a11) * a9;
  const Field n10 = square_times(n5, 5) * n5;
  const Field n20 = square_times(n10, 10) * n10;
  const Field n40 = square_times(n20, 20) * n20;
  const Field n50 = square_times(n40, 10) * n10;
  const Field n100 = square_times(n50, 50) * n50;
  const Field n200 = square_times(n100, 100) * n100;
  const Field n250 = square_times(n200, 50) * n50;
  return square_times(n250, 2) * a;
}

// The number itself, below the modulus.
std::array<std::uint64_t, 5> reduce(const Field& a) {
  std::array<std::uint64_t, 5> limb = (a * one).limb;
  // Adding 19 overflows 2^255 exactly where the number is not below the modulus.
  std::uint64_t over = (limb[0] + 19) >> limb_bits;
  for (std::size_t i = 1; i < 5; ++i) over = (limb[i] + over) >> limb_bits;
  limb[0] += 19 * over;
  for (std::size_t i = 0; i < 4; ++i) {
    limb[i + 1] += limb[i] >> limb_bits;
    limb[i] &= limb_mask;
  }
  limb[4] &= limb_mask;
  return limb;
}

bool same(const Field& a, const Field& b) {
  return reduce(a) == reduce(b);
}

Field from_bytes(const Hash& bytes) {
  std::array<std::uint64_t, 4> word{};
  for (std::size_t i = 0; i < 32; ++i) word[i / 8] |= std::uint64_t{bytes[i]} << (i % 8 * 8);
  return {{word[0] & limb_mask, (word[0] >> 51 | word[1] << 13) & limb_mask,
           (word[1] >> 38 | word[2] << 26) & limb_mask, (word[2] >> 25 | word[3] << 39) & limb_mask,
           (word[3] >> 12) & limb_mask}};
}

constexpr Point neutral{zero, one, one, zero};

// Both are complete: they hold for all points of the curve (Hisil, Wong, Carter, Dawson 2008, sections 3.1 and 3.3).
Point add(const Point& p, const AddPoint& q) {
  const Field a = (p.y - p.x) * q.y_minus_x;
  const Field b = (p.y + p.x) * q.y_plus_x;
  const Field c = p.t * q.xy2d;
  const Field d = p.z + p.z;
  const Field e = b - a, f = d - c, g = d + c, h = b + a;
  return {e * f, g * h, f * g, e * h};
}

Point add(const Point& p, const Point& q) {
  const Field a = (p.y - p.x) * (q.y - q.x);
  const Field b = (p.y + p.x) * (q.y + q.x);
  const Field c = p.t * curve_2d * q.t;
  const Field d = p.z * (q.z + q.z);
  const Field e = b - a, f = d - c, g = d + c, h = b + a;
  return {e * f, g * h, f * g, e * h};
}

Point twice(const Point& p) {
  const Field a = square(p.x), b = square(p.y);
  const Field zz = square(p.z);
  const Field h = a + b;
  const Field e = h - square(p.x + p.y);
  const Field g = a - b;
  const Field f = zz + zz + g;
  return {e * f, g * h, f * g, e * h};
}

}  // namespace

std::optional<AddPoint> decode_point(const Hash& bytes) {
  const Field y = from_bytes(bytes);
  if (reduce(y) != y.limb) return std::nullopt;  // another number written differently
  const bool odd = bytes[31] >> 7 != 0;
  const Field yy = square(y);
  const Field u = yy - one;
  const Field v = yy * curve_d + one;
  const Field v3 = square(v) * v;
  Field x = u * v3 * raise_for_root(u * square(v3) * v);
  const Field check = v * square(x);
  if (!same(check, u)) {
    if (!same(check, zero - u * one)) return std::nullopt;  // no point has this y
    x = x * root_of_minus_one;
  }
  const std::array<std::uint64_t, 5> number = reduce(x);
  if (number == zero.limb && odd) return std::nullopt;
  if (((number[0] & 1) != 0) != odd) x = (zero - x) * one;
  return AddPoint{(y + x) * one, (y - x) * one, x * y * curve_2d};
}

AddPoint negate(const AddPoint& point) {
  return {point.y_minus_x, point.y_plus_x, (zero - point.xy2d) * one};
}

const AddPoint& base_point() {
  static const AddPoint point = [] {
    Hash bytes;
    bytes.fill(0x66);
    bytes[0] = 0x58;
    const auto decoded = decode_point(bytes);
    VAULT_CHECK(decoded.has_value());
    return *decoded;
  }();
  return point;
}

bool sums_to_zero(std::span<const AddPoint> points, std::span<const Scalar> scalars) {
  VAULT_CHECK(points.size() == scalars.size());
  Point sum = neutral;
  std::vector<Point> buckets(256);
  for (std::size_t digit = 32; digit-- > 0;) {
    for (int i = 0; i < 8; ++i) sum = twice(sum);
    std::array<bool, 256> used{};
    for (std::size_t i = 0; i < points.size(); ++i) {
      const std::uint8_t value = scalars[i][digit];
      if (value == 0) continue;
      buckets[value] = add(used[value] ? buckets[value] : neutral, points[i]);
      used[value] = true;
    }
    // Bucket b counts b times: the sums of the buckets from b on, added for each b.
    Point from_here = neutral, all = neutral;
    bool any = false;
    for (std::size_t value = 255; value > 0; --value) {
      if (used[value]) from_here = add(from_here, buckets[value]);
      any = any || used[value];
      if (any) all = add(all, from_here);
    }
    if (any) sum = add(sum, all);
  }
  return same(sum.x, zero) && same(sum.y, sum.z);
}

}  // namespace vault::curve25519
