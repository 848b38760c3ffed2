// The state machine behind decode_request(): takes the events of msgpack-c's parser, keeps the scalars of the top level
// by name, and turns `seal` and `seals` into checked seals on the way. Private to wire/.
//
// Allocates only for what is actually there, never for what a container announces, and within bounds: nesting_max
// containers deep, members_max members outside payloads, and inside a payload what JsonBuilder allows.
//
// A refusal does not end the parse: `id` may still follow, and a message that is not MessagePack at all is answered as
// such, wherever it breaks. Refusals are kept apart by what they concern, since only the end shows which operation the
// message holds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <msgpack.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/codec.hpp"
#include "wire/scalar.hpp"
#include "wire/seal_builder.hpp"

namespace vault {

// Members of the top level that are arguments of some operation. `seal` and `seals` are not scalars.
enum class Member : std::uint8_t {
  v,
  id,
  op,
  sign,
  sequence,
  seal_id,
  session_id,
  cursor,
  limit,
  order,
  verdict,
  authority,
  from,
  to,
  progress,
  tree_size,
  first,
  second,
  at_least,
  level,
  index,
  width,
  seal,
  seals,
  unknown,
};
std::string_view member_name(Member member);

// Members as bits.
using MemberSet = std::uint32_t;
constexpr MemberSet bit(Member member) {
  return MemberSet{1} << static_cast<unsigned>(member);
}
static_assert(static_cast<unsigned>(Member::unknown) < 32);

class RequestVisitor : public msgpack::null_visitor {
 public:
  static constexpr std::size_t nesting_max = 65'536;
  static constexpr std::size_t members_max = 131'072;

  // `id_only` stops at the id and reads nothing else. `document` is scratch space. Both views must outlive this.
  RequestVisitor(std::string_view message, const CodecLimits& limits, bool id_only, JsonDocument& document);

  const RequestId& id() const { return id_; }
  // True if structure_error ended the parse, so that the rest of the message is unknown.
  bool stopped() const { return depth_ > nesting_max; }
  // The members at the top level: the known names, and the first one that is neither known nor to be ignored.
  MemberSet seen() const { return seen_; }
  const std::optional<std::string_view>& unknown_name() const { return unknown_; }
  const Scalar& scalar(Member member) const { return scalars_[static_cast<std::size_t>(member)]; }

  // Refusals: of the message itself, of what applies to every operation, of `seal`, of `seals`.
  std::optional<Error> message_error;
  std::optional<Error> structure_error;
  std::optional<Error> seal_error;
  std::optional<Error> seals_error;
  // The contents of `seal` and `seals`, if they were not refused.
  std::vector<Seal> seal;
  std::vector<Seal> seals;

  // The parser's events.
  bool visit_nil();
  bool visit_boolean(bool value);
  bool visit_positive_integer(std::uint64_t value);
  bool visit_negative_integer(std::int64_t value);
  bool visit_float32(float value) { return visit_float64(static_cast<double>(value)); }
  bool visit_float64(double value);
  bool visit_str(const char* text, std::uint32_t size);
  bool visit_bin(const char* bytes, std::uint32_t size);
  bool visit_ext(const char* bytes, std::uint32_t size);
  bool start_array(std::uint32_t size);
  bool start_array_item();
  bool end_array();
  bool start_map(std::uint32_t size);
  bool start_map_key();
  bool end_map_key();
  bool end_map();

 private:
  struct Key {
    std::uint32_t offset = 0, size = 0;
  };

  template <class Give>
  bool feed(Give&& give);
  bool take(const Scalar& value);
  void take_argument(const Scalar& value);
  void take_key(std::string_view name);
  void refuse_key();
  void read_id(const Scalar& value);

  bool enter_container();
  void note_container(Scalar::Kind kind);
  bool at_seals_item() const { return in_seals_ && depth_ == 2; }
  bool at_draft_member() const { return draft_.open() && depth_ == draft_depth_; }
  void begin_draft();
  void finish_draft();
  bool refuse_in_payload(std::string_view what);

  void check_duplicates();
  std::string path_to(std::optional<std::string_view> name) const;
  std::string_view key_text(Key key) const { return message_.substr(key.offset, key.size); }

  std::string_view message_;
  bool id_only_;

  RequestId id_;
  std::array<Scalar, static_cast<std::size_t>(Member::seal)> scalars_;
  std::size_t depth_ = 0;  // open containers
  bool in_key_ = false;    // the next value is a name
  Member member_ = Member::unknown;
  std::size_t id_offset_ = 0;  // where the value of `id` begins

  // Names of the open maps outside payloads; each map's begin at its mark.
  std::vector<Key> keys_;
  std::vector<std::uint32_t> marks_;
  std::size_t members_ = 0;
  MemberSet seen_ = 0;
  std::optional<std::string_view> unknown_;

  bool seal_seen_ = false, seals_seen_ = false;
  bool in_seals_ = false;
  std::int64_t seals_index_ = -1;
  SealBuilder draft_;
  std::size_t draft_depth_ = 0;  // depth_ inside the seal's map
};

}  // namespace vault
