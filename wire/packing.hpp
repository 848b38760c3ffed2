// MessagePack writing shared by replies, requests and events. Private to wire/.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <msgpack.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/json.hpp"
#include "ledger/kept_seal.hpp"
#include "ledger/proof.hpp"
#include "ledger/receipt.hpp"
#include "ledger/result.hpp"

namespace vault {

// A msgpack-c packer that appends to a string. Every function returns *this, so that the code that writes a map looks
// like the map: packing.map(2).key("sequence").integer(7).key("valid").boolean(true);
class Packing {
 public:
  explicit Packing(std::string& out) : out_(out), buffer_{out}, packer_(buffer_) {}

  Packing& map(std::size_t size) {
    packer_.pack_map(static_cast<std::uint32_t>(size));
    return *this;
  }
  Packing& array(std::size_t size) {
    packer_.pack_array(static_cast<std::uint32_t>(size));
    return *this;
  }
  Packing& text(std::string_view value) {
    packer_.pack_str(static_cast<std::uint32_t>(value.size()));
    packer_.pack_str_body(value.data(), static_cast<std::uint32_t>(value.size()));
    return *this;
  }
  Packing& key(std::string_view name) { return text(name); }
  Packing& nil() {
    packer_.pack_nil();
    return *this;
  }
  Packing& boolean(bool value) {
    value ? packer_.pack_true() : packer_.pack_false();
    return *this;
  }
  Packing& integer(std::int64_t value) {
    packer_.pack_int64(value);
    return *this;
  }
  Packing& unsigned_integer(std::uint64_t value) {
    packer_.pack_uint64(value);
    return *this;
  }
  Packing& number(double value) {
    // Not pack_double(): it turns whole numbers into integers, and 2^60 as a float and as an integer are different
    // values (docs/ledger-format.md, "Payload").
    out_ += '\xcb';
    append_u64(out_, std::bit_cast<std::uint64_t>(value));
    return *this;
  }
  Packing& binary(std::string_view bytes) {
    packer_.pack_bin(static_cast<std::uint32_t>(bytes.size()));
    packer_.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    return *this;
  }
  template <std::size_t N>
  Packing& hex(const std::array<std::uint8_t, N>& bytes) {
    std::array<char, 2 * N> digits;
    write_hex(as_view(bytes), digits.data());
    return text({digits.data(), digits.size()});
  }
  Packing& uuid(const Uuid& id) {
    std::array<char, 36> characters;
    write_uuid(id, characters.data());
    return text({characters.data(), characters.size()});
  }
  Packing& timestamp(Timestamp instant) {
    std::array<char, 27> characters;
    write_timestamp(instant, characters.data());
    return text({characters.data(), characters.size()});
  }
  // An array of hex texts.
  Packing& proof(const Proof& proof);
  // A value that is MessagePack already.
  Packing& raw(std::string_view msgpack) {
    out_.append(msgpack);
    return *this;
  }
  // The members of a receipt, without a map around them, and how many there are. The salt is nil once erased.
  Packing& receipt_members(const Entry& entry, bool duplicate, bool with_salt);
  static std::size_t receipt_members_count(bool with_salt) { return with_salt ? 12 : 11; }
  // The same for the emergency mode: names the backend, and has no members of a chain.
  Packing& receipt_members(const KeptReceipt& receipt);
  static constexpr std::size_t kept_receipt_members_count = 7;
  // {code, message, field?, retryable}
  Packing& error(const Error& error);
  // Canonical text as a map again; false, and nothing written, if it is not JSON.
  bool json(std::string_view canonical);
  Packing& document(const JsonDocument& document);

 private:
  struct Buffer {
    std::string& out;
    void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
  };
  // Members that both kinds of receipts have in common.
  template <class EntryOrSeal>
  Packing& receipt_envelope(const EntryOrSeal& one);

  std::string& out_;
  Buffer buffer_;
  msgpack::packer<Buffer> packer_;
};

}  // namespace vault
