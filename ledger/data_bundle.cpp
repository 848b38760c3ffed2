#include "ledger/data_bundle.hpp"

#include <fmt/format.h>

#include "ledger/canonical_json.hpp"
#include "ledger/check.hpp"
#include "ledger/limits.hpp"

namespace vault {
namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::size_t salt_bytes = std::tuple_size_v<Salt>;
constexpr std::size_t payload_bytes_min = 2;  // {}

}  // namespace

void append_data_record(const std::optional<Salt>& salt, std::string_view canonical, std::string& bundle) {
  if (!salt) return append_u32(bundle, 0);
  VAULT_CHECK(canonical.size() >= payload_bytes_min && canonical.size() <= limits::seal_bytes_max);
  append_u32(bundle, static_cast<std::uint32_t>(salt_bytes + canonical.size()));
  bundle += as_view(*salt);
  bundle += canonical;
}

Result<std::optional<DataRecord>> take_data_record(std::string_view& bytes) {
  if (bytes.size() < length_bytes) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) size = size << 8 | static_cast<std::uint8_t>(bytes[i]);
  if (size == 0) {
    bytes.remove_prefix(length_bytes);
    return DataRecord{};
  }
  if (size < salt_bytes + payload_bytes_min || size > salt_bytes + limits::seal_bytes_max) {
    return fail(ErrorCode::invalid_argument, fmt::format("no record is {} bytes long", size));
  }
  if (bytes.size() < length_bytes + size) return std::nullopt;
  const DataRecord record{array_from_bytes<salt_bytes>(bytes.substr(length_bytes, salt_bytes)),
                          bytes.substr(length_bytes + salt_bytes, size - salt_bytes)};
  bytes.remove_prefix(length_bytes + size);
  return record;
}

Status check_data_record(const DataRecord& record, const Entry& entry) {
  if (!record.salt) return {};
  if (compute_data_hash(*record.salt, record.seal_data) != entry.data_hash) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the payload of entry {} is not the one that was sealed", entry.sequence));
  }
  // The hash is right, so the ledger itself sealed it; but a database must not be made to accept what no writer could
  // have sealed.
  const auto canonical =
      canonicalize(record.seal_data, {JsonSource::stored, true, limits::seal_bytes_max, "seal_data"});
  if (!canonical || *canonical != record.seal_data) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the payload of entry {} is not in canonical form", entry.sequence));
  }
  return {};
}

}  // namespace vault
