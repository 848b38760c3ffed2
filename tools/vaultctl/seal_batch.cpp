#include "tools/vaultctl/seal_batch.hpp"

#include <deque>
#include <nlohmann/json.hpp>

#include "tools/vaultctl/files.hpp"
#include "tools/vaultctl/json_output.hpp"
#include "tools/vaultctl/ledger_json.hpp"
#include "tools/vaultctl/seal_ids.hpp"
#include "tools/vaultctl/seal_pipe.hpp"
#include "tools/vaultctl/terminal.hpp"
#include "wire/error.hpp"

namespace vault::ctl {
namespace {

class BatchSealer {
 public:
  BatchSealer(const Context& context, Client& client, LineReader& lines, bool sign)
      : context_(context),
        lines_(lines),
        pipe_(client, context.globals.timeout, sign),
        bar_("sealing", !context.globals.json && !stdout_is_terminal()) {}

  int run() {
    while (!finished()) {
      read_lines();
      pipe_.turn();
      print_answers();
      draw();
    }
    bar_.finish();
    if (lines_.too_long()) note({ErrorCode::too_large, "a line is longer than 64 MiB", {}}, line_ + 1);
    if (!context_.globals.json) summarise();
    return finish_output(unavailable_ ? exit_unavailable : refused_ ? exit_no : bad_input_ ? exit_usage : exit_done);
  }

 private:
  bool finished() const { return pipe_.empty() && (lines_.at_end() || pipe_.gave_up()); }

  void read_lines() {
    while (!pipe_.gave_up() && !lines_.at_end() && pipe_.has_room()) {
      const auto line = lines_.next(pipe_.empty() ? -1 : 0);
      if (!line) return;
      ++line_;
      if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
      in_pipe_.push_back(line_);
      auto seal = parse(*line);
      if (seal) {
        pipe_.put(std::move(*seal));
      } else {
        pipe_.put_refused(std::move(seal.error()));
      }
    }
  }

  static Result<Seal> parse(const std::string& line) {
    const auto draft = parse_seal_json(line);
    if (!draft) return tl::unexpected<Error>(draft.error());
    auto seal = check_draft(*draft);
    if (seal && !seal->seal_id) seal->seal_id = draw_seal_id();
    return seal;
  }

  void print_answers() {
    bool printed = false;
    while (auto answer = pipe_.take()) {
      print_answer(*answer, in_pipe_.front());
      in_pipe_.pop_front();
      printed = true;
    }
    if (printed) std::fflush(stdout);
  }

  void print_answer(const SealPipe::Answer& answer, std::size_t line) {
    const auto json = answer.receipt ? msgpack_to_json(*answer.receipt) : Result<std::string>{};
    const Error* const error = !answer.receipt ? &answer.receipt.error() : json ? nullptr : &json.error();
    if (error == nullptr) {
      ++sealed_;
      print_line(*json);
      return;
    }
    auto map = nlohmann::ordered_json::parse(error_json(*error));
    map["line"] = line;
    if (answer.seal_id) map["seal_id"] = format_uuid(*answer.seal_id);
    print_line(map.dump());
    note(*error, line);
  }

  void note(const Error& error, std::size_t line) {
    ++failed_;
    const ExitCode code = exit_code(error.code);
    unavailable_ |= code == exit_unavailable;
    refused_ |= code == exit_no || code == exit_environment;
    bad_input_ |= code == exit_usage;
    if (context_.globals.json) return;
    bar_.finish();
    const std::string where = error.field.empty() ? "" : " [" + error.field + "]";
    print_problem("line " + std::to_string(line) + ": " + std::string(error_name(error.code)) + ": " + error.message +
                  where);
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
  LineReader& lines_;
  SealPipe pipe_;
  ProgressBar bar_;
  std::deque<std::size_t> in_pipe_;  // line of each seal in pipe_
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
