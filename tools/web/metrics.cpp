#include "tools/web/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "os/process_figures.hpp"
#include "tools/web/json_member.hpp"

namespace vault::web {
namespace {

using nlohmann::json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  void gauge(const std::string& name, const std::string& help, double value, Labels labels = {}) {
    ClientMetric& metric = add(name, help, MetricType::Gauge, std::move(labels));
    metric.gauge.value = value;
  }
  void counter(const std::string& name, const std::string& help, double value, Labels labels = {}) {
    ClientMetric& metric = add(name, help, MetricType::Counter, std::move(labels));
    metric.counter.value = value;
  }
  // Writes {bounds, counts, sum, count}; nothing if the value is not a histogram.
  void histogram(const std::string& name, const std::string& help, const json& source) {
    const json bounds = member_or(source, "bounds", json::array()), counts = member_or(source, "counts", json::array());
    const auto is_number = [](const json& one) { return one.is_number(); };
    const bool numbers =
        std::all_of(bounds.begin(), bounds.end(), is_number) && std::all_of(counts.begin(), counts.end(), is_number);
    if (!numbers || counts.size() != bounds.size() + 1) return;
    ClientMetric& metric = add(name, help, MetricType::Histogram, {});
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const double bound = i < bounds.size() ? bounds[i].get<double>() : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({counts[i].get<std::uint64_t>(), bound});
    }
    metric.histogram.sample_count = counts.back().get<std::uint64_t>();
    metric.histogram.sample_sum = member_or(source, "sum", 0.0);
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  ClientMetric& add(const std::string& name, const std::string& help, MetricType type, Labels labels) {
    if (families_.empty() || families_.back().name != name) families_.push_back({name, help, type, {}});
    families_.back().metric.emplace_back();
    families_.back().metric.back().label = std::move(labels);
    return families_.back().metric.back();
  }

  std::vector<MetricFamily> families_;
};

double number(const json& map, const char* name, double otherwise = 0) {
  const auto found = map.find(name);
  return found != map.end() && found->is_number() ? found->get<double>() : otherwise;
}

// Prometheus' metadata for each of a process' figures.
struct ProcessFigure {
  const char* name;
  const char* help;
};
constexpr ProcessFigure process_gauges[] = {
    {"process_resident_memory_bytes", "Resident memory size in bytes."},
    {"process_virtual_memory_bytes", "Virtual memory size in bytes."},
    {"process_start_time_seconds", "Start time of the process since unix epoch in seconds."},
    {"process_open_fds", "Number of open file descriptors."},
    {"process_max_fds", "Maximum number of open file descriptors."},
    {"process_threads", "Number of threads."},
};

void add_process(Families& out, const std::string& prefix, const std::string& of, const json& figures) {
  if (figures.contains("process_cpu_seconds_total")) {
    out.counter(prefix + "process_cpu_seconds_total", "Total user and system CPU time spent in seconds" + of + ".",
                number(figures, "process_cpu_seconds_total"));
  }
  for (const auto& [name, help] : process_gauges) {
    if (figures.contains(name)) out.gauge(prefix + name, std::string(help) + of, number(figures, name));
  }
}

void add_by_label(Families& out, const json& status, const char* member, const char* name, const char* help,
                  const char* label) {
  const json map = member_or(status, member, json::object());
  for (const auto& [key, value] : map.items()) {
    if (value.is_number()) out.counter(name, help, value.get<double>(), {{label, key}});
  }
}

void add_sealing(Families& out, const json& status, const json& counters) {
  out.gauge("vault_ledger_entries", "Entries in the ledger.", number(status, "sequence"));
  add_by_label(out, status, "sealed", "vault_sealed_total", "New entries since vaultd started, by verdict.", "verdict");
  add_by_label(out, status, "seals_refused", "vault_seals_refused_total",
               "Seals refused since vaultd started, by error code.", "code");
  out.counter("vault_duplicates_total", "Seals whose seal_id was in the ledger already, with the same content.",
              number(counters, "duplicates"));
  const json histograms = member_or(status, "histograms", json::object());
  const auto histogram = [&](const char* member, const char* name, const char* help) {
    if (histograms.contains(member)) out.histogram(name, help, histograms[member]);
  };
  histogram("commit_seconds", "vault_commit_seconds", "From sending a batch to the database until its outcome.");
  histogram("batch_seals", "vault_batch_seals", "Seals in a batch.");
  histogram("queue_wait_seconds", "vault_queue_wait_seconds", "From a request's arrival until its batch is sent.");
  out.gauge("vault_queue_seals", "Seals accepted and not answered yet.", number(status, "queue_depth"));
  out.gauge("vault_queue_bytes", "Bytes that these hold.", number(status, "queue_bytes"));
  out.gauge("vault_in_flight", "Of these, seals handed to the writer.", number(status, "in_flight"));
  out.counter("vault_in_doubt_total", "Commits whose outcome had to be found out.", number(counters, "in_doubt"));
  out.gauge("vault_writer_epoch", "Fencing number of the writer's lease.", number(status, "writer_epoch"));
}

void add_alerts(Families& out, const json& status) {
  const json severities = member_or(status, "alert_severities", json::object());
  for (const json& kind : member_or(status, "alerts", json::array())) {
    if (!kind.is_string()) continue;
    const std::string name = kind.get<std::string>();
    out.gauge("vault_alert", "An alert that is raised.", 1,
              {{"kind", name}, {"severity", member_or(severities, name, std::string("warning"))}});
  }
}

void add_health(Families& out, const json& status, const json& counters) {
  const json gauges = member_or(status, "gauges", json::object());
  const auto gauge = [&](const char* member, const char* name, const char* help) {
    if (gauges.contains(member)) out.gauge(name, help, number(gauges, member));
  };
  out.gauge("vault_checkpoint_tree_size", "Entries that the latest checkpoint covers.",
            std::max(0.0, number(counters, "checkpoint_size")));
  gauge("checkpoint_age_seconds", "vault_checkpoint_age_seconds", "Since the latest checkpoint was signed.");
  gauge("audit_position", "vault_audit_position", "Last entry that the auditor has verified in its present pass.");
  gauge("audit_pass_age_seconds", "vault_audit_pass_age_seconds", "Since the auditor's last whole pass ended.");
  const json database = member_or(status, "database", json::object());
  out.gauge("vault_database_connected", "Does vaultd have its database?",
            member_or(database, "connected", false) ? 1 : 0);
  gauge("database_size_bytes", "vault_database_size_bytes", "What the database takes on disk.");
  gauge("clock_skew_seconds", "vault_clock_skew_seconds", "This machine's clock less the database's.");
  add_process(out, "vault_", " (vaultd)", gauges);
}

void add_own(Families& out, const OwnFigures& own) {
  for (const auto& [status, count] : own.requests) {
    out.counter("vault_web_requests_total", "HTTP requests answered, by status.", static_cast<double>(count),
                {{"status", std::to_string(status)}});
  }
  out.gauge("vault_web_connections", "HTTP connections.", static_cast<double>(own.connections));
  out.counter("vault_web_connections_refused_total", "HTTP connections beyond a limit.",
              static_cast<double>(own.connections_refused));
  out.gauge("vault_web_tile_cache_bytes", "Bytes of tiles that are kept.", static_cast<double>(own.tile_cache_bytes));
  out.counter("vault_events_missed_total", "Entries that were missed on the events socket and read from the ledger.",
              static_cast<double>(own.events_missed));
  json figures = json::object();
  for (const auto& [name, value] : process_figures()) figures[name] = value;
  add_process(out, "", "", figures);
}

}  // namespace

std::string metrics_text(const std::string& status_json, const OwnFigures& own) {
  Families out;
  const json status = json::parse(status_json, nullptr, false);
  const bool up = status.is_object();
  out.gauge("vault_up", "Does vaultd answer?", up ? 1 : 0);
  if (up) {
    const json counters = member_or(status, "counters", json::object());
    out.gauge("vault_ready", "Would a seal be accepted now?", member_or(status, "ready", false) ? 1 : 0);
    out.gauge("vault_writer", "1: vaultd is the writer; 0: a standby.",
              member_or(status, "role", std::string()) == "writer" ? 1 : 0);
    out.gauge("vault_build_info", "The version of vaultd.", 1,
              {{"version", member_or(status, "version", std::string())}});
    add_sealing(out, status, counters);
    add_health(out, status, counters);
    add_alerts(out, status);
  }
  add_own(out, own);
  return out.text();
}

}  // namespace vault::web
