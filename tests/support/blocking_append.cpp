#include "tests/support/blocking_append.hpp"

#include <poll.h>

#include <chrono>
#include <memory>

namespace vault::test {

AppendOutcome append(WriterStore& store, const AppendRequest& request) {
  auto session = store.open_session();
  if (!session) return {AppendKind::failed, session.error().message};
  return append(**session, request);
}

AppendOutcome append(AppendSession& session, const AppendRequest& request) {
  session.append(std::make_shared<const AppendRequest>(request));
  return wait_for_outcome(session);
}

AppendOutcome wait_for_outcome(AppendSession& session) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    if (auto outcome = session.outcome()) return *std::move(outcome);
    if (std::chrono::steady_clock::now() >= deadline) session.give_up();
    const Watch watch = session.watch();
    pollfd watched{watch.descriptor, static_cast<short>(watch.write ? POLLIN | POLLOUT : POLLIN), 0};
    poll(&watched, 1, 100);
  }
}

}  // namespace vault::test
