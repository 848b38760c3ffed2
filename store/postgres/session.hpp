// What a session sets when it opens. A server, a database and a role may have defaults for nearly everything; what
// matters here is set outright, also where the default is right today: a value that a session has set itself is not
// changed under it by ALTER SYSTEM or ALTER ROLE.
//
// default_transaction_read_only is not overruled: operators and providers set it when a server must not be written to
// any more (a full disk, a move to another one), and what was written all the same would be lost. Nor is
// session_replication_role, which only a superuser may set: the ledger's triggers fire always.
#pragma once

#include <chrono>
#include <string>

namespace vault {

// Every session, before anything else. No time-out of the server's, the database's or the role's ends it. Names resolve
// in `schema` and pg_catalog alone. Warnings reach the client: one of them says that a commit is not on its standby.
// Rows that a policy would hide are an error, not a shorter ledger.
std::string common_settings(const std::string& schema);

// Sessions that write the ledger: durable commits; a stopped writer keeps its locks for less than the lease; a peer
// that is gone is noticed within seconds.
std::string writer_settings(std::chrono::milliseconds lease_timeout);
// The lease's own session. A heartbeat promises nothing and must not wait for a standby.
std::string lease_settings(std::chrono::milliseconds lease_timeout);
std::string restore_settings();

}  // namespace vault
