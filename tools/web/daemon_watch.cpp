#include "tools/web/daemon_watch.hpp"

#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "tools/common/json_output.hpp"
#include "tools/web/json_member.hpp"

namespace vault::web {
namespace {

using Clock = std::chrono::steady_clock;

Result<std::shared_ptr<const DaemonStatus>> read_status(std::string msgpack) {
  auto status = std::make_shared<DaemonStatus>();
  auto json = ctl::msgpack_to_json(msgpack);
  if (!json) return tl::unexpected(json.error());
  const auto map = nlohmann::json::parse(*json, nullptr, false);
  if (!map.is_object()) return fail(ErrorCode::internal, "vaultd's status is not a map");
  status->at = Clock::now();
  status->role = member_or(map, "role", std::string());
  status->ready = member_or(map, "ready", false);
  if (const auto database = map.find("database"); database != map.end() && database->is_object()) {
    status->has_database = member_or(*database, "connected", false);
    const std::string detail = member_or(*database, "detail", std::string());
    if (!status->has_database) status->troubles.push_back("no database" + (detail.empty() ? "" : ": " + detail));
  }
  if (const auto alerts = map.find("alert_details"); alerts != map.end() && alerts->is_array()) {
    for (const auto& alert : *alerts) {
      status->troubles.push_back(member_or(alert, "kind", std::string()) + ": " +
                                 member_or(alert, "message", std::string()));
    }
  }
  status->json = std::move(*json);
  status->msgpack = std::move(msgpack);
  return std::shared_ptr<const DaemonStatus>(std::move(status));
}

}  // namespace

DaemonWatch::DaemonWatch(boost::asio::any_io_executor executor, ctl::DaemonAddress address,
                         std::function<void(bool)> changed)
    : executor_(std::move(executor)), address_(std::move(address)), changed_(std::move(changed)) {
  address_.timeout = fresh_for;
  thread_ = std::thread([this] { run(); });
}

DaemonWatch::~DaemonWatch() {
  *alive_ = false;
  stop_ = true;
  thread_.join();
}

std::shared_ptr<const DaemonStatus> DaemonWatch::fresh() const {
  if (!latest_ || Clock::now() - latest_->at > fresh_for) return nullptr;
  return latest_;
}

void DaemonWatch::run() {
  DaemonClient client(address_, stop_);
  while (!stop_) {
    auto result = client.ask(StatusRequest{}, 0);
    boost::asio::post(executor_, [this, alive = alive_, result = std::move(result)]() mutable {
      if (*alive) take(std::move(result));
    });
    const auto next = Clock::now() + interval;
    while (!stop_ && Clock::now() < next) std::this_thread::sleep_for(interval / 5);
  }
}

void DaemonWatch::take(Result<std::string> result) {
  auto status = std::move(result).and_then(read_status);
  if (status) {
    latest_ = std::move(*status);
  } else {
    problem_ = status.error().message;
    latest_.reset();
  }
  const bool up = latest_ != nullptr;
  if (up != std::exchange(up_, up)) changed_(up);
}

}  // namespace vault::web
