// vaultctl watch: follows the events socket without missing entries. Those that the socket dropped, or that were sealed
// before the subscription stood, are read from vaultd and shown in their place.
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "ledger/nearest.hpp"
#include "tools/common/arguments.hpp"
#include "tools/common/connect.hpp"
#include "tools/common/json_output.hpp"
#include "tools/common/key_dir.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/entry_checks.hpp"
#include "tools/vaultctl/interrupt.hpp"
#include "wire/client/subscriber.hpp"
#include "wire/event.hpp"

namespace vault::ctl {
namespace {

constexpr std::chrono::milliseconds turn{500};  // how soon a signal that arrived between two waits is noticed
constexpr std::chrono::milliseconds fill_timeout{5'000};

// vaultd sends a heartbeat every second: three missing ones are reported.
constexpr std::chrono::milliseconds silence_max{3'500};

// The topics listed in docs/protocol.md ("Events").
constexpr std::array<std::string_view, 11> topics_known{"entry.SEAL",     "entry.PARTIAL", "entry.SABAR", "entry.VOID",
                                                        "entry.888_HOLD", "entry.SUNSET",  "checkpoint",  "heartbeat",
                                                        "entry.",         "receipt.",      "alert."};

// The kinds of alerts listed in docs/operating.md ("Alerts"). A newer vaultd may have others.
constexpr std::array<std::string_view, 14> alerts_known{
    "alert.database",         "alert.tamper",       "alert.audit",  "alert.unreadable",
    "alert.readers",          "alert.fenced",       "alert.split",  "alert.checkpoint",
    "alert.rollback",         "alert.clock",        "alert.ingest", "alert.emergency",
    "alert.emergency_damage", "alert.configuration"};

// A sentence about a kind of alert that this vaultctl does not know, for which somebody may wait in vain; "" for
// others.
std::string doubt_about(const std::string& wanted) {
  if (!wanted.starts_with("alert.")) return "";
  for (const std::string_view topic : alerts_known) {
    if (topic.starts_with(wanted)) return "";
  }
  const std::string_view meant = nearest(wanted, std::span<const std::string_view>(alerts_known));
  return "this vaultctl knows no " + wanted + (meant.empty() ? "" : "; did you mean " + std::string(meant) + "?");
}

// Refuses a prefix that no topic can begin with, because it would wait for ever.
Status check_topic(const std::string& wanted) {
  for (const std::string_view topic : topics_known) {
    if (topic.rfind(wanted, 0) == 0) return {};
    const bool open_ended = topic == "receipt." || topic == "alert.";
    if (open_ended && wanted.rfind(topic, 0) == 0) return {};
  }
  const std::string_view meant = nearest(wanted, std::span<const std::string_view>(topics_known));
  return fail(ErrorCode::invalid_argument,
              "no topic begins with \"" + wanted + "\"" +
                  (meant.empty() ? "; there are entry.<VERDICT>, receipt.<seal_id>, checkpoint, alert.<kind>, heartbeat"
                                 : "; did you mean " + std::string(meant) + "?"),
              "topic");
}

// The events socket beside this requests socket: ipc:///run/vaultd/requests -> ipc:///run/vaultd/events. "" for others.
std::string events_beside(const std::string& requests) {
  constexpr std::string_view scheme = "ipc://", name = "/requests";
  const bool known = requests.rfind(scheme, 0) == 0 && requests.size() > scheme.size() + name.size() &&
                     requests.substr(requests.size() - name.size()) == name;
  return known ? requests.substr(0, requests.size() - name.size()) + "/events" : std::string();
}

struct WatchOptions {
  std::vector<std::string> topics;
  std::optional<std::int64_t> count;
  bool no_check = false;
};

std::string shown_text(const nlohmann::ordered_json& map, const char* name) {
  const auto found = map.find(name);
  if (found == map.end()) return "";
  return printable(found->is_string() ? found->get<std::string>() : found->dump());
}

std::string time_of(const nlohmann::ordered_json& map) {
  const std::string text = shown_text(map, "timestamp");
  const auto time = parse_timestamp(text);
  return time ? shown_time(*time) : text;
}

class Watcher {
 public:
  Watcher(const Context& context, const WatchOptions& options, std::string endpoint, Subscriber& subscriber)
      : context_(context),
        options_(options),
        endpoint_(std::move(endpoint)),
        subscriber_(subscriber),
        checks_(options.no_check),
        last_heard_(std::chrono::steady_clock::now()) {}

  int run() {
    connect_filler();
    while (stop_signal() == 0 && !done()) {
      auto event = subscriber_.next(turn);
      if (!event) return report(context_, event.error());
      if (*event) take(**event);
      listen(event->has_value());
    }
    return finish_output(checks_.finish(exit_done));
  }

 private:
  // Reports silence, even with --json: whoever watches for alerts must know that none can arrive.
  void listen(bool heard) {
    const auto now = std::chrono::steady_clock::now();
    if (heard) {
      if (silent_) print_note("# " + endpoint_ + " is heard again");
      silent_ = false;
      last_heard_ = now;
      return;
    }
    if (silent_ || now - last_heard_ < silence_max) return;
    silent_ = true;
    const std::string why = why_nobody_answers(endpoint_);
    print_note("# nothing comes from " + endpoint_ + (why.empty() ? "" : " (" + why + ")") +
               ": vaultd sends a heartbeat every second, and three are missing. Is it running, and is this its events "
               "socket? Waiting");
  }

  bool done() const { return options_.count && shown_ >= *options_.count; }

  // The socket is already subscribed; entries sealed before now are not news.
  void connect_filler() {
    if (!wants_entries()) return;
    Globals globals = context_.globals;
    globals.timeout = std::min(globals.timeout, fill_timeout);
    auto client = connect_daemon(globals);
    Result<Head> head = client ? (*client)->get_head() : tl::unexpected(client.error());
    if (head) {
      client_ = std::move(*client);
      last_entry_ = head->sequence;
    } else {
      note("gaps cannot be filled: " + head.error().message);
    }
  }

  void take(const ReceivedEvent& event) {
    if (event.restarted) note("vaultd was restarted; events may be missing");
    if (event.missed > 0) note(std::to_string(event.missed) + " events were lost");
    const bool is_entry = event.name == "entry" && event.sequence;
    if (is_entry && last_entry_) {
      if (*event.sequence <= *last_entry_) return;  // shown already
      fill(*event.sequence - 1);
    }
    if (is_entry && !done()) last_entry_ = *event.sequence;
    if (is_entry && !done() && wants(event.topic)) check(event.body);
    if (event.name == "heartbeat" && event.sequence) {
      fill(last_heartbeat_);  // one heartbeat old: the events of those entries would have arrived by now
      last_heartbeat_ = *event.sequence;
    }
    show(event.topic, event.body, false);
  }

  void check(const std::string& body) {
    const auto entry = decode_entry_event(body);
    entry ? checks_.check(*entry, PayloadRule::may_be_left_out) : checks_.report_unreadable(entry.error().message);
  }

  // Reads and shows the entries after the last one up to `to`.
  void fill(std::int64_t to) {
    while (client_ && last_entry_ && *last_entry_ < to && !done() && stop_signal() == 0) {
      PageRequest request;
      request.cursor = *last_entry_;
      request.limit = limits::list_limit_max;
      request.order = Order::ascending;
      // `to` as at_least: events arrive before a replica has the entries that they are about.
      const auto page = client_->list_entries(request, to).and_then(of_ledger);
      if (!page || page->entries.empty()) {
        note("entries " + std::to_string(*last_entry_ + 1) + " to " + std::to_string(to) +
             " are missing: " + (page ? "vaultd did not list them" : page.error().message));
        return;
      }
      for (const Entry& entry : page->entries) {
        if (entry.sequence > to || done()) return;
        last_entry_ = entry.sequence;
        const Event event = make_entry_event(0, entry, false);
        if (wants(event.topic)) checks_.check(entry);
        show(event.topic, event.body, true);
      }
    }
  }

  bool wants(const std::string& topic) const {
    if (options_.topics.empty()) return context_.globals.json || topic != "heartbeat";
    for (const std::string& wanted : options_.topics) {
      if (topic.rfind(wanted, 0) == 0) return true;
    }
    return false;
  }

  bool wants_entries() const {
    const std::string prefix = "entry.";
    for (const std::string& wanted : options_.topics) {
      if (prefix.rfind(wanted, 0) == 0 || wanted.rfind(prefix, 0) == 0) return true;
    }
    return options_.topics.empty();
  }

  void show(const std::string& topic, const std::string& body, bool filled) {
    if (done() || !wants(topic)) return;
    std::string front = "\"topic\":" + json_string(topic);
    if (filled) front += ",\"filled\":true";
    const auto json = msgpack_map_to_json(body, front);
    if (!json) {
      note("an event that cannot be shown: " + json.error().message);
      return;
    }
    ++shown_;
    print_line(context_.globals.json ? *json : describe(topic, nlohmann::ordered_json::parse(*json)));
    std::fflush(stdout);
  }

  std::string describe_alert(const std::string& topic, const nlohmann::ordered_json& map) {
    const std::string message = shown_text(map, "message");
    const auto now = std::chrono::steady_clock::now();
    if (!map.contains("raised") || map["raised"] != false) {
      raised_.try_emplace(topic, now);
      return coloured(printable(topic), Colour::red) + "  " + shown_text(map, "severity") + ": " + message;
    }
    std::string text = "cleared";
    if (const auto raised = raised_.extract(topic); !raised.empty()) {
      text += " after " + show_seconds(std::chrono::floor<std::chrono::seconds>(now - raised.mapped()));
    }
    // "over" is what vaultd says of a clearing about which there is no more to say.
    return coloured(printable(topic), Colour::green) + "  " + text + (message == "over" ? "" : ": " + message);
  }

  std::string describe(const std::string& topic, const nlohmann::ordered_json& map) {
    const std::string name = topic.substr(0, topic.find('.'));
    const auto hash = [&](const char* member) {
      const std::string whole = shown_text(map, member);
      return whole.size() > 16 ? whole.substr(0, 16) + "…" : whole;
    };
    if (map.contains("error")) {
      return coloured(printable(topic), Colour::red) + "  " + shown_text(map["error"], "code") + ": " +
             shown_text(map["error"], "message");
    }
    if (name == "entry" || name == "receipt") {
      const auto verdict = parse_verdict(shown_text(map, "verdict"));
      return coloured(printable(topic), verdict ? verdict_colour(*verdict) : Colour::none) + "  " +
             shown_text(map, "sequence") + "  " + time_of(map) + "  " + shown_text(map, "session_id") + "  " +
             shown_text(map, "authority") + "  " + hash("entry_hash");
    }
    if (name == "checkpoint") {
      return coloured(topic, Colour::cyan) + "  " + shown_text(map, "tree_size") + " entries  root " +
             hash("merkle_root");
    }
    if (name == "alert") return describe_alert(topic, map);
    return coloured(printable(topic), Colour::dim) + "  " + shown_text(map, "sequence") + "  queue " +
           shown_text(map, "queue_depth") + "  ready " + shown_text(map, "ready");
  }

  void note(const std::string& text) const {
    if (!context_.globals.json) print_note("# " + text);
  }

  const Context& context_;
  const WatchOptions& options_;
  const std::string endpoint_;
  Subscriber& subscriber_;
  EntryChecks checks_;
  std::chrono::steady_clock::time_point last_heard_;
  bool silent_ = false;                     // and that has been reported
  std::unique_ptr<Client> client_;          // for filling gaps; nullptr if vaultd does not answer
  std::optional<std::int64_t> last_entry_;  // shown, or older than the start; nullopt: unknown
  std::int64_t last_heartbeat_ = 0;         // the head in the previous heartbeat
  std::int64_t shown_ = 0;
  std::map<std::string, std::chrono::steady_clock::time_point> raised_;  // alerts that stand, and since when
};

int run_watch(const Context& context, const WatchOptions& options) {
  const Globals& globals = context.globals;
  if (!globals.address) return report(context, globals.address.error());
  const std::string endpoint = globals.events.empty() ? events_beside(globals.endpoint) : globals.events;
  if (endpoint.empty()) {
    return report(context, {ErrorCode::invalid_argument,
                            "watch needs --events (or VAULT_EVENTS): " + globals.endpoint +
                                " does not show where the events socket is; give it, as in --events tcp://db1:9992",
                            {}});
  }
  if (const Status status = check_endpoint(endpoint); !status) return report(context, status.error());
  if (const Status status = check_address(globals, endpoint); !status) return report(context, status.error());
  for (const std::string& topic : options.topics) {
    if (const Status status = check_topic(topic); !status) return report(context, status.error());
    // Even with --json: a program that waits for the wrong alert must show it somewhere.
    if (const std::string doubt = doubt_about(topic); !doubt.empty()) print_note("# " + doubt);
  }
  SubscriberOptions subscription{.endpoint = endpoint, .curve = {}};
  if (!globals.key_dir.empty()) {
    const auto keys = read_key_dir(globals.key_dir);
    if (!keys) return report(context, keys.error());
    subscription.curve = *keys;
  }
  stop_on_signals();
  auto subscriber = Subscriber::connect(subscription);
  if (!subscriber) return report(context, subscriber.error());
  return Watcher(context, options, endpoint, **subscriber).run();
}

}  // namespace

void add_watch(CLI::App& app, Context& context) {
  auto options = std::make_shared<WatchOptions>();
  CLI::App* command = app.add_subcommand("watch", "Follow what happens: entries, receipts, checkpoints, alerts");
  command
      ->add_option("--topic", options->topics,
                   "Only topics that begin so: entry.VOID, checkpoint, alert. ... (may be given several times)")
      ->type_name("T")
      ->allow_extra_args(false);
  add_integer(*command, "--count", options->count, 1, "Stop after this many events");
  add_no_check(*command, options->no_check);
  command->footer(
      "Runs until Ctrl-C. The events socket is the one beside --endpoint's unless --events names it; three missing\n"
      "heartbeats are reported. Entries that the socket dropped are read from vaultd (\"filled\": true with --json)\n"
      "and shown in ledger order. With --json one event per line: its map, with the topic; heartbeats are shown only\n"
      "there or on request.\n"
      "Examples:\n"
      "  vaultctl watch --events ipc:///run/vaultd/events\n"
      "  vaultctl watch --topic entry.VOID --topic alert. --json");
  command->callback(
      [options, &context] { context.run = [options, &context] { return run_watch(context, *options); }; });
}

}  // namespace vault::ctl
