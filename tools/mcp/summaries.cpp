#include "tools/mcp/summaries.hpp"

#include <fmt/format.h>

#include "tools/common/terminal.hpp"
#include "tools/mcp/json_rpc.hpp"

namespace vault::mcp {
namespace {

using ctl::EntryView;
using ctl::PageView;
using ctl::short_hash;

constexpr std::size_t lines_max = 20;  // of a page
constexpr std::size_t name_bytes_max = 64;
// A byte of a name takes up to two in JSON, because quotation marks and backslashes are escaped.
static_assert((lines_max + 2) * (std::size_t{4} * (name_bytes_max + 3) + 128) < summary_bytes_max);

std::string count(std::size_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

std::string tree(std::int64_t size) {
  return "the tree of " + count(static_cast<std::size_t>(size), "entry", "entries");
}

std::string name(std::string_view text) {
  return excerpt(ctl::printable(text), name_bytes_max);
}

std::string place(const EntryView& entry) {
  if (entry.sealed == nullptr) return "seal " + format_uuid(entry.seal_id);
  return fmt::format("sequence {}", entry.sealed->sequence);
}

// "sequence 7, SEAL by deploy-bot in session release-42, 2026-…, entry_hash 9f3c…"
std::string line(const EntryView& entry) {
  std::string text = fmt::format("{}, {} by {} in session {}, {}", place(entry), verdict_name(entry.verdict),
                                 name(entry.authority), name(entry.session_id), format_timestamp(entry.timestamp));
  if (entry.sealed != nullptr) text += ", entry_hash " + short_hash(entry.sealed->entry_hash);
  return text;
}

}  // namespace

std::int64_t cursor_after(const EntryView& entry) {
  return entry.sealed != nullptr ? entry.sealed->sequence : entry.timestamp.micros;
}

std::string summarize(const AnyReceipt& receipt) {
  std::string text = is_duplicate(receipt) ? "Already sealed before: " : "Sealed: ";
  if (const auto* kept = std::get_if<KeptReceipt>(&receipt)) {
    return text + line(kept->seal) + ". vaultd runs without its database: kept as a file, not in the chain yet.";
  }
  const auto& sealed = std::get<Receipt>(receipt);
  text += line(sealed.entry) + ".";
  if (sealed.proof) {
    text += " Signed: proven in " + tree(static_cast<std::int64_t>(sealed.proof->tree_size)) + ".";
  }
  return text;
}

std::string summarize(const EntryView& entry) {
  return "Entry: " + line(entry) + ".";
}

std::string summarize(const PageView& page) {
  std::string text;
  if (page.entries.empty()) {
    text = page.next_cursor ? "No entry on this page." : "No entries.";
  } else {
    text = count(page.entries.size(), "entry", "entries") + ":";
  }
  for (std::size_t i = 0; i < page.entries.size() && i < lines_max; ++i) text += "\n" + line(page.entries[i]);
  if (page.entries.size() > lines_max) text += fmt::format("\n… and {} more", page.entries.size() - lines_max);
  if (page.next_cursor) text += fmt::format("\nThere may be more: call again with cursor {}.", *page.next_cursor);
  return text;
}

std::string summarize(const VerifyResult& result) {
  if (!result.valid) {
    return fmt::format("INVALID at sequence {}: {}. The ledger was tampered with, or damaged.",
                       result.first_invalid_sequence.value_or(0), name(result.reason.value_or("no reason given")));
  }
  if (result.checked == 0) return "Valid: there is nothing to check.";
  return fmt::format("Valid: entries {} to {}, {} checked in {} ms; merkle_root {}.", result.from, result.to,
                     result.checked, result.elapsed_ms, short_hash(result.merkle_root));
}

std::string summarize(const ProofResult& result) {
  return fmt::format("Sequence {} is leaf {} of {}: {} from entry_hash {} to merkle_root {}{}.", result.sequence,
                     result.leaf_index, tree(result.tree_size), count(result.proof.size(), "hash leads", "hashes lead"),
                     short_hash(result.entry_hash), short_hash(result.merkle_root),
                     result.checkpoint ? ", which a signed checkpoint names" : "");
}

}  // namespace vault::mcp
