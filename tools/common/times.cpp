#include "tools/common/times.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "ledger/quantity.hpp"
#include "os/clock.hpp"

namespace vault::ctl {
namespace {

constexpr std::int64_t micros_per_second = 1'000'000;
constexpr int seconds_per_day = 86'400;
constexpr int zone_hours_max = 18;

struct Day {
  int year = 0, month = 1, day = 1;
};

struct TimeOfDay {
  int seconds = 0, micros = 0;
};

// Parses text from the front; if something does not match, the position does not change.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly `count` digits.
  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count || leading_digits() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value * 10 + (rest_[i] - '0');
    rest_.remove_prefix(count);
    return value;
  }
  std::size_t leading_digits() const {
    const std::size_t end = rest_.find_first_not_of("0123456789");
    return end == std::string_view::npos ? rest_.size() : end;
  }

 private:
  std::string_view rest_;
};

std::tm to_tm(const Day& day, int seconds) {
  std::tm fields{};
  fields.tm_year = day.year - 1900;
  fields.tm_mon = day.month - 1;
  fields.tm_mday = day.day;
  fields.tm_hour = seconds / 3'600;
  fields.tm_min = seconds / 60 % 60;
  fields.tm_sec = seconds % 60;
  fields.tm_isdst = -1;
  return fields;
}

std::int64_t days_of(const Day& day) {
  std::tm fields = to_tm(day, 0);
  return ::timegm(&fields) / seconds_per_day;
}

Day day_of(std::int64_t days) {
  const std::time_t seconds = days * seconds_per_day;
  std::tm fields{};
  ::gmtime_r(&seconds, &fields);
  return {fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday};
}

bool exists(const Day& day) {
  const Day same = day_of(days_of(day));
  return same.year == day.year && same.month == day.month && same.day == day.day;
}

// ISO 8601's weeks begin on Monday; the first is the one with 4 January in it.
std::optional<Day> day_of_week(int year, int week, int weekday) {
  if (week < 1 || week > 53 || weekday < 1 || weekday > 7) return std::nullopt;
  const std::int64_t fourth = days_of({year, 1, 4});
  const std::int64_t monday = fourth - (fourth + 3) % 7;  // day 0 was a Thursday
  const std::int64_t days = monday + std::int64_t{week - 1} * 7 + weekday - 1;
  if (week == 53 && day_of(monday + std::int64_t{52} * 7 + 3).year != year) return std::nullopt;  // that year has 52
  return day_of(days);
}

std::optional<Day> take_day(Scanner& scanner) {
  const std::size_t digits = scanner.leading_digits();
  const auto year = scanner.digits(4);
  if (!year || *year < 1970) return std::nullopt;
  const bool extended = scanner.take('-');
  if (scanner.take('W')) {
    const auto week = scanner.digits(2);
    const bool has_day = extended ? scanner.take('-') : scanner.leading_digits() == 1;
    const auto weekday = has_day ? scanner.digits(1) : 1;
    return week && weekday ? day_of_week(*year, *week, *weekday) : std::nullopt;
  }
  if (!extended && digits != 8 && digits != 7) return std::nullopt;
  if (scanner.leading_digits() == 3) {
    const int day_of_year = *scanner.digits(3);
    const Day day = day_of(days_of({*year, 1, 1}) + day_of_year - 1);
    return day_of_year >= 1 && day.year == *year ? std::optional(day) : std::nullopt;
  }
  const auto month = scanner.digits(2);
  if (!month || (extended && !scanner.take('-'))) return std::nullopt;
  const auto day = scanner.digits(2);
  if (!day) return std::nullopt;
  const Day found{*year, *month, *day};
  return *month >= 1 && *month <= 12 && exists(found) ? std::optional(found) : std::nullopt;
}

std::optional<int> take_micros(Scanner& scanner) {
  const std::size_t digits = scanner.leading_digits();
  if (digits == 0) return std::nullopt;
  int micros = 0;
  for (std::size_t i = 0; i < std::max<std::size_t>(digits, 6); ++i) {
    const int digit = i < digits ? *scanner.digits(1) : 0;
    if (i < 6) micros = micros * 10 + digit;
  }
  return micros;
}

std::optional<TimeOfDay> take_time_of_day(Scanner& scanner) {
  const std::size_t digits = scanner.leading_digits();
  const auto hour = scanner.digits(2);
  if (!hour) return std::nullopt;
  const bool extended = digits == 2;
  std::optional<int> minute = 0, second = 0, micros = 0;
  if (extended ? scanner.take(':') : digits >= 4) {
    minute = scanner.digits(2);
    if (minute && (extended ? scanner.take(':') : digits >= 6)) {
      second = scanner.digits(2);
      if (second && (scanner.take('.') || scanner.take(','))) micros = take_micros(scanner);
    }
  }
  if (!minute || !second || !micros || *minute > 59 || *second > 59) return std::nullopt;
  const TimeOfDay time{*hour * 3'600 + *minute * 60 + *second, *micros};
  const bool end_of_day = time.seconds == seconds_per_day && time.micros == 0;
  return time.seconds < seconds_per_day || end_of_day ? std::optional(time) : std::nullopt;
}

// Reads a zone into `zone`, if there is one: seconds east of Greenwich. False if it is malformed.
bool take_zone(Scanner& scanner, std::optional<int>& zone) {
  if (scanner.take('Z')) {
    zone = 0;
    return true;
  }
  const bool east = scanner.take('+');
  if (!east && !scanner.take('-')) return true;
  const auto hours = scanner.digits(2);
  const bool has_minutes = scanner.take(':') || !scanner.at_end();
  const auto minutes = has_minutes ? scanner.digits(2) : 0;
  if (!hours || !minutes || *hours > zone_hours_max || *minutes > 59) return false;
  zone = (east ? 1 : -1) * (*hours * 3'600 + *minutes * 60);
  return true;
}

Timestamp at(const Day& day, const TimeOfDay& time, std::optional<int> zone) {
  std::int64_t seconds = 0;
  if (zone) {
    seconds = days_of(day) * seconds_per_day + time.seconds - *zone;
  } else {
    std::tm fields = to_tm(day, time.seconds);
    seconds = ::mktime(&fields);
  }
  return Timestamp{seconds * micros_per_second + time.micros};
}

std::optional<Timestamp> parse_iso_8601(std::string_view text, std::optional<int> zone) {
  Scanner scanner(text);
  const auto day = take_day(scanner);
  if (!day) return std::nullopt;
  if (scanner.at_end()) return at(*day, {}, zone);
  if (!scanner.take('T') && !scanner.take('t') && !scanner.take(' ')) return std::nullopt;
  const auto time = take_time_of_day(scanner);
  if (!time) return std::nullopt;
  (void)scanner.take(' ');
  if (!take_zone(scanner, zone) || !scanner.at_end()) return std::nullopt;
  return at(*day, *time, zone);
}

Timestamp midnight(Timestamp now, int days_later, std::optional<int> zone) {
  const std::time_t seconds = now.micros / micros_per_second;
  std::tm fields{};
  zone ? ::gmtime_r(&seconds, &fields) : ::localtime_r(&seconds, &fields);
  return at({fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday + days_later}, {}, zone);
}

std::optional<Timestamp> before_now(std::string_view text, Timestamp now) {
  constexpr std::string_view ago = " ago";
  if (text.size() > 1 && text.front() == '-') {
    text.remove_prefix(1);
  } else if (text.size() > ago.size() && text.substr(text.size() - ago.size()) == ago) {
    text.remove_suffix(ago.size());
  } else {
    return std::nullopt;
  }
  const auto age = parse_age(text);
  if (!age) return std::nullopt;
  return Timestamp{std::max<std::int64_t>(0, now.micros - age->count() * 1'000)};
}

}  // namespace

std::optional<Timestamp> parse_time(std::string_view text, Timestamp now, Zone zone) {
  ::tzset();
  const std::optional<int> offset = zone == Zone::utc ? std::optional(0) : std::nullopt;
  if (text == "now") return now;
  if (text == "today") return midnight(now, 0, offset);
  if (text == "yesterday") return midnight(now, -1, offset);
  if (text == "tomorrow") return midnight(now, 1, offset);
  const auto age = before_now(text, now);
  return age ? age : parse_iso_8601(text, offset);
}

std::string format_local(Timestamp time) {
  ::tzset();
  const std::time_t seconds = time.micros / micros_per_second;
  std::tm fields{};
  ::localtime_r(&seconds, &fields);
  const long offset_minutes = fields.tm_gmtoff / 60, size = std::abs(offset_minutes);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}{}{:02}:{:02}", fields.tm_year + 1900, fields.tm_mon + 1,
                     fields.tm_mday, fields.tm_hour, fields.tm_min, fields.tm_sec, time.micros % micros_per_second,
                     offset_minutes < 0 ? '-' : '+', size / 60, size % 60);
}

CLI::Option* add_time(CLI::App& command, const std::string& name, std::optional<Timestamp>& out,
                      const std::string& help) {
  return command
      .add_option_function<std::string>(
          name,
          [&out, name](const std::string& text) {
            out = parse_time(text, Timestamp{wall_clock_micros()});
            if (!out) {
              throw CLI::ValidationError(name, std::string("expected a time (") + time_forms + "), not '" + text + "'");
            }
          },
          help)
      ->type_name("TIME");
}

}  // namespace vault::ctl
