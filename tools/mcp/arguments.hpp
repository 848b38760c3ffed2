// The checked arguments of a tools/call, as an operation for vaultd.
#pragma once

#include "ledger/result.hpp"
#include "tools/mcp/json_rpc.hpp"
#include "tools/mcp/tools.hpp"
#include "wire/message.hpp"

namespace vault::mcp {

// `arguments` as written in the line; null counts as absent. The payload of a seal is parsed by the ledger's own parser
// (duplicate names, integers that would change and lone surrogates are refused) and becomes canonical text. A seal
// without a seal_id gets one here, so that it can be sent again after a lost reply. Errors: invalid_argument (or
// too_large) naming the argument in `field`.
Result<Operation> read_arguments(Tool tool, const Members& arguments);

}  // namespace vault::mcp
