#include "tools/vaultctl/listing.hpp"

#include "tools/common/entry_view.hpp"
#include "tools/common/json_output.hpp"
#include "tools/common/pager.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/entry_checks.hpp"
#include "tools/vaultctl/entry_columns.hpp"

namespace vault::ctl {
namespace {

using Columns = std::vector<const EntryColumn*>;

void print_csv(const Columns& columns, const std::vector<EntryView>& entries, bool headings) {
  // Foreign text must not drive a terminal; a file gets it unchanged.
  const bool escape = stdout_is_terminal();
  std::vector<std::string> values;
  const auto put = [&] {
    const std::string line = csv_line(values);
    std::fwrite(line.data(), 1, line.size(), stdout);
    values.clear();
  };
  if (headings) {
    for (const EntryColumn* column : columns) values.emplace_back(column->name);
    put();
  }
  for (const EntryView& entry : entries) {
    for (const EntryColumn* column : columns) {
      const std::string value = column->value(entry);
      values.push_back(escape ? printable(value) : value);
    }
    put();
  }
}

class Listing {
 public:
  Listing(const Context& context, const ListingOptions& options, Columns columns)
      : context_(context), options_(options), columns_(std::move(columns)), checks_(options.no_check) {}

  // Error: that of Client::call(), or a result that is not a page.
  Status show(Client& client, PageRequest page, const std::function<Operation(const PageRequest&)>& operation) {
    if (options_.all) page.limit = limits::list_limit_max;
    while (true) {
      const auto result = client.call(operation(page));
      if (!result) return tl::unexpected(result.error());
      auto decoded = decode_page(*result);
      if (context_.globals.json && !options_.all) {
        const auto json = msgpack_to_json(*result);
        if (!json) return tl::unexpected(json.error());
        print_line(*json);
        decoded ? check(*decoded) : checks_.report_unreadable(decoded.error().message);
        return {};
      }
      if (!decoded) return tl::unexpected(decoded.error());
      const PageView view(*decoded);
      if (const Status shown = show_page(*result, view); !shown) return shown;
      check(*decoded);
      count_ += view.entries.size();
      ++pages_;
      if (!options_.all || !view.next_cursor || std::ferror(stdout) != 0) return end(view);
      page.cursor = view.next_cursor;
    }
  }

  int finish() const { return finish_output(checks_.finish(exit_done)); }

 private:
  Status show_page(const std::string& result, const PageView& page) {
    const bool headings = !options_.no_headings && pages_ == 0;
    if (context_.globals.json) {  // all pages in one document
      std::size_t shown = count_;
      if (pages_ == 0) std::fputs("{\"entries\":[", stdout);
      return for_each_in_array(result, "entries", [&](const std::string& json) {
        if (shown++ > 0) std::fputc(',', stdout);
        std::fwrite(json.data(), 1, json.size(), stdout);
      });
    }
    if (options_.format == ListingOptions::Format::ndjson) return for_each_in_array(result, "entries", print_line);
    if (options_.format == ListingOptions::Format::csv) {
      print_csv(columns_, page.entries, headings);
    } else if (!page.entries.empty()) {
      TableStyle style = style_of_stdout();
      if (options_.wide) style.columns.reset();
      style.headings = headings;
      entry_table(columns_, page.entries, options_.wide).print(style);
    }
    return {};
  }

  Status end(const PageView& page) const {
    if (context_.globals.json) {
      print_line("],\"next_cursor\":null}");
      return {};
    }
    if (count_ == 0) note(page.next_cursor ? "no entry found yet" : "no entries");
    if (page.next_cursor) note("more with --cursor " + std::to_string(*page.next_cursor) + ", or --all");
    return {};
  }

  // Through the pager too, which would draw its screen over what stands on stderr. Only people have one.
  static void note(const std::string& text) { is_paged() ? print_line(text) : print_note(text); }

  void check(const AnyPage& page) {
    const auto* sealed = std::get_if<Page>(&page);
    for (std::size_t i = 0; sealed != nullptr && i < sealed->entries.size(); ++i) checks_.check(sealed->entries[i]);
  }

  const Context& context_;
  const ListingOptions& options_;
  const Columns columns_;
  EntryChecks checks_;
  std::size_t count_ = 0, pages_ = 0;
};

}  // namespace

void add_listing(CLI::App& command, ListingOptions& options, Context& context) {
  command
      .add_option_function<std::string>(
          "-o,--output",
          [&options, &context](const std::string& text) {
            if (text == "json") {
              context.globals.json = true;
            } else if (text == "csv") {
              options.format = ListingOptions::Format::csv;
            } else if (text == "ndjson") {
              options.format = ListingOptions::Format::ndjson;
            } else if (text != "table") {
              throw CLI::ValidationError("--output", "expected table, csv, json or ndjson, not '" + text + "'");
            }
          },
          "Shown as table, csv, json (like --json) or ndjson (an entry a line) [table]")
      ->type_name("FORMAT");
  command.add_option("--columns", options.columns, "Only these, in this order: " + column_names())
      ->type_name("NAMES")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_flag("--wide", options.wide, "Cut nothing to the terminal's width; hashes in full");
  command.add_flag("--no-headers", options.no_headings, "No line of headings");
  command.add_flag("--all", options.all, "Go on to the last page");
  add_no_check(command, options.no_check);
}

int show_listing(const Context& context, const ListingOptions& options, PageRequest page,
                 const std::function<Operation(const PageRequest&)>& operation) {
  auto columns = choose_columns(options.columns);
  if (!columns) return report(context, columns.error());
  auto client = connect_daemon(context.globals);
  if (!client) return report(context, client.error());
  Listing listing(context, options, std::move(*columns));
  const Status shown = listing.show(**client, std::move(page), operation);
  return shown ? listing.finish() : report(context, shown.error());
}

}  // namespace vault::ctl
