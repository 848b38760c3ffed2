#include "tools/mcp/content.hpp"

#include <algorithm>
#include <span>

#include "ledger/canonical_json.hpp"
#include "ledger/hash_check.hpp"
#include "tools/common/connect.hpp"
#include "tools/common/json_output.hpp"
#include "tools/mcp/summaries.hpp"
#include "wire/codec.hpp"
#include "wire/error.hpp"

namespace vault::mcp {
namespace {

using ctl::EntryView;

constexpr std::size_t around_bytes = 32U << 10;  // of a reply: its framing, id and summary
constexpr std::size_t misfits_shown_max = 10;
static_assert(around_bytes > summary_bytes_max + token_bytes_max + 1024);
constexpr std::size_t content_bytes_max = reply_bytes_max - around_bytes;

// The space that JSON text takes in a reply: once as it is, once as the text of a content block.
std::size_t cost(const std::string& json) {
  std::string quoted;
  append_string(json, quoted);
  return json.size() + quoted.size();
}

void append_text_block(std::string_view text, std::string& out) {
  out.append(R"({"type":"text","text":)");
  append_string(text, out);
  out.append("}");
}

void append_end(bool is_error, bool modern, std::string& out) {
  out.append(R"(,"isError":)").append(is_error ? "true" : "false");
  if (modern) out.append(R"(,"resultType":"complete")");
  out.append("}");
}

std::string content(const std::string& structured, std::string_view summary, bool modern) {
  std::string out = R"({"content":[)";
  append_text_block(structured, out);
  out.append(",");
  append_text_block(summary, out);
  out.append(R"(],"structuredContent":)").append(structured);
  append_end(false, modern, out);
  return out;
}

struct Answer {
  std::string structured, summary;
  std::string misfit{};  // which entries are not what was sealed; empty if all are
};

// Describes entries whose hashes do not fit; empty if all fit.
std::string find_misfits(std::span<const EntryView> entries) {
  std::string text;
  HashChecker checker;
  std::size_t found = 0;
  for (const EntryView& entry : entries) {
    if (entry.sealed == nullptr) continue;  // it has no hashes yet
    const HashFaults faults = checker.check(*entry.sealed);
    if (!faults.any() || ++found > misfits_shown_max) continue;
    text += describe(*entry.sealed, faults) + ".\n";
  }
  if (found == 0) return text;
  if (found > misfits_shown_max) text += std::to_string(found - misfits_shown_max) + " more do not fit.\n";
  return text +
         "The stored content is not what was sealed: the database was changed, or vaultd does not answer truthfully. "
         "Do not rely on it. vault_verify names the first entry that fails.";
}

// As an error, followed by the entries after the warning, so that they can be inspected.
std::string misfit_result(const Answer& answer, bool modern) {
  std::string out = R"({"content":[)";
  append_text_block(answer.misfit, out);
  out.append(",");
  append_text_block(answer.structured, out);
  out.append("]");
  append_end(true, modern, out);
  return out;
}

tl::unexpected<Error> entry_too_large(const EntryView& entry, std::size_t bytes, bool on_page) {
  const bool kept = entry.sealed == nullptr;
  const std::string which = kept ? format_uuid(entry.seal_id) : std::to_string(entry.sealed->sequence);
  std::string text = "the entry " + which + " takes " + std::to_string(bytes) +
                     " bytes in a reply, which holds at most " + std::to_string(content_bytes_max) +
                     ". `vaultctl read " + (kept ? "--seal-id " : "--sequence ") + which + "` shows it.";
  if (on_page) text += " Cursor " + std::to_string(cursor_after(entry)) + " goes on behind it.";
  return fail(ErrorCode::too_large, std::move(text));
}

Result<Answer> entry_answer(const std::string& result, std::string json) {
  const auto entry = decode_entry(result);
  if (!entry) return tl::unexpected(entry.error());
  const EntryView view(*entry);
  if (const std::size_t bytes = cost(json); bytes > content_bytes_max) return entry_too_large(view, bytes, false);
  return Answer{std::move(json), summarize(view), find_misfits({&view, 1})};
}

Result<Answer> page_answer(const std::string& result) {
  const auto decoded = decode_page(result);
  if (!decoded) return tl::unexpected(decoded.error());
  ctl::PageView page(*decoded);
  std::string structured = R"({"entries":[)";
  std::size_t kept = 0, bytes = 0, last = 0;
  bool full = false;
  const Status walked = ctl::for_each_in_array(result, "entries", [&](const std::string& json) {
    last = full ? last : cost(json) + 2;
    full = full || bytes + last > content_bytes_max;
    if (full) return;
    bytes += last;
    if (kept++ > 0) structured += ',';
    structured += json;
  });
  if (!walked) return tl::unexpected(walked.error());
  if (full && kept == 0) return entry_too_large(page.entries.front(), last, true);
  if (full) {
    page.entries.erase(page.entries.begin() + static_cast<std::ptrdiff_t>(kept), page.entries.end());
    page.next_cursor = cursor_after(page.entries.back());
  }
  structured += R"(],"next_cursor":)";
  structured += page.next_cursor ? std::to_string(*page.next_cursor) : "null";
  structured += '}';
  return Answer{std::move(structured), summarize(page), find_misfits(page.entries)};
}

// A result that is small whatever its contents.
template <class T>
Result<Answer> plain_answer(const Result<T>& decoded, std::string json) {
  if (!decoded) return tl::unexpected(decoded.error());
  return Answer{std::move(json), summarize(*decoded)};
}

Result<Answer> answer(const ToolCall& call, const std::string& result) {
  const auto* read = std::get_if<ReadRequest>(&call.operation);
  if (call.tool == Tool::list || call.tool == Tool::query || (read != nullptr && read->session)) {
    return page_answer(result);
  }
  auto json = ctl::msgpack_to_json(result);
  if (!json) return tl::unexpected(json.error());
  switch (call.tool) {
    case Tool::seal:
      return plain_answer(decode_receipt(result), std::move(*json));
    case Tool::verify:
      return plain_answer(decode_verify(result), std::move(*json));
    case Tool::proof:
      return plain_answer(decode_proof(result), std::move(*json));
    default:
      return entry_answer(result, std::move(*json));
  }
}

// Advises the caller what to do about the error.
std::string advice(const ToolCall& call, const Error& error) {
  const auto* seal = std::get_if<SealRequest>(&call.operation);
  const std::string seal_id =
      seal == nullptr || !seal->seals.front().seal_id ? "" : format_uuid(*seal->seals.front().seal_id);
  switch (error.code) {
    case ErrorCode::unavailable:
      if (ctl::is_unreachable(error)) {
        return "Nothing was sealed or read. Start vaultd, or give vault-mcp its address with --endpoint; then call "
               "again.";
      }
      return "Call again later.";
    case ErrorCode::busy:
      return "Call again in a moment.";
    case ErrorCode::deadline_exceeded:
      if (!seal_id.empty()) {
        return "Call vault_seal again with the same content and seal_id " + seal_id +
               ": it is sealed once, whatever "
               "became of this call.";
      }
      return "Call again later, or give vault-mcp a longer --timeout.";
    case ErrorCode::not_found:
      return "vault_list shows the newest entries.";
    case ErrorCode::forbidden:
      return "The roles of this client's key, or the mode of vaultd's socket, do not allow it.";
    case ErrorCode::seal_id_conflict:
      return "Use a new seal_id for a new seal.";
    case ErrorCode::internal:
      return "See vaultd's log for details.";
    default:
      return {};
  }
}

}  // namespace

Result<std::string> success_result(const ToolCall& call, const std::string& result) {
  const auto made = answer(call, result);
  if (!made) return tl::unexpected(made.error());
  if (!made->misfit.empty()) return misfit_result(*made, call.modern);
  return content(made->structured, made->summary, call.modern);
}

std::string refusal_result(std::string_view text, bool modern) {
  std::string out = R"({"content":[)";
  append_text_block(text, out);
  out.append("]");
  append_end(true, modern, out);
  return out;
}

std::string describe(const Error& error) {
  if (error.field.empty() || error.message.starts_with(error.field)) return error.message;
  return error.field + ": " + error.message;
}

std::string describe_refusal(const ToolCall& call, const Error& error) {
  // The field is worth naming if its value is wrong; a sequence that was not found needs no such hint.
  const bool about_field = error.code == ErrorCode::invalid_argument || error.code == ErrorCode::too_large;
  std::string text = std::string(error_name(error.code)) + ": " + (about_field ? describe(error) : error.message);
  const std::string what_to_do = advice(call, error);
  if (what_to_do.empty()) return text;
  if (std::string_view(".?!").find(text.back()) == std::string_view::npos) text += '.';
  return text + " " + what_to_do;
}

}  // namespace vault::mcp
