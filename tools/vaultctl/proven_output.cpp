#include "tools/vaultctl/proven_output.hpp"

#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"

namespace vault::ctl {

void print_proven(const Proven& proven) {
  print_line(coloured("VALID", Colour::green) + "  entry " + std::to_string(proven.index + 1) +
             " is in the ledger of " + printable(proven.checkpoint.origin));
  Fields fields;
  if (proven.entry) {
    fields = {{"session", printable(proven.entry->session_id)},
              {"seal id", format_uuid(proven.entry->seal_id)},
              {"timestamp", shown_time(proven.entry->timestamp)},
              {"authority", printable(proven.entry->authority)},
              {"verdict", shown_verdict(proven.entry->verdict)}};
  }
  fields.insert(fields.end(), {{"payload", proven.payload},
                               {"entry hash", to_hex(proven.entry_hash)},
                               {"tree size", std::to_string(proven.checkpoint.tree_size)},
                               {"merkle root", to_hex(proven.checkpoint.root)}});
  print_fields(fields);
}

nlohmann::ordered_json proven_json(const Proven& proven) {
  nlohmann::ordered_json out{{"valid", true},
                             {"sequence", proven.index + 1},
                             {"leaf_index", proven.index},
                             {"entry_hash", to_hex(proven.entry_hash)},
                             {"origin", proven.checkpoint.origin},
                             {"tree_size", proven.checkpoint.tree_size},
                             {"merkle_root", to_hex(proven.checkpoint.root)},
                             {"payload", proven.payload}};
  if (proven.entry) {
    out["session_id"] = proven.entry->session_id;
    out["seal_id"] = format_uuid(proven.entry->seal_id);
    out["timestamp"] = format_timestamp(proven.entry->timestamp);
    out["authority"] = proven.entry->authority;
    out["verdict"] = verdict_name(proven.entry->verdict);
  }
  return out;
}

}  // namespace vault::ctl
