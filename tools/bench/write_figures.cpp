// Figures about sealing: sustained load, growth, memory.
#include <fmt/format.h>

#include <algorithm>

#include "tools/bench/bench.hpp"
#include "tools/bench/samples.hpp"

namespace vault::bench {
namespace {

// One round: vaultd and its baseline, one after the other.
struct Round {
  double seals = 0;  // a second
  double rows = 0;   // a second
  double share() const { return rows > 0 ? seals / rows : 0; }
};

std::vector<double> shares(const std::vector<Round>& rounds) {
  std::vector<double> all;
  for (const Round& round : rounds) all.push_back(round.share());
  return all;
}

double median_seals(const std::vector<Round>& rounds) {
  std::vector<double> all;
  for (const Round& round : rounds) all.push_back(round.seals);
  return median(all);
}

double median_rows(const std::vector<Round>& rounds) {
  std::vector<double> all;
  for (const Round& round : rounds) all.push_back(round.rows);
  return median(all);
}

nlohmann::json rounds_json(const std::vector<Round>& rounds) {
  nlohmann::json all = nlohmann::json::array();
  for (const Round& round : rounds) {
    all.push_back({{"seals_per_s", round.seals}, {"rows_per_s", round.rows}, {"share", round.share()}});
  }
  return all;
}

}  // namespace

Result<Figure> Bench::measure_full_load() {
  if (Status filled = fill_ledger(options_.small_entries); !filled) return tl::unexpected(filled.error());
  if (Status filled = fill_large_table(); !filled) return tl::unexpected(filled.error());
  const auto way = best_insert();
  if (!way) return tl::unexpected(way.error());
  LoadWindow seals;
  seals.warm_up = options_.producers * options_.in_flight;
  seals.duration_max = round_duration();
  InsertWindow rows;
  rows.warm_up = static_cast<std::int64_t>(seals.warm_up);
  rows.duration_max = round_duration();

  std::vector<Round> rounds;
  Figure figure{.name = "flood", .value = {}, .note = {}, .details = {}};
  for (int i = 0; i < options_.rounds; ++i) {
    Round round;
    // They take turns in going first: what one leaves to the server (dirty pages, a checkpoint) burdens the other.
    for (int half = 0; half < 2; ++half) {
      const auto before = processor_times(vaultd_pid());
      if ((i + half) % 2 == 0) {
        auto inserted = baseline_->insert("large", *way, rows);
        if (!inserted) return tl::unexpected(inserted.error());
        round.rows = rate(*inserted);
        const auto inserted_rows = static_cast<double>(inserted->rows + rows.warm_up);
        figure.details["processor_us_per_row"] = micros_per_unit(before, processor_times(vaultd_pid()), inserted_rows);
      } else {
        auto counts = seal_at_full_load(endpoint_, seals);
        if (!counts) return tl::unexpected(counts.error());
        round.seals = rate(*counts);
        const auto total = static_cast<double>(counts->total);
        figure.details["processor_us_per_seal"] = micros_per_unit(before, processor_times(vaultd_pid()), total);
      }
    }
    rounds.push_back(round);
    progress(fmt::format("flood {} of {}: {} seals/s, {} rows/s, share {:.2f}", i + 1, options_.rounds,
                         with_commas(round.seals), with_commas(round.rows), round.share()));
  }
  figure.value = median(shares(rounds));
  figure.note = fmt::format("{} seals/s against {} rows/s ({})", with_commas(median_seals(rounds)),
                            with_commas(median_rows(rounds)), describe(*way));
  figure.details["seals_per_s"] = median_seals(rounds);
  figure.details["rows_per_s"] = median_rows(rounds);
  figure.details["baseline"] = describe(*way);
  figure.details["baselines_tried"] = inserts_tried_;
  figure.details["rounds"] = rounds_json(rounds);
  return figure;
}

Result<Figure> Bench::measure_one_in_flight() {
  LoadOptions options;
  options.endpoint = endpoint_;
  options.sockets = options_.producers;
  options.in_flight = 1;
  auto client = LoadGenerator::connect(options, requests_);
  if (!client) return tl::unexpected(client.error());
  LoadWindow window;
  window.warm_up = 10 * options_.producers;
  window.duration_max = round_duration();
  std::vector<double> rates;
  Figure figure{.name = "lone", .value = {}, .note = {}, .details = {}};
  for (int i = 0; i < options_.rounds; ++i) {
    const auto before = processor_times(vaultd_pid());
    auto counts = (*client)->run(window);
    if (!counts) return tl::unexpected(counts.error());
    const auto total = static_cast<double>(counts->total);
    figure.details["processor_us_per_seal"] = micros_per_unit(before, processor_times(vaultd_pid()), total);
    rates.push_back(rate(*counts));
    progress(fmt::format("lone {} of {}: {} seals/s", i + 1, options_.rounds, with_commas(rates.back())));
  }
  figure.value = median(rates);
  figure.note = fmt::format("mean time of a seal {:.2f} ms",
                            1e3 * static_cast<double>(options_.producers) / std::max(1.0, *figure.value));
  figure.details["rounds_seals_per_s"] = rates;
  return figure;
}

Result<Figure> Bench::measure_many() {
  if (Status filled = fill_ledger(options_.small_entries); !filled) return tl::unexpected(filled.error());
  if (Status made = baseline_->make_table("many"); !made) return tl::unexpected(made.error());
  if (Status filled = baseline_->fill_from_ledger("many", options_.small_entries); !filled) {
    return tl::unexpected(filled.error());
  }
  auto crowd = BaselineCrowd::open(url_, "many", sample_rows(seals_), options_.producers);
  if (!crowd) return tl::unexpected(crowd.error());
  LoadOptions options;
  options.endpoint = endpoint_;
  options.sockets = options_.producers;
  options.in_flight = 1;
  auto client = LoadGenerator::connect(options, requests_);
  if (!client) return tl::unexpected(client.error());
  LoadWindow seals;
  seals.warm_up = 10 * options_.producers;
  seals.duration_max = round_duration();
  InsertWindow rows;
  rows.warm_up = static_cast<std::int64_t>(seals.warm_up);
  rows.duration_max = round_duration();

  std::vector<Round> rounds;
  for (int i = 0; i < options_.rounds; ++i) {
    Round round;
    for (int half = 0; half < 2; ++half) {  // they take turns in going first
      if ((i + half) % 2 == 0) {
        auto inserted = (*crowd)->insert(rows);
        if (!inserted) return tl::unexpected(inserted.error());
        round.rows = rate(*inserted);
      } else {
        auto counts = (*client)->run(seals);
        if (!counts) return tl::unexpected(counts.error());
        round.seals = rate(*counts);
      }
    }
    rounds.push_back(round);
    progress(fmt::format("many {} of {}: {} seals/s, {} rows/s, share {:.2f}", i + 1, options_.rounds,
                         with_commas(round.seals), with_commas(round.rows), round.share()));
  }
  Figure figure{.name = "many", .value = median(shares(rounds)), .note = {}, .details = {}};
  figure.note =
      fmt::format("{} seals/s against {} rows/s", with_commas(median_seals(rounds)), with_commas(median_rows(rounds)));
  figure.details["seals_per_s"] = median_seals(rounds);
  figure.details["rows_per_s"] = median_rows(rounds);
  figure.details["rounds"] = rounds_json(rounds);
  return figure;
}

Result<Figure> Bench::measure_growth() {
  if (Status filled = fill_ledger(options_.entries); !filled) return tl::unexpected(filled.error());
  if (Status filled = fill_large_table(); !filled) return tl::unexpected(filled.error());
  const auto way = best_insert();
  if (!way) return tl::unexpected(way.error());
  // The same window on both ledgers, starting at `small_entries`: short, so that the small one stays small.
  LoadWindow seals;
  seals.warm_up = static_cast<std::uint64_t>(options_.small_entries);
  seals.acknowledged_max = 5 * seals.warm_up;
  InsertWindow rows;
  rows.warm_up = options_.small_entries;
  rows.rows_max = 5 * options_.small_entries;

  const std::string database = "vault_bench_small";
  std::vector<Round> small_rounds, large_rounds;
  std::vector<double> ratios;
  for (int i = 0; i < options_.rounds; ++i) {
    // A fresh ledger each time, in its own database on the same server.
    const auto url = make_database(database);
    if (!url) return tl::unexpected(url.error());
    auto small = VaultProcess::start(options_.vaultd, *url, fmt::format("{}/small{}", options_.directory, i));
    if (!small) return tl::unexpected(small.error());
    if (Status made = baseline_->make_table("small"); !made) return tl::unexpected(made.error());
    Round rounds[2];
    for (const bool large : {false, true}) {
      auto counts = seal_at_full_load(large ? endpoint_ : (*small)->endpoint(), seals);
      if (!counts) return tl::unexpected(counts.error());
      auto inserted = baseline_->insert(large ? "large" : "small", *way, rows);
      if (!inserted) return tl::unexpected(inserted.error());
      rounds[large] = {rate(*counts), rate(*inserted)};
    }
    small_rounds.push_back(rounds[0]);
    large_rounds.push_back(rounds[1]);
    ratios.push_back(rounds[0].share() > 0 ? rounds[1].share() / rounds[0].share() : 0);
    progress(fmt::format("growth {} of {}: small {} seals/s ({:.2f}), large {} seals/s ({:.2f})", i + 1,
                         options_.rounds, with_commas(rounds[0].seals), rounds[0].share(), with_commas(rounds[1].seals),
                         rounds[1].share()));
  }
  drop_database(database);
  const auto size = head();
  if (!size) return tl::unexpected(size.error());

  Figure figure{.name = "growth", .value = median(ratios), .note = {}, .details = {}};
  const double plain = median_seals(large_rounds) / std::max(1.0, median_seals(small_rounds));
  figure.note = fmt::format("{} seals/s at {} entries against {} at {}; without baselines {:.2f}",
                            with_commas(median_seals(large_rounds)), with_commas(static_cast<double>(size->sequence)),
                            with_commas(median_seals(small_rounds)),
                            with_commas(static_cast<double>(options_.small_entries)), plain);
  figure.details["large_entries"] = size->sequence;
  figure.details["small_rounds"] = rounds_json(small_rounds);
  figure.details["large_rounds"] = rounds_json(large_rounds);
  figure.details["seals_per_s_ratio"] = plain;
  return figure;
}

}  // namespace vault::bench
