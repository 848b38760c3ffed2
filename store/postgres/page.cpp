// Pages of entries. One condition drives an index (the session's, the verdict's, or the primary key); the others are
// checked on a bounded number of the rows that it finds.
//
// The driving conditions are written as row comparisons, (session_id, sequence) > ($1, $2), and the order names both
// columns: only the composite index can serve either, whatever the planner believes about the values' frequency. With
// session_id = $1 it may choose to walk the primary key and discard most of the ledger.
#include <algorithm>

#include "ledger/limits.hpp"
#include "store/postgres/reader.hpp"
#include "store/postgres/rows.hpp"
#include "store/postgres/statements.hpp"

namespace vault {

namespace {

// A page ends at page_bytes_max, so rows beyond that are read, printed and sent for nothing. Since the size of the next
// rows is unknown, few are requested at first, and then as many as fit if they are like the previous ones, but never
// many times as many as have been seen.
constexpr std::size_t fetch_rows_first = 4;
constexpr std::size_t fetch_growth = 32;
constexpr std::size_t match_rows_max = 64;  // of a filtered page, where the server does not limit the bytes it returns
// If rows are smaller than this, one more row shows whether there is another page; otherwise a query without payloads
// does.
constexpr std::size_t small_row = std::size_t{16} << 10;
// Index entries scanned per query of a filtered page: few at first, since most filters find something soon.
constexpr std::size_t look_rows_first = 256;
constexpr std::size_t look_rows_max = 8192;

// Sequences lie strictly between $2 and $3; $1 is the driving value; $4 how many.
#define VAULT_PK_RANGE "WHERE $1::text IS NULL AND sequence > $2::bigint AND sequence < $3::bigint "
#define VAULT_KEY_RANGE(key) \
  "WHERE (" key ", sequence) > ($1::text, $2::bigint) AND (" key ", sequence) < ($1::text, $3::bigint) "
#define VAULT_SESSION_RANGE VAULT_KEY_RANGE("session_id")
#define VAULT_VERDICT_RANGE VAULT_KEY_RANGE("verdict")

// At most $4 rows, ending with the one that fills $5 bytes as stored; that size is known without reading them. The last
// column counts these bytes.
#define VAULT_FETCH(range, order)                                                           \
  "SELECT " VAULT_READ_COLUMNS ", stored FROM (SELECT " VAULT_READ_COLUMNS                  \
  ", coalesce(pg_catalog.pg_column_size(seal_data), 0) AS own, "                            \
  "pg_catalog.sum(coalesce(pg_catalog.pg_column_size(seal_data), 0)) OVER (ORDER BY " order \
  " ROWS UNBOUNDED PRECEDING) AS stored FROM vault_ledger " range "ORDER BY " order         \
  " LIMIT $4::bigint) page WHERE stored - own < $5::bigint"
// Scans $4 rows: returns which of them match, how many there were, and the last one's sequence.
#define VAULT_LOOK(range, order)                                                                                      \
  "WITH looked AS MATERIALIZED (SELECT sequence, authority, verdict FROM vault_ledger " range "ORDER BY " order       \
  " LIMIT $4::bigint) SELECT array(SELECT sequence FROM looked WHERE (authority = $5::text OR $5::text IS NULL) AND " \
  "(verdict = $6::text OR $6::text IS NULL)), (SELECT pg_catalog.count(*) FROM looked), (SELECT "                     \
  "pg_catalog.min(sequence) FROM looked), "                                                                           \
  "(SELECT pg_catalog.max(sequence) FROM looked)"

enum Driver : std::size_t { by_sequence, by_session, by_verdict };

#define VAULT_PK_ORDERS(make, name)                       \
  {                                                       \
    {name "_asc", make(VAULT_PK_RANGE, "sequence")}, {    \
      name "_desc", make(VAULT_PK_RANGE, "sequence DESC") \
    }                                                     \
  }
#define VAULT_KEY_ORDERS(make, name, range, key)                    \
  {                                                                 \
    {name "_" key "_asc", make(range, key ", sequence")}, {         \
      name "_" key "_desc", make(range, key " DESC, sequence DESC") \
    }                                                               \
  }

// [driver][descending]
const PgStatement fetch_statements[3][2] = {
    VAULT_PK_ORDERS(VAULT_FETCH, "fetch"),
    VAULT_KEY_ORDERS(VAULT_FETCH, "fetch", VAULT_SESSION_RANGE, "session_id"),
    VAULT_KEY_ORDERS(VAULT_FETCH, "fetch", VAULT_VERDICT_RANGE, "verdict"),
};
const PgStatement look_statements[3][2] = {
    VAULT_PK_ORDERS(VAULT_LOOK, "look"),
    VAULT_KEY_ORDERS(VAULT_LOOK, "look", VAULT_SESSION_RANGE, "session_id"),
    VAULT_KEY_ORDERS(VAULT_LOOK, "look", VAULT_VERDICT_RANGE, "verdict"),
};
const PgStatement time_bounds{
    "time_bounds", "SELECT vault_first_sequence_at($1::timestamptz), vault_first_sequence_at($2::timestamptz)"};
const PgStatement rows_by_sequence{
    "rows_by_sequence",
    "SELECT l.* FROM pg_catalog.unnest($1::bigint[]) WITH ORDINALITY AS wanted (sequence, place) "
    "CROSS JOIN LATERAL (SELECT " VAULT_READ_COLUMNS
    " FROM vault_ledger WHERE sequence = wanted.sequence) l ORDER BY place"};

constexpr int stored_column = 13;  // after the columns that row_view() reads

class PageQuery {
 public:
  PageQuery(PgConnection& connection, const PageRequest& request) : connection_(connection), request_(request) {
    limit_ = std::clamp<std::size_t>(request.limit, 1, limits::list_limit_max);
    descending_ = request.order == Order::descending;
    if (request.session_id) {
      driver_ = by_session;
      driving_value_ = *request.session_id;
    } else if (request.verdict) {
      driver_ = by_verdict;
      driving_value_ = verdict_name(*request.verdict);
    }
    filtered_ = request.authority || (request.verdict && driver_ != by_verdict);
  }

  Result<Page> run() {
    if (auto bounded = find_bounds(); !bounded) return tl::unexpected(bounded.error());
    Status done = filtered_ ? fill_filtered() : fill();
    if (!done) return tl::unexpected(done.error());
    return std::move(page_);
  }

 private:
  // Finds the exclusive bounds low_ and high_ of the page's sequences.
  Status find_bounds() {
    if (request_.cursor) (descending_ ? high_ : low_) = *request_.cursor;
    if (!request_.from && !request_.to) return {};
    PgParams params;
    request_.from ? params.timestamp(*request_.from) : params.null();
    request_.to ? params.timestamp(*request_.to) : params.null();
    auto bounds = connection_.execute(time_bounds, params);
    if (!bounds) return tl::unexpected(bounds.error());
    if (request_.from) low_ = std::max(low_, read_int8(bounds->value(0, 0)) - 1);
    if (request_.to) high_ = std::min(high_, read_int8(bounds->value(0, 1)));
    return {};
  }

  PgParams range(std::size_t rows) const {
    PgParams params;
    (driver_ == by_sequence ? params.null() : params.text(driving_value_))
        .int8(low_)
        .int8(high_)
        .int8(static_cast<std::int64_t>(rows));
    return params;
  }

  void move_past(std::int64_t sequence) { (descending_ ? high_ : low_) = sequence; }

  // Takes the rows of the statement just sent until the page is full; returns how many there were. A row that cannot be
  // read ends the page before it; if it is the first one, its error is the answer, so that nobody skips it unknowingly.
  Result<std::size_t> take_rows(bool counts_stored) {
    connection_.sync();
    std::size_t seen = 0;
    Status outcome;
    PgResult result = connection_.stream_next();
    for (; result.single_row(); result = connection_.stream_next()) {
      ++seen;
      if (counts_stored) stored_in_fetch_ = static_cast<std::size_t>(read_int8(result.value(0, stored_column)));
      if (full_ || !outcome) continue;
      // The row that no longer fits only shows that there is more.
      if (page_.entries.size() == limit_ || bytes_ >= limits::page_bytes_max) {
        end_page();
        continue;
      }
      const RowView row = row_view(result, 0);
      auto entry = entry_from_row(row);
      if (!entry) {
        outcome = tl::unexpected(entry.error());  // names the sequence
        continue;
      }
      bytes_ += (entry->seal_data ? entry->seal_data->size() : 0) + 512;
      move_past(entry->sequence);
      page_.entries.push_back(*std::move(entry));
    }
    if (!connection_.lost()) connection_.receive();
    if (!result.ok()) {
      if (connection_.lost()) return tl::unexpected(lost());
      const Error error = error_of(result);
      if (full_) return seen;
      outcome = tl::unexpected(error.code == ErrorCode::internal ? unreadable(error) : error);
    }
    if (outcome) return seen;
    if (outcome.error().code != ErrorCode::internal || page_.entries.empty()) return tl::unexpected(outcome.error());
    end_page();
    return seen;
  }

  void end_page() {
    full_ = true;
    page_.next_cursor = page_.entries.back().sequence;
  }

  // PostgreSQL does not say which row it cannot read: it is the one after the last that was read.
  Error unreadable(const Error& error) const {
    const std::int64_t at = descending_ ? high_ : low_;
    return {error.code,
            std::string("the entry next ") + (descending_ ? "before" : "after") + " sequence " + std::to_string(at) +
                " cannot be read: " + error.message,
            {}};
  }

  Error lost() const { return {ErrorCode::unavailable, connection_.last_error(), {}}; }

  // How many rows to request next, after `seen` rows of this page.
  std::size_t rows_wanted(std::size_t most) const {
    const std::size_t seen = page_.entries.size();
    if (seen == 0) return std::min(most, fetch_rows_first);
    const std::size_t left = limits::page_bytes_max - std::min(bytes_, limits::page_bytes_max);
    return std::min({most, left / (bytes_ / seen) + 1, fetch_growth * seen});
  }

  Status fill() {
    while (!full_) {
      const std::size_t seen = page_.entries.size();
      const bool small = seen == 0 || bytes_ / seen < small_row;
      if (!small && (seen == limit_ || bytes_ >= limits::page_bytes_max)) return end_if_more();
      const std::size_t rows = rows_wanted(limit_ - seen + (small ? 1 : 0));
      // If the rows so far were small, a larger one ends the query too.
      const std::size_t stored_max = seen == 0 ? limits::page_bytes_max : 2 * rows * (stored_ / seen + 64);
      PgParams params = range(rows);
      params.int8(static_cast<std::int64_t>(std::min(stored_max, limits::page_bytes_max)));
      stored_in_fetch_ = 0;
      connection_.send(fetch_statements[driver_][descending_], params);
      auto taken = take_rows(true);
      if (!taken) return tl::unexpected(taken.error());
      stored_ += stored_in_fetch_;
      if (*taken < rows && stored_in_fetch_ < std::min(stored_max, limits::page_bytes_max)) return {};
    }
    return {};
  }

  // The page is full: finds out whether it is the last one.
  Status end_if_more() {
    PgParams params = range(1);
    params.null().null();
    auto look = connection_.execute(look_statements[driver_][descending_], params);
    if (!look) return tl::unexpected(look.error());
    if (read_int8(look->value(0, 1)) > 0) end_page();
    return {};
  }

  Status fill_filtered() {
    std::size_t step = look_rows_first;
    for (std::size_t looked = 0; !full_; step = std::min(2 * step, look_rows_max)) {
      const std::size_t rows = std::min(step, limits::scan_rows_max - looked);
      if (rows == 0) {
        page_.next_cursor = descending_ ? high_ : low_;
        return {};
      }
      PgParams params = range(rows);
      params.optional_text(request_.authority);
      request_.verdict ? params.text(verdict_name(*request_.verdict)) : params.null();
      auto look = connection_.execute(look_statements[driver_][descending_], params);
      if (!look) return tl::unexpected(look.error());
      const auto found = static_cast<std::size_t>(read_int8(look->value(0, 1)));
      if (found == 0) return {};
      if (auto taken = take_matches(read_int8_array(look->value(0, 0))); !taken) return taken;
      if (full_ || found < rows) return {};
      looked += found;
      move_past(read_int8(look->value(0, descending_ ? 2 : 3)));
    }
    return {};
  }

  Status take_matches(const std::vector<std::int64_t>& sequences) {
    for (std::size_t at = 0; at < sequences.size() && !full_;) {
      const std::size_t rows =
          rows_wanted(std::min({sequences.size() - at, match_rows_max, limit_ + 1 - page_.entries.size()}));
      PgArray wanted(PgType::int8, rows * 12);
      for (std::size_t i = 0; i < rows; ++i) wanted.add_int8(sequences[at + i]);
      connection_.send(rows_by_sequence, PgParams().array(std::move(wanted)));
      auto seen = take_rows(false);
      if (!seen) return tl::unexpected(seen.error());
      at += rows;
    }
    return {};
  }

  PgConnection& connection_;
  const PageRequest& request_;
  std::size_t limit_ = 0;
  bool descending_ = false;
  Driver driver_ = by_sequence;
  std::string driving_value_;
  bool filtered_ = false;
  std::int64_t low_ = 0;
  std::int64_t high_ = limits::sequence_max;
  Page page_;
  std::size_t bytes_ = 0;            // of the page
  std::size_t stored_ = 0;           // of its payloads, as stored by PostgreSQL
  std::size_t stored_in_fetch_ = 0;  // of those from the last statement
  bool full_ = false;
};

}  // namespace

std::span<const PgStatement> page_statements() {
  static const std::vector<PgStatement> statements = [] {
    std::vector<PgStatement> all{time_bounds, rows_by_sequence};
    for (const auto& pair : fetch_statements) all.insert(all.end(), std::begin(pair), std::end(pair));
    for (const auto& pair : look_statements) all.insert(all.end(), std::begin(pair), std::end(pair));
    return all;
  }();
  return statements;
}

Result<Page> query_page(PgConnection& connection, const PageRequest& request) {
  return PageQuery(connection, request).run();
}

}  // namespace vault
