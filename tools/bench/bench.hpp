// The benchmark: a PostgreSQL, a vaultd, the baselines beside it, and one function per figure.
//
// Machines are noisy and their speed drifts, so measurements that are compared take turns: rounds of a baseline and of
// vaultd side by side, one ratio per round, and the median of those.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/embedded/postgres.hpp"
#include "tools/bench/baseline.hpp"
#include "tools/bench/baseline_crowd.hpp"
#include "tools/bench/echo_process.hpp"
#include "tools/bench/process_stats.hpp"
#include "tools/bench/report.hpp"
#include "tools/bench/vault_process.hpp"
#include "wire/client/client.hpp"
#include "wire/client/load_generator.hpp"

namespace vault::bench {

struct BenchOptions {
  std::string endpoint;   // a vaultd that is already running; "": one is started
  std::string database;   // its database; "": an embedded PostgreSQL of the benchmark's own
  std::string vaultd;     // program to start
  std::string program;    // this one
  std::string directory;  // for everything the run creates
  std::vector<std::string> figures;
  std::int64_t entries = 1'000'000;     // the large ledger
  std::int64_t small_entries = 10'000;  // the small one
  double seconds = 10;                  // per figure, for vaultd and for its baseline each
  int rounds = 5;
  std::size_t producers = 16;
  std::size_t in_flight = 512;  // per socket, where there are many
};

class Bench {
 public:
  // Starts what is needed. Belongs to the thread that calls it.
  static Result<std::unique_ptr<Bench>> open(const BenchOptions& options);

  // Measures what the options request, in the order of targets(). A figure that fails says why.
  std::vector<Figure> run();
  const nlohmann::json& machine() const { return machine_; }
  nlohmann::json settings() const;

 private:
  explicit Bench(const BenchOptions& options);
  Status start();
  bool wanted(const std::string& figure) const;

  // write_figures.cpp
  Result<Figure> measure_full_load();
  Result<Figure> measure_one_in_flight();
  Result<Figure> measure_many();
  Result<Figure> measure_growth();
  // single_figures.cpp
  Result<Figure> measure_single();
  Result<Figure> measure_polled();
  Result<Figure> time_singles(const std::string& name, const std::string& endpoint);
  // read_figures.cpp
  Result<Figure> measure_verify();
  Result<Figure> measure_proof();
  Result<Figure> measure_memory();

  // A fresh database on the same server, for another ledger. Returns its URL.
  Result<std::string> make_database(const std::string& name);
  void drop_database(const std::string& name);
  // Seals until the ledger holds this many entries, or slightly more: those in flight.
  Status fill_ledger(std::int64_t entries);
  // Makes the baseline's large table as long as the ledger.
  Status fill_large_table();
  // The fastest plain insert, determined once.
  Result<InsertWay> best_insert();
  Result<LoadCounts> seal_at_full_load(const std::string& endpoint, const LoadWindow& window);
  Result<Head> head();
  std::chrono::nanoseconds round_duration() const;
  pid_t vaultd_pid() const { return vaultd_ ? vaultd_->pid() : -1; }

  BenchOptions options_;
  std::vector<Seal> seals_;
  std::vector<std::string> requests_;
  nlohmann::json machine_;
  std::string url_;
  std::string endpoint_;
  std::unique_ptr<EmbeddedPostgres> postgres_;
  std::unique_ptr<VaultProcess> vaultd_;  // empty if vaultd was already running
  std::unique_ptr<Baseline> baseline_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<MemoryWatch> memory_;
  std::optional<InsertWay> best_insert_;
  nlohmann::json inserts_tried_;
  bool large_table_made_ = false;
};

// Prints a line on stderr, so that people see progress.
void progress(const std::string& line);

inline double rate(const LoadCounts& counts) {
  return counts.seconds > 0 ? static_cast<double>(counts.acknowledged) / counts.seconds : 0;
}
inline double rate(const RowRate& rows) {
  return rows.seconds > 0 ? static_cast<double>(rows.rows) / rows.seconds : 0;
}

}  // namespace vault::bench
