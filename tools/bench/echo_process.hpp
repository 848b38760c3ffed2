// A process that sends messages back: the other end of an empty round trip through ZeroMQ.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "ledger/result.hpp"
#include "wire/client/load_generator.hpp"

namespace vault::bench {

class EchoProcess {
 public:
  // Starts `program` (this one, with --echo) on a socket in `directory`, and waits until the first message has come
  // back. It ends with the calling thread. Error: unavailable.
  static Result<std::unique_ptr<EchoProcess>> start(const std::string& program, const std::string& directory);
  ~EchoProcess();  // ends it
  EchoProcess(const EchoProcess&) = delete;
  EchoProcess& operator=(const EchoProcess&) = delete;

  // One round trip, from a socket like those that seal.
  Result<std::chrono::nanoseconds> round_trip() { return client_->round_trip(); }

 private:
  EchoProcess();

  pid_t pid_ = -1;
  std::vector<std::string> messages_;
  std::unique_ptr<LoadGenerator> client_;
};

}  // namespace vault::bench
