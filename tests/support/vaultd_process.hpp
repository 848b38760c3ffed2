// A vaultd for one test: a real process on a private database, with ipc sockets in a temporary directory.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "wire/client/client.hpp"

namespace vault::test {

class VaultdProcess {
 public:
  // Starts vaultd on `database_url` and waits until it is ready to seal. Throws std::runtime_error with its log.
  explicit VaultdProcess(std::string database_url, std::vector<std::string> more_arguments = {});
  ~VaultdProcess();
  VaultdProcess(const VaultdProcess&) = delete;
  VaultdProcess& operator=(const VaultdProcess&) = delete;

  void start();
  int stop();   // SIGTERM; returns the exit code
  void kill();  // SIGKILL
  // Waits until `status` says ready; throws std::runtime_error after 30 s.
  void wait_until_ready();

  std::unique_ptr<Client> connect() const;
  const std::string& requests() const { return requests_; }
  const std::string& directory() const { return directory_; }
  pid_t pid() const { return pid_; }
  std::string log() const;

 private:
  int wait_for_exit();

  std::string database_url_;
  std::vector<std::string> more_arguments_;
  std::string directory_;
  std::string requests_, ingest_, events_;
  pid_t pid_ = -1;
};

}  // namespace vault::test
