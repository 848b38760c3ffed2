// A seal under construction: takes its members in any order, as they appear in a message, then checks them. Private to
// wire/.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ledger/json.hpp"
#include "wire/scalar.hpp"

namespace vault {

class SealBuilder {
 public:
  // `scratch` holds one payload at a time and must outlive this.
  SealBuilder(JsonDocument& scratch, std::size_t seal_bytes_max) : scratch_(scratch), bytes_max_(seal_bytes_max) {}

  // A new seal, called `owner` or `owner[index]` in refusals (`owner` must be a literal).
  void begin(std::string_view owner, std::int64_t index);
  bool open() const { return open_; }
  // The name of the next member; of duplicate names, the first counts.
  void name(std::string_view name);
  void take(const Scalar& value);
  // Call when the seal's map has ended. Errors name the first member that is missing or refused.
  Result<Seal> finish();

  // The payload goes straight to a JsonBuilder, value by value.
  bool expects_payload() const { return member_ == Member::seal_data && !has_payload_; }
  bool in_payload() const { return json_.has_value(); }
  void begin_payload();
  // `give` hands the value to the builder, which must not be fed further once it has refused.
  template <class Give>
  void feed(Give&& give) {
    if (payload_error_) return;
    if (Status status = std::forward<Give>(give)(*json_); !status) payload_error_ = std::move(status.error());
  }
  void refuse_value(std::string_view what);
  void end_payload();

 private:
  enum class Member : std::uint8_t { session_id, authority, verdict, seal_id, seal_data, unknown };
  const Scalar& scalar(Member member) const { return scalars_[static_cast<std::size_t>(member)]; }

  JsonDocument& scratch_;
  std::size_t bytes_max_;
  bool open_ = false;
  std::string_view owner_;
  std::int64_t index_ = -1;
  Member member_ = Member::unknown;
  std::optional<std::string_view> unknown_;  // the first name that is neither a seal's nor to be ignored
  std::array<Scalar, 4> scalars_;
  bool has_payload_ = false;
  std::optional<JsonBuilder> json_;
  std::optional<Error> payload_error_;
  std::string payload_;  // canonical text
};

}  // namespace vault
