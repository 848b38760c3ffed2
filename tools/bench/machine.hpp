// Describes the machine that the figures come from.
#pragma once

#include <nlohmann/json.hpp>

#include "tools/bench/baseline.hpp"

namespace vault::bench {

// Processor, memory, kernel, the server's version and those of its settings that affect durability and speed.
Result<nlohmann::json> describe_machine(Baseline& baseline);

// False for builds whose figures mean nothing: debug builds, sanitizers.
bool is_release_build();

}  // namespace vault::bench
