#include "tools/web/seal_body.hpp"

#include <fmt/format.h>

#include "ledger/limits.hpp"
#include "tools/common/ledger_json.hpp"
#include "wire/client/client.hpp"

namespace vault::web {
namespace {

constexpr std::size_t key_bytes_max = 256;

tl::unexpected<Error> bad_key(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message), "Idempotency-Key");
}

Result<Uuid> seal_id_of(std::string_view key) {
  if (key.size() > key_bytes_max) return bad_key("an Idempotency-Key has at most 256 bytes");
  if (const auto id = parse_uuid(key)) return *id;
  static const Uuid name_space = *parse_uuid("0b8f6f5e-4d63-5d0e-9c39-6a1c5d2e7b41");
  return make_uuid_v5(name_space, key);
}

Result<Seal> parse_one(std::string_view text) {
  const auto draft = ctl::parse_seal_json(text);
  if (!draft) return tl::unexpected(draft.error());
  return check_draft(*draft);
}

// The path "verdict" or "seal.verdict" as the path of seal `index`.
Error at_index(Error error, std::size_t index) {
  if (error.field.starts_with("seal.")) error.field.erase(0, 5);
  error.field = fmt::format("seals[{}]{}{}", index, error.field.empty() ? "" : ".", error.field);
  return error;
}

Result<SealRequest> parse_batch(std::string_view text) {
  const auto seals = ctl::split_json_array(text);
  if (!seals) return fail(ErrorCode::invalid_argument, "seals must be a list of seals", "seals");
  if (seals->empty() || seals->size() > limits::batch_seals_max) {
    return fail(seals->empty() ? ErrorCode::invalid_argument : ErrorCode::too_large,
                fmt::format("seals must hold 1 to {} seals", limits::batch_seals_max), "seals");
  }
  SealRequest request;
  request.batch = true;
  for (std::size_t i = 0; i < seals->size(); ++i) {
    auto seal = parse_one((*seals)[i]);
    if (!seal) return tl::unexpected(at_index(std::move(seal.error()), i));
    request.seals.push_back(std::move(*seal));
  }
  return request;
}

}  // namespace

Result<SealRequest> parse_seal_body(std::string_view body, std::string_view key, bool sign) {
  const auto object = ctl::JsonObject::split(body);
  if (!object) return tl::unexpected(object.error());
  if (const std::string* seals = object->find("seals")) {
    constexpr std::string_view known[] = {"seals"};
    if (const std::string* other = object->other_than(known)) {
      return fail(ErrorCode::invalid_argument, "beside seals there may be nothing else", *other);
    }
    if (!key.empty()) return bad_key("an Idempotency-Key is for one seal; give each of a batch its seal_id");
    auto request = parse_batch(*seals);
    if (request) request->sign = sign;
    return request;
  }
  auto seal = parse_one(body);
  if (!seal) return tl::unexpected(seal.error());
  if (!key.empty()) {
    const auto id = seal_id_of(key);
    if (!id) return tl::unexpected(id.error());
    if (seal->seal_id && *seal->seal_id != *id) return bad_key("the Idempotency-Key and seal_id are not the same");
    seal->seal_id = *id;
  }
  SealRequest request;
  request.seals.push_back(std::move(*seal));
  request.sign = sign;
  return request;
}

}  // namespace vault::web
