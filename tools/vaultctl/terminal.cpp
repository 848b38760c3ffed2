#include "tools/vaultctl/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "ledger/printable.hpp"

namespace vault::ctl {
namespace {

constexpr std::size_t name_columns_max = 32;
constexpr std::size_t bar_columns = 30;
constexpr std::chrono::milliseconds redraw_interval{100};

bool wants_colour(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  if (term != nullptr && std::string_view(term) == "dumb") return false;
  return ::isatty(fd) == 1;
}

std::string paint(std::string_view text, Colour colour, bool wanted) {
  static constexpr const char* codes[] = {"", "31", "32", "33", "36", "2", "1"};
  if (!wanted || colour == Colour::none) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<int>(colour)], text);
}

// The code point at `at`, which moves behind it.
char32_t next_code_point(std::string_view text, std::size_t& at) {
  const CodePoint point = code_point_at(text, at);
  at += point.bytes;
  return point.value;
}

std::size_t code_point_width(char32_t code) {
  if (code >= 0x300 && code <= 0x36F) return 0;  // combining marks
  const bool wide = (code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
                    (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
                    (code >= 0xFE30 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFF60) ||
                    (code >= 0x1F300 && code <= 0x1FAFF) || (code >= 0x20000 && code <= 0x3FFFD);
  return wide ? 2 : 1;
}

void put(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
}

}  // namespace

bool stdout_is_terminal() {
  return ::isatty(STDOUT_FILENO) == 1;
}

std::string coloured(std::string_view text, Colour colour) {
  return paint(text, colour, wants_colour(STDOUT_FILENO));
}

Colour verdict_colour(Verdict verdict) {
  switch (verdict) {
    case Verdict::seal:
      return Colour::green;
    case Verdict::void_:
      return Colour::red;
    case Verdict::hold:
      return Colour::yellow;
    case Verdict::partial:
    case Verdict::sabar:
      return Colour::cyan;
    case Verdict::sunset:
      return Colour::dim;
  }
  return Colour::none;
}

std::string printable(std::string_view text, bool keep_newlines) {
  return escape_unprintable(text, keep_newlines);
}

std::string short_hash(const Hash& hash) {
  return to_hex(hash).substr(0, 16);
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) width += code_point_width(next_code_point(text, at));
  return width;
}

std::string cut_to_columns(std::string_view text, std::size_t columns) {
  std::size_t width = 0, at = 0;
  if (display_width(text) <= columns) return std::string(text);
  while (at < text.size()) {
    std::size_t next = at;
    width += code_point_width(next_code_point(text, next));
    if (width > columns - 1) break;
    at = next;
  }
  return std::string(text.substr(0, at)) + "…";
}

void Table::print() const {
  std::vector<std::size_t> widths;
  for (const auto& name : header_) widths.push_back(display_width(name));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
  }
  const auto line = [&](const std::vector<Cell>& row) {
    std::string out;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - display_width(row[i].text), ' ');
      const bool last = i + 1 == row.size();
      if (row[i].right) out += padding;
      out += coloured(row[i].text, row[i].colour);
      if (!row[i].right && !last) out += padding;
      if (!last) out += "  ";
    }
    put(stdout, out + "\n");
  };
  std::vector<Cell> header;
  for (std::size_t i = 0; i < header_.size(); ++i) {
    header.push_back({header_[i], Colour::bold, !rows_.empty() && rows_.front()[i].right});
  }
  line(header);
  for (const auto& row : rows_) line(row);
}

void print_fields(const Fields& fields) {
  std::size_t width = 0;
  for (const auto& field : fields) width = std::max(width, display_width(field.first));
  for (const auto& [name, value] : fields) {
    put(stdout, coloured(name, Colour::dim) + std::string(width - display_width(name) + 2, ' ') + value + "\n");
  }
}

void print_entries(const std::vector<Entry>& entries) {
  Table table({"SEQUENCE", "TIMESTAMP", "VERDICT", "SESSION", "AUTHORITY", "ENTRY HASH"});
  for (const Entry& entry : entries) {
    table.add({{entry.emergency ? "-" : std::to_string(entry.sequence), Colour::none, true},
               {format_timestamp(entry.timestamp)},
               {std::string(verdict_name(entry.verdict)), verdict_colour(entry.verdict)},
               {cut_to_columns(printable(entry.session_id), name_columns_max)},
               {cut_to_columns(printable(entry.authority), name_columns_max)},
               {entry.emergency ? "(emergency)" : short_hash(entry.entry_hash), Colour::dim}});
  }
  table.print();
}

Fields entry_fields(const Entry& entry) {
  if (entry.emergency) {
    return {{"backend", coloured("legacy: kept as a file by the emergency mode, not in the chain yet", Colour::yellow)},
            {"session", printable(entry.session_id)},
            {"seal id", format_uuid(entry.seal_id)},
            {"timestamp", format_timestamp(entry.timestamp)},
            {"authority", printable(entry.authority)},
            {"verdict", coloured(verdict_name(entry.verdict), verdict_colour(entry.verdict))}};
  }
  return {{"sequence", std::to_string(entry.sequence)},
          {"session", printable(entry.session_id)},
          {"seal id", format_uuid(entry.seal_id)},
          {"timestamp", format_timestamp(entry.timestamp)},
          {"authority", printable(entry.authority)},
          {"verdict", coloured(verdict_name(entry.verdict), verdict_colour(entry.verdict))},
          {"data hash", short_hash(entry.data_hash)},
          {"entry hash", short_hash(entry.entry_hash)},
          {"prev hash", short_hash(entry.prev_hash)},
          {"merkle root", short_hash(entry.merkle_root)}};
}

void print_problem(std::string_view text) {
  put(stderr, paint("vaultctl: ", Colour::red, wants_colour(STDERR_FILENO)) + printable(text, true) + "\n");
}

void print_hint(std::string_view text) {
  put(stderr, "  " + std::string(text) + "\n");
}

void print_note(std::string_view text) {
  put(stderr, printable(text, true) + "\n");
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  if (ms < 1'000) return fmt::format("{} ms", ms);
  if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1'000);
  if (ms < 3'600'000) return fmt::format("{} min {} s", ms / 60'000, ms / 1'000 % 60);
  if (ms < 86'400'000) return fmt::format("{} h {} min", ms / 3'600'000, ms / 60'000 % 60);
  return fmt::format("{} d {} h", ms / 86'400'000, ms / 3'600'000 % 24);
}

ProgressBar::ProgressBar(std::string label, bool enabled)
    : label_(std::move(label)),
      enabled_(enabled && ::isatty(STDERR_FILENO) == 1),
      started_(std::chrono::steady_clock::now()),
      last_(started_) {}

void ProgressBar::update(std::uint64_t done, std::uint64_t total, std::string_view unit) {
  const auto now = std::chrono::steady_clock::now();
  if (!enabled_ || now - last_ < redraw_interval) return;  // what is done within 100 ms needs no bar
  last_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const double rate = static_cast<double>(done) / std::max(seconds, 0.001);
  std::string line = fmt::format("\r{} ", label_);
  if (total > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const auto filled = static_cast<std::size_t>(share * bar_columns);
    std::string bar;
    for (std::size_t i = 0; i < bar_columns; ++i) bar += i < filled ? "█" : "░";
    line += fmt::format("{} {:3.0f} %  {}/{} {}  {:.0f}/s", bar, share * 100, done, total, unit, rate);
    if (rate > 0 && done < total) {
      const double left_ms = static_cast<double>(total - done) / rate * 1'000;
      line += "  " + format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(left_ms))) + " left";
    }
  } else {
    line += fmt::format("{} {}  {:.0f}/s", done, unit, rate);
  }
  put(stderr, line + "\x1b[K");
}

void ProgressBar::finish() {
  if (drawn_) put(stderr, "\r\x1b[K");
  drawn_ = false;
}

}  // namespace vault::ctl
