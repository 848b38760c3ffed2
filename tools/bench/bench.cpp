#include "tools/bench/bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "tools/bench/machine.hpp"
#include "tools/bench/samples.hpp"

namespace vault::bench {
namespace {

// Number of different seals that are sent over and over: enough to defeat caches, few enough to keep in memory.
constexpr std::size_t samples = 8192;

}  // namespace

void progress(const std::string& line) {
  fmt::print(stderr, "vault-bench: {}\n", line);
  std::fflush(stderr);
}

Bench::Bench(const BenchOptions& options)
    : options_(options), seals_(sample_seals(samples)), requests_(encode_requests(seals_)) {}

Result<std::unique_ptr<Bench>> Bench::open(const BenchOptions& options) {
  std::unique_ptr<Bench> bench(new Bench(options));
  if (Status started = bench->start(); !started) return tl::unexpected(started.error());
  return bench;
}

Status Bench::start() {
  url_ = options_.database;
  endpoint_ = options_.endpoint;
  if (url_.empty()) {
    progress("starting PostgreSQL in " + options_.directory);
    auto postgres = EmbeddedPostgres::start(options_.directory + "/postgres");
    if (!postgres) return tl::unexpected(postgres.error());
    postgres_ = *std::move(postgres);
    url_ = postgres_->url();
  }
  if (endpoint_.empty()) {
    progress("starting " + options_.vaultd);
    auto vaultd = VaultProcess::start(options_.vaultd, url_, options_.directory + "/large");
    if (!vaultd) return tl::unexpected(vaultd.error());
    vaultd_ = *std::move(vaultd);
    endpoint_ = vaultd_->endpoint();
    memory_ = std::make_unique<MemoryWatch>(vaultd_->pid());
  }
  auto baseline = Baseline::open(url_, sample_rows(seals_));
  if (!baseline) return tl::unexpected(baseline.error());
  baseline_ = *std::move(baseline);
  auto client = Client::connect({.endpoint = endpoint_, .timeout = std::chrono::minutes{10}, .curve = {}});
  if (!client) return tl::unexpected(client.error());
  client_ = *std::move(client);
  auto machine = describe_machine(*baseline_);
  if (!machine) return tl::unexpected(machine.error());
  machine_ = *std::move(machine);
  if (!is_release_build()) progress("this is not a release build: its figures mean little");
  return {};
}

bool Bench::wanted(const std::string& figure) const {
  return std::find(options_.figures.begin(), options_.figures.end(), figure) != options_.figures.end();
}

nlohmann::json Bench::settings() const {
  return {{"entries", options_.entries},
          {"small_entries", options_.small_entries},
          {"seconds", options_.seconds},
          {"rounds", options_.rounds},
          {"producers", options_.producers},
          {"in_flight", options_.in_flight},
          {"payload_bytes_mean", mean_payload_bytes(seals_)}};
}

std::vector<Figure> Bench::run() {
  struct Step {
    const char* name;
    Result<Figure> (Bench::*measure)();
  };
  // Single seals first, on a ledger as small as their baseline; figures that need a large ledger last.
  const Step steps[] = {{"single", &Bench::measure_single},   {"polled", &Bench::measure_polled},
                        {"many", &Bench::measure_many},       {"lone", &Bench::measure_one_in_flight},
                        {"flood", &Bench::measure_full_load}, {"growth", &Bench::measure_growth},
                        {"verify", &Bench::measure_verify},   {"proof", &Bench::measure_proof},
                        {"memory", &Bench::measure_memory}};
  std::vector<Figure> figures;
  for (const Step& step : steps) {
    if (!wanted(step.name)) continue;
    progress(std::string("measuring ") + step.name);
    auto figure = (this->*step.measure)();
    if (figure) {
      figures.push_back(*std::move(figure));
    } else {
      progress(figure.error().message);
      figures.push_back(
          {.name = step.name, .value = {}, .note = figure.error().message, .details = {}, .failed = true});
    }
  }
  const auto rank = [](const Figure& figure) { return &target(figure.name) - targets().data(); };
  std::sort(figures.begin(), figures.end(), [&](const Figure& a, const Figure& b) { return rank(a) < rank(b); });
  return figures;
}

std::chrono::nanoseconds Bench::round_duration() const {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(options_.seconds * 1e9 / options_.rounds));
}

Result<Head> Bench::head() {
  return client_->get_head();
}

Result<LoadCounts> Bench::seal_at_full_load(const std::string& endpoint, const LoadWindow& window) {
  LoadOptions options;
  options.endpoint = endpoint;
  options.sockets = options_.producers;
  options.in_flight = options_.in_flight;
  auto client = LoadGenerator::connect(options, requests_);
  if (!client) return tl::unexpected(client.error());
  return (*client)->run(window);
}

Result<std::string> Bench::make_database(const std::string& name) {
  for (const char* sql : {"DROP DATABASE IF EXISTS ", "CREATE DATABASE "}) {
    if (auto done = baseline_->run(sql + name); !done) return tl::unexpected(done.error());
  }
  return url_of_database(url_, name);
}

void Bench::drop_database(const std::string& name) {
  if (auto done = baseline_->run("DROP DATABASE IF EXISTS " + name); !done) progress(done.error().message);
}

Status Bench::fill_ledger(std::int64_t entries) {
  for (;;) {
    auto now = head();
    if (!now) return tl::unexpected(now.error());
    if (now->sequence >= entries) return {};
    // In pieces, so that people see progress.
    const auto piece = std::min<std::int64_t>(entries - now->sequence, 100'000);
    progress(fmt::format("filling the ledger: {} of {}", with_commas(static_cast<double>(now->sequence)),
                         with_commas(static_cast<double>(entries))));
    LoadWindow window;
    window.acknowledged_max = static_cast<std::uint64_t>(piece);
    if (auto filled = seal_at_full_load(endpoint_, window); !filled) return tl::unexpected(filled.error());
  }
}

Status Bench::fill_large_table() {
  auto now = head();
  if (!now) return tl::unexpected(now.error());
  if (!large_table_made_) {
    if (Status made = baseline_->make_table("large"); !made) return made;
    large_table_made_ = true;
  }
  return baseline_->fill_from_ledger("large", now->sequence);
}

Result<InsertWay> Bench::best_insert() {
  if (best_insert_) return *best_insert_;
  if (Status made = baseline_->make_table("tries"); !made) return tl::unexpected(made.error());
  InsertWindow window;
  window.duration_max = std::chrono::nanoseconds(static_cast<std::int64_t>(options_.seconds * 1e9 / 20));
  const auto ways = insert_ways();
  std::vector<double> best(ways.size()), backend_us(ways.size());
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const auto before = processor_times(vaultd_pid());
      auto tried = baseline_->insert("tries", ways[i], window);
      if (!tried) return tl::unexpected(tried.error());
      best[i] = std::max(best[i], rate(*tried));
      const auto used = micros_per_unit(before, processor_times(vaultd_pid()), static_cast<double>(tried->rows));
      if (used.count(backend_processes) != 0) backend_us[i] = used.at(backend_processes);
    }
  }
  for (std::size_t i = 0; i < ways.size(); ++i) {
    inserts_tried_[describe(ways[i])] = {{"rows_per_s", best[i]}, {"backend_us_per_row", backend_us[i]}};
  }
  const auto fastest = static_cast<std::size_t>(std::max_element(best.begin(), best.end()) - best.begin());
  best_insert_ = ways[fastest];
  progress(fmt::format("fastest plain insert: {}, {} rows/s", describe(ways[fastest]), with_commas(best[fastest])));
  if (auto dropped = baseline_->run("DROP TABLE vault_bench.tries"); !dropped) return tl::unexpected(dropped.error());
  return *best_insert_;
}

}  // namespace vault::bench
