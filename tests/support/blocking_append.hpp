// For tests that have nothing else to do: one append, on a session of its own, and its outcome.
#pragma once

#include "store/store.hpp"

namespace vault::test {

AppendOutcome append(WriterStore& store, const AppendRequest& request);
// On a session that is there already.
AppendOutcome append(AppendSession& session, const AppendRequest& request);
// Waits for the outcome of what has been handed to the session. At most half a minute.
AppendOutcome wait_for_outcome(AppendSession& session);

}  // namespace vault::test
