#include "tools/common/table.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tools/common/display_width.hpp"
#include "tools/common/pager.hpp"

namespace vault::ctl {
namespace {

constexpr std::size_t gap = 2, shrunk_min = 10, terminal_columns_default = 80;

struct Column {
  std::size_t index = 0, width = 0;
};

std::size_t total(const std::vector<Column>& columns) {
  std::size_t sum = columns.empty() ? 0 : gap * (columns.size() - 1);
  for (const Column& column : columns) sum += column.width;
  return sum;
}

// Narrows the widest of the columns that may shrink until the table fits. True if it does.
bool shrink(std::vector<Column>& columns, const std::vector<Heading>& headings, std::size_t room) {
  while (total(columns) > room) {
    Column* widest = nullptr;
    for (Column& column : columns) {
      if (!headings[column.index].shrinks || column.width <= shrunk_min) continue;
      if (widest == nullptr || column.width > widest->width) widest = &column;
    }
    if (widest == nullptr) return false;
    --widest->width;
  }
  return true;
}

// Drops the most dispensable column; false if there is none.
bool leave_one_out(std::vector<Column>& columns, const std::vector<Heading>& headings) {
  auto spared = columns.end();
  int rank = 0;
  for (auto it = columns.begin(); it != columns.end(); ++it) {
    if (headings[it->index].spare <= rank) continue;
    rank = headings[it->index].spare;
    spared = it;
  }
  if (spared == columns.end()) return false;
  columns.erase(spared);
  return true;
}

}  // namespace

std::optional<std::size_t> terminal_columns(int fd) {
  if (fd == STDOUT_FILENO) fd = stdout_terminal();
  if (::isatty(fd) != 1) return std::nullopt;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* text = std::getenv("COLUMNS");
  std::size_t columns = 0;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), columns);
  return columns > 0 ? columns : terminal_columns_default;
}

TableStyle style_of_stdout() {
  return {.columns = terminal_columns(STDOUT_FILENO)};
}

std::string Table::text(const TableStyle& style, bool coloured) const {
  std::vector<Column> natural;
  for (std::size_t i = 0; i < headings_.size(); ++i) {
    std::size_t width = style.headings ? display_width(headings_[i].name) : 0;
    for (const auto& row : rows_) width = std::max(width, display_width(row[i].text));
    natural.push_back({i, width});
  }
  std::vector<Column> columns = natural;
  while (style.columns && !shrink(columns, headings_, *style.columns) && leave_one_out(natural, headings_)) {
    columns = natural;
  }
  std::string out;
  const auto add_line = [&](const std::vector<Cell>& row) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Cell& cell = row[columns[i].index];
      const std::string shown = cut_middle(cell.text, std::max<std::size_t>(columns[i].width, 1));
      const std::string padding(columns[i].width - std::min(columns[i].width, display_width(shown)), ' ');
      const bool last = i + 1 == columns.size();
      if (cell.right) out += padding;
      out += paint(shown, cell.colour, coloured);
      if (!cell.right && !last) out += padding;
      if (!last) out.append(gap, ' ');
    }
    out += '\n';
  };
  if (style.headings) {
    std::vector<Cell> headings;
    for (std::size_t i = 0; i < headings_.size(); ++i) {
      headings.push_back({headings_[i].name, Colour::bold, !rows_.empty() && rows_.front()[i].right});
    }
    add_line(headings);
  }
  for (const auto& row : rows_) add_line(row);
  return out;
}

void Table::print(const TableStyle& style) const {
  const std::string lines = text(style, wants_colour(STDOUT_FILENO));
  std::fwrite(lines.data(), 1, lines.size(), stdout);
}

}  // namespace vault::ctl
