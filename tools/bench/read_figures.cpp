// Figures about proofs and verification.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "tools/bench/bench.hpp"

namespace vault::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int verify_rounds_max = 3;
constexpr std::size_t proof_samples_max = 5000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Result<Figure> Bench::measure_verify() {
  if (Status filled = fill_ledger(options_.entries); !filled) return tl::unexpected(filled.error());
  Figure figure{.name = "verify", .value = {}, .note = {}, .details = {}};
  std::vector<double> shares, verified, copied;
  std::int64_t entries = 0;
  for (int i = 0; i < std::min(options_.rounds, verify_rounds_max); ++i) {
    const auto binary = baseline_->copy_ledger_out(true);
    if (!binary) return tl::unexpected(binary.error());
    const auto text = baseline_->copy_ledger_out(false);
    if (!text) return tl::unexpected(text.error());
    const auto start = Clock::now();
    auto checked = client_->verify_chain();
    if (!checked) return tl::unexpected(checked.error());
    if (!checked->valid)
      return fail(ErrorCode::internal, "the ledger does not verify: " + checked->reason.value_or(""));
    entries = checked->checked;
    verified.push_back(static_cast<double>(entries) / seconds_since(start));
    copied.push_back(std::max(rate(*binary), rate(*text)));
    shares.push_back(verified.back() / copied.back());
    progress(fmt::format("verify {}: {} entries/s; COPY binary {}, text {} rows/s", i + 1, with_commas(verified.back()),
                         with_commas(rate(*binary)), with_commas(rate(*text))));
  }
  figure.value = median(shares);
  figure.note = fmt::format("{} entries/s of {} against {} rows/s", with_commas(median(verified)),
                            with_commas(static_cast<double>(entries)), with_commas(median(copied)));
  figure.details = {{"entries", entries}, {"entries_per_s", verified}, {"copy_rows_per_s", copied}, {"shares", shares}};
  return figure;
}

Result<Figure> Bench::measure_proof() {
  if (Status filled = fill_ledger(options_.entries); !filled) return tl::unexpected(filled.error());
  auto checkpoint = client_->get_checkpoint();
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  std::mt19937_64 engine(7);
  std::uniform_int_distribution<std::int64_t> any(1, std::max<std::int64_t>(checkpoint->tree_size, 1));
  std::vector<double> times_ms;
  const auto begun = Clock::now();
  while (seconds_since(begun) < options_.seconds && times_ms.size() < proof_samples_max) {
    const auto start = Clock::now();
    if (auto proof = client_->get_merkle_proof(any(engine)); !proof) return tl::unexpected(proof.error());
    times_ms.push_back(seconds_since(start) * 1e3);
  }
  Figure figure{.name = "proof", .value = median(times_ms), .note = {}, .details = {}};
  figure.note =
      fmt::format("at {} entries; 99th percentile {:.2f} ms of {} proofs",
                  with_commas(static_cast<double>(checkpoint->tree_size)), percentile(times_ms, 0.99), times_ms.size());
  figure.details = {{"tree_size", checkpoint->tree_size},
                    {"first_ms", times_ms.empty() ? 0 : times_ms.front()},
                    {"p99_ms", percentile(times_ms, 0.99)},
                    {"samples", times_ms.size()}};
  return figure;
}

Result<Figure> Bench::measure_memory() {
  Figure figure{.name = "memory", .value = {}, .note = {}, .details = {}};
  if (!vaultd_) {
    figure.note = "vaultd was not started here";
    return figure;
  }
  figure.value = peak_resident_mib(vaultd_->pid());
  const double now = resident_mib(vaultd_->pid());
  figure.note = fmt::format("{:.0f} MiB at the end", now);
  figure.details = {
      {"peak_mib", *figure.value}, {"largest_sample_mib", memory_->largest_sample_mib()}, {"end_mib", now}};
  return figure;
}

}  // namespace vault::bench
