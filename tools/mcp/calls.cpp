#include "tools/mcp/calls.hpp"

#include <chrono>
#include <exception>

#include "tools/mcp/content.hpp"

namespace vault::mcp {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds quiet_at_first{1};

std::string answer(const ToolCall& call, VaultCalls& vault, const Client::Progress& progress) {
  auto result = vault.call(call.operation, progress);
  if (result) result = success_result(call, *result);
  return result ? std::move(*result) : refusal_result(describe_refusal(call, result.error()), call.modern);
}

}  // namespace

std::string run_call(const ToolCall& call, VaultCalls& vault, const CallListener& listener) {
  const Client::Progress progress = [&, started = Clock::now(), last = std::int64_t{0}](std::int64_t checked,
                                                                                        std::int64_t total) mutable {
    listener.alive();
    if (call.progress_token.empty() || checked <= last || Clock::now() - started < quiet_at_first) return;
    last = checked;
    listener.notify(notification_line("notifications/progress", R"({"progressToken":)" + call.progress_token +
                                                                    R"(,"progress":)" + std::to_string(checked) +
                                                                    R"(,"total":)" + std::to_string(total) + "}"));
  };
  try {
    return result_line(call.id, answer(call, vault, progress));
  } catch (const std::exception&) {  // no memory, or a bug
    return error_line(call.id, internal_error, "Internal error");
  }
}

}  // namespace vault::mcp
