// The rows of an archive, read from vaultd.
#pragma once

#include <memory>

#include "store/archive/write.hpp"
#include "wire/client/client.hpp"

namespace vault::ctl {

// vaultd is trusted as little as a database: its rows are hashed again. The protocol has no request for the largest
// checkpoint up to a size, so `not_after` tries size after size downwards, 100,000 at most. Errors: those of the
// client; not_found if none of these sizes has a stored checkpoint. The client must outlive it.
std::unique_ptr<ArchiveSource> make_daemon_archive_source(Client& client);

}  // namespace vault::ctl
