// One connection to Postgres: RAII around libpq's PGconn and PGresult, kept in pipeline mode so that several statements
// cost one round trip. Statements travel prepared, parameters in binary.
//
// A connection belongs to the thread that uses it. Once lost it stays lost: its owner opens another.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ledger/result.hpp"
#include "store/postgres_values.hpp"

struct pg_conn;
struct pg_result;

namespace vault {

// A statement under the name by which every connection that uses it prepares it.
struct PgStatement {
  const char* name;
  const char* sql;
};

// What the server answered to one statement.
class PgResult {
 public:
  PgResult() = default;
  explicit PgResult(pg_result* result) : result_(result) {}

  bool empty() const { return result_ == nullptr; }
  bool ok() const;          // rows, or a command done
  bool single_row() const;  // one row of a statement sent with PgConnection::stream_next()
  bool skipped() const;     // an earlier statement of the pipeline failed
  bool synced() const;      // the answer to sync()

  int rows() const;
  // Raw bytes of one value, valid as long as this result. Empty where null.
  std::string_view value(int row, int column) const;
  bool is_null(int row, int column) const;
  std::string_view command_tag() const;

  SqlState sqlstate() const;       // empty where the client itself noticed the error
  std::string constraint() const;  // name of the violated constraint
  std::string message() const;     // "SQLSTATE 23505: duplicate key ..." on one line

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

// A session that is not one: what was set and prepared in it is not there.
inline constexpr const char* leads_elsewhere =
    "the connection leads to another server process than before; a pooler in transaction mode stands in between, and "
    "vaultd needs sessions of its own (session mode)";

// `unavailable` for what another attempt may mend (connection, shutdown, lock and statement timeouts, no space, a
// server that has become read-only, a pooler that changes server processes), else `internal`.
Error error_of(const PgResult& result);

struct PgConnectOptions {
  std::string url;
  std::string application_name;
  std::chrono::milliseconds connect_timeout{5000};
  // Longest wait for any one answer; then the connection counts as lost. Zero: for ever.
  std::chrono::milliseconds answer_timeout{0};
  std::string schema = "public";  // where the ledger's tables are
};

class PgConnection {
 public:
  // Connects, runs common_settings() and `session_sql` (settings; constant text), prepares `statements`.
  // Errors: invalid_argument for a malformed URL (which is not repeated: it may hold a password), unavailable where
  // there is no server, internal where it refuses a statement.
  static Result<std::unique_ptr<PgConnection>> open(const PgConnectOptions& options, const std::string& session_sql,
                                                    std::span<const PgStatement> statements);
  ~PgConnection();
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  bool lost() const { return lost_; }
  // Looks without waiting whether the server has closed an idle connection.
  bool probe();
  int server_version() const;  // 150004 is 15.4
  // The server process that the session's settings were made in.
  std::int32_t backend_pid() const { return backend_pid_; }
  // True if since the last question a commit was answered without the standby that it should have waited for (somebody
  // cancelled the wait), or without another node of a Citus cluster that was to commit too. Nobody knows of the other.
  bool take_unreplicated();
  // Is a transaction open and failed, so that only ROLLBACK helps?
  bool in_failed_transaction() const;

  // --- One statement at a time -------------------------------------------------------------------------------------

  // Sends, and waits for the answer. Errors as error_of(); unavailable once lost.
  Result<PgResult> execute(const PgStatement& statement, const PgParams& params = {});
  // Executes a COMMIT. An error, besides execute()'s, where it was none (internal), or where the wait for a synchronous
  // standby was cancelled (unavailable): it stands on this server then.
  Status commit(const PgStatement& statement);
  // Several statements of constant text, outside of pipeline mode; stops at the first that fails.
  Result<PgResult> script(const std::string& sql);
  // Sends without waiting; the answer is read and dropped before the next one. Nothing else may be in flight.
  void execute_and_forget(const PgStatement& statement);

  // --- Pipeline: send, sync, then receive in the same order ----------------------------------------------------------

  // False once the connection is lost.
  bool send(const PgStatement& statement, const PgParams& params = {});
  // The end of a run of statements: a failure skips the rest up to here. Begins to send what is queued.
  bool sync();
  // The answer to the next statement or sync. A lost connection answers a result that is not ok().
  PgResult receive();
  // The next row of the statement whose turn it is: single_row() until the last, which holds no row.
  PgResult stream_next();

  // --- Without waiting -----------------------------------------------------------------------------------------------

  int descriptor() const;  // to watch; -1 where there is none
  // Hands the socket what it takes within `patience`: a server that is reading is given a moment. True once nothing is
  // left, or nothing can be sent any more.
  bool flush_now(std::chrono::milliseconds patience = {});
  // Reads what the socket has.
  void read_now();
  // Of what has been read: the next answer to a statement or sync, if all of it is there.
  std::optional<PgResult> receive_now();
  // Counts the connection as lost, for this reason.
  void abandon(const std::string& reason);

  // Why the connection was lost, or what libpq said last; on one line, without secrets.
  std::string last_error() const;

 private:
  explicit PgConnection(pg_conn* connection, std::chrono::milliseconds answer_timeout);
  Status prepare(std::span<const PgStatement> statements);
  PgResult receive_one();
  void drain_forgotten();
  bool flush();
  bool wait_answer();
  bool wait_socket(bool for_write);
  PgResult lose();
  static void note_notice(void* connection, const pg_result* notice);

  pg_conn* connection_;
  std::chrono::milliseconds answer_timeout_;
  std::string lost_reason_;
  bool lost_ = false;
  bool streaming_ = false;  // single-row mode has been set for the statement whose turn it is
  bool unreplicated_ = false;
  std::int32_t backend_pid_ = 0;
  int forgotten_ = 0;  // statements with a sync each whose answers nobody waits for
};

}  // namespace vault
