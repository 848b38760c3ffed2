// The service's answers that need vaultd.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "tools/common/json_output.hpp"
#include "tools/web/entry_json.hpp"
#include "tools/web/seal_body.hpp"
#include "tools/web/service.hpp"
#include "wire/codec.hpp"

namespace vault::web {
namespace {

using std::chrono::milliseconds;

// As often as vaultd signs: requests in between get the same answer.
constexpr milliseconds checkpoint_fresh_for{100};
constexpr std::size_t waiting_for_checkpoint_max = 1'024;

std::function<Result<Operation>()> ready_made(Operation operation) {
  return [operation = std::move(operation)]() -> Result<Operation> { return operation; };
}

Response json_answer(const Result<std::string>& json) {
  return json ? json_response(200, *json) : error_response(json.error());
}

// The only binary member of a result.
Result<std::string> bytes_of(std::string_view result, const char* member) {
  const auto map = nlohmann::json::from_msgpack(result, true, false);
  const auto found = map.is_object() ? map.find(member) : map.end();
  if (!map.is_object() || found == map.end() || !found->is_binary()) {
    return fail(ErrorCode::internal, std::string("vaultd's answer has no ") + member);
  }
  const auto& bytes = found->get_binary();
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace

// --- Tiles, checkpoints ----------------------------------------------------------------------------------------------

void Service::tile(const Plan& plan, const RequestHead& head, const std::shared_ptr<Exchange>& exchange) {
  if (const Response* kept = tiles_.find(plan.path)) {
    return exchange->answer(is_known_to_client(head.if_none_match, *kept) ? not_modified(*kept) : *kept);
  }
  const bool whole = plan.route.whole;
  const bool bundle = std::holds_alternative<EntryBundleRequest>(plan.route.operation);
  ask(
      public_lanes_, ready_made(plan.route.operation), 0,
      [whole, bundle](const Result<std::string>& result) {
        auto bytes = bytes_of(*result, bundle ? "bundle" : "hashes");
        if (!bytes) return error_response(bytes.error());
        Response response = text_response(200, std::move(*bytes));
        response.content_type = "application/octet-stream";
        if (whole) {
          response.header("Cache-Control", "public, max-age=31536000, immutable");
          response.etag = etag_of(*response.body);
        } else {
          response.header("Cache-Control", "public, max-age=60");
        }
        return response;
      },
      head, exchange,
      [this, whole, path = plan.path](const Response& response) {
        if (whole) tiles_.put(path, response);
      });
}

void Service::checkpoint(bool key_only, const std::shared_ptr<Exchange>& exchange) {
  CheckpointAnswer& latest = checkpoint_;
  if (latest.note && std::chrono::steady_clock::now() - latest.at < checkpoint_fresh_for) {
    return exchange->answer(key_only ? *latest.vkey : *latest.note);
  }
  if (latest.waiting.size() >= waiting_for_checkpoint_max) {
    return exchange->answer(error_response({ErrorCode::busy, "too many wait for the checkpoint", {}}));
  }
  latest.waiting.emplace_back(key_only, exchange);
  if (latest.asking) return;
  const auto report = [this](const Response& note, const Response& vkey) {
    checkpoint_.asking = false;
    for (const auto& [key, waiting] : std::exchange(checkpoint_.waiting, {})) waiting->answer(key ? vkey : note);
  };
  Lanes::Question question;
  question.prepare = ready_made(CheckpointRequest{});
  question.finish = [this, report](const Result<std::string>& result) -> std::function<void()> {
    const auto checkpoint = result.and_then([](const std::string& bytes) { return decode_checkpoint(bytes); });
    if (!checkpoint) {
      return [report, error = error_response(checkpoint.error())] { report(error, error); };
    }
    Response note = text_response(200, checkpoint->checkpoint), vkey = text_response(200, checkpoint->vkey + "\n");
    note.header("Cache-Control", "no-cache");
    vkey.header("Cache-Control", "no-cache");
    return [this, report, note, vkey] {
      checkpoint_.note = note;
      checkpoint_.vkey = vkey;
      checkpoint_.at = std::chrono::steady_clock::now();
      report(note, vkey);
    };
  };
  latest.asking = public_lanes_.ask(std::move(question));
  const Response busy = error_response({ErrorCode::busy, "too many questions wait for vaultd", {}});
  if (!latest.asking) report(busy, busy);
}

// --- Reads and seals -------------------------------------------------------------------------------------------------

void Service::read(const Plan& plan, const RequestHead& head, const std::shared_ptr<Exchange>& exchange) {
  const Operation& operation = plan.route.operation;
  const auto* one = std::get_if<ReadRequest>(&operation);
  const bool page = std::holds_alternative<ListRequest>(operation) || (one != nullptr && one->session);
  const bool entry = one != nullptr && !one->session;
  ask(lanes_, ready_made(operation), plan.route.at_least,
      [page, entry](const Result<std::string>& result) {
        if (page) return json_answer(page_result_json(*result));
        if (entry) return json_answer(entry_result_json(*result));
        return json_answer(ctl::msgpack_to_json(*result));
      },
      head, exchange, {});
}

void Service::seal(const Plan& plan, const RequestHead& head, std::string body,
                   const std::shared_ptr<Exchange>& exchange) {
  ask(
      lanes_,
      [body = std::make_shared<const std::string>(std::move(body)), key = head.idempotency_key,
       sign = plan.route.sign]() -> Result<Operation> {
        auto request = parse_seal_body(*body, key, sign);
        if (!request) return tl::unexpected(std::move(request.error()));
        return Operation(std::move(*request));
      },
      0,
      [](const Result<std::string>& result) {
        Response response = json_answer(ctl::msgpack_to_json(*result));
        if (response.status != 200) return response;
        bool fresh = false;  // at least one seal was not a duplicate
        if (const auto receipts = decode_receipts(*result)) {
          fresh = std::visit(
              [](const auto& all) {
                return std::any_of(all.begin(), all.end(), [](const auto& one) { return !one.duplicate; });
              },
              *receipts);
        } else if (const auto receipt = decode_receipt(*result)) {
          fresh = !is_duplicate(*receipt);
        }
        if (fresh) response.status = 201;
        return response;
      },
      head, exchange, {});
}

// --- Streams ---------------------------------------------------------------------------------------------------------

void Service::verify(const Plan& plan, const std::shared_ptr<Exchange>& exchange) {
  const auto gone = std::make_shared<std::atomic<bool>>(false);
  const auto write = [exchange, gone](std::string_view name, const std::string& json) {
    if (!*gone) exchange->write(std::make_shared<const std::string>(event_block(name, 0, json)));
  };
  Lanes::Question question;
  question.prepare = ready_made(plan.route.operation);
  question.progress = [executor = io_.get_executor(), gone, write](std::int64_t checked, std::int64_t total) {
    if (checked >= 0) {
      boost::asio::post(executor, [write, checked, total] {
        write("progress", "{\"checked\":" + std::to_string(checked) + ",\"total\":" + std::to_string(total) + "}");
      });
    }
    return !*gone;
  };
  question.finish = [exchange, gone, write](const Result<std::string>& result) -> std::function<void()> {
    const auto json = result.and_then([](const std::string& bytes) { return ctl::msgpack_to_json(bytes); });
    std::string text = json ? *json : *error_response(json.error()).body;
    return [exchange, gone, write, good = json.has_value(), text = std::move(text)] {
      write(good ? "result" : "error", text);
      if (!*gone) exchange->end_stream();
    };
  };
  if (!verify_lanes_.ask(std::move(question))) {
    return exchange->answer(
        error_response({ErrorCode::busy, "verifications are under way already; ask again later", {}}));
  }
  Response head;
  head.content_type = "text/event-stream";
  head.header("Cache-Control", "no-store");
  head.header("X-Accel-Buffering", "no");
  exchange->begin_stream(std::move(head), [gone] { *gone = true; });
}

void Service::events(const Plan& plan, const RequestHead& head, const std::shared_ptr<Exchange>& exchange) {
  if (streams_.size() >= options_.streams_max) {
    return exchange->answer(
        error_response({ErrorCode::busy, "too many clients follow the events; try again later", {}}));
  }
  std::optional<std::int64_t> after;
  if (!head.last_event_id.empty()) {
    after = parse_integer(head.last_event_id);
    if (!after || *after < 0) {
      return exchange->answer(error_response(
          {ErrorCode::invalid_argument, "Last-Event-ID must be the sequence of an entry", "Last-Event-ID"}));
    }
  }
  auto stream = std::make_shared<EventStream>(exchange, plan.route.topics, after, stream_shared_);
  streams_.insert(stream);
  const auto count_wanting = [this] {
    bool wanted = false;
    for (const auto& one : streams_) wanted = wanted || one->wants_entries();
    feed_.want_entries(wanted);
  };
  count_wanting();
  stream->start(watch_.fresh() != nullptr, [this, weak = std::weak_ptr(stream), count_wanting] {
    streams_.erase(weak.lock());
    count_wanting();
  });
}

}  // namespace vault::web
