// Looks up seal_ids for the writer.
#pragma once

#include <span>
#include <vector>

#include "store/postgres/connection.hpp"
#include "store/store.hpp"

namespace vault {

// Implements WriterStore::find_seals() on a connection that has sql::find_seals prepared. Asks for a few hundred at a
// time; if the server cannot read all of these, asks one by one, so that only the unreadable ones are answered with an
// error.
Result<std::vector<FoundSeal>> query_seals(PgConnection& connection, std::span<const Uuid> seal_ids);

}  // namespace vault
