#include "wire/seal_builder.hpp"

#include "ledger/canonical_json.hpp"
#include "ledger/check.hpp"
#include "wire/members.hpp"

namespace vault {
namespace {

constexpr std::string_view seal_data = "seal_data";

}  // namespace

void SealBuilder::begin(std::string_view owner, std::int64_t index) {
  open_ = true;
  owner_ = owner;
  index_ = index;
  member_ = Member::unknown;
  unknown_.reset();
  scalars_ = {};
  has_payload_ = false;
  payload_error_.reset();
  payload_.clear();
}

void SealBuilder::name(std::string_view name) {
  member_ = Member::unknown;
  const auto names = seal_members();  // in the order of Member
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) member_ = static_cast<Member>(i);
  }
  if (member_ == Member::unknown && !unknown_ && !is_ignored_member(name)) unknown_ = name;
}

void SealBuilder::take(const Scalar& value) {
  const auto slot = static_cast<std::size_t>(member_);
  if (slot < scalars_.size()) {
    if (scalars_[slot].kind == Scalar::Kind::absent) scalars_[slot] = value;
  } else if (expects_payload() && value.present()) {
    has_payload_ = true;
    payload_error_ =
        Error{ErrorCode::invalid_argument, "seal_data must be a map", member_path(owner_, index_, seal_data)};
  }
}

void SealBuilder::begin_payload() {
  has_payload_ = true;
  scratch_.clear();
  json_.emplace(scratch_, JsonRules{.source = JsonSource::producer,
                                    .object_only = true,
                                    .bytes_max = bytes_max_,
                                    .root = member_path(owner_, index_, seal_data)});
  feed([](JsonBuilder& json) { return json.begin_object(); });
}

void SealBuilder::refuse_value(std::string_view what) {
  if (!payload_error_) payload_error_ = json_->refuse(ErrorCode::invalid_argument, what);
}

void SealBuilder::end_payload() {
  if (!payload_error_) {
    Status fits = append_bounded(scratch_, json_->rules(), payload_);
    if (!fits) payload_error_ = std::move(fits.error());
  }
  json_.reset();
}

Result<Seal> SealBuilder::finish() {
  open_ = false;
  // Report this before missing members: a misspelt name is often why one is missing.
  if (unknown_) {
    return tl::unexpected(unknown_member("a seal", member_path(owner_, index_, {}), *unknown_, seal_members()));
  }
  ScalarReader reader(owner_, index_);
  reader.require(scalar(Member::session_id), "session_id");
  auto session_id = reader.checked_name(scalar(Member::session_id), "session_id");
  reader.require(scalar(Member::authority), "authority");
  auto authority = reader.checked_name(scalar(Member::authority), "authority");
  reader.require(scalar(Member::verdict), "verdict");
  const auto verdict = reader.verdict(scalar(Member::verdict), "verdict");
  const auto seal_id = reader.uuid(scalar(Member::seal_id), "seal_id");
  if (!has_payload_) reader.refuse(seal_data, "seal_data is required");

  if (reader.error()) return tl::unexpected(*reader.error());
  if (payload_error_) return tl::unexpected(std::move(*payload_error_));
  return Seal{std::move(*session_id), std::move(*authority), *verdict, std::move(payload_), seal_id};
}

}  // namespace vault
