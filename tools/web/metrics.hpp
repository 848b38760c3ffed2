// The text of GET /metrics, out of vaultd's latest status and what vault-web counts itself (docs/monitoring.md).
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace vault::web {

struct OwnFigures {
  std::map<unsigned, std::uint64_t> requests;  // answered, by status
  std::uint64_t connections = 0, connections_refused = 0;
  std::uint64_t events_missed = 0;  // entries that the PUB socket lost and the ledger gave
  std::uint64_t tile_cache_bytes = 0;
};

// `status_json`: the result of `status`; empty where vaultd does not answer. Whole in itself in both cases.
std::string metrics_text(const std::string& status_json, const OwnFigures& own);

}  // namespace vault::web
