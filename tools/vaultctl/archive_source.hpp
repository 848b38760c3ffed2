// The rows of an archive by way of vaultd.
#pragma once

#include <memory>

#include "store/archive/write.hpp"
#include "wire/client/client.hpp"

namespace vault::ctl {

// vaultd is trusted with as little as a database: its rows are hashed anew. The protocol has no question for the
// largest checkpoint up to a size, so `not_after` tries size after size downwards, 100,000 at most. Errors: those of
// the client; not_found where none is kept among these. The client must outlive it.
std::unique_ptr<ArchiveSource> make_daemon_archive_source(Client& client);

}  // namespace vault::ctl
