// Reads replies: a MessagePack map as msgpack-c's object tree, member by member. Private to wire/.
#pragma once

#include <cstdint>
#include <msgpack.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/kept_seal.hpp"
#include "ledger/proof.hpp"
#include "ledger/result.hpp"

namespace vault {

// Unpacks exactly one value, at most 256 deep. Memory stays in proportion to the bytes, whatever size a container
// announces. Error: internal.
Result<msgpack::object_handle> unpack(std::string_view bytes);

// The members of one map. The first member that is missing or of the wrong type is kept as an error; from then on every
// reader returns a default. Does not own the map.
class MapReader {
 public:
  explicit MapReader(const msgpack::object& map);

  // nullptr if there is no member of that name.
  const msgpack::object* find(std::string_view name) const;
  bool is_nil(std::string_view name) const;  // nil or missing

  bool boolean(std::string_view name);
  std::int64_t integer(std::string_view name);
  std::optional<std::int64_t> optional_integer(std::string_view name);
  std::string text(std::string_view name);
  std::optional<std::string> optional_text(std::string_view name);
  Hash hash(std::string_view name);
  Uuid uuid(std::string_view name);
  Verdict verdict(std::string_view name);
  Timestamp timestamp(std::string_view name);
  std::optional<Salt> optional_salt(std::string_view name);
  Proof proof(std::string_view name);
  // The member as a map or array; nullptr (and an error) if it is neither.
  const msgpack::object* map(std::string_view name);
  const msgpack::object* array(std::string_view name);

  void refuse(std::string_view name);
  const std::optional<Error>& error() const { return error_; }
  template <class T>
  Result<T> finish(T value) const {
    if (error_) return tl::unexpected(*error_);
    return value;
  }

 private:
  template <class T, class Parse>
  T parsed(std::string_view name, Parse parse);
  std::optional<std::string_view> view(std::string_view name);

  const msgpack::object& map_;
  std::optional<Error> error_;
};

// One element of `entries`, or the value of `entry`.
Result<AnyEntry> read_entry(const msgpack::object& map);
Result<AnyReceipt> read_receipt(const msgpack::object& map);

}  // namespace vault
