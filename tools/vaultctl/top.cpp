// vaultctl top: shows the state of vaultd repeatedly: a screen on a terminal, one line each time in a pipe.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "ledger/passwords.hpp"
#include "ledger/quantity.hpp"
#include "tools/common/arguments.hpp"
#include "tools/common/json_output.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/interrupt.hpp"
#include "tools/vaultctl/top_screen.hpp"

namespace vault::ctl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds answer_time_max{2'000}, interval_min{100}, nap{50};
constexpr const char* home_and_clear = "\x1b[H\x1b[J";

struct TopOptions {
  milliseconds interval{1'000};
  std::optional<std::int64_t> count;
};

class Top {
 public:
  Top(const Context& context, const TopOptions& options)
      : context_(context), options_(options), screen_(context.globals.endpoint), on_terminal_(stdout_is_terminal()) {}

  int run() {
    if (const Status good = check_address(context_.globals, context_.globals.endpoint); !good)
      return report(context_, good.error());
    stop_on_signals();
    if (!context_.globals.json && !on_terminal_) std::fputs(TopScreen::heading().c_str(), stdout);
    for (std::int64_t shown = 0; stop_signal() == 0 && std::ferror(stdout) == 0; ++shown) {
      if (options_.count && shown == *options_.count) break;
      if (shown > 0) wait_until(due_);
      if (stop_signal() != 0) break;
      due_ = Clock::now() + options_.interval;
      show(look());
    }
    return finish_output(exit_done);
  }

 private:
  void wait_until(Clock::time_point time) const {
    while (stop_signal() == 0 && Clock::now() < time) {
      std::this_thread::sleep_for(std::min<Clock::duration>(nap, time - Clock::now()));
    }
  }

  // Makes a new client if there is none, so that vaultd is found again after it was away.
  TopSample look() {
    const auto started = Clock::now();
    Globals globals = context_.globals;
    globals.timeout = std::min(globals.timeout, answer_time_max);
    if (!client_) {
      auto client = connect_daemon(globals);
      if (!client) return {started, {}, {}, client.error().message};
      client_ = std::move(*client);
    }
    const auto asked = Clock::now();
    const auto result = client_->call(StatusRequest{});
    const auto json = result ? msgpack_to_json(*result) : Result<std::string>(tl::unexpected(result.error()));
    if (!json) {
      client_.reset();
      return {started, {}, {}, json.error().message};
    }
    return {asked, nlohmann::ordered_json::parse(*json),
            std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - asked)};
  }

  void show(TopSample sample) {
    if (context_.globals.json) {
      sample.status.is_object() ? print_line(sample.status.dump()) : print_note(sample.problem);
      std::fflush(stdout);
      return;
    }
    screen_.add(std::move(sample));
    std::string text = screen_.line();
    if (on_terminal_) {
      text = home_and_clear + screen_.text(terminal_columns(STDOUT_FILENO).value_or(80), wants_colour(STDOUT_FILENO)) +
             "\nevery " + describe_duration(options_.interval) + "; Ctrl-C ends\n";
    }
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  const Context& context_;
  const TopOptions& options_;
  TopScreen screen_;
  const bool on_terminal_;
  std::unique_ptr<Client> client_;
  Clock::time_point due_;
};

}  // namespace

void add_top(CLI::App& app, Context& context) {
  auto options = std::make_shared<TopOptions>();
  CLI::App* command = app.add_subcommand("top", "Watch how vaultd is doing: entries, rate, queue, alerts");
  command
      ->add_option_function<std::string>(
          "--interval",
          [options](const std::string& text) {
            const auto interval = parse_duration(text);
            if (!interval || *interval < interval_min) {
              throw CLI::ValidationError("--interval", fmt::format("must be {}, at least 100ms, not {}", duration_form,
                                                                   quoted_unless_secret(text)));
            }
            options->interval = *interval;
          },
          "How often to look: 1s, 500ms, 1m [1s]")
      ->type_name("T");
  add_integer(*command, "--count", options->count, 1, "Stop after this many updates");
  command->footer(
      "On a terminal a screen, alerts first; in a pipe a line each time; with --json the status each time. Goes on "
      "while\n"
      "vaultd is away, and runs until Ctrl-C.\n"
      "Examples:\n"
      "  vaultctl top\n"
      "  vaultctl top --interval 10s --count 6 >> how-it-went.txt");
  command->callback(
      [options, &context] { context.run = [options, &context] { return Top(context, *options).run(); }; });
}

}  // namespace vault::ctl
