// Request targets, seals and headers from hostile bytes: no crash; a route's arguments are within their bounds; what
// would be sealed is in canonical text. The first byte chooses which.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ledger/canonical_json.hpp"
#include "ledger/check.hpp"
#include "tools/web/access.hpp"
#include "tools/web/gzip.hpp"
#include "tools/web/response.hpp"
#include "tools/web/seal_body.hpp"

namespace {

using namespace vault;
using namespace vault::web;

void check_page(const PageRequest& page) {
  VAULT_CHECK(page.limit >= 1 && page.limit <= limits::list_limit_max);
  VAULT_CHECK(!page.session_id || check_name(*page.session_id, ""));
  VAULT_CHECK(!page.authority || check_name(*page.authority, ""));
}

void check_target(std::string_view text) {
  const auto target = parse_target(text);
  if (!target) return;
  for (const std::string& segment : target->segments) VAULT_CHECK(!segment.empty() && is_valid_utf8(segment));
  const auto route = find_route(*target);
  if (!route) return;
  if (const auto* list = std::get_if<ListRequest>(&route->operation)) check_page(list->page);
  if (const auto* read = std::get_if<ReadRequest>(&route->operation)) {
    VAULT_CHECK(read->sequence.has_value() + read->seal_id.has_value() + read->session.has_value() == 1);
    if (read->session) check_page(*read->session);
  }
  if (const auto* tile = std::get_if<TileRequest>(&route->operation)) {
    VAULT_CHECK(tile->level >= 0 && tile->level < 64 && tile->index >= 0 && tile->width >= 1 && tile->width <= 256);
  }
  VAULT_CHECK(route->topics.size() <= 16);
}

void check_body(std::string_view text) {
  const auto request = parse_seal_body(text, "", false);
  if (!request) {
    VAULT_CHECK(error_response(request.error()).status >= 400);
    return;
  }
  VAULT_CHECK(!request->seals.empty() && request->seals.size() <= limits::batch_seals_max);
  for (const Seal& seal : request->seals) {
    VAULT_CHECK(canonicalize(seal.seal_data, {.bytes_max = limits::seal_bytes_max}) == seal.seal_data);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      check_body(text);
      break;
    case 1:
      (void)is_own_host(text, "127.0.0.1", {"vault.example"});
      (void)accepts_gzip(text);
      (void)is_cross_origin({std::string(text), std::string(text), ""});
      break;
    default:
      check_target(text);
  }
  return 0;
}
