#include "store/postgres/result.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>

namespace vault {

namespace {

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return text.starts_with(p); });
}

}  // namespace

// libpq breaks its messages into lines, which begin with a tab.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool blank = c == '\n' || c == '\t' || c == ' ';
    if (!blank) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

void PgResult::Clear::operator()(pg_result* result) const {
  PQclear(result);
}

bool PgResult::ok() const {
  const auto status = PQresultStatus(result_.get());
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_SINGLE_TUPLE;
}

bool PgResult::single_row() const {
  return PQresultStatus(result_.get()) == PGRES_SINGLE_TUPLE;
}
bool PgResult::skipped() const {
  return PQresultStatus(result_.get()) == PGRES_PIPELINE_ABORTED;
}
bool PgResult::synced() const {
  return PQresultStatus(result_.get()) == PGRES_PIPELINE_SYNC;
}
int PgResult::rows() const {
  return PQntuples(result_.get());
}

std::string_view PgResult::value(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

bool PgResult::is_null(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view PgResult::command_tag() const {
  return result_ ? PQcmdStatus(result_.get()) : "";
}

SqlState PgResult::sqlstate() const {
  const char* state = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
  return state == nullptr ? SqlState() : SqlState(state);
}

std::string PgResult::constraint() const {
  const char* name = PQresultErrorField(result_.get(), PG_DIAG_CONSTRAINT_NAME);
  return name == nullptr ? "" : name;
}

std::string PgResult::message() const {
  const char* primary = PQresultErrorField(result_.get(), PG_DIAG_MESSAGE_PRIMARY);
  // The server's DETAIL may quote values of the row, so it is left out.
  if (primary != nullptr && !sqlstate().empty())
    return fmt::format("SQLSTATE {}: {}", sqlstate().text(), one_line(primary));
  return one_line(result_ ? PQresultErrorMessage(result_.get()) : "connection to the database lost");
}

Error error_of(const PgResult& result) {
  const SqlState state = result.sqlstate();
  if (state == "42P01") {  // undefined_table: not migrated yet, or being migrated
    return {ErrorCode::unavailable, "the database has no ledger schema yet; vaultctl migrate up makes it", {}, state};
  }
  // A statement already exists, or has disappeared, although only we prepare any.
  if (state == "42P05" || state == "26000") return {ErrorCode::unavailable, leads_elsewhere, {}, state};
  const bool transient =
      state.empty() || starts_with_any(state.text(), {"08", "53", "40", "57", "58", "55P03", "25006", "25P03"});
  return Error{transient ? ErrorCode::unavailable : ErrorCode::internal, "database: " + result.message(), {}, state};
}

}  // namespace vault
