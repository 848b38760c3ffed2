#include "store/postgres/scan.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "store/postgres/rows.hpp"
#include "store/postgres/statements.hpp"

namespace vault {

using std::chrono::milliseconds;

void ScanPace::took(std::int64_t rows, std::size_t bytes, milliseconds time) {
  if (rows == 0) return;
  const std::int64_t bytes_a_row = std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes) / rows);
  std::int64_t wanted = static_cast<std::int64_t>(bytes_wanted) / bytes_a_row;
  if (time.count() > 0) wanted = std::min(wanted, rows * time_wanted.count() / time.count());
  // Grows in steps, since later rows may be larger than earlier ones.
  rows_ = std::clamp<std::int64_t>(wanted, 1, std::min(rows_max, std::max(rows, rows_) * 4));
}

bool ScanPace::was_late() {
  if (rows_ == 1) return false;
  rows_ /= 2;
  return true;
}

namespace {

class RowScan {
 public:
  RowScan(PgConnection& connection, ScanPace& pace, std::int64_t from, std::int64_t to,
          const std::function<bool(const RowView&)>& row)
      : connection_(connection), pace_(pace), row_(row), from_(from), next_(from), to_(to) {}

  Status run() {
    if (next_ > to_) return {};
    connection_.execute_and_forget(sql::savepoint_scan);
    asked_at_ = std::chrono::steady_clock::now();
    while (going() || in_flight_ > 0 || late_) {
      if (connection_.lost()) return fail(ErrorCode::unavailable, connection_.last_error());
      if (in_flight_ == 0 && late_ && !ask_again()) return outcome_;
      if (in_flight_ == 0 && hole_ && !skip_hole()) break;
      while (in_flight_ < 2 && going() && !hole_ && !late_) ask();
      if (in_flight_ > 0) take();
    }
    if (outcome_) connection_.execute_and_forget(sql::release_scan);
    return outcome_;
  }

 private:
  bool going() const { return wanted_ && outcome_ && !asked_all_ && next_ <= to_; }

  void ask() {
    const std::int64_t rows = pace_.rows();
    const std::int64_t last = to_ - next_ < rows ? to_ : next_ + rows - 1;
    // One more than there can be, so that both copies of a duplicate row are seen.
    connection_.send(sql::rows_ascending, PgParams().int8(next_).int8(last).int8(last - next_ + 2));
    connection_.sync();
    ++in_flight_;
    if (last == to_) {
      asked_all_ = true;  // to_ may be the largest possible number
    } else {
      next_ = last + 1;
    }
  }

  void take() {
    std::int64_t rows = 0;
    std::size_t bytes = 0;
    PgResult result = connection_.stream_next();
    for (; result.single_row(); result = connection_.stream_next()) {
      const RowView row = row_view(result, 0);
      ++rows;
      bytes += 512 + row.seal_data.value_or("").size();
      delivered_ = row.sequence;
      if (wanted_) wanted_ = row_(row);
    }
    const bool failed = !result.ok() && !connection_.lost();
    if (failed && result.sqlstate() == "57014") {
      late_ = true;
      late_error_ = error_of(result);
    } else if (failed && !late_ && outcome_) {
      outcome_ = tl::unexpected(error_of(result));
    }
    if (!connection_.lost()) connection_.receive();
    --in_flight_;
    hole_ = !failed && rows == 0;
    const auto now = std::chrono::steady_clock::now();
    if (!failed) pace_.took(rows, bytes, std::chrono::duration_cast<milliseconds>(now - asked_at_));
    asked_at_ = now;
  }

  // The server cancelled a chunk because it took too long, and the requests queued behind it failed with it.
  bool ask_again() {
    const bool moved = !std::exchange(asked_again_, true) || delivered_ != delivered_before_;
    delivered_before_ = delivered_;
    late_ = false;
    auto back = connection_.execute(sql::rollback_to_scan);
    if (!back) outcome_ = tl::unexpected(back.error());
    if (!wanted_ || !outcome_) return outcome_.has_value();
    if (!pace_.was_late() && !moved) {
      outcome_ = tl::unexpected(late_error_);
      return false;
    }
    asked_all_ = delivered_ && *delivered_ >= to_;  // to_ may be the largest possible number
    if (!asked_all_) next_ = delivered_ ? *delivered_ + 1 : from_;
    hole_ = false;
    asked_at_ = std::chrono::steady_clock::now();
    return true;
  }

  // Rows have been deleted: continues at the next existing row, however far. False if there is none.
  bool skip_hole() {
    auto found = connection_.execute(sql::next_sequence, PgParams().int8(next_).int8(to_));
    if (!found) outcome_ = tl::unexpected(found.error());
    if (!found || found->rows() == 0) return false;
    next_ = read_int8(found->value(0, 0));
    hole_ = false;
    return true;
  }

  PgConnection& connection_;
  ScanPace& pace_;
  const std::function<bool(const RowView&)>& row_;
  std::int64_t from_;
  std::int64_t next_;  // next row to request
  std::int64_t to_;
  std::optional<std::int64_t> delivered_;         // the last row that has arrived
  std::optional<std::int64_t> delivered_before_;  // its value when a chunk was last requested again
  bool asked_again_ = false;
  int in_flight_ = 0;
  bool wanted_ = true;
  bool hole_ = false;
  bool late_ = false;
  bool asked_all_ = false;
  Error late_error_;
  std::chrono::steady_clock::time_point asked_at_;
  Status outcome_;
};

}  // namespace

Status scan_rows(PgConnection& connection, ScanPace& pace, std::int64_t from, std::int64_t to,
                 const std::function<bool(const RowView&)>& row) {
  return RowScan(connection, pace, from, to, row).run();
}

}  // namespace vault
