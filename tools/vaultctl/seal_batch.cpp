#include "tools/vaultctl/seal_batch.hpp"

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>

#include "tools/common/connect.hpp"
#include "tools/common/files.hpp"
#include "tools/common/json_output.hpp"
#include "tools/common/ledger_json.hpp"
#include "tools/common/numbers.hpp"
#include "tools/common/seal_ids.hpp"
#include "tools/common/terminal.hpp"
#include "tools/common/verdicts.hpp"
#include "tools/vaultctl/interrupt.hpp"
#include "tools/vaultctl/repeated_problems.hpp"
#include "tools/vaultctl/seal_pipe.hpp"
#include "wire/error.hpp"

namespace vault::ctl {
namespace {

constexpr std::chrono::milliseconds line_wait{200};  // how soon a signal is noticed while no line comes
constexpr std::chrono::milliseconds drain_time{2'000};
constexpr std::chrono::milliseconds connect_turn{500};

// Quoted as a word of a shell's command line.
std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && text.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789_-./+,:@%") == std::string::npos;
  if (plain) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

class BatchSealer {
 public:
  BatchSealer(const Context& context, const BatchOptions& options, Client& client, LineReader& lines,
              const std::optional<FileSealIds>& ids)
      : context_(context),
        options_(options),
        lines_(lines),
        ids_(ids),
        pipe_(client, context.globals.timeout, options.sign),
        bar_("sealing", !context.globals.json && !stdout_is_terminal()) {}

  int run() {
    while (!finished()) {
      if (stop_signal() == 0) {
        read_lines();
      } else {
        drain();
      }
      pipe_.turn();
      print_answers();
      draw();
    }
    bar_.finish();
    if (lines_.too_long()) note({ErrorCode::too_large, "a line is longer than 64 MiB", {}}, line_ + 1);
    report_repeated();
    if (stop_signal() != 0 && !lines_.at_end()) {
      report_stopped();
      return finish_output(exit_code_of_signal(stop_signal()));
    }
    if (!context_.globals.json) summarise();
    return finish_output(worst());
  }

 private:
  ExitCode worst() const {
    if (unavailable_) return exit_unavailable;
    if (kept_out_) return exit_environment;
    return refused_ ? exit_no : bad_input_ ? exit_usage : exit_done;
  }

  bool finished() const { return pipe_.empty() && (lines_.at_end() || pipe_.gave_up() || stop_signal() != 0); }

  // Stopped by a signal: no further line is read, and what has been sent gets a while to be answered.
  void drain() {
    const auto now = std::chrono::steady_clock::now();
    if (!drain_until_) drain_until_ = now + drain_time;
    pipe_.stop_sending();
    if (now < *drain_until_) return;
    pipe_.abandon({ErrorCode::deadline_exceeded,
                   "stopped before a receipt came; it may be sealed all the same: seal it again with the same seal_id",
                   {}});
  }

  void read_lines() {
    while (!pipe_.gave_up() && !lines_.at_end() && pipe_.has_room() && stop_signal() == 0) {
      const auto line = lines_.next(pipe_.empty() ? static_cast<int>(line_wait.count()) : 0);
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

  Result<Seal> parse(const std::string& line) const {
    const auto draft = parse_seal_json(line);
    if (!draft) return tl::unexpected(draft.error());
    auto seal = check_seal(*draft);
    if (seal && !seal->seal_id) seal->seal_id = ids_ ? ids_->of_line(line_) : draw_seal_id();
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
      duplicates_ += json->find(",\"duplicate\":true") != std::string::npos ? 1 : 0;
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
    if (error.code == ErrorCode::deadline_exceeded) ++unanswered_;
    const ExitCode code = exit_code(error);
    unavailable_ |= code == exit_unavailable;
    in_doubt_ |= code == exit_unavailable && !is_unreachable(error);
    kept_out_ |= code == exit_environment;
    refused_ |= code == exit_no || code == exit_environment;
    bad_input_ |= code == exit_usage;
    if (context_.globals.json) return;
    const std::string where = error.field.empty() ? "" : " [" + error.field + "]";
    const std::string text = problems_.add(line, std::string(error_name(error.code)) + ": " + error.message + where);
    if (text.empty()) return;
    bar_.finish();
    print_problem(text);
  }

  void report_repeated() const {
    for (const std::string& sentence : problems_.finish()) print_problem(sentence);
  }

  void draw() {
    if (lines_.bytes_total() > 0) {
      const double total = static_cast<double>(lines_.bytes_total());
      bar_.update_share(sealed_, static_cast<double>(lines_.bytes_read()) / total, "seals");
    } else {
      bar_.update(sealed_, 0, "seals");
    }
  }

  std::string outcome() const {
    std::string text = with_thousands(sealed_) + " sealed";
    if (duplicates_ > 0) text += " (" + with_thousands(duplicates_) + " of them before)";
    if (failed_ > 0) text += ", " + with_thousands(failed_) + " not";
    return text;
  }

  void summarise() const {
    if (stdout_is_terminal() && failed_ == 0) return;
    print_note(outcome());
    if (!unavailable_) return;
    const std::string rest = lines_.at_end() ? "" : "; lines after line " + with_thousands(line_) + " were not read";
    print_note("vaultd could not take them all" + rest);
    print_unanswered();
    print_way_on();
  }

  // Always, even with --json: whoever stopped it must know how far it came.
  void report_stopped() const {
    const bool from_file = options_.path != "-";
    print_problem("stopped after line " + with_thousands(line_) + (from_file ? " of " + options_.path : "") + ": " +
                  outcome());
    print_unanswered();
    print_way_on();
  }

  void print_unanswered() const {
    if (unanswered_ == 0) return;
    print_hint(with_thousands(unanswered_) +
               " were sent and not answered: they may be sealed; the output has their lines and seal_ids");
  }

  // How to seal what is left, and nothing twice.
  void print_way_on() const {
    const bool from_file = options_.path != "-";
    const Globals& globals = context_.globals;
    std::string vaultctl = "vaultctl";
    if (globals.endpoint != Globals{}.endpoint) vaultctl += " --endpoint " + shell_word(globals.endpoint);
    if (!globals.key_dir.empty()) vaultctl += " --key-dir " + shell_word(globals.key_dir);
    const std::string sign = options_.sign ? " --sign" : "";
    if (options_.resume) {
      print_hint("go on with the same command: what is sealed is not sealed again");
      return;
    }
    if (unavailable_) {
      // Without a seal_id of its own, a line gets a new one in every run.
      const std::string which = in_doubt_
                                    ? "seal the lines that failed again with the seal_ids in the output: with new "
                                      "ones they may be sealed twice"
                                    : "seal the lines that failed, too: the output names them";
      print_hint(which + ". With --resume from the first run on, the same command is enough");
    }
    if (lines_.at_end()) return;
    if (from_file) {
      print_hint("go on with: tail -n +" + std::to_string(line_ + 1) + " " + shell_word(options_.path) + " | " +
                 vaultctl + " seal --batch" + sign);
    } else {
      print_hint("go on with line " + std::to_string(line_ + 1));
    }
  }

  const Context& context_;
  const BatchOptions& options_;
  LineReader& lines_;
  const std::optional<FileSealIds>& ids_;  // with --resume
  SealPipe pipe_;
  ProgressBar bar_;
  std::deque<std::size_t> in_pipe_;  // line of each seal in pipe_
  RepeatedProblems problems_;
  std::size_t line_ = 0, sealed_ = 0, duplicates_ = 0, failed_ = 0, unanswered_ = 0;
  std::optional<std::chrono::steady_clock::time_point> drain_until_;
  bool in_doubt_ = false;  // some were sent, and may be sealed
  bool unavailable_ = false, kept_out_ = false, refused_ = false, bad_input_ = false;
};

}  // namespace

Result<Seal> check_seal(const SealDraft& draft) {
  auto seal = check_draft(draft);
  if (!seal && seal.error().field == "seal.verdict") seal.error().message += did_you_mean_verdict(draft.verdict);
  return seal;
}

int run_seal_batch(const Context& context, const BatchOptions& options) {
  std::optional<FileSealIds> ids;
  if (options.resume) {
    if (options.path == "-") {
      return report(context, {ErrorCode::invalid_argument, "--resume needs a FILE: lines of stdin have no name", {}});
    }
    auto opened = FileSealIds::open(options.path);
    if (!opened) return report(context, opened.error());
    ids = std::move(*opened);
  }
  auto lines = LineReader::open(options.path);
  if (!lines) return report(context, lines.error());
  if (const Status good = check_address(context.globals, context.globals.endpoint); !good)
    return report(context, good.error());
  // Waits for a connection in short turns: SealPipe keeps trying, and a signal is noticed between them.
  auto client = connect_daemon(DaemonAddress{.endpoint = context.globals.endpoint,
                                             .key_dir = context.globals.key_dir,
                                             .timeout = context.globals.timeout,
                                             .connect_turn = connect_turn});
  if (!client) return report(context, client.error());
  stop_on_signals();
  return BatchSealer(context, options, **client, *lines, ids).run();
}

}  // namespace vault::ctl
