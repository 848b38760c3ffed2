// Which index refused a row: by the columns that it is on, since its name is the database administrator's to change.
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
    seal_id,  // a duplicate
    other,    // another row stands where this one belongs
    unknown,  // an index that was made or renamed since load(): a new session will know it
  };

  static const PgStatement statement;  // that load()'s connection must have prepared

  // Cost: one query of the catalog. Errors: as PgConnection::execute().
  static Result<UniqueIndexes> load(PgConnection& connection);

  // `constraint` and `message` as the server gave them. Where the table is a part of a larger one the name has more at
  // its end, and a server that passes on what another one said may have kept no more of it than the message.
  Refusal refusal(std::string_view constraint, std::string_view message) const;

 private:
  std::vector<std::string> seal_id_{"vault_ledger_seal_id_key"};  // as it was made
  std::vector<std::string> others_;
};

}  // namespace vault
