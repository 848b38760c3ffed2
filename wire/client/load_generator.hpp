// The load generator's end of the wire: many DEALER sockets with many requests in flight on each, at a cost per request
// that is small beside vaultd's. Requests are encoded once and sent over and over without a copy; of a reply, only the
// outcome is read. For vault-bench; producers want client.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "ledger/result.hpp"

namespace vault {

struct LoadOptions {
  std::string endpoint;
  std::size_t sockets = 16;
  std::size_t in_flight = 512;                 // on each socket
  std::chrono::milliseconds patience{60'000};  // longest wait for any one reply
};

// The part of a run to measure: after `warm_up` acknowledgements that do not count, this many acknowledgements or this
// much time, whichever ends first.
struct LoadWindow {
  std::uint64_t warm_up = 0;
  std::uint64_t acknowledged_max = UINT64_MAX;
  std::chrono::nanoseconds duration_max = std::chrono::nanoseconds::max();
};

struct LoadCounts {
  std::uint64_t acknowledged = 0;  // in the window
  double seconds = 0;              // length of the window
  std::uint64_t total = 0;         // acknowledged from start to end, warm-up and last answers included
  std::uint64_t busy = 0;          // refused as `busy` and sent again
};

// Belongs to one thread.
class LoadGenerator {
 public:
  // `requests` are encoded seal requests, sent in turn; they must outlive the generator. Error: invalid_argument for an
  // endpoint that ZeroMQ does not accept.
  static Result<std::unique_ptr<LoadGenerator>> connect(const LoadOptions& options,
                                                        std::span<const std::string> requests);
  ~LoadGenerator();
  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  // Sends, counts, and waits for the answer to every request sent. Errors: unavailable (no reply within the patience),
  // internal (any refusal but `busy`: the message quotes the reply).
  Result<LoadCounts> run(const LoadWindow& window);

  // Sends one request on the first socket and waits for its answer; nothing else may be in flight. Errors as for run().
  Result<std::chrono::nanoseconds> round_trip();

 private:
  struct Impl;
  explicit LoadGenerator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vault
