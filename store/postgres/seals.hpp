// Looking seal_ids up for the writer.
#pragma once

#include <span>
#include <vector>

#include "store/postgres/connection.hpp"
#include "store/store.hpp"

namespace vault {

// As WriterStore::find_seals(), on a connection that has sql::find_seals prepared. Asks for some hundred at a time;
// where the server cannot read all of these, one by one, so that only those that it cannot read are answered with an
// error.
Result<std::vector<FoundSeal>> query_seals(PgConnection& connection, std::span<const Uuid> seal_ids);

}  // namespace vault
