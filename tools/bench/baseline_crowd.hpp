// The baseline for many producers with one seal in flight each: as many connections that insert one bare row per
// transaction, also one in flight each, driven by one thread as LoadGenerator drives its sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ledger/entry.hpp"
#include "ledger/result.hpp"
#include "tools/bench/baseline.hpp"
#include "tools/bench/baseline_rows.hpp"

namespace vault {

// Belongs to one thread. Errors of all members: unavailable or internal with the server's message.
class BaselineCrowd {
 public:
  // Opens `connections` connections. `table` was made by Baseline::make_table() and nobody else fills it meanwhile;
  // `rows` are the samples that are inserted over and over.
  static Result<std::unique_ptr<BaselineCrowd>> open(const std::string& url, const std::string& table,
                                                     std::vector<Entry> rows, std::size_t connections);
  ~BaselineCrowd();
  BaselineCrowd(const BaselineCrowd&) = delete;
  BaselineCrowd& operator=(const BaselineCrowd&) = delete;

  // Every connection inserts until the window is full; nothing is in flight afterwards.
  Result<RowRate> insert(const InsertWindow& window);

 private:
  explicit BaselineCrowd(std::vector<Entry> rows) : rows_(std::move(rows)) {}
  Status connect(const std::string& url, const std::string& sql);
  Status send(pg_conn* connection);
  Result<bool> take_answer(pg_conn* connection);

  std::vector<Entry> rows_;
  std::vector<pg_conn*> connections_;
  std::int64_t sequence_ = 0;
  SealIds ids_;
};

}  // namespace vault
