// Tables for people, no wider than the terminal. If a table does not fit, columns that may be shortened are, then whole
// columns are left out; neither happens if stdout is not a terminal.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tools/common/colour.hpp"

namespace vault::ctl {

struct Cell {
  std::string text;  // printable
  Colour colour = Colour::none;
  bool right = false;  // align to the right
};

struct Heading {
  Heading(const char* heading) : name(heading) {}  // NOLINT(google-explicit-constructor): a plain column
  Heading(std::string heading, bool may_shrink, int rank)
      : name(std::move(heading)), shrinks(may_shrink), spare(rank) {}

  std::string name;
  bool shrinks = false;  // cut in the middle, down to 10 columns, before any column is left out
  int spare = 0;         // 0: always there; columns with the highest number are left out first
};

struct TableStyle {
  bool headings = true;
  std::optional<std::size_t> columns{};  // nullopt: nothing is cut
};
// For stdout: the terminal's width; nothing is cut if it is not a terminal.
TableStyle style_of_stdout();

// Columns two blanks apart, below a line of headings.
class Table {
 public:
  explicit Table(std::vector<Heading> headings) : headings_(std::move(headings)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  // The lines with their line ends. With colours if `coloured`.
  std::string text(const TableStyle& style, bool coloured) const;
  void print() const { print(style_of_stdout()); }
  void print(const TableStyle& style) const;

 private:
  std::vector<Heading> headings_;
  std::vector<std::vector<Cell>> rows_;
};

// The width of the terminal open at `fd`; nullopt if it is not a terminal. For a terminal that does not report its
// width: COLUMNS, or 80.
std::optional<std::size_t> terminal_columns(int fd);

}  // namespace vault::ctl
