// For SHA-1 only (UUIDv5): the low-level call needs no provider and cannot fail half-way.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "ledger/uuid.hpp"

#include <openssl/sha.h>

#include <cstring>

#include "ledger/bytes.hpp"
#include "ledger/check.hpp"

namespace vault {

namespace {

constexpr std::size_t uuid_text_size = 36;
// The groups of the text form: where each begins in the text and in the bytes, and how many bytes it shows.
struct Group {
  std::size_t text_at;
  std::size_t byte_at;
  std::size_t bytes;
};
constexpr Group groups[] = {{0, 0, 4}, {9, 4, 2}, {14, 6, 2}, {19, 8, 2}, {24, 10, 6}};

void set_version(Uuid& id, unsigned version) {
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0F) | version << 4);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3F) | 0x80);  // the variant of RFC 9562
}

// Producers choose seal_ids, and many only count up in a few bytes, so every bit must influence the low ones that pick
// a bucket. Folding between two odd multiplications does that, and is a bijection.
std::uint64_t mix(std::uint64_t bits) {
  bits = (bits ^ bits >> 32) * 0x9E3779B97F4A7C15U;
  bits = (bits ^ bits >> 29) * 0xD6E8FEB86659FD93U;
  return bits ^ bits >> 32;
}

}  // namespace

std::size_t UuidHash::operator()(const Uuid& id) const {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, id.bytes.data(), 8);
  std::memcpy(&low, id.bytes.data() + 8, 8);
  return static_cast<std::size_t>(mix(mix(low) ^ high));
}

void write_uuid(const Uuid& id, char* out) {
  const std::string_view bytes = as_view(id.bytes);
  for (const Group& group : groups) {
    write_hex(bytes.substr(group.byte_at, group.bytes), out + group.text_at);
    if (group.text_at > 0) out[group.text_at - 1] = '-';
  }
}

std::string format_uuid(const Uuid& id) {
  std::string out(uuid_text_size, '\0');
  write_uuid(id, out.data());
  return out;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != uuid_text_size) return std::nullopt;
  char lowered[uuid_text_size];
  for (std::size_t i = 0; i < uuid_text_size; ++i) {
    lowered[i] = text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
  }
  Uuid id;
  for (const Group& group : groups) {
    if (group.text_at > 0 && lowered[group.text_at - 1] != '-') return std::nullopt;
    const std::string_view digits(lowered + group.text_at, 2 * group.bytes);
    if (!parse_hex(digits, id.bytes.data() + group.byte_at, group.bytes)) return std::nullopt;
  }
  return id;
}

Uuid make_uuid_v7(Timestamp now, const std::array<std::uint8_t, 16>& random) {
  VAULT_CHECK(now.micros >= 0);
  Uuid id{random};
  const auto millis = static_cast<std::uint64_t>(now.micros) / 1000;
  for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(millis >> (8 * (5 - i)));
  set_version(id, 7);
  return id;
}

Uuid make_uuid_v5(const Uuid& name_space, std::string_view name) {
  SHA_CTX context;
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
  VAULT_CHECK(SHA1_Init(&context) == 1);
  VAULT_CHECK(SHA1_Update(&context, name_space.bytes.data(), name_space.bytes.size()) == 1);
  VAULT_CHECK(SHA1_Update(&context, name.data(), name.size()) == 1);
  VAULT_CHECK(SHA1_Final(digest.data(), &context) == 1);
  Uuid id;
  std::memcpy(id.bytes.data(), digest.data(), id.bytes.size());
  set_version(id, 5);
  return id;
}

}  // namespace vault
