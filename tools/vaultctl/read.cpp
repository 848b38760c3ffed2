// vaultctl read, list, query, head: the simple queries.
#include "tools/common/arguments.hpp"
#include "tools/common/json_output.hpp"
#include "tools/common/terminal.hpp"
#include "tools/common/times.hpp"
#include "tools/common/verdicts.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/entry_checks.hpp"
#include "tools/vaultctl/listing.hpp"

namespace vault::ctl {
namespace {

using Show = std::function<Status(const std::string& result)>;
using Check = std::function<int(const std::string& result)>;  // the exit code

int nothing_to_check(const std::string& /*result*/) {
  return exit_done;
}

// Asks vaultd and prints the `result` map with --json, otherwise the output of `show`.
int ask(const Context& context, const Operation& operation, const Show& show, const Check& check = nothing_to_check) {
  auto client = connect_daemon(context.globals);
  if (!client) return report(context, client.error());
  const auto result = (*client)->call(operation);
  if (!result) return report(context, result.error());
  if (context.globals.json) {
    const auto json = msgpack_to_json(*result);
    if (!json) return report(context, json.error());
    print_line(*json);
  } else if (const Status shown = show(*result); !shown) {
    return report(context, shown.error());
  }
  return finish_output(check(*result));
}

// Both report what does not fit, unless `no_check` disables the check.
Check entry_check(bool no_check) {
  return [no_check](const std::string& result) {
    EntryChecks checks(no_check);
    const auto entry = decode_entry(result);
    entry ? checks.check(*entry) : checks.report_unreadable(entry.error().message);
    return checks.finish(exit_done);
  };
}

Status show_entry(const std::string& result) {
  const auto entry = decode_entry(result);
  if (!entry) return tl::unexpected(entry.error());
  const EntryView view(*entry);
  Fields fields = entry_fields(view);
  fields.emplace_back("seal data", view.seal_data ? printable(*view.seal_data) : "(missing)");
  print_fields(fields);
  return {};
}

Status show_head(const std::string& result) {
  const auto head = decode_head(result);
  if (!head) return tl::unexpected(head.error());
  print_fields({{"sequence", std::to_string(head->sequence)},
                {"entry hash", to_hex(head->entry_hash)},
                {"merkle root", to_hex(head->merkle_root)},
                {"timestamp", head->sequence == 0 ? "(empty ledger)" : shown_time(head->timestamp)}});
  return {};
}

struct ReadOptions {
  std::optional<std::int64_t> sequence, number;  // the same value, as an option and as a positional
  std::string seal_id, session;
  PageRequest page;
  ListingOptions listing;
};

int run_read(const Context& context, const ReadOptions& options) {
  const auto wrong = [&](const std::string& message, const char* field) {
    return report(context, {ErrorCode::invalid_argument, message, field});
  };
  const int keys = (options.sequence ? 1 : 0) + (options.number ? 1 : 0) + (options.seal_id.empty() ? 0 : 1) +
                   (options.session.empty() ? 0 : 1);
  if (keys != 1) return wrong("give exactly one of a sequence, --seal-id and --session", "");
  ReadRequest request{.sequence = options.number ? options.number : options.sequence, .seal_id = {}, .session = {}};
  if (!options.seal_id.empty()) {
    request.seal_id = parse_uuid(options.seal_id);
    if (!request.seal_id) return wrong("--seal-id is not a UUID: " + options.seal_id, "seal_id");
  }
  if (options.session.empty() && options.listing.format != ListingOptions::Format::table) {
    return wrong("-o csv and ndjson go with --session", "output");
  }
  if (options.session.empty()) return ask(context, request, show_entry, entry_check(options.listing.no_check));
  if (const Status status = check_name(options.session, "session_id"); !status) return report(context, status.error());
  PageRequest page = options.page;
  page.session_id = options.session;
  page.order = Order::ascending;
  return show_listing(context, options.listing, page, [](const PageRequest& one) {
    ReadRequest read{.sequence = {}, .seal_id = {}, .session = {}};
    read.session = one;
    return Operation{read};
  });
}

void add_read(CLI::App& app, Context& context) {
  auto options = std::make_shared<ReadOptions>();
  CLI::App* command = app.add_subcommand("read", "Show an entry, or the entries of a session");
  add_integer(*command, "--sequence", options->sequence, 1, "The same");
  add_integer(*command, "N", options->number, 1, "The entry with this sequence");
  command->add_option("--seal-id", options->seal_id, "The entry with this seal_id")->type_name("U");
  command->add_option("--session", options->session, "The entries of this session, oldest first")->type_name("S");
  add_paging(*command, options->page, false);
  add_listing(*command, options->listing, context);
  command->footer(
      "Examples:\n"
      "  vaultctl read 42\n"
      "  vaultctl read --session s-1 --limit 10\n"
      "  vaultctl read --sequence 42 --json > entry.json   (what check-proof --entry takes)");
  command->callback([options, &context] { context.run = [options, &context] { return run_read(context, *options); }; });
}

Operation list_request(const PageRequest& page) {
  return ListRequest{page};
}

void add_list(CLI::App& app, Context& context) {
  struct ListOptions {
    PageRequest page;
    ListingOptions listing;
  };
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = app.add_subcommand("list", "List entries, newest first");
  add_paging(*command, options->page, true);
  add_listing(*command, options->listing, context);
  command->footer(
      "Examples:\n"
      "  vaultctl list --limit 20 --order asc\n"
      "  vaultctl list --all --columns sequence,time,verdict,data\n"
      "  vaultctl list --all -o csv > entries.csv");
  command->callback([options, &context] {
    context.run = [options, &context] { return show_listing(context, options->listing, options->page, list_request); };
  });
}

struct QueryOptions {
  std::string verdict, session, authority;
  PageRequest page;
  ListingOptions listing;
};

int run_query(const Context& context, const QueryOptions& options) {
  PageRequest page = options.page;
  if (!options.verdict.empty()) {
    page.verdict = parse_verdict(options.verdict);
    if (!page.verdict) {
      return report(context, {ErrorCode::invalid_argument,
                              "--verdict is one of SEAL, PARTIAL, SABAR, VOID, 888_HOLD, SUNSET" +
                                  did_you_mean_verdict(options.verdict),
                              "verdict"});
    }
  }
  for (auto [text, out, field] : {std::tuple{&options.session, &page.session_id, "session_id"},
                                  std::tuple{&options.authority, &page.authority, "authority"}}) {
    if (text->empty()) continue;
    if (const Status status = check_name(*text, field); !status) return report(context, status.error());
    *out = *text;
  }
  return show_listing(context, options.listing, page, list_request);
}

void add_query(CLI::App& app, Context& context) {
  auto options = std::make_shared<QueryOptions>();
  CLI::App* command = app.add_subcommand("query", "Find entries by verdict, session, authority and time");
  command->add_option("--verdict", options->verdict, "SEAL, PARTIAL, SABAR, VOID, 888_HOLD or SUNSET")->type_name("V");
  command->add_option("--session", options->session, "Of this session")->type_name("S");
  command->add_option("--authority", options->authority, "Of this authority")->type_name("A");
  add_time(*command, "--from", options->page.from, "Sealed at this time or later");
  add_time(*command, "--to", options->page.to, "Sealed before this time");
  add_paging(*command, options->page, true);
  add_listing(*command, options->listing, context);
  command->footer(
      verdicts_explained() +
      "All conditions must hold. A page may be short, or empty, although there is more: go on with --cursor.\n"
      "A time: 2026-11-28, '2026-11-28 14:30', any other form of ISO 8601, now, today, yesterday, or how long ago: "
      "-1h,\n"
      "-2d12h. Without a zone (Z, +01:00) it is local time; what is shown is UTC.\n"
      "Examples:\n"
      "  vaultctl query --verdict VOID --from yesterday --order asc\n"
      "  vaultctl query --authority deploy-bot --from 2026-11-28T09:00+01:00 --to -1h");
  command->callback(
      [options, &context] { context.run = [options, &context] { return run_query(context, *options); }; });
}

}  // namespace

void add_read_commands(CLI::App& app, Context& context) {
  add_read(app, context);
  add_list(app, context);
  add_query(app, context);
  CLI::App* head = app.add_subcommand("head", "Show the end of the chain: sequence, hash, Merkle root");
  head->footer("Example:\n  vaultctl head --json");
  head->callback([&context] { context.run = [&context] { return ask(context, HeadRequest{}, show_head); }; });
}

}  // namespace vault::ctl
