// For tests with nothing else to do: performs one append, in a session of its own, and waits for its outcome.
#pragma once

#include "store/store.hpp"

namespace vault::test {

AppendOutcome append(WriterStore& store, const AppendRequest& request);
// In an existing session.
AppendOutcome append(AppendSession& session, const AppendRequest& request);
// Waits for the outcome of the batch given to the session. At most half a minute.
AppendOutcome wait_for_outcome(AppendSession& session);

}  // namespace vault::test
