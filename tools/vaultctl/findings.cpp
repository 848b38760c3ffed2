#include "tools/vaultctl/findings.hpp"

#include <array>
#include <utility>

namespace vault::ctl {
namespace {

// By the names of finding_name(); a test checks that both agree.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> explanations{{
    {"sequence_gap", "An entry is missing here: a row was deleted, or its number was changed."},
    {"entry_hash_mismatch",
     "This entry does not say what was sealed: after it was sealed, a column of its row was changed - session, "
     "authority, verdict, time, seal_id, payload or one of its hashes."},
    {"prev_hash_mismatch",
     "This entry does not follow the one before it: one of the two was replaced, or entries were removed or put in "
     "between."},
    {"merkle_root_mismatch",
     "The root that this entry keeps is not that of the entries up to it: an entry at or before this place was "
     "replaced together with its hashes."},
    {"timestamp_regression", "This entry claims to be older than the one before it; no vaultd writes that."},
    {"erasure_unexplained",
     "The payload of this entry is gone, and no entry says who erased it and why, as every lawful erasure does."},
    {"stray_row", "A row stands where none belongs: somebody wrote into the table past vaultd."},
    {"head_mismatch",
     "The table that says how the ledger ends and the last entry contradict each other: the newest entries were "
     "removed or added, or the head was edited."},
    {"tile_mismatch",
     "The stored pieces of the Merkle tree are not those of the entries. The entries themselves fit up to here."},
    {"checkpoint_mismatch",
     "The ledger is not the one that was signed in this checkpoint: history was rewritten as a whole, or another "
     "ledger was put in its place."},
    {"checkpoint_signature_invalid", "A stored checkpoint was not signed by the log's key: it was forged or edited."},
    {"truncated",
     "The ledger is shorter than what was signed: the newest entries are gone. After a restore from an old backup "
     "this is expected, and still a loss."},
}};

}  // namespace

const char* const finding_first_steps =
    "First: change nothing, and keep evidence: a copy of the database, vaultd's log, the latest checkpoint and one "
    "that was kept elsewhere. day-two.md (in /usr/share/doc/vault999), \"Corruption or tampering\", has the rest.";

std::string explain_finding(std::string_view reason) {
  for (const auto& [name, text] : explanations) {
    if (name == reason) return std::string(text);
  }
  return "";
}

}  // namespace vault::ctl
