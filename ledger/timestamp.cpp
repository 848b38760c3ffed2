#include "ledger/timestamp.hpp"

#include <chrono>
#include <cstring>

namespace vault {

namespace {

constexpr std::size_t timestamp_text_size = 27;
constexpr char text_shape[] = "0000-00-00T00:00:00.000000Z";  // 0 stands for any digit
constexpr std::int64_t micros_per_second = 1'000'000;
constexpr std::int64_t seconds_per_day = 86'400;
constexpr std::int64_t micros_per_day = seconds_per_day * micros_per_second;

void write_digits(char* out, std::uint32_t value, std::size_t count) {
  for (std::size_t i = count; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

std::uint32_t read_digits(std::string_view text, std::size_t from, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = from; i < from + count; ++i) value = value * 10 + static_cast<std::uint32_t>(text[i] - '0');
  return value;
}

bool has_shape(std::string_view text) {
  if (text.size() != timestamp_text_size) return false;
  for (std::size_t i = 0; i < timestamp_text_size; ++i) {
    const bool fits = text_shape[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == text_shape[i];
    if (!fits) return false;
  }
  return true;
}

}  // namespace

void write_timestamp(Timestamp instant, char* out) {
  std::int64_t days = instant.micros / micros_per_day;
  std::int64_t micros = instant.micros % micros_per_day;
  if (micros < 0) {
    micros += micros_per_day;
    --days;
  }
  constexpr auto first = std::chrono::sys_days(std::chrono::year(1) / 1 / 1).time_since_epoch().count();
  constexpr auto last = std::chrono::sys_days(std::chrono::year(9999) / 12 / 31).time_since_epoch().count();
  std::memcpy(out, text_shape, timestamp_text_size);
  if (days < first || days > last) return;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  const auto second_of_day = static_cast<std::uint32_t>(micros / micros_per_second);

  write_digits(out, static_cast<std::uint32_t>(static_cast<int>(date.year())), 4);
  write_digits(out + 5, static_cast<unsigned>(date.month()), 2);
  write_digits(out + 8, static_cast<unsigned>(date.day()), 2);
  write_digits(out + 11, second_of_day / 3600, 2);
  write_digits(out + 14, second_of_day / 60 % 60, 2);
  write_digits(out + 17, second_of_day % 60, 2);
  write_digits(out + 20, static_cast<std::uint32_t>(micros % micros_per_second), 6);
}

std::string format_timestamp(Timestamp instant) {
  std::string out(timestamp_text_size, '\0');
  write_timestamp(instant, out.data());
  return out;
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  if (!has_shape(text)) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(read_digits(text, 0, 4))),
                                         std::chrono::month(read_digits(text, 5, 2)),
                                         std::chrono::day(read_digits(text, 8, 2))};
  const std::uint32_t hour = read_digits(text, 11, 2);
  const std::uint32_t minute = read_digits(text, 14, 2);
  const std::uint32_t second = read_digits(text, 17, 2);
  if (!date.ok() || static_cast<int>(date.year()) < 1 || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t second_of_day = hour * 3600 + minute * 60 + second;
  return Timestamp{(days * seconds_per_day + second_of_day) * micros_per_second + read_digits(text, 20, 6)};
}

}  // namespace vault
