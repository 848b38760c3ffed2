#include "store/postgres/session.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace vault {

namespace {

std::string quoted(const std::string& identifier) {
  std::string text = "\"";
  for (const char c : identifier) text.append(c == '"' ? 2 : 1, c);
  return text + '"';
}

// remote_apply promises more than on and may stay; everything lower is raised to on.
constexpr const char* durable_commits =
    "SELECT pg_catalog.set_config('synchronous_commit', CASE pg_catalog.current_setting('synchronous_commit') "
    "WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false);";

// A server that waits for the rest of a batch after locking the head does not count as idle in transaction, so only the
// end of the connection frees the head. Over TCP these settings bound how long a vanished peer goes unnoticed.
constexpr const char* vanished_peers =
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
    "SET tcp_user_timeout = 10000;";

// Neither a quiet ledger, nor a commit that waits for a standby, nor a snapshot whose rows a verification is still
// processing is a reason to hang up. Sessions set their own bounds afterwards. (idle_session_timeout came with
// PostgreSQL 14, transaction_timeout with 17.)
constexpr const char* no_early_end =
    "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
    "SELECT pg_catalog.set_config('idle_session_timeout', '0', false) "
    "WHERE pg_catalog.current_setting('idle_session_timeout', true) IS NOT NULL;"
    "SELECT pg_catalog.set_config('transaction_timeout', '0', false) "
    "WHERE pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL;";

// A generic plan saves planning time, except where the planner has to see the values: only then does Citus send a
// statement or a function call to another node.
constexpr const char* plans =
    "SELECT pg_catalog.set_config('plan_cache_mode', CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_extension "
    "WHERE extname = 'citus') THEN 'force_custom_plan' ELSE 'force_generic_plan' END, false);";

}  // namespace

std::string common_settings(const std::string& schema) {
  return no_early_end +
         fmt::format("SET search_path = {}, pg_temp; SET client_min_messages = warning; SET row_security = off;",
                     quoted(schema));
}

std::string writer_settings(std::chrono::milliseconds lease_timeout) {
  const auto lease_ms = std::max<long>(lease_timeout.count(), 100);
  // idle_in_transaction_session_timeout: a stopped writer must not keep the head's row lock from a standby.
  // default_transaction_isolation: an append that has waited for the head must see its new value.
  // statement_timeout 0: a cancelled wait for a synchronous standby answers COMMIT without the standby's confirmation.
  return std::string(durable_commits) + vanished_peers + plans +
         fmt::format(
             "SET default_transaction_isolation = 'read committed';"
             "SET idle_in_transaction_session_timeout = {}; SET lock_timeout = {}; SET statement_timeout = 0;"
             "SET enable_seqscan = off; SET jit = off;"
             // glibc keeps as much memory as the largest chunk ever freed: after this, a batch's arrays no longer go
             // back to the kernel after each transaction, to be faulted in again for the next.
             "SELECT pg_catalog.octet_length(pg_catalog.repeat('x', 16777216));",
             lease_ms / 2, lease_ms);
}

std::string lease_settings(std::chrono::milliseconds lease_timeout) {
  const auto lease_ms = std::max<long>(lease_timeout.count(), 100);
  return std::string(vanished_peers) + plans +
         fmt::format(
             "SET synchronous_commit = off; SET default_transaction_isolation = 'read committed';"
             "SET idle_in_transaction_session_timeout = {0}; SET lock_timeout = {0}; SET statement_timeout = {0};"
             "SET enable_seqscan = off; SET jit = off;",
             lease_ms);
}

std::string restore_settings() {
  return std::string(durable_commits) + vanished_peers + plans +
         "SET default_transaction_isolation = 'read committed';"
         "SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '10s'; SET statement_timeout = 0;"
         "SET jit = off;";
}

}  // namespace vault
