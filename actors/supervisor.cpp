#include "actors/supervisor.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "actors/log.hpp"

namespace vault {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

bool starts_with(const std::string& text, const std::string& prefix) { return text.compare(0, prefix.size(), prefix) == 0; }

}  // namespace

Status Supervisor::start(ActorId id, Actor& actor, int stop_rank, bool blocking,
                         std::function<std::vector<Port>(zmq::context_t&)> open_ports) {
  Member member;
  member.shell = std::make_unique<Shell>(context_, id, actor, std::move(open_ports));
  member.stop_rank = stop_rank;
  member.blocking = blocking;
  member.last_pong = Clock::now();
  zmq::message_t word;
  for (;;) {
    try {
      (void)member.shell->lifecycle().recv(word);
      break;
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) return fail(ErrorCode::internal, error.what());
    }
  }
  const std::string said = word.to_string();
  if (said != "ready") return fail(ErrorCode::internal, actor_name(id) + ": " + said);
  members_.push_back(std::move(member));
  return {};
}

void Supervisor::hear(Member& member, const std::string& word, News& news) {
  if (word == "pong") {
    member.last_pong = Clock::now();
  } else if (word == "stopped") {
    member.stopped = true;
  } else if (starts_with(word, "state ")) {
    news.state = word.substr(6);
  } else if (starts_with(word, "configuration ")) {
    news.configuration = word.substr(14);
  } else {
    member.stopped = true;
    news.failed = actor_name(member.shell->id()) + ": " + word;
  }
}

Supervisor::News Supervisor::listen(milliseconds timeout, int wake_fd) {
  News news;
  std::vector<zmq::pollitem_t> items;
  for (Member& member : members_) items.push_back({member.shell->lifecycle().handle(), 0, ZMQ_POLLIN, 0});
  if (wake_fd >= 0) items.push_back({nullptr, wake_fd, ZMQ_POLLIN, 0});
  try {
    zmq::poll(items.data(), items.size(), timeout);
  } catch (const zmq::error_t& error) {
    if (error.num() != EINTR) news.failed = error.what();
    return news;
  }
  for (Member& member : members_) {
    zmq::message_t frame;
    try {
      while (member.shell->lifecycle().recv(frame, zmq::recv_flags::dontwait)) hear(member, frame.to_string(), news);
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) news.failed = error.what();
    }
  }
  news.woken = wake_fd >= 0 && (items.back().revents & ZMQ_POLLIN) != 0;
  return news;
}

void Supervisor::ping() {
  for (Member& member : members_) {
    if (!member.blocking && !member.stopped) member.shell->tell("ping");
  }
}

bool Supervisor::all_alive(milliseconds patience) const {
  const auto oldest = Clock::now() - patience;
  return std::all_of(members_.begin(), members_.end(), [&](const Member& member) {
    return member.blocking || member.stopped || member.last_pong >= oldest;
  });
}

bool Supervisor::stop(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  std::set<int> ranks;
  for (const Member& member : members_) ranks.insert(member.stop_rank);
  for (const int rank : ranks) {
    const auto waits = [rank](const Member& member) { return member.stop_rank == rank && !member.stopped; };
    for (Member& member : members_) {
      if (waits(member)) member.shell->tell("stop");
    }
    while (std::any_of(members_.begin(), members_.end(), waits)) {
      if (Clock::now() >= deadline) {
        for (const Member& member : members_) {
          if (waits(member)) log_error("supervisor", "did not stop in time", {{"actor", actor_name(member.shell->id())}});
        }
        return false;
      }
      const News news = listen(milliseconds(50), -1);
      if (news.failed) log_error("supervisor", "failed while stopping", {{"reason", *news.failed}});
    }
  }
  members_.clear();  // joins
  return true;
}

}  // namespace vault
