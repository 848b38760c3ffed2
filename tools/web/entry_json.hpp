// Entries as JSON. Beside the payload as an object there is its canonical text as a string (`seal_data_canonical`): a
// JSON reader in a browser rounds integers of 64 bits, and the text is what is hashed.
#pragma once

#include <string>
#include <string_view>

#include "ledger/result.hpp"
#include "tools/common/entry_view.hpp"

namespace vault::web {

std::string entry_json(const ctl::EntryView& entry);             // the map of protocol.md, and seal_data_canonical
Result<std::string> entry_result_json(std::string_view result);  // {"entry":…} out of a `read`'s result
Result<std::string> page_result_json(std::string_view result);   // {"entries":[…],"next_cursor":…}

// The event that the PUB socket would have sent for an entry that was read from the ledger, topic included.
std::string entry_event_json(const Entry& entry);

}  // namespace vault::web
