// Figures about one seal at a time: one producer that waits for each receipt.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "tools/bench/bench.hpp"

namespace vault::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t samples_max = 3000;
constexpr int block = 20;  // of each kind, then as many of the next
constexpr const char* busy_poll_us = "400";
constexpr const char* polled_database = "vault_bench_polled";

// Measures how long one thing takes, for a block of repetitions.
template <class Once>
Status time_block(std::vector<double>& times_us, Once once) {
  for (int i = 0; i < block; ++i) {
    const Result<std::chrono::nanoseconds> took = once();
    if (!took) return tl::unexpected(took.error());
    times_us.push_back(static_cast<double>(took->count()) / 1e3);
  }
  return {};
}

}  // namespace

// A client needs the round trip to vaultd, and vaultd needs a durable row: both are measured bare, in turns with seals,
// and a seal is compared with their sum.
Result<Figure> Bench::time_singles(const std::string& name, const std::string& endpoint) {
  if (Status made = baseline_->make_table("single"); !made) return tl::unexpected(made.error());
  if (Status filled = baseline_->fill_from_ledger("single", options_.small_entries); !filled) {
    return tl::unexpected(filled.error());
  }
  auto echo = EchoProcess::start(options_.program, options_.directory);
  if (!echo) return tl::unexpected(echo.error());
  LoadOptions options;
  options.endpoint = endpoint;
  options.sockets = 1;
  options.in_flight = 1;
  auto client = LoadGenerator::connect(options, requests_);
  if (!client) return tl::unexpected(client.error());
  std::vector<double> seals_us, rows_us, echoes_us;
  const auto end = Clock::now() + std::chrono::duration<double>(2 * options_.seconds);
  while (Clock::now() < end && seals_us.size() < samples_max) {
    Status timed = time_block(seals_us, [&] { return (*client)->round_trip(); });
    if (timed) timed = time_block(rows_us, [&] { return baseline_->insert_one("single"); });
    if (timed) timed = time_block(echoes_us, [&] { return (*echo)->round_trip(); });
    if (!timed) return tl::unexpected(timed.error());
  }
  const double seal_us = median(seals_us), row_us = median(rows_us), echo_us = median(echoes_us);
  Figure figure{.name = name, .value = {}, .note = {}, .details = {}};
  figure.value = seal_us / std::max(1.0, row_us + echo_us);
  figure.note = fmt::format(
      "{:.0f} us against {:.0f} us for a row and {:.0f} us for the round trip; 99th percentiles {:.0f}, "
      "{:.0f} and {:.0f} us",
      seal_us, row_us, echo_us, percentile(seals_us, 0.99), percentile(rows_us, 0.99), percentile(echoes_us, 0.99));
  figure.details = {{"seal_us", seal_us},
                    {"row_us", row_us},
                    {"round_trip_us", echo_us},
                    {"seal_us_p99", percentile(seals_us, 0.99)},
                    {"row_us_p99", percentile(rows_us, 0.99)},
                    {"round_trip_us_p99", percentile(echoes_us, 0.99)},
                    {"samples", seals_us.size()}};
  return figure;
}

Result<Figure> Bench::measure_single() {
  if (Status filled = fill_ledger(options_.small_entries); !filled) return tl::unexpected(filled.error());
  return time_singles("single", endpoint_);
}

// On a separate ledger, since a vaultd is started either with busy_poll or without.
Result<Figure> Bench::measure_polled() {
  const auto url = make_database(polled_database);
  if (!url) return tl::unexpected(url.error());
  auto vaultd =
      VaultProcess::start(options_.vaultd, *url, options_.directory + "/polled", {"--busy-poll", busy_poll_us});
  if (!vaultd) return tl::unexpected(vaultd.error());
  LoadWindow window;
  window.acknowledged_max = static_cast<std::uint64_t>(options_.small_entries);
  if (auto filled = seal_at_full_load((*vaultd)->endpoint(), window); !filled) return tl::unexpected(filled.error());
  auto figure = time_singles("polled", (*vaultd)->endpoint());
  if (figure) figure->details["busy_poll_us"] = busy_poll_us;
  vaultd->reset();
  drop_database(polled_database);
  return figure;
}

}  // namespace vault::bench
