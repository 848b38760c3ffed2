// Pages. One condition drives an index (the session's, the verdict's, or the primary key); the others are checked on
// the rows it finds, and only so many of them.
//
// The driving conditions are written as row comparisons, (session_id, sequence) > ($1, $2), and the order names both
// columns: only the composite index can serve either, whatever the planner believes about the values' frequency. With
// session_id = $1 it may choose to walk the primary key and discard most of the ledger.
#include <algorithm>

#include "ledger/limits.hpp"
#include "store/postgres_reader.hpp"
#include "store/postgres_rows.hpp"
#include "store/postgres_statements.hpp"

namespace vault {

namespace {

// Rows asked for at once: payloads may be large, and a page ends at page_bytes_max.
constexpr std::size_t fetch_rows_max = 64;
// Index entries looked at per question of a filtered page: few at first, since most filters find something soon.
constexpr std::size_t look_rows_first = 256;
constexpr std::size_t look_rows_max = 8192;

// Sequences lie strictly between $2 and $3; $1 is the driving value; $4 how many.
#define VAULT_PK_RANGE "WHERE $1::text IS NULL AND sequence > $2::bigint AND sequence < $3::bigint ORDER BY sequence "
#define VAULT_KEY_RANGE(key) \
  "WHERE (" key ", sequence) > ($1::text, $2::bigint) AND (" key ", sequence) < ($1::text, $3::bigint) "
#define VAULT_SESSION_ASC VAULT_KEY_RANGE("session_id") "ORDER BY session_id, sequence "
#define VAULT_SESSION_DESC VAULT_KEY_RANGE("session_id") "ORDER BY session_id DESC, sequence DESC "
#define VAULT_VERDICT_ASC VAULT_KEY_RANGE("verdict") "ORDER BY verdict, sequence "
#define VAULT_VERDICT_DESC VAULT_KEY_RANGE("verdict") "ORDER BY verdict DESC, sequence DESC "

#define VAULT_FETCH(range) "SELECT " VAULT_READ_COLUMNS " FROM vault_ledger " range "LIMIT $4::bigint"
// Looks at $4 rows: which of them match, how many there were, and the last one's sequence.
#define VAULT_LOOK(range)                                                                                            \
  "WITH looked AS MATERIALIZED (SELECT sequence, authority, verdict FROM vault_ledger " range                        \
  "LIMIT $4::bigint) SELECT array(SELECT sequence FROM looked WHERE (authority = $5::text OR $5::text IS NULL) AND " \
  "(verdict = $6::text OR $6::text IS NULL)), (SELECT count(*) FROM looked), (SELECT min(sequence) FROM looked), "   \
  "(SELECT max(sequence) FROM looked)"

enum Driver : std::size_t { by_sequence, by_session, by_verdict };

// [driver][descending]
const PgStatement fetch_statements[3][2] = {
    {{"fetch_asc", VAULT_FETCH(VAULT_PK_RANGE)}, {"fetch_desc", VAULT_FETCH(VAULT_PK_RANGE "DESC ")}},
    {{"fetch_session_asc", VAULT_FETCH(VAULT_SESSION_ASC)}, {"fetch_session_desc", VAULT_FETCH(VAULT_SESSION_DESC)}},
    {{"fetch_verdict_asc", VAULT_FETCH(VAULT_VERDICT_ASC)}, {"fetch_verdict_desc", VAULT_FETCH(VAULT_VERDICT_DESC)}},
};
const PgStatement look_statements[3][2] = {
    {{"look_asc", VAULT_LOOK(VAULT_PK_RANGE)}, {"look_desc", VAULT_LOOK(VAULT_PK_RANGE "DESC ")}},
    {{"look_session_asc", VAULT_LOOK(VAULT_SESSION_ASC)}, {"look_session_desc", VAULT_LOOK(VAULT_SESSION_DESC)}},
    {{"look_verdict_asc", VAULT_LOOK(VAULT_VERDICT_ASC)}, {"look_verdict_desc", VAULT_LOOK(VAULT_VERDICT_DESC)}},
};
const PgStatement time_bounds{
    "time_bounds", "SELECT vault_first_sequence_at($1::timestamptz), vault_first_sequence_at($2::timestamptz)"};
const PgStatement rows_by_sequence{"rows_by_sequence",
                                   "SELECT l.* FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (sequence, place) "
                                   "CROSS JOIN LATERAL (SELECT " VAULT_READ_COLUMNS
                                   " FROM vault_ledger WHERE sequence = wanted.sequence) l ORDER BY place"};

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
  // Sequences strictly between low_ and high_.
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

  // Takes the rows of the statement just sent, until the page is full; returns how many there were.
  Result<std::size_t> take_rows() {
    connection_.sync();
    std::size_t seen = 0;
    Status outcome;
    PgResult result = connection_.stream_next();
    for (; result.single_row(); result = connection_.stream_next()) {
      ++seen;
      if (full_ || !outcome) continue;
      const RowView row = row_view(result, 0);
      // The row that no longer fits only tells that there is more.
      if (page_.entries.size() == limit_ || bytes_ >= limits::page_bytes_max) {
        full_ = true;
        page_.next_cursor = page_.entries.back().sequence;
        continue;
      }
      auto entry = entry_from_row(row);
      if (!entry) {
        outcome = tl::unexpected(entry.error());
        continue;
      }
      bytes_ += (entry->seal_data ? entry->seal_data->size() : 0) + 512;
      move_past(entry->sequence);
      page_.entries.push_back(*std::move(entry));
    }
    if (!connection_.lost()) connection_.receive();
    if (!result.ok()) return tl::unexpected(connection_.lost() ? lost() : error_of(result));
    if (!outcome) return tl::unexpected(outcome.error());
    return seen;
  }

  Error lost() const { return {ErrorCode::unavailable, connection_.last_error(), {}}; }

  Status fill() {
    while (!full_) {
      const std::size_t rows = std::min(limit_ + 1 - page_.entries.size(), fetch_rows_max);
      connection_.send(fetch_statements[driver_][descending_], range(rows));
      auto seen = take_rows();
      if (!seen) return tl::unexpected(seen.error());
      if (*seen < rows) return {};
    }
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
      const std::size_t rows = std::min({sequences.size() - at, fetch_rows_max, limit_ + 1 - page_.entries.size()});
      PgArray wanted(PgType::int8, rows * 12);
      for (std::size_t i = 0; i < rows; ++i) wanted.add_int8(sequences[at + i]);
      connection_.send(rows_by_sequence, PgParams().array(std::move(wanted)));
      auto seen = take_rows();
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
  std::size_t bytes_ = 0;
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
