// The seals used by the benchmark: session records with payloads of about 300 bytes, the same for vaultd and for its
// baselines.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ledger/entry.hpp"

namespace vault::bench {

// `count` different seals in 1,024 sessions, without seal_ids. Deterministic.
std::vector<Seal> sample_seals(std::size_t count);

// The seals as messages for the requests socket, ready to send.
std::vector<std::string> encode_requests(const std::vector<Seal>& seals);

// The seals as rows of the ledger; their hashes are noise of the right size.
std::vector<Entry> sample_rows(const std::vector<Seal>& seals);

double mean_payload_bytes(const std::vector<Seal>& seals);

}  // namespace vault::bench
