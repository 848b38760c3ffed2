#include "tools/vaultctl/seal_batch.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>

#include "ledger/limits.hpp"
#include "tools/vaultctl/files.hpp"
#include "tools/vaultctl/json_output.hpp"
#include "tools/vaultctl/ledger_json.hpp"
#include "tools/vaultctl/seal_ids.hpp"
#include "tools/vaultctl/terminal.hpp"
#include "wire/error.hpp"

namespace vault::ctl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t slots_max = 1'024;                       // lines read and not yet printed
constexpr std::size_t slot_bytes_max = std::size_t{64} << 20;  // of their payloads
constexpr milliseconds back_off_first{20};
constexpr milliseconds back_off_max{1'000};
constexpr milliseconds turn{10};  // the longest wait for a reply while a new line may come

// One line of the input on its way.
struct Slot {
  std::size_t line = 0;
  Seal seal;
  std::string output;  // the line to print; set once done
  bool done = false;
  bool waiting = false;  // for send_again_at, not for a reply
  Clock::time_point first_sent, send_again_at;
  milliseconds back_off = back_off_first;
};

class BatchSealer {
 public:
  BatchSealer(const Context& context, Client& client, LineReader& lines, bool sign)
      : context_(context),
        client_(client),
        lines_(lines),
        sign_(sign),
        bar_("sealing", !context.globals.json && !stdout_is_terminal()) {}

  int run() {
    while (!finished()) {
      read_lines();
      send_again();
      take_replies();
      print_done();
      draw();
    }
    bar_.finish();
    if (lines_.too_long()) note({ErrorCode::too_large, "a line is longer than 64 MiB", {}}, line_ + 1);
    if (!context_.globals.json) summarise();
    return finish_output(unavailable_ ? exit_unavailable : refused_ ? exit_no : bad_input_ ? exit_usage : exit_done);
  }

 private:
  bool finished() const { return slots_.empty() && (lines_.at_end() || unavailable_); }

  void read_lines() {
    while (!unavailable_ && !lines_.at_end() && slots_.size() < slots_max && bytes_ < slot_bytes_max) {
      const auto line = lines_.next(slots_.empty() ? -1 : 0);
      if (!line) return;
      ++line_;
      if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
      slots_.emplace_back();
      Slot& slot = slots_.back();
      slot.line = line_;
      auto seal = parse(*line);
      if (!seal) {
        fail_slot(slot, seal.error(), false);
        continue;
      }
      slot.seal = std::move(*seal);
      bytes_ += slot.seal.seal_data.size();
      slot.first_sent = Clock::now();
      send(printed_ + slots_.size() - 1);
    }
  }

  static Result<Seal> parse(const std::string& line) {
    const auto draft = parse_seal_json(line);
    if (!draft) return tl::unexpected<Error>(draft.error());
    auto seal = check_draft(*draft);
    if (seal && !seal->seal_id) seal->seal_id = draw_seal_id();
    return seal;
  }

  Slot& slot_at(std::size_t number) { return slots_[number - printed_]; }

  void send(std::size_t number) {
    Slot& slot = slot_at(number);
    // A reply that does not come (vaultd went away with the request) is asked for again, well before time is up.
    slot.send_again_at = Clock::now() + context_.globals.timeout / 3;
    slot.waiting = false;
    const auto id = client_.submit(SealRequest{.seals = {slot.seal}, .batch = false, .sign = sign_});
    if (id) {
      in_flight_[*id] = number;
    } else {
      put_off(slot, id.error());
    }
  }

  // Later, if time is left; else this is the slot's answer.
  void put_off(Slot& slot, const Error& error) {
    if (!is_retryable(error.code) || Clock::now() - slot.first_sent >= context_.globals.timeout) {
      fail_slot(slot, error, true);
      return;
    }
    slot.waiting = true;
    slot.send_again_at = Clock::now() + slot.back_off;
    slot.back_off = std::min(slot.back_off * 2, back_off_max);
  }

  void send_again() {
    const auto now = Clock::now();
    if (now < next_look_) return;
    next_look_ = now + turn;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[i];
      if (slot.done || now < slot.send_again_at) continue;
      if (now - slot.first_sent >= context_.globals.timeout) {
        fail_slot(slot,
                  {ErrorCode::deadline_exceeded,
                   "no receipt in time; it may be sealed all the same: seal it again with the same seal_id",
                   {}},
                  true);
      } else {
        send(printed_ + i);
      }
    }
  }

  void take_replies() {
    if (in_flight_.empty()) {
      if (!slots_.empty() && !slots_.front().done) std::ignore = client_.next_reply(turn);
      return;
    }
    for (milliseconds wait = turn; !in_flight_.empty(); wait = milliseconds(0)) {
      auto reply = client_.next_reply(wait);
      if (!reply) return;
      const auto found = in_flight_.find(reply->id);
      if (found == in_flight_.end()) continue;
      const std::size_t number = found->second;
      in_flight_.erase(found);
      if (number < printed_ || slot_at(number).done) continue;  // an answer to the same seal came before
      take_reply(slot_at(number), *reply);
    }
  }

  void take_reply(Slot& slot, const Reply& reply) {
    if (reply.error) {
      put_off(slot, *reply.error);
      return;
    }
    auto json = msgpack_to_json(reply.result);
    if (!json) {
      fail_slot(slot, json.error(), true);
      return;
    }
    slot.output = std::move(*json);
    slot.done = true;
    ++sealed_;
  }

  void fail_slot(Slot& slot, const Error& error, bool sent) {
    auto map = nlohmann::ordered_json::parse(error_json(error));
    map["line"] = slot.line;
    if (sent && slot.seal.seal_id) map["seal_id"] = format_uuid(*slot.seal.seal_id);
    slot.output = map.dump();
    slot.done = true;
    note(error, slot.line);
  }

  void note(const Error& error, std::size_t line) {
    ++failed_;
    const ExitCode code = exit_code(error.code);
    unavailable_ |= code == exit_unavailable;
    refused_ |= code == exit_no;
    bad_input_ |= code == exit_usage;
    if (context_.globals.json) return;
    bar_.finish();
    const std::string where = error.field.empty() ? "" : " [" + error.field + "]";
    print_problem("line " + std::to_string(line) + ": " + std::string(error_name(error.code)) + ": " + error.message +
                  where);
  }

  void print_done() {
    bool printed = false;
    while (!slots_.empty() && slots_.front().done) {
      print_line(slots_.front().output);
      bytes_ -= slots_.front().seal.seal_data.size();
      slots_.pop_front();
      ++printed_;
      printed = true;
    }
    if (printed) std::fflush(stdout);
  }

  void draw() {
    if (lines_.bytes_total() > 0) {
      bar_.update(lines_.bytes_read() >> 10, lines_.bytes_total() >> 10, "KiB");
    } else {
      bar_.update(sealed_, 0, "seals");
    }
  }

  void summarise() const {
    if (stdout_is_terminal() && failed_ == 0) return;
    print_note(std::to_string(sealed_) + " sealed" + (failed_ > 0 ? ", " + std::to_string(failed_) + " not" : ""));
    if (unavailable_)
      print_note("vaultd could not take them all; lines after line " + std::to_string(line_) + " were not read");
  }

  const Context& context_;
  Client& client_;
  LineReader& lines_;
  const bool sign_;
  ProgressBar bar_;

  std::deque<Slot> slots_;  // slots_[i] is line object number printed_ + i
  std::size_t printed_ = 0;
  std::size_t bytes_ = 0;                           // of the payloads in slots_
  std::map<std::uint64_t, std::size_t> in_flight_;  // request id -> slot number
  Clock::time_point next_look_;
  std::size_t line_ = 0, sealed_ = 0, failed_ = 0;
  bool unavailable_ = false, refused_ = false, bad_input_ = false;
};

}  // namespace

int run_seal_batch(const Context& context, const std::string& path, bool sign) {
  auto lines = LineReader::open(path);
  if (!lines) return report(context, lines.error());
  auto client = connect_daemon(context.globals);
  if (!client) return report(context, client.error());
  return BatchSealer(context, **client, *lines, sign).run();
}

}  // namespace vault::ctl
