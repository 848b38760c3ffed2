// One connection to Postgres: RAII around libpq's PGconn and PGresult, kept in pipeline mode so that several statements
// cost one round trip. Statements are prepared, and parameters are binary.
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
#include "store/postgres/result.hpp"
#include "store/postgres/values.hpp"

struct pg_conn;

namespace vault {

// A statement with the name under which every connection that uses it prepares it.
struct PgStatement {
  const char* name;
  const char* sql;
};

struct PgConnectOptions {
  std::string url;
  std::string application_name;
  std::chrono::milliseconds connect_timeout{5000};
  // Longest wait for any one answer; after that, the connection counts as lost. Zero: no limit.
  std::chrono::milliseconds answer_timeout{0};
  std::string schema = "public";  // the schema of the ledger's tables
};

class PgConnection {
 public:
  // Connects, also to hosts of the URL that libpq leaves out (hosts.hpp), runs common_settings() and `session_sql`
  // (settings; constant text), prepares `statements`. Errors: invalid_argument for a malformed URL (which is not
  // repeated: it may hold a password), unavailable if there is no server, internal if it refuses a statement.
  static Result<std::unique_ptr<PgConnection>> open(const PgConnectOptions& options, const std::string& session_sql,
                                                    std::span<const PgStatement> statements);
  ~PgConnection();
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  bool lost() const { return lost_; }
  // Checks without waiting whether the server has closed an idle connection.
  bool probe();
  int server_version() const;  // 150004 is 15.4
  // The server process in which the session's settings were made.
  std::int32_t backend_pid() const { return backend_pid_; }
  // True if, since the last call, a commit was answered without the confirmation of a standby that it should have
  // waited for (somebody cancelled the wait), or of another node of a Citus cluster that was to commit too. The state
  // of the other server is then unknown.
  bool take_unreplicated();

  // --- One statement at a time -------------------------------------------------------------------------------------

  // Sends a statement and waits for the answer. Errors: those of error_of(); unavailable once lost.
  Result<PgResult> execute(const PgStatement& statement, const PgParams& params = {});
  // Executes a COMMIT. Errors: those of execute(); internal if nothing was committed; unavailable if the wait for a
  // synchronous standby was cancelled: the commit then stands on this server.
  Status commit(const PgStatement& statement);
  // Several statements of constant text, outside pipeline mode; stops at the first that fails.
  Result<PgResult> script(const std::string& sql);
  // Sends without waiting; the answer is read and dropped before the next one. Nothing else may be in flight.
  void execute_and_forget(const PgStatement& statement);

  // --- Pipeline: send, sync, then receive in the same order ----------------------------------------------------------

  // False once the connection is lost.
  bool send(const PgStatement& statement, const PgParams& params = {});
  // Ends a run of statements: a failure skips the rest of the run. Starts to send what is queued.
  bool sync();
  // The answer to the next statement or sync. A lost connection gives a result that is not ok().
  PgResult receive();
  // The next row of the current statement: single_row() until the last result, which holds no row.
  PgResult stream_next();

  // --- Without waiting -----------------------------------------------------------------------------------------------

  int descriptor() const;  // to watch; -1 where there is none
  // Writes what the socket accepts within `patience`, which gives the server a moment to read. True once nothing is
  // left, or nothing can be sent any more.
  bool flush_now(std::chrono::milliseconds patience = {});
  // Reads what has arrived at the socket.
  void read_now();
  // The next answer to a statement or sync, if it has been read completely.
  std::optional<PgResult> receive_now();
  // Marks the connection as lost for this reason.
  void abandon(const std::string& reason);

  // Why the connection was lost, or libpq's last message; on one line, without secrets.
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
  bool streaming_ = false;  // single-row mode has been set for the current statement
  bool unreplicated_ = false;
  std::int32_t backend_pid_ = 0;
  int forgotten_ = 0;  // statements with a sync each whose answers nobody waits for
};

}  // namespace vault
