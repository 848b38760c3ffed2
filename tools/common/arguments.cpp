#include "tools/common/arguments.hpp"

#include <fmt/format.h>

#include "ledger/passwords.hpp"
#include "ledger/quantity.hpp"
#include "tools/common/files.hpp"

namespace vault::ctl {
namespace {

constexpr std::chrono::hours day{24};
constexpr std::size_t vkey_file_bytes_max = 4'096;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

CLI::Option* add_timeout(CLI::App& command, std::chrono::milliseconds& out, const std::string& help) {
  return command
      .add_option_function<std::string>(
          "--timeout",
          [&out](const std::string& text) {
            const auto timeout = parse_timeout(text);
            if (!timeout) {
              throw CLI::ValidationError("--timeout", fmt::format("must be {}, from 1ms to 24h, not {}", duration_form,
                                                                  quoted_unless_secret(text)));
            }
            out = *timeout;
          },
          help)
      ->type_name("T");
}

std::optional<std::chrono::milliseconds> parse_timeout(std::string_view text) {
  const auto duration = parse_duration(text);
  return duration && duration->count() >= 1 && *duration <= day ? duration : std::nullopt;
}

CLI::Option* add_integer(CLI::App& command, const std::string& name, std::optional<std::int64_t>& out, std::int64_t min,
                         const std::string& help, std::int64_t max) {
  return command
      .add_option_function<std::string>(
          name,
          [&out, name, min, max](const std::string& text) {
            const auto value = parse_integer(text);
            if (!value || *value < min || *value > max) {
              std::string expected = "a whole number from " + std::to_string(min);
              if (max != std::numeric_limits<std::int64_t>::max()) expected += " to " + std::to_string(max);
              throw CLI::ValidationError(name, "expected " + expected + ", not '" + text + "'");
            }
            out = *value;
          },
          help)
      ->type_name("N");
}

void add_paging(CLI::App& command, PageRequest& page, bool with_order) {
  command
      .add_option_function<std::string>(
          "--cursor",
          [&page](const std::string& text) {
            page.cursor = parse_integer(text);
            if (!page.cursor || *page.cursor < 0) {
              throw CLI::ValidationError("--cursor", "expected the next_cursor of the page before, not '" + text + "'");
            }
          },
          "Go on where the page before ended (its next_cursor)")
      ->type_name("N");
  command
      .add_option_function<std::string>(
          "--limit",
          [&page](const std::string& text) {
            const auto value = parse_integer(text);
            if (!value || *value < 1 || *value > static_cast<std::int64_t>(limits::list_limit_max)) {
              throw CLI::ValidationError("--limit", "expected 1 to 1000, not '" + text + "'");
            }
            page.limit = static_cast<std::size_t>(*value);
          },
          "Entries on a page, 1 to 1000 [50]")
      ->type_name("N");
  if (!with_order) return;
  command
      .add_option_function<std::string>(
          "--order",
          [&page](const std::string& text) { page.order = text == "asc" ? Order::ascending : Order::descending; },
          "asc (oldest first) or desc (newest first) [desc]")
      ->check(CLI::IsMember({"asc", "desc"}).description(""))
      ->type_name("asc|desc");
}

CLI::Option* add_vkey(CLI::App& command, std::string& out) {
  return command
      .add_option("--vkey", out, "The log's verifier key, or a file that holds it (vaultctl checkpoint --vkey)")
      ->type_name("KEY|FILE");
}

Result<VerifierKey> load_vkey(const std::string& text_or_file) {
  auto key = VerifierKey::parse(trim(text_or_file));
  if (!key && is_existing_file(text_or_file)) {
    const auto text = read_input(text_or_file, vkey_file_bytes_max);
    if (!text) return tl::unexpected(text.error());
    key = VerifierKey::parse(trim(*text));
  }
  if (!key && !is_existing_file(text_or_file) && text_or_file.find('+') == std::string::npos) {
    return fail(ErrorCode::invalid_argument,
                "there is no file " + quoted_unless_secret(text_or_file) + ", and it is not a verifier key", "vkey");
  }
  if (!key) return fail(ErrorCode::invalid_argument, "not a verifier key: " + key.error().message, "vkey");
  return key;
}

}  // namespace vault::ctl
