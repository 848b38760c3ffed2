// Sends many seals to vaultd at once, and returns their receipts in the order in which they were put in. Seals that
// vaultd cannot take at the moment (busy, unavailable, no reply) are sent again, with the same seal_id, until the
// timeout of that seal has passed.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "ledger/entry.hpp"
#include "ledger/result.hpp"
#include "wire/client/client.hpp"

namespace vault::ctl {

class SealPipe {
 public:
  struct Answer {
    std::optional<Uuid> seal_id;  // nullopt: refused before it was sent
    Result<std::string> receipt;  // the reply's `result` map as MessagePack
  };

  // `client` outlives the pipe and is used only by it. `timeout` counts for each seal from its first sending.
  SealPipe(Client& client, std::chrono::milliseconds timeout, bool sign)
      : client_(client), timeout_(timeout), sign_(sign) {}

  bool empty() const { return slots_.empty(); }
  // Bounded by number and by bytes of payload; false while there is no connection, for which each seal would wait.
  bool has_room() const;
  // True once vaultd could not take a seal within the timeout: putting in more is pointless.
  bool gave_up() const { return gave_up_; }

  // Takes a seal, which has a seal_id, and sends it.
  void put(Seal seal);
  // Takes a place in the order for something that could not become a seal.
  void put_refused(Error error);
  // Resends whatever is due and takes arrived replies. Waits 10 ms at most, and only if nothing has arrived.
  void turn();
  // Stops sending; answers to what has been sent are still taken.
  void stop_sending() { sending_ = false; }
  // Gives this error as the answer to everything unanswered.
  void abandon(const Error& error);
  // The answer for the oldest seal, once it is there.
  std::optional<Answer> take();

 private:
  using Clock = std::chrono::steady_clock;
  struct Slot {
    Seal seal;
    std::optional<Answer> answer;
    int unanswered = 0;            // sendings: where there are some, it may be sealed
    std::optional<Error> trouble;  // why it could not be sent, or sealed, the last time
    Clock::time_point first_sent, send_again_at;
    std::chrono::milliseconds back_off{20};
  };
  Slot& slot_at(std::size_t number) { return slots_[number - taken_]; }
  bool send(std::size_t number);
  void send_due();
  void take_replies();
  void put_off(Slot& slot, const Error& error);
  void end_time(Slot& slot);
  void fail_slot(Slot& slot, Error error);

  Client& client_;
  const std::chrono::milliseconds timeout_;
  const bool sign_;
  std::deque<Slot> slots_;  // slots_[i] is seal number taken_ + i
  std::size_t taken_ = 0;
  std::size_t bytes_ = 0;                           // of the payloads in slots_
  std::map<std::uint64_t, std::size_t> in_flight_;  // request id -> seal number
  Clock::time_point next_look_;
  bool gave_up_ = false;
  bool sending_ = true;
  bool connected_ = true;  // as of the last sending
};

}  // namespace vault::ctl
