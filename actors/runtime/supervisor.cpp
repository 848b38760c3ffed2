#include "actors/runtime/supervisor.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "actors/topology.hpp"
#include "ledger/check.hpp"
#include "os/log.hpp"

namespace vault {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

}  // namespace

Status Supervisor::start(const std::vector<Hosted>& actors,
                         std::function<std::vector<Port>(zmq::context_t&)> open_ports, std::optional<bool> waits) {
  const ThreadId thread = place_of(actors.front().id).thread;
  VAULT_CHECK(actors.size() == 1 || thread != ThreadId::own);
  for (const Hosted& hosted : actors) VAULT_CHECK(place_of(hosted.id).thread == thread);
  Cast cast;
  cast.shell = std::make_unique<Shell>(context_, actors, std::move(open_ports), busy_poll_);
  for (const Hosted& hosted : actors) cast.playing.push_back(hosted.id);
  cast.waits = waits.value_or(place_of(actors.front().id).waits);
  cast.last_pong = Clock::now();
  zmq::message_t word;
  for (;;) {
    try {
      (void)cast.shell->lifecycle().recv(word);
      break;
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) return fail(ErrorCode::internal, error.what());
    }
  }
  const std::string said = word.to_string();
  if (said != "ready" || !cast.shell->opened()) return fail(ErrorCode::internal, cast.shell->name() + ": " + said);
  casts_.push_back(std::move(cast));
  return {};
}

void Supervisor::hear(Cast& cast, const std::string& word, News& news) {
  if (word == "pong") {
    cast.last_pong = Clock::now();
  } else if (starts_with(word, "stopped ")) {
    std::erase_if(cast.playing, [&](ActorId id) { return word.substr(8) == actor_name(id); });
  } else if (starts_with(word, "state ")) {
    news.state = word.substr(6);
  } else if (starts_with(word, "configuration ")) {
    news.configuration = word.substr(14);
  } else {
    cast.playing.clear();
    news.failed = cast.shell->name() + ": " + word;
  }
}

Supervisor::News Supervisor::listen(milliseconds timeout, int wake_fd) {
  News news;
  std::vector<zmq::pollitem_t> items;
  for (Cast& cast : casts_) items.push_back({cast.shell->lifecycle().handle(), 0, ZMQ_POLLIN, 0});
  if (wake_fd >= 0) items.push_back({nullptr, wake_fd, ZMQ_POLLIN, 0});
  try {
    zmq::poll(items.data(), items.size(), timeout);
  } catch (const zmq::error_t& error) {
    if (error.num() != EINTR) news.failed = error.what();
    return news;
  }
  for (Cast& cast : casts_) {
    zmq::message_t frame;
    try {
      while (cast.shell->lifecycle().recv(frame, zmq::recv_flags::dontwait)) hear(cast, frame.to_string(), news);
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) news.failed = error.what();
    }
  }
  news.woken = wake_fd >= 0 && (items.back().revents & ZMQ_POLLIN) != 0;
  return news;
}

void Supervisor::ping() {
  for (Cast& cast : casts_) {
    if (!cast.waits && !cast.playing.empty()) cast.shell->tell("ping");
  }
}

bool Supervisor::all_alive(milliseconds patience) const {
  const auto oldest = Clock::now() - patience;
  return std::all_of(casts_.begin(), casts_.end(),
                     [&](const Cast& cast) { return cast.waits || cast.playing.empty() || cast.last_pong >= oldest; });
}

bool Supervisor::stop(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  std::set<int> ranks;
  for (const Cast& cast : casts_) {
    for (const ActorId id : cast.playing) ranks.insert(place_of(id).stop_rank);
  }
  for (const int rank : ranks) {
    const auto of_rank = [rank](ActorId id) { return place_of(id).stop_rank == rank; };
    const auto waits = [&](const Cast& cast) { return std::any_of(cast.playing.begin(), cast.playing.end(), of_rank); };
    for (Cast& cast : casts_) {
      for (const ActorId id : cast.playing) {
        if (of_rank(id)) cast.shell->tell("stop " + actor_name(id));
      }
    }
    while (std::any_of(casts_.begin(), casts_.end(), waits)) {
      if (Clock::now() >= deadline) {
        for (const Cast& cast : casts_) {
          if (waits(cast)) log_error("supervisor", "did not stop in time", {{"actor", cast.shell->name()}});
        }
        return false;
      }
      const News news = listen(milliseconds(50), -1);
      if (news.failed) log_error("supervisor", "failed while stopping", {{"reason", *news.failed}});
    }
  }
  casts_.clear();  // joins
  return true;
}

}  // namespace vault
