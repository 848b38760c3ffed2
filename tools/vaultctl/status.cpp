// vaultctl status: shows the state of vaultd; with --check, an exit code for regular checks.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/common/json_output.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"

namespace vault::ctl {
namespace {

using Json = nlohmann::ordered_json;

struct StatusOptions {
  bool check = false;
  std::string role;  // "writer", "reader" or "": whichever role it has
};

std::string spaced(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

// "process cpu seconds total" becomes "process cpu" if the number is shown as 90 ms.
std::string without_unit(std::string name, const Json& value) {
  for (const std::string_view unit : {"_total", "_seconds", "_bytes", "_s"}) {
    if (value.is_number() && name.ends_with(unit)) name.resize(name.size() - unit.size());
  }
  return spaced(std::move(name));
}

std::string text_of(const Json& map, const char* name) {
  const auto found = map.find(name);
  return found != map.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number_of(const Json& map, const char* name) {
  const auto found = map.find(name);
  return found != map.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

// By vaultd's clock, not by this machine's. "" if either is missing.
std::string age_of(const Json& status, const Json& since) {
  const auto then = since.is_string() ? parse_timestamp(since.get<std::string>()) : std::nullopt;
  const auto now = parse_timestamp(text_of(status, "now"));
  if (!then || !now || *now < *then) return {};
  const std::chrono::microseconds age{now->micros - then->micros};
  return show_seconds(std::chrono::floor<std::chrono::seconds>(age));
}

std::string with_age(const std::string& what, const Json& status, const Json& since) {
  const std::string age = age_of(status, since);
  return age.empty() ? what : what + ", for " + age;
}

// "critical tamper: … [entry 1550, for 12 s]": the worst first, before everything else.
void print_alerts(const Json& status) {
  const auto alerts = status.find("alert_details");
  if (alerts == status.end() || !alerts->is_array()) return;
  for (const Json& alert : *alerts) {
    const bool critical = text_of(alert, "severity") == "critical";
    std::string notes;
    if (const auto sequence = number_of(alert, "sequence"); sequence != 0) notes = "entry " + std::to_string(sequence);
    if (const auto age = age_of(status, alert.value("since", Json())); !age.empty())
      notes += (notes.empty() ? "for " : ", for ") + age;
    print_line(coloured(text_of(alert, "severity") + " " + printable(text_of(alert, "kind")),
                        critical ? Colour::red : Colour::yellow) +
               ": " + printable(text_of(alert, "message")) + (notes.empty() ? "" : " [" + notes + "]"));
  }
  if (!alerts->empty()) print_line("");
}

// A figure in the unit that its name ends with.
std::string show_number(const std::string& name, const Json& value) {
  if (name == "process_start_time_seconds") {
    return shown_time(Timestamp{static_cast<std::int64_t>(value.get<double>()) * 1'000'000});
  }
  if (name == "uptime_s") return show_seconds(std::chrono::seconds(static_cast<std::int64_t>(value.get<double>())));
  if (name.find("_seconds") != std::string::npos) {
    const double seconds = value.get<double>();
    if (seconds < 0.01) return fmt::format("{:.3g} ms", seconds * 1'000);
    return describe_duration(std::chrono::milliseconds(std::llround(seconds * 1'000)));
  }
  if (name.ends_with("_bytes")) {
    const double bytes = value.get<double>();
    if (bytes < 1'024) return value.dump() + " bytes";
    return bytes < 1'048'576 ? fmt::format("{:.1f} KiB", bytes / 1'024) : fmt::format("{:.1f} MiB", bytes / 1'048'576);
  }
  return value.dump();
}

std::string show_value(const std::string& name, const Json& value) {
  if (value.is_number()) return show_number(name, value);
  if (name == "ready" || (name == "connected" && value.is_boolean())) {
    const bool good = value == true;
    return coloured(good ? "yes" : "no", good ? Colour::green : Colour::red);
  }
  if (value.is_array() && value.empty()) return "none";
  if (name == "features" && value.is_array()) {
    std::string list;
    for (const Json& one : value)
      list += (list.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : one.dump());
    return printable(list);
  }
  if (value.is_null()) return "-";
  if (value.is_string()) return printable(value.get<std::string>());
  return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string show_writer(const Json& status, const Json& writer) {
  if (!writer.is_object()) return "nobody known";
  const std::string host = text_of(writer, "host");
  return with_age(
      (host.empty() ? "unknown host" : printable(host)) + " (pid " + std::to_string(number_of(writer, "pid")) + ")",
      status, writer.value("since", Json()));
}

// Prometheus' counts are cumulative, and bounds inclusive: the first bound that includes the share is an upper limit of
// it.
std::string show_share(const Json& histogram, const std::string& name, double share) {
  const auto& bounds = histogram["bounds"];
  const auto& counts = histogram["counts"];
  const double wanted = share * static_cast<double>(number_of(histogram, "count"));
  for (std::size_t i = 0; i < bounds.size() && i < counts.size(); ++i) {
    if (counts[i].get<double>() < wanted) continue;
    return "at most " + show_number(name, bounds[i]);
  }
  return "more than " + show_number(name, bounds.back());
}

// "3 in all, half at most 5 ms, 99 % at most 25 ms". "" if it is not a histogram.
std::string show_histogram(const std::string& name, const Json& value) {
  const auto numbers = [&](const char* member) {
    const auto found = value.find(member);
    return found != value.end() && found->is_array() && !found->empty() &&
           std::all_of(found->begin(), found->end(), [](const Json& one) { return one.is_number(); });
  };
  if (!numbers("bounds") || !numbers("counts")) return {};
  const auto count = number_of(value, "count");
  if (count == 0) return "none yet";
  return std::to_string(count) + " in all, half " + show_share(value, name, 0.5) + ", 99 % " +
         show_share(value, name, 0.99);
}

// Status grows with the daemon, so everything in it is shown; members of maps are listed below their map's name.
void collect_fields(const Json& status, const std::string& prefix, const Json& map, Fields& out) {
  for (const auto& [name, value] : map.items()) {
    if (name == "alert_details" || name == "since" || name == "now") continue;  // shown elsewhere
    if (value.is_string() && value.get_ref<const std::string&>().empty()) continue;
    const std::string label = prefix + without_unit(name, value);
    if (label == "role" && value.is_string()) {
      out.emplace_back(label, with_age(printable(value.get<std::string>()), status, map.value("since", Json())));
    } else if (label == "writer") {
      out.emplace_back(label, show_writer(status, value));
    } else if (const std::string histogram = value.is_object() ? show_histogram(name, value) : ""; !histogram.empty()) {
      out.emplace_back(printable(name.ends_with("_seconds") ? spaced(name.substr(0, name.size() - 8)) : spaced(name)),
                       histogram);
    } else if (value.is_object()) {
      const bool plain = name == "counters" || name == "histograms" || name == "gauges";
      collect_fields(status, plain ? "" : name + " ", value, out);
    } else {
      out.emplace_back(printable(label), show_value(name, value));
    }
  }
}

void show_status(const Json& status) {
  print_alerts(status);
  Fields fields;
  // First the role and readiness, then the rest in vaultd's order.
  for (const char* first : {"role", "ready", "writer"}) {
    if (const auto found = status.find(first); found != status.end()) {
      Json one = Json::object();
      one[first] = *found;
      if (std::string_view(first) == "role") one["since"] = status.value("since", Json());
      collect_fields(status, "", one, fields);
    }
  }
  Json rest = status;
  for (const char* shown : {"role", "ready", "writer"}) rest.erase(shown);
  collect_fields(status, "", rest, fields);
  print_fields(fields);
}

// Describes what is wrong; "" if nothing is.
std::string find_trouble(const Json& status, const std::string& wanted) {
  const std::string role = text_of(status, "role");
  const Json database = status.value("database", Json::object());
  const Json readers = status.value("readers", Json::object());
  const bool as_writer = wanted == "writer" || (wanted.empty() && role != "standby");
  if (as_writer && status.value("ready", false) != true) {
    const std::string why = text_of(database, "detail");
    return "no seal is accepted: " + role + (why.empty() ? "" : ", " + why);
  }
  const bool emergency = text_of(status, "backend") == "legacy";
  if (!as_writer && !emergency && number_of(readers, "connected") == 0) {
    const std::string why = text_of(readers, "detail");
    return "no reader has a database" + (why.empty() ? "" : ": " + why);
  }
  const auto details = status.find("alert_details");
  if (details == status.end()) {  // an older vaultd: only kinds, of any severity
    const Json kinds = status.value("alerts", Json::array());
    return kinds.empty() ? "" : "alerts: " + kinds.dump();
  }
  std::string first;
  std::size_t critical = 0;
  for (const Json& alert : *details) {
    if (text_of(alert, "severity") != "critical" || critical++ > 0) continue;
    first = "alert." + text_of(alert, "kind") + ": " + text_of(alert, "message");
  }
  return critical > 1 ? first + fmt::format(" (and {} more)", critical - 1) : first;
}

int run_status(const Context& context, const StatusOptions& options) {
  auto client = connect_daemon(context.globals);
  if (!client) return report(context, client.error());
  const auto result = (*client)->call(StatusRequest{});
  if (!result) return report(context, result.error());
  const auto json = msgpack_to_json(*result);
  if (!json) return report(context, json.error());
  const Json status = Json::parse(*json);
  const std::string trouble = options.check ? find_trouble(status, options.role) : "";
  if (context.globals.json) {
    print_line(*json);
  } else if (options.check) {
    print_line(trouble.empty() ? coloured("ok", Colour::green) + ": " + text_of(status, "role")
                               : coloured("not ok", Colour::red) + ": " + printable(trouble));
  } else {
    show_status(status);
  }
  return finish_output(trouble.empty() ? exit_done : exit_no);
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = app.add_subcommand("status", "Show how vaultd is doing, alerts first");
  auto* check = command->add_flag("--check", options->check,
                                  "Say one line and end with 0 (well), 1 (not well) or 3 (not to be reached)");
  command->add_option("--role", options->role, "With --check: what it must serve; by default whatever its role is")
      ->check(CLI::IsMember({"writer", "reader"}).description(""))
      ->type_name("writer|reader")
      ->needs(check);
  command->footer(
      "--check is well when seals are accepted (of a standby, and with --role reader: when readers have their\n"
      "database) and no critical alert stands. Counters and histograms may be a second old.\n"
      "Examples:\n"
      "  vaultctl status\n"
      "  vaultctl status --check --role writer || page \"no seals\"");
  command->callback(
      [options, &context] { context.run = [options, &context] { return run_status(context, *options); }; });
}

}  // namespace vault::ctl
