// A server's answer to one statement (rows, a completed command, or an error), and what an error means for the caller.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "ledger/result.hpp"

struct pg_result;

namespace vault {

// The server's answer to one statement.
class PgResult {
 public:
  PgResult() = default;
  explicit PgResult(pg_result* result) : result_(result) {}

  bool empty() const { return result_ == nullptr; }
  bool ok() const;          // rows, or a completed command
  bool single_row() const;  // one row of a statement sent with PgConnection::stream_next()
  bool skipped() const;     // an earlier statement of the pipeline failed
  bool synced() const;      // the answer to sync()

  int rows() const;
  // Raw bytes of one value, valid as long as this result. Empty if null.
  std::string_view value(int row, int column) const;
  bool is_null(int row, int column) const;
  std::string_view command_tag() const;

  SqlState sqlstate() const;       // empty if libpq itself noticed the error
  std::string constraint() const;  // name of the violated constraint
  std::string message() const;     // "SQLSTATE 23505: duplicate key ..." on one line

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

// The connection does not lead to one session: what was set and prepared is missing.
inline constexpr const char* leads_elsewhere =
    "the connection leads to another server process than before; a pooler in transaction mode stands in between, and "
    "vaultd needs sessions of its own (session mode)";

// `unavailable` for errors that another attempt may get past (connection, shutdown, lock and statement timeouts, no
// space, a server that has become read-only, a pooler that changes server processes), otherwise `internal`.
Error error_of(const PgResult& result);

// Text from libpq or the server as one line.
std::string one_line(std::string_view text);

}  // namespace vault
