#include "tools/vaultctl/top_screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tools/common/numbers.hpp"
#include "tools/common/terminal.hpp"

namespace vault::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t samples_max = 121;
constexpr std::size_t label_columns = 10;

const Json& member(const Json& map, const char* name) {
  static const Json none;
  if (!map.is_object()) return none;
  const auto found = map.find(name);
  return found == map.end() ? none : *found;
}

std::int64_t number(const Json& value) {
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

std::string text_of(const Json& value) {
  if (value.is_string()) return printable(value.get<std::string>());
  return value.is_null() ? "-" : printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::int64_t counter(const TopSample& sample, const char* name) {
  return number(member(member(sample.status, "counters"), name));  // counters that are zero may be missing
}

std::string show_rate(std::optional<double> rate) {
  return rate ? with_thousands(static_cast<std::uint64_t>(std::llround(*rate))) : "-";
}

std::string show_milliseconds(std::chrono::microseconds time) {
  return fmt::format("{:.1f} ms", static_cast<double>(time.count()) / 1'000);
}

// An alert is a kind, or a map that also has severity and message.
std::string describe_alert(const Json& alert) {
  if (!alert.is_object()) return text_of(alert);
  std::string text = text_of(member(alert, "kind"));
  for (const char* name : {"severity", "message"}) {
    if (alert.contains(name)) text += (std::string(name) == "severity" ? "  " : ": ") + text_of(member(alert, name));
  }
  return text;
}

// The rates of the last minutes as a row of bars, the highest of them full.
std::string sparkline(const std::vector<double>& rates, std::size_t columns) {
  static constexpr const char* steps[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::size_t shown = std::min(columns, rates.size());
  const auto begin = rates.end() - static_cast<std::ptrdiff_t>(shown);
  const double highest = shown == 0 ? 0 : *std::max_element(begin, rates.end());
  std::string line;
  for (auto it = begin; it != rates.end(); ++it) {
    line += steps[highest <= 0 ? 0 : static_cast<std::size_t>(std::min(7.0, *it / highest * 7.999))];
  }
  return line;
}

}  // namespace

std::optional<double> sealed_per_second(const TopSample& before, const TopSample& now) {
  if (!before.status.is_object() || !now.status.is_object()) return std::nullopt;
  const double seconds = std::chrono::duration<double>(now.at - before.at).count();
  const std::int64_t sealed = number(member(now.status, "sequence")) - number(member(before.status, "sequence"));
  return seconds > 0 && sealed >= 0 ? std::optional(static_cast<double>(sealed) / seconds) : std::nullopt;
}

void TopScreen::add(TopSample sample) {
  samples_.push_back(std::move(sample));
  if (samples_.size() > samples_max) samples_.pop_front();
}

std::string TopScreen::text(std::size_t columns, bool coloured) const {
  if (samples_.empty()) return "";
  const TopSample& now = samples_.back();
  std::string out;
  const auto add = [&](const std::string& label, const std::string& value, Colour colour = Colour::none) {
    const std::string padded = label + std::string(label_columns - std::min(label_columns, label.size()), ' ');
    const std::size_t room = columns > label_columns + 1 ? columns - label_columns : 1;
    out += paint(padded, Colour::dim, coloured) + paint(cut_to_columns(value, room), colour, coloured) + "\n";
  };
  add("vaultd", printable(endpoint_));
  if (!now.status.is_object()) {
    add("", now.problem.empty() ? "no answer" : printable(now.problem), Colour::red);
    return out;
  }
  for (const Json& alert : member(now.status, "alerts")) add("ALERT", describe_alert(alert), Colour::red);
  const bool ready = member(now.status, "ready") == true;
  add("role", text_of(member(now.status, "role")) + (ready ? ", ready" : ", not ready"),
      ready ? Colour::green : Colour::red);
  const std::string detail = text_of(member(member(now.status, "database"), "detail"));
  if (!detail.empty() && detail != "-") add("database", detail, Colour::yellow);
  add("up", describe_duration(std::chrono::seconds(number(member(now.status, "uptime_s")))));
  add("entries",
      with_thousands(static_cast<std::uint64_t>(std::max<std::int64_t>(0, number(member(now.status, "sequence"))))));
  std::vector<double> rates;
  for (std::size_t i = 1; i < samples_.size(); ++i) {
    rates.push_back(sealed_per_second(samples_[i - 1], samples_[i]).value_or(0));
  }
  const auto rate = samples_.size() < 2 ? std::nullopt : sealed_per_second(samples_[samples_.size() - 2], now);
  const std::string sealed = show_rate(rate) + " entries/s  ";
  const std::size_t used = label_columns + display_width(sealed);
  add("sealing", sealed + sparkline(rates, columns > used ? columns - used : 0));
  add("queue", with_thousands(static_cast<std::uint64_t>(number(member(now.status, "queue_depth")))) + " waiting, " +
                   with_thousands(static_cast<std::uint64_t>(number(member(now.status, "in_flight")))) +
                   " at the writer");
  add("answers", "in " + show_milliseconds(now.answered_in));
  const std::int64_t commits = counter(now, "commits");
  if (commits > 0)
    add("batches",
        fmt::format("{:.1f} entries each", static_cast<double>(counter(now, "sealed")) / static_cast<double>(commits)));
  add("peers", with_thousands(static_cast<std::uint64_t>(counter(now, "peers"))));
  std::string refused;
  for (const char* name : {"malformed", "forbidden", "busy", "unavailable", "deadline_exceeded", "conflicts"}) {
    const std::int64_t count = counter(now, name);
    if (count > 0)
      refused += (refused.empty() ? "" : ", ") + with_thousands(static_cast<std::uint64_t>(count)) + " " + name;
  }
  add("refused", refused.empty() ? "none" : refused, refused.empty() ? Colour::none : Colour::yellow);
  return out;
}

std::string TopScreen::heading() {
  return fmt::format("{:>12} {:>12} {:>8} {:>9} {:>10}  {}\n", "ENTRIES", "ENTRIES/S", "QUEUE", "IN FLIGHT", "ANSWERS",
                     "STATE");
}

std::string TopScreen::line() const {
  const TopSample& now = samples_.back();
  if (!now.status.is_object())
    return fmt::format("{:>12} {:>12} {:>8} {:>9} {:>10}  {}\n", "-", "-", "-", "-", "-", printable(now.problem));
  const auto rate = samples_.size() < 2 ? std::nullopt : sealed_per_second(samples_[samples_.size() - 2], now);
  std::string state = text_of(member(now.status, "role")) + (member(now.status, "ready") == true ? "" : ", not ready");
  for (const Json& alert : member(now.status, "alerts")) state += ", ALERT " + describe_alert(alert);
  return fmt::format("{:>12} {:>12} {:>8} {:>9} {:>10}  {}\n", number(member(now.status, "sequence")), show_rate(rate),
                     number(member(now.status, "queue_depth")), number(member(now.status, "in_flight")),
                     show_milliseconds(now.answered_in), state);
}

}  // namespace vault::ctl
