#include "tools/mcp/lane.hpp"

#include <utility>

namespace vault::mcp {
namespace {

std::size_t payload_bytes(const ToolCall& call) {
  const auto* seal = std::get_if<SealRequest>(&call.operation);
  return seal == nullptr ? 0 : seal->seals.front().seal_data.size();
}

}  // namespace

Lane::Lane(VaultCalls& vault, Outbox& outbox, Lane* for_verify)
    : vault_(vault), outbox_(outbox), for_verify_(for_verify), thread_([this] { run(); }) {}

Lane::~Lane() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Lane::put(ToolCall call) {
  const std::size_t bytes = payload_bytes(call);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return calls_.empty() || (calls_.size() < calls_waiting_max && bytes_waiting_ + bytes <= bytes_waiting_max);
  });
  bytes_waiting_ += bytes;
  calls_.push_back(std::move(call));
  changed_.notify_all();
}

bool Lane::finish(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  while (busy_ || !calls_.empty()) {
    const std::size_t seen = signs_of_life_;
    if (!changed_.wait_for(lock, patience, [&] { return signs_of_life_ != seen; })) return false;
  }
  return true;
}

void Lane::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !calls_.empty(); });
    if (calls_.empty()) return;
    ToolCall call = std::move(calls_.front());
    calls_.pop_front();
    bytes_waiting_ -= payload_bytes(call);
    busy_ = true;
    changed_.notify_all();
    lock.unlock();
    carry_out(std::move(call));
    lock.lock();
    busy_ = false;
    ++signs_of_life_;
    changed_.notify_all();
  }
}

void Lane::carry_out(ToolCall call) {
  if (for_verify_ != nullptr && call.tool == Tool::verify) {
    for_verify_->put(std::move(call));
    return;
  }
  const CallListener listener{.notify = [this](std::string line) { outbox_.put(std::move(line)); },
                              .alive = [this] { went_on(); }};
  outbox_.put(run_call(call, vault_, listener));
}

void Lane::went_on() {
  const std::lock_guard lock(mutex_);
  ++signs_of_life_;
  changed_.notify_all();
}

}  // namespace vault::mcp
