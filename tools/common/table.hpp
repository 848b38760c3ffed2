// Tables for people: as wide as the terminal, and no wider. What does not fit is shortened where it may be, then whole
// columns are left out; where stdout is no terminal, nothing is.
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
  bool shrinks = false;  // cut in the middle, down to 10 columns, before anything is left out
  int spare = 0;         // 0: always there; columns with the highest number are left out first
};

struct TableStyle {
  bool headings = true;
  std::optional<std::size_t> columns{};  // nullopt: as it is, nothing cut
};
// For stdout: the terminal's width, or nothing cut where it is none.
TableStyle style_of_stdout();

// Columns two blanks apart, below a line of headings.
class Table {
 public:
  explicit Table(std::vector<Heading> headings) : headings_(std::move(headings)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  // The lines with their line ends. Colours as `coloured`.
  std::string text(const TableStyle& style, bool coloured) const;
  void print() const { print(style_of_stdout()); }
  void print(const TableStyle& style) const;

 private:
  std::vector<Heading> headings_;
  std::vector<std::vector<Cell>> rows_;
};

// The width of the terminal that is open at `fd`; nullopt where it is none. A terminal that does not tell is as wide as
// COLUMNS says, or 80.
std::optional<std::size_t> terminal_columns(int fd);

}  // namespace vault::ctl
