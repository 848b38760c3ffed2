// What people see: aligned tables, colours on a terminal (NO_COLOR switches them off), a progress bar.
// Text that came from elsewhere is made harmless before it is shown: control characters could drive the terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/bytes.hpp"
#include "ledger/entry.hpp"

namespace vault::ctl {

enum class Colour { none, red, green, yellow, cyan, dim, bold };

// `text` in that colour if stdout is a terminal that wants colours, else as it is.
std::string coloured(std::string_view text, Colour colour);
Colour verdict_colour(Verdict verdict);

// escape_unprintable() of ledger/printable.hpp: \u0085, \u202e. Newlines stay if `keep_newlines`.
std::string printable(std::string_view text, bool keep_newlines = false);

// The first 16 digits of the hash.
std::string short_hash(const Hash& hash);

// Columns a text takes on a terminal (wide East Asian characters count two); escape sequences are not expected.
std::size_t display_width(std::string_view text);

// Cut to so many columns, with an ellipsis where something is missing.
std::string cut_to_columns(std::string_view text, std::size_t columns);

struct Cell {
  std::string text;
  Colour colour = Colour::none;
  bool right = false;  // align to the right
};

// A table on stdout: a header line and rows, columns two blanks apart.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  void print() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<Cell>> rows_;
};

using Fields = std::vector<std::pair<std::string, std::string>>;
// Names and values on stdout, aligned.
void print_fields(const Fields& fields);

// The usual columns of entries: sequence, time, verdict, session, authority, hash.
void print_entries(const std::vector<Entry>& entries);
// Everything about one entry.
Fields entry_fields(const Entry& entry);

// stderr; "vaultctl: " in front.
void print_problem(std::string_view text);
void print_hint(std::string_view text);
// stderr, for what is worth knowing and is no result.
void print_note(std::string_view text);

// Seconds, minutes and the like for people: "850 ms", "12.3 s", "4 min 5 s".
std::string format_duration(std::chrono::milliseconds duration);

// On stderr, and only if that is a terminal; redrawn a few times a second, wiped when done.
class ProgressBar {
 public:
  // `enabled` false: draws nothing (stdout is the same terminal, --json).
  ProgressBar(std::string label, bool enabled);
  ~ProgressBar() { finish(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `total` 0: unknown, a count is shown. `unit` is what is counted.
  void update(std::uint64_t done, std::uint64_t total, std::string_view unit = "entries");
  void finish();

 private:
  std::string label_;
  bool enabled_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point last_;
};

bool stdout_is_terminal();

}  // namespace vault::ctl
