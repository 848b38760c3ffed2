// The settings that a session makes when it opens. A server, a database and a role may have defaults for nearly
// everything. Every setting that matters here is made explicitly, even if the default is right today, because a value
// that a session has set itself is not changed later by ALTER SYSTEM or ALTER ROLE.
//
// default_transaction_read_only is not overruled: operators and providers set it when a server must not be written to
// any more (a full disk, a move to another server), and anything written anyway would be lost. Nor is
// session_replication_role, which only a superuser may set: the ledger's triggers fire always.
#pragma once

#include <chrono>
#include <string>

namespace vault {

// For every session, before anything else. No timeout of the server, the database or the role ends it. Names resolve in
// `schema` and pg_catalog alone. Warnings reach the client: one of them says that a commit is not on its standby. Rows
// hidden by a policy are an error, not a shorter ledger.
std::string common_settings(const std::string& schema);

// For sessions that write the ledger: durable commits; a stopped writer keeps its locks for less than the lease; a
// vanished peer is noticed within seconds.
std::string writer_settings(std::chrono::milliseconds lease_timeout);
// For the lease's own session. A heartbeat promises nothing and must not wait for a standby.
std::string lease_settings(std::chrono::milliseconds lease_timeout);
std::string restore_settings();

}  // namespace vault
