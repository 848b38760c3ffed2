// Byte strings and their two text forms. Raw bytes travel as std::string / std::string_view; fixed sizes as arrays.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vault {

using Hash = std::array<std::uint8_t, 32>;  // a SHA-256 digest
using Salt = std::array<std::uint8_t, 16>;  // the blinding of one payload's commitment

inline constexpr Hash zero_hash{};  // prev_hash of sequence 1, entry_hash of an empty head

template <std::size_t N>
std::string_view as_view(const std::array<std::uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

// Lower-case hex, two digits a byte.
std::string to_hex(std::string_view bytes);
template <std::size_t N>
std::string to_hex(const std::array<std::uint8_t, N>& bytes) {
  return to_hex(as_view(bytes));
}

// Writes 2 * bytes.size() lower-case hex digits at `out`; for hot paths that own their buffer.
void write_hex(std::string_view bytes, char* out);

// Strict: lower-case digits only, exactly the length asked for; nullopt otherwise.
bool parse_hex(std::string_view text, std::uint8_t* out, std::size_t size);
template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> array_from_hex(std::string_view text) {
  std::array<std::uint8_t, N> out{};
  if (!parse_hex(text, out.data(), N)) return std::nullopt;
  return out;
}
inline std::optional<Hash> hash_from_hex(std::string_view text) {
  return array_from_hex<32>(text);
}
inline std::optional<Salt> salt_from_hex(std::string_view text) {
  return array_from_hex<16>(text);
}

// Reads exactly N raw bytes into an array; nullopt if the size differs.
template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> array_from_bytes(std::string_view bytes) {
  if (bytes.size() != N) return std::nullopt;
  std::array<std::uint8_t, N> out{};
  for (std::size_t i = 0; i < N; ++i) out[i] = static_cast<std::uint8_t>(bytes[i]);
  return out;
}

// RFC 4648 section 4, padded. Decoding is strict: no white space, canonical padding, unused bits zero.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// Big-endian integers, as in every byte format of this project.
void append_u16(std::string& out, std::uint16_t value);
void append_u32(std::string& out, std::uint32_t value);
void append_u64(std::string& out, std::uint64_t value);

// True if `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
bool is_valid_utf8(std::string_view text);

}  // namespace vault
