// The text of GET /metrics, from vaultd's latest status and vault-web's own counts (docs/monitoring.md).
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace vault::web {

struct OwnFigures {
  std::map<unsigned, std::uint64_t> requests;  // answered, by status
  std::uint64_t connections = 0, connections_refused = 0;
  std::uint64_t events_missed = 0;  // entries lost by the PUB socket and read from the ledger
  std::uint64_t tile_cache_bytes = 0;
};

// `status_json`: the result of `status`; empty if vaultd does not answer. The text is complete in both cases.
std::string metrics_text(const std::string& status_json, const OwnFigures& own);

}  // namespace vault::web
