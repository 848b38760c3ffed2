// Finds out which index refused a row by the columns it covers, since its name is the database administrator's to
// change.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ledger/result.hpp"
#include "store/postgres/connection.hpp"

namespace vault {

class UniqueIndexes {
 public:
  enum class Refusal {
    seal_id,  // duplicate seal_id
    other,    // the position of this row is taken by another
    unknown,  // an index that was created or renamed after load(): a new session will know it
  };

  static const PgStatement statement;  // must be prepared on load()'s connection

  // Cost: one query of the catalog. Errors: those of PgConnection::execute().
  static Result<UniqueIndexes> load(PgConnection& connection);

  // `constraint` and `message` as the server gave them. In a table that is part of a larger one the name has a suffix,
  // and a server that forwards another one's error may have kept only the message.
  Refusal refusal(std::string_view constraint, std::string_view message) const;

 private:
  std::vector<std::string> seal_id_{"vault_ledger_seal_id_key"};  // its name when created
  std::vector<std::string> others_;
};

}  // namespace vault
