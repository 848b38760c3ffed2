#include "tools/vaultctl/seal_pipe.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "tools/vaultctl/command.hpp"
#include "wire/error.hpp"

namespace vault::ctl {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t slots_max = 1'024;                       // put in and not yet taken out
constexpr std::size_t slot_bytes_max = std::size_t{64} << 20;  // of their payloads
constexpr milliseconds back_off_max{1'000};
constexpr milliseconds turn_time{10};

}  // namespace

bool SealPipe::has_room() const {
  return connected_ && slots_.size() < slots_max && bytes_ < slot_bytes_max;
}

void SealPipe::put(Seal seal) {
  slots_.emplace_back();
  Slot& slot = slots_.back();
  slot.seal = std::move(seal);
  bytes_ += slot.seal.seal_data.size();
  slot.first_sent = Clock::now();
  (void)send(taken_ + slots_.size() - 1);
}

void SealPipe::put_refused(Error error) {
  slots_.emplace_back();
  slots_.back().answer = Answer{std::nullopt, tl::unexpected(std::move(error))};
}

void SealPipe::turn() {
  if (sending_) send_due();
  take_replies();
}

void SealPipe::abandon(const Error& error) {
  for (Slot& slot : slots_) {
    if (!slot.answer) slot.answer = Answer{slot.seal.seal_id, tl::unexpected(error)};
  }
}

std::optional<SealPipe::Answer> SealPipe::take() {
  if (slots_.empty() || !slots_.front().answer) return std::nullopt;
  std::optional<Answer> answer = std::move(slots_.front().answer);
  bytes_ -= slots_.front().seal.seal_data.size();
  slots_.pop_front();
  ++taken_;
  return answer;
}

// False if there is no connection, even after waiting for one.
bool SealPipe::send(std::size_t number) {
  Slot& slot = slot_at(number);
  // If the reply does not arrive (vaultd disappeared with the request), send again well before time is up.
  slot.send_again_at = Clock::now() + timeout_ / 3;
  const auto id = client_.submit(SealRequest{.seals = {slot.seal}, .batch = false, .sign = sign_});
  connected_ = id.has_value();
  if (id) {
    in_flight_[*id] = number;
    ++slot.unanswered;
  } else {
    put_off(slot, id.error());
  }
  return id.has_value();
}

// Retries later if there is time left; otherwise the error is the seal's answer.
void SealPipe::put_off(Slot& slot, const Error& error) {
  if (!is_retryable(error.code)) return fail_slot(slot, error);
  slot.trouble = error;
  const auto now = Clock::now();
  if (now - slot.first_sent >= timeout_) return end_time(slot);
  slot.send_again_at = std::min(now + slot.back_off, slot.first_sent + timeout_);
  slot.back_off = std::min(slot.back_off * 2, back_off_max);
}

void SealPipe::fail_slot(Slot& slot, Error error) {
  gave_up_ |= exit_code(error.code) == exit_unavailable;
  slot.answer = Answer{slot.seal.seal_id, tl::unexpected(std::move(error))};
}

// Reports the last trouble, unless the seal may have been sealed.
void SealPipe::end_time(Slot& slot) {
  if (slot.unanswered == 0 && slot.trouble) return fail_slot(slot, *slot.trouble);
  fail_slot(slot, {ErrorCode::deadline_exceeded,
                   "no receipt in time; it may be sealed all the same: seal it again with the same seal_id" +
                       (slot.trouble ? " (" + slot.trouble->message + ")" : ""),
                   {}});
}

void SealPipe::send_due() {
  auto now = Clock::now();
  if (now < next_look_) return;
  next_look_ = now + turn_time;
  bool connected = true;  // without a connection, wait for one seal, not for each in turn
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.answer || now < slot.send_again_at) continue;
    if (now - slot.first_sent >= timeout_) {
      end_time(slot);
    } else if (connected) {
      connected = send(taken_ + i);
      now = Clock::now();
    }
  }
}

void SealPipe::take_replies() {
  if (in_flight_.empty()) {
    if (!slots_.empty() && !slots_.front().answer) std::ignore = client_.next_reply(turn_time);
    return;
  }
  for (milliseconds wait = turn_time; !in_flight_.empty(); wait = milliseconds(0)) {
    auto reply = client_.next_reply(wait);
    if (!reply) return;
    const auto found = in_flight_.find(reply->id);
    if (found == in_flight_.end()) continue;
    const std::size_t number = found->second;
    in_flight_.erase(found);
    if (number < taken_ || slot_at(number).answer) continue;  // an earlier answer to the same seal was taken
    Slot& slot = slot_at(number);
    --slot.unanswered;
    if (reply->error) {
      put_off(slot, *reply->error);
    } else {
      slot.answer = Answer{slot.seal.seal_id, std::move(reply->result)};
    }
  }
}

}  // namespace vault::ctl
