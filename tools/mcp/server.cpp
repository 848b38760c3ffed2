// Four threads: this one reads and dispatches, a lane performs calls, another verifies, the outbox writes. Each waits
// when the next one is full, all the way back to stdin, which is then not read: that is all of the back-pressure.
#include "tools/mcp/server.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "tools/mcp/daemon_calls.hpp"
#include "tools/mcp/dispatch.hpp"
#include "tools/mcp/lane.hpp"
#include "tools/mcp/lines.hpp"
#include "tools/mcp/outbox.hpp"

namespace vault::mcp {
namespace {

constexpr std::size_t read_bytes = 64U << 10;
constexpr std::chrono::seconds patience_at_end{5};

extern "C" void leave(int) {
  ::_exit(0);
}

// Bytes read; 0 at the end of input.
std::size_t read_some(std::array<char, read_bytes>& buffer) {
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    std::fprintf(stderr, "vault-mcp: cannot read stdin: %s\n", std::strerror(errno));
    return 0;
  }
}

class Server {
 public:
  explicit Server(const ctl::DaemonAddress& daemon)
      : vault_(daemon), verifying_vault_(daemon), outbox_(STDOUT_FILENO) {}

  // False: the reader of stdout has gone.
  bool take(const LineSplitter::Line& line) {
    Outcome outcome = line.too_long ? Outcome{too_long_line(line_bytes_max), {}} : dispatcher_.dispatch(line.text);
    if (outcome.call) lane_.put(std::move(*outcome.call));
    return outcome.reply.empty() || outbox_.put(std::move(outcome.reply));
  }

  bool finish() {
    return lane_.finish(patience_at_end) && verify_lane_.finish(patience_at_end) && outbox_.flush(patience_at_end);
  }

 private:
  Dispatcher dispatcher_;
  DaemonCalls vault_, verifying_vault_;
  Outbox outbox_;
  Lane verify_lane_{verifying_vault_, outbox_};
  Lane lane_{vault_, outbox_, &verify_lane_};
};

}  // namespace

void handle_signals() {
  struct sigaction action {};
  action.sa_handler = leave;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);  // writing to a closed stdout then fails with EPIPE
}

int serve(const ctl::DaemonAddress& daemon) {
  Server server(daemon);
  LineSplitter lines;
  std::array<char, read_bytes> buffer;
  bool reader_there = true;
  while (reader_there) {
    const std::size_t got = read_some(buffer);
    if (got == 0) break;
    lines.feed({buffer.data(), got});
    while (reader_there) {
      const auto line = lines.next();
      if (!line) break;
      reader_there = server.take(*line);
    }
  }
  if (const auto line = lines.rest(); line && reader_there) reader_there = server.take(*line);
  if (!reader_there) std::_Exit(0);  // there is nobody left to answer
  if (!server.finish()) {
    std::fputs("vault-mcp: stdin has ended, and for 5 seconds no call was answered or no reply read: giving up\n",
               stderr);
    std::_Exit(0);  // does not wait for threads that wait for vaultd or for the reader
  }
  return 0;
}

}  // namespace vault::mcp
