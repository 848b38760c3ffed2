// VAULT_CHECK: an invariant that must hold in every build. A broken one ends the process; the supervisor above it
// (systemd) restarts it, and start-up verifies the head before anything is written again.
#pragma once

#include <cstdio>
#include <cstdlib>

#define VAULT_CHECK(condition)                                                               \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "<2>CHECK failed: %s (%s:%d)\n", #condition, __FILE__, __LINE__); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
