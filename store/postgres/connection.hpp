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
#include "store/postgres/result.hpp"
#include "store/postgres/values.hpp"

struct pg_conn;

namespace vault {

// A statement under the name by which every connection that uses it prepares it.
struct PgStatement {
  const char* name;
  const char* sql;
};

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
