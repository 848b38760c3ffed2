// The files of migrations/, compiled in; the source is generated at build time.
#pragma once

#include <span>
#include <string_view>

namespace vault {

struct EmbeddedMigration {
  int version = 0;
  std::string_view name;
  std::string_view up;    // text of NNN_name.sql
  std::string_view down;  // text of NNN_name.rollback.sql
};

// By version, oldest first, from 1 without gaps.
std::span<const EmbeddedMigration> embedded_migrations();

}  // namespace vault
