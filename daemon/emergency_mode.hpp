// VAULT_BACKEND=legacy: vaultd without PostgreSQL, for the day on which that cannot be used (docs/legacy.md). The
// gateway, its sockets and the publisher are the usual ones; two other actors stand behind them.
#pragma once

#include <memory>
#include <string>

#include "actors/emergency_reader.hpp"
#include "actors/emergency_writer.hpp"
#include "actors/runtime/supervisor.hpp"
#include "ledger/result.hpp"
#include "store/emergency_store.hpp"

namespace vault {

class EmergencyMode {
 public:
  // Error: invalid_argument naming the directory that cannot be made or written to.
  static Result<std::unique_ptr<EmergencyMode>> open(const std::string& directory);

  // Starts writer and reader; there is one reader. In which order they stop is in actors/topology.hpp.
  Status start(Supervisor& supervisor);

 private:
  EmergencyMode() = default;
  std::unique_ptr<EmergencyWriterStore> writer_store_;
  std::unique_ptr<EmergencyReaderStore> reader_store_;
  std::unique_ptr<EmergencyWriter> writer_;
  std::unique_ptr<EmergencyReader> reader_;
};

}  // namespace vault
