// vaultctl export: prints entries as NDJSON, in ledger order, up to the head at the time of the call.
#include "tools/common/json_output.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/entry_checks.hpp"
#include "tools/vaultctl/entry_range.hpp"

namespace vault::ctl {
namespace {

struct ExportOptions {
  EntryRange range;
  bool no_check = false;
};

// Prints and checks the entries of one page up to `to` and moves `next` past them.
Status print_page(Client& client, std::int64_t& next, std::int64_t to, EntryChecks& checks) {
  PageRequest request;
  request.cursor = next - 1;
  request.limit = limits::list_limit_max;
  request.order = Order::ascending;
  const auto result = client.call(ListRequest{request});
  if (!result) return tl::unexpected(result.error());
  const auto page = decode_page(*result).and_then(of_ledger);
  if (!page) return tl::unexpected(page.error());
  if (page->entries.empty()) {
    return fail(ErrorCode::invalid_message,
                "vaultd does not list entry " + std::to_string(next) + ", which is in the ledger");
  }
  std::size_t printed = 0;
  bool in_order = true;
  const Status status = for_each_in_array(*result, "entries", [&](const std::string& json) {
    if (!in_order || next > to || printed >= page->entries.size()) return;
    const Entry& entry = page->entries[printed++];
    in_order = entry.sequence == next;
    if (!in_order) return;
    print_line(json);
    checks.check(entry);
    ++next;
  });
  if (status && !in_order) {
    return fail(ErrorCode::invalid_message, "vaultd skipped entry " + std::to_string(next) + ", which should be there");
  }
  return status;
}

int run_export(const Context& context, const ExportOptions& options) {
  if (const Status fits = check_range(options.range); !fits) return report(context, fits.error());
  auto client = connect_daemon(context.globals);
  if (!client) return report(context, client.error());
  const auto range = find_range(
      options.range, [&](const PageRequest& page) { return (*client)->list_entries(page).and_then(of_ledger); });
  if (!range) return report(context, range.error());
  const std::int64_t from = range->from.value_or(1);
  const auto head = (*client)->get_head();
  if (!head) return report(context, head.error());
  const std::int64_t to = std::min(range->to.value_or(head->sequence), head->sequence);
  if (range->to && *range->to > head->sequence) {
    return report(context, {ErrorCode::not_found, "--to is beyond the head, " + std::to_string(head->sequence), "to"});
  }
  EntryChecks checks(options.no_check);
  ProgressBar bar("exporting", !stdout_is_terminal());
  for (std::int64_t next = from; next <= to;) {
    if (const Status status = print_page(**client, next, to, checks); !status) {
      bar.finish();
      return report(context, status.error());
    }
    bar.update(static_cast<std::uint64_t>(next - from), static_cast<std::uint64_t>(to - from + 1));
    if (std::ferror(stdout) != 0) break;
  }
  bar.finish();
  return finish_output(checks.finish(exit_done));
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Print entries as NDJSON, oldest first");
  add_range(*command, options->range, "print");
  add_no_check(*command, options->no_check);
  command->footer(
      "Every line is an entry with all its members, as check-proof --entry takes it.\n"
      "Examples:\n"
      "  vaultctl export --from 1000 > entries.ndjson\n"
      "  vaultctl export --from yesterday --to today > yesterday.ndjson");
  command->callback(
      [options, &context] { context.run = [options, &context] { return run_export(context, *options); }; });
}

}  // namespace vault::ctl
