// A vaultd that the benchmark starts and stops.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "ledger/result.hpp"

namespace vault::bench {

class VaultProcess {
 public:
  // Starts `program` on the database (migrating it) with sockets, state and log in `directory`, which is created, and
  // waits until it accepts seals: one has then been sealed. It ends with the calling thread. Error: unavailable, with
  // the end of the log. `more`: additional flags.
  static Result<std::unique_ptr<VaultProcess>> start(const std::string& program, const std::string& url,
                                                     const std::string& directory,
                                                     const std::vector<std::string>& more = {});
  // Stops it, by force if it takes longer than 20 seconds.
  ~VaultProcess();
  VaultProcess(const VaultProcess&) = delete;
  VaultProcess& operator=(const VaultProcess&) = delete;

  pid_t pid() const { return pid_; }
  const std::string& endpoint() const { return endpoint_; }

 private:
  VaultProcess() = default;
  Status wait_until_sealing(const std::string& log);

  pid_t pid_ = -1;
  std::string endpoint_;
};

}  // namespace vault::bench
