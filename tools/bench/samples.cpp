#include "tools/bench/samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "ledger/check.hpp"
#include "wire/client/client.hpp"
#include "wire/codec.hpp"

namespace vault::bench {
namespace {

constexpr std::size_t sessions = 1024;

const char* verdict_of(std::size_t i) {
  // Most sessions end well.
  switch (i % 16) {
    case 3:
      return "PARTIAL";
    case 7:
      return "VOID";
    case 11:
      return "888_HOLD";
    case 13:
      return "SABAR";
    default:
      return "SEAL";
  }
}

template <std::size_t N>
std::array<std::uint8_t, N> noise(std::mt19937_64& engine) {
  std::array<std::uint8_t, N> bytes;
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(engine());
  return bytes;
}

}  // namespace

std::vector<Seal> sample_seals(std::size_t count) {
  std::mt19937_64 engine(999);
  std::vector<Seal> seals;
  for (std::size_t i = 0; i < count; ++i) {
    const SealDraft draft{
        .session_id = fmt::format("session-{:06}", engine() % sessions),
        .authority = fmt::format("producer-{:02}", i % 16),
        .verdict = verdict_of(i),
        .seal_data = fmt::format(
            R"({{"query_hash":"{}","model":"assistant-{}","confidence":0.{:03},"tokens":{},"tools":["search","read_file",)"
            R"("run_tests"],"human_review":{},"summary":"Change {} was reviewed, its tests passed, and it was released to every region."}})",
            to_hex(noise<32>(engine)), i % 7, 1 + engine() % 998, engine() % 100'000, i % 5 == 0 ? "true" : "false",
            engine() % 1'000'000),
        .seal_id = {}};
    auto seal = check_draft(draft);
    VAULT_CHECK(seal.has_value());
    seals.push_back(*std::move(seal));
  }
  return seals;
}

std::vector<std::string> encode_requests(const std::vector<Seal>& seals) {
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < seals.size(); ++i) {
    SealRequest request;
    request.seals.push_back(seals[i]);
    requests.push_back(encode_request(i, request));
  }
  return requests;
}

std::vector<Entry> sample_rows(const std::vector<Seal>& seals) {
  std::mt19937_64 engine(888);
  std::vector<Entry> rows;
  for (const Seal& seal : seals) {
    Entry& row = rows.emplace_back();
    row.session_id = seal.session_id;
    row.authority = seal.authority;
    row.verdict = seal.verdict;
    row.timestamp = Timestamp{1'760'000'000'000'000};
    row.seal_data = seal.seal_data;
    row.data_salt = noise<16>(engine);
    row.entry_hash = noise<32>(engine);
    row.prev_hash = noise<32>(engine);
    row.merkle_root = noise<32>(engine);
  }
  return rows;
}

double mean_payload_bytes(const std::vector<Seal>& seals) {
  std::size_t bytes = 0;
  for (const Seal& seal : seals) bytes += seal.seal_data.size();
  return static_cast<double>(bytes) / static_cast<double>(std::max<std::size_t>(seals.size(), 1));
}

}  // namespace vault::bench
