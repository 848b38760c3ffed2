// The location of a ledger: a database, and a schema in it. Many ledgers can share a database, each in its own schema.
#pragma once

#include <string>
#include <utility>

namespace vault {

inline constexpr const char* default_schema = "public";

struct PostgresPlace {
  std::string url;  // libpq connection string or URI
  std::string schema = default_schema;

  // Most ledgers have a database of their own.
  PostgresPlace(std::string at, std::string in = default_schema) : url(std::move(at)), schema(std::move(in)) {}
  PostgresPlace(const char* at) : url(at) {}
};

// Describes what is wrong with a schema name; nullptr: nothing. It must be lower case, so as to need no quotes in psql.
const char* wants_schema(const std::string& name);

}  // namespace vault
