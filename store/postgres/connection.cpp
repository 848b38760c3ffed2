#include "store/postgres/connection.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <tuple>
#include <utility>

#include "ledger/check.hpp"
#include "store/postgres/hosts.hpp"
#include "store/postgres/session.hpp"
#include "store/postgres/url.hpp"

namespace vault {

namespace {

// Asks for the server process, and whether the session may see names in the schema; null if there is no such schema.
std::string who_and_where(const std::string& schema) {
  std::string name;
  for (const char c : schema) name.append(c == '\'' ? 2 : 1, c);
  return fmt::format(
      "SELECT pg_catalog.pg_backend_pid(), (SELECT pg_catalog.has_schema_privilege(oid, 'USAGE') FROM "
      "pg_catalog.pg_namespace WHERE nspname = '{}')",
      name);
}

// Waits for the outcome. `hosts` replace those of the URL unless they are empty.
pg_conn* connect(const PgConnectOptions& options, const PgHosts& hosts) {
  const std::string seconds = std::to_string(std::max<long>(1, (options.connect_timeout.count() + 999) / 1000));
  const std::array<std::pair<const char*, const char*>, 12> settings{{
      {"fallback_application_name", options.application_name.c_str()},
      {"connect_timeout", seconds.c_str()},
      {"keepalives_idle", "5"},
      {"keepalives_interval", "2"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", "10000"},
      // The URL overrides the keys before it, but not those after it.
      {"dbname", options.url.c_str()},
      {"client_encoding", "UTF8"},
      {"host", hosts.host.c_str()},
      {"hostaddr", hosts.hostaddr.c_str()},
      {"port", hosts.port.c_str()},
      {nullptr, nullptr},
  }};
  std::array<const char*, settings.size()> keys{}, values{};
  for (std::size_t i = 0; i < settings.size(); ++i) std::tie(keys[i], values[i]) = settings[i];
  return PQconnectdbParams(keys.data(), values.data(), 1);
}

}  // namespace

// --- Opening ---------------------------------------------------------------------------------------------------------

PgConnection::PgConnection(pg_conn* connection, std::chrono::milliseconds answer_timeout)
    : connection_(connection), answer_timeout_(answer_timeout) {}

PgConnection::~PgConnection() {
  PQfinish(connection_);
}

Result<std::unique_ptr<PgConnection>> PgConnection::open(const PgConnectOptions& options,
                                                         const std::string& session_sql,
                                                         std::span<const PgStatement> statements) {
  if (auto checked = check_connection_string(options.url); !checked) {
    return fail(ErrorCode::invalid_argument, "the database URL: " + checked.error().message);
  }

  std::unique_ptr<PgConnection> connection(new PgConnection(connect(options, {}), options.answer_timeout));
  std::string reasons;
  while (PQstatus(connection->connection_) != CONNECTION_OK) {
    reasons += (reasons.empty() ? "" : "; ") + one_line(PQerrorMessage(connection->connection_));
    const auto others = hosts_behind(connection->connection_);
    if (!others) {
      // libpq's messages quote parts of the URL.
      const bool may_be_shown = show_connection_string(options.url).has_value();
      return fail(
          ErrorCode::unavailable,
          "cannot connect to the database: " +
              (may_be_shown ? reasons
                            : "what libpq says is not shown, since a part of the URL may belong to a password"));
    }
    connection.reset(new PgConnection(connect(options, *others), options.answer_timeout));
  }
  pg_conn* raw = connection->connection_;
  PQsetNoticeReceiver(raw, note_notice, connection.get());
  if (PQsetnonblocking(raw, 1) != 0 || PQenterPipelineMode(raw) != 1) {
    return fail(ErrorCode::internal, "libpq refuses pipeline mode");
  }
  const auto done =
      connection->script(common_settings(options.schema) + session_sql + ";" + who_and_where(options.schema));
  if (!done) return tl::unexpected(done.error());
  // Without that right, existing tables cannot be told from missing ones.
  if (done->value(0, 1) == "f") {
    return tl::unexpected(Error{ErrorCode::internal,
                                fmt::format("the database's role has no right on schema {0}; its owner gives it: GRANT "
                                            "USAGE ON SCHEMA {0} TO ...",
                                            options.schema),
                                {},
                                SqlState("42501")});
  }
  const std::string_view pid = done->value(0, 0);  // as text
  std::from_chars(pid.data(), pid.data() + pid.size(), connection->backend_pid_);
  if (auto prepared = connection->prepare(statements); !prepared) return tl::unexpected(prepared.error());
  return connection;
}

// Messages are translated and not stable; the name of the function that sent them is the same in every language.
void PgConnection::note_notice(void* connection, const pg_result* notice) {
  const char* function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (function == nullptr || severity == nullptr) return;
  // Either the commit did not wait for a standby's confirmation, or another node of a Citus cluster, which holds the
  // ledger, was told to commit and did not answer, while this one reports success.
  const std::string_view name(function);
  const bool doubtful = name == "SyncRepWaitForLSN" || name == "FinishRemoteTransactionCommit";
  if (doubtful && std::string_view(severity) == "WARNING") {
    static_cast<PgConnection*>(connection)->unreplicated_ = true;
  }
}

bool PgConnection::take_unreplicated() {
  return std::exchange(unreplicated_, false);
}

Status PgConnection::prepare(std::span<const PgStatement> statements) {
  for (const auto& statement : statements) {
    if (PQsendPrepare(connection_, statement.name, statement.sql, 0, nullptr) != 1) lose();
  }
  sync();
  Status outcome;
  for (std::size_t i = 0; i < statements.size() && !lost_; ++i) {
    const PgResult result = receive();
    if (outcome && !result.ok()) outcome = tl::unexpected(error_of(result));
  }
  if (!lost_) receive();
  if (lost_) return fail(ErrorCode::unavailable, lost_reason_);
  return outcome;
}

// --- Waiting ---------------------------------------------------------------------------------------------------------

PgResult PgConnection::lose() {
  if (!lost_) {
    lost_ = true;
    lost_reason_ = "database: " + one_line(PQerrorMessage(connection_));
    if (lost_reason_ == "database: ") lost_reason_ = "database: connection lost";
  }
  return PgResult();
}

bool PgConnection::wait_socket(bool for_write) {
  pollfd watched{PQsocket(connection_), static_cast<short>(for_write ? POLLIN | POLLOUT : POLLIN), 0};
  const int timeout_ms = answer_timeout_.count() > 0 ? static_cast<int>(answer_timeout_.count()) : -1;
  int ready = 0;
  do {
    ready = poll(&watched, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready > 0) return true;
  lost_ = true;
  lost_reason_ = fmt::format("database: no answer within {} ms", answer_timeout_.count());
  return false;
}

bool PgConnection::flush() {
  while (!lost_) {
    // Even after a failure, what the server sent before it hung up can still be read: receive() returns it.
    if (PQstatus(connection_) != CONNECTION_OK || PQflush(connection_) <= 0) return true;
    if (!wait_socket(true)) return false;
    if (PQconsumeInput(connection_) != 1) return true;
  }
  return false;
}

bool PgConnection::wait_answer() {
  if (lost_ || !flush()) return false;
  while (PQisBusy(connection_) != 0 && PQstatus(connection_) == CONNECTION_OK) {
    if (!wait_socket(false)) return false;
    // A result may have arrived before the connection ended: PQgetResult returns it first.
    if (PQconsumeInput(connection_) != 1) break;
  }
  return true;
}

// --- Pipeline --------------------------------------------------------------------------------------------------------

bool PgConnection::send(const PgStatement& statement, const PgParams& params) {
  if (lost_) return false;
  if (PQsendQueryPrepared(connection_, statement.name, params.size(), params.pointers(), params.lengths(),
                          params.formats(), 1) == 1) {
    return true;
  }
  lose();
  return false;
}

bool PgConnection::sync() {
  if (lost_) return false;
  if (PQpipelineSync(connection_) != 1) lose();
  return !lost_ && PQflush(connection_) >= 0;
}

PgResult PgConnection::receive() {
  drain_forgotten();
  return receive_one();
}

PgResult PgConnection::receive_one() {
  if (!wait_answer()) return PgResult();
  PgResult result(PQgetResult(connection_));
  if (result.synced()) return result;
  if (PQstatus(connection_) != CONNECTION_OK) {
    lose();
    return result;
  }
  // libpq ends every statement's answers with a null result.
  if (!wait_answer()) return result;
  PgResult end(PQgetResult(connection_));
  if (PQstatus(connection_) != CONNECTION_OK) lose();
  return result;
}

PgResult PgConnection::stream_next() {
  if (!streaming_) {
    drain_forgotten();
    PQsetSingleRowMode(connection_);
    streaming_ = true;
  }
  if (!wait_answer()) return PgResult();
  PgResult result(PQgetResult(connection_));
  if (PQstatus(connection_) != CONNECTION_OK) {
    lose();
    return result;
  }
  if (result.single_row()) return result;
  streaming_ = false;
  if (wait_answer()) PgResult end(PQgetResult(connection_));
  return result;
}

// --- Without waiting -------------------------------------------------------------------------------------------------

int PgConnection::descriptor() const {
  return lost_ ? -1 : PQsocket(connection_);
}

bool PgConnection::flush_now(std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (lost_ || PQstatus(connection_) != CONNECTION_OK || PQflush(connection_) <= 0) return true;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd watched{PQsocket(connection_), POLLOUT, 0};
    if (left.count() <= 0 || poll(&watched, 1, static_cast<int>(left.count())) != 1) return false;
  }
}

void PgConnection::read_now() {
  // A read error also becomes a result, after the complete ones.
  if (!lost_) (void)PQconsumeInput(connection_);
}

std::optional<PgResult> PgConnection::receive_now() {
  if (lost_) return std::nullopt;
  // libpq ends every statement's answers with a null result; a second one means that nothing is under way.
  for (int ends = 0; ends < 2 && PQisBusy(connection_) == 0; ++ends) {
    PgResult result(PQgetResult(connection_));
    if (!result.empty()) return result;
  }
  if (PQstatus(connection_) != CONNECTION_OK) lose();
  return std::nullopt;
}

void PgConnection::abandon(const std::string& reason) {
  if (lost_) return;
  lost_ = true;
  lost_reason_ = "database: " + reason;
  // Whatever libpq still buffers must not be sent when it says goodbye: its owner has been told that it never was.
  if (PQsocket(connection_) >= 0) (void)shutdown(PQsocket(connection_), SHUT_RDWR);
}

// --- One statement at a time -----------------------------------------------------------------------------------------

Result<PgResult> PgConnection::execute(const PgStatement& statement, const PgParams& params) {
  send(statement, params);
  sync();
  PgResult result = receive();
  if (!lost_) receive();
  // The complete answer may have arrived before the connection ended; then it counts.
  if (result.ok()) return result;
  if (lost_ && result.sqlstate().empty()) return fail(ErrorCode::unavailable, lost_reason_);
  return tl::unexpected(error_of(result));
}

Result<PgResult> PgConnection::script(const std::string& sql) {
  drain_forgotten();
  if (lost_) return fail(ErrorCode::unavailable, lost_reason_);
  VAULT_CHECK(PQexitPipelineMode(connection_) == 1);
  PgResult result(PQexec(connection_, sql.c_str()));
  if (PQstatus(connection_) != CONNECTION_OK || PQenterPipelineMode(connection_) != 1) {
    lose();
    return fail(ErrorCode::unavailable, lost_reason_);
  }
  if (!result.ok()) return tl::unexpected(error_of(result));
  return result;
}

Status PgConnection::commit(const PgStatement& statement) {
  unreplicated_ = false;
  const auto done = execute(statement);
  if (!done) return tl::unexpected(done.error());
  if (done->command_tag() != "COMMIT") {
    return fail(ErrorCode::internal, "database: COMMIT answered " + std::string(done->command_tag()));
  }
  if (take_unreplicated()) {
    return fail(
        ErrorCode::unavailable,
        "database: the synchronous standby, or the node that holds the ledger, was not waited for, so that it may "
        "lack what was committed");
  }
  return {};
}

void PgConnection::execute_and_forget(const PgStatement& statement) {
  if (!send(statement) || !sync()) return;
  ++forgotten_;
}

void PgConnection::drain_forgotten() {
  while (forgotten_ > 0 && !lost_) {
    --forgotten_;
    receive_one();
    if (!lost_) receive_one();
  }
}

bool PgConnection::probe() {
  drain_forgotten();
  // A server that hangs up first says why: its message is readable before the end is.
  pollfd watched{PQsocket(connection_), POLLIN, 0};
  while (!lost_ && (watched.fd < 0 || poll(&watched, 1, 0) > 0)) {
    if (watched.fd < 0 || PQconsumeInput(connection_) != 1 || PQstatus(connection_) != CONNECTION_OK) lose();
  }
  return !lost_;
}

int PgConnection::server_version() const {
  return PQserverVersion(connection_);
}

std::string PgConnection::last_error() const {
  return lost_ ? lost_reason_ : one_line(PQerrorMessage(connection_));
}

}  // namespace vault
