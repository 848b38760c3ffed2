// The contract for storage in the emergency mode: what its actors may ask while there is no database, and what each
// answer promises. Much smaller than its counterpart store.hpp, since there is no chain: no head to compare, no lease
// to hold, no commit in doubt. Several processes may use one place at a time.
//
// Both interfaces block the calling thread, belong to the thread that uses them, and do not throw.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ledger/kept_seal.hpp"
#include "ledger/result.hpp"

namespace vault {

class EmergencyWriterStore {
 public:
  virtual ~EmergencyWriterStore() = default;

  // Keeps the seals of several orders, each seal with its seal_id, and makes them durable together. Returns one answer
  // per order, in the same order: receipts (`duplicate` for a seal_id already kept with the same content), or the error
  // that refuses the whole order: seal_id_conflict; unavailable (no space, I/O error: a retry may succeed); internal
  // (the seal kept under this seal_id cannot be read). Receipts mean durable. An order that fails half-way may leave
  // some of its seals; a retry completes it.
  virtual std::vector<Result<std::vector<KeptReceipt>>> keep(std::span<const std::vector<Seal>> orders,
                                                             Timestamp now) = 0;

  // Tests whether a seal could be kept right now, leaving nothing behind. Error: unavailable saying what is wrong.
  virtual Status probe() = 0;
};

class EmergencyReaderStore {
 public:
  virtual ~EmergencyReaderStore() = default;

  virtual Result<std::optional<KeptSeal>> find(const Uuid& seal_id) = 0;
  // In order of timestamps; a cursor is a timestamp in microseconds. Seals of the same microsecond are never separated,
  // so a page may hold a few more than its limit. Also ends at limits::page_bytes_max.
  virtual Result<KeptPage> page(const PageRequest& request) = 0;
  // Seals that find() and page() have found damaged since the last call, each reported once, as file and reason.
  virtual std::vector<std::string> take_problems() = 0;
};

}  // namespace vault
