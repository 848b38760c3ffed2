// The kernel's figures about this process, under the names that Prometheus' client libraries use.
#pragma once

#include <map>
#include <string>

namespace vault {

// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes, process_start_time_seconds,
// process_open_fds, process_max_fds, process_threads; what cannot be read is left out. Cost: some 50 microseconds.
std::map<std::string, double> process_figures();

}  // namespace vault
