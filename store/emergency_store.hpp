// The contract of the emergency mode: what its actors may ask of the place where seals are kept while there is no
// database, and what each answer promises. The sibling of store.hpp, much smaller, since there is no chain: no head to
// compare, no lease to hold, no commit in doubt. Several processes may use one place at a time.
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

  // Keeps the seals of several orders, each seal with its seal_id, and makes them durable together. One answer an
  // order, in the order asked: receipts (`duplicate` for a seal_id that is there already with the
  // same content), or the error that refuses the whole order: seal_id_conflict; unavailable (no room, I/O error: sent
  // again it may go through); internal (what is kept under this seal_id cannot be read). Receipts mean durable. An
  // order that fails half way may leave some of its seals; sent again it is completed.
  virtual std::vector<Result<std::vector<KeptReceipt>>> keep(std::span<const std::vector<Seal>> orders,
                                                             Timestamp now) = 0;

  // Could a seal be kept at this moment? Tries, and leaves nothing behind. Error: unavailable saying what is wrong.
  virtual Status probe() = 0;
};

class EmergencyReaderStore {
 public:
  virtual ~EmergencyReaderStore() = default;

  virtual Result<std::optional<KeptSeal>> find(const Uuid& seal_id) = 0;
  // In order of timestamps; a cursor is a timestamp in microseconds. Seals of one microsecond are never parted, so a
  // page may hold a few more than its limit. Ends at limits::page_bytes_max as well.
  virtual Result<KeptPage> page(const PageRequest& request) = 0;
  // Seals that page() has found damaged since this was last asked, each as file and reason.
  virtual std::vector<std::string> take_problems() = 0;
};

}  // namespace vault
