// The hosts of a connection string that libpq has not tried. It goes on to the next host if one refuses the connection,
// is silent or is not what target_session_attrs asks for, but not if one accepts the connection and closes it, like a
// proxy whose server is gone.
#pragma once

#include <optional>
#include <string>

struct pg_conn;

namespace vault {

// Lists as in a connection string; "" if there is none.
struct PgHosts {
  std::string host, hostaddr, port;
};

// The hosts after the one at which `failed` ended, according to the options that the connection used (from the string,
// a service file or the environment). nullopt if that was the last one.
std::optional<PgHosts> hosts_behind(pg_conn* failed);

}  // namespace vault
