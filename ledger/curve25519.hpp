// The group that Ed25519 signs in (RFC 8032, section 5.1): points of the curve -x^2 + y^2 = 1 + d x^2 y^2 over the
// integers modulo 2^255 - 19, and sums of many of them. For public values only: time depends on them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ledger/bytes.hpp"

namespace vault::curve25519 {

// Modulo 2^255 - 19, in five limbs of 51 bits. Sums and differences may be a little larger; products bring them back.
struct Field {
  std::array<std::uint64_t, 5> limb{};
};

// In extended coordinates: x = X/Z, y = Y/Z, T = XY/Z.
struct Point {
  Field x, y, z, t;
};

// A point in the form that is added fastest.
struct AddPoint {
  Field y_plus_x, y_minus_x, xy2d;
};

// From its 32 bytes. nullopt where they are not the one encoding of a point.
std::optional<AddPoint> decode_point(const Hash& bytes);
AddPoint negate(const AddPoint& point);
// The point that every public key is a multiple of.
const AddPoint& base_point();

// Little-endian.
using Scalar = std::array<std::uint8_t, 32>;

// Sums points, each multiplied by its scalar (Pippenger's buckets), and tells whether that is the neutral element.
// Cost: for short scalars of b bytes about b additions a point, and 500 b for all of them.
bool sums_to_zero(std::span<const AddPoint> points, std::span<const Scalar> scalars);

}  // namespace vault::curve25519
