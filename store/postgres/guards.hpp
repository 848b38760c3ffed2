// Checks the protections that keep tables from being changed, or written to wrongly, without anybody noticing at once.
#pragma once

#include <optional>
#include <string>

#include "store/postgres/connection.hpp"

namespace vault {

extern const PgStatement guards_statement;

// The first protection that is missing, for people: a table that is not logged, or has rules or row security; a trigger
// against changes that is gone or not enabled ALWAYS; a unique index that is gone or not valid. nullopt: none is
// missing. Cost: one query of the catalog. The connection must have prepared guards_statement.
Result<std::optional<std::string>> missing_guard(PgConnection& connection);

}  // namespace vault
