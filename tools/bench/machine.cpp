#include "tools/bench/machine.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace vault::bench {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

}  // namespace

Result<nlohmann::json> describe_machine(Baseline& baseline) {
  nlohmann::json machine;
  machine["processor"] = processor_name();
  machine["processors"] = std::thread::hardware_concurrency();
  machine["memory_mib"] = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * (sysconf(_SC_PAGESIZE) / 1024) / 1024;
  utsname system{};
  uname(&system);
  machine["kernel"] = system.release;
  machine["build"] = std::string(VAULT_SANITIZE).empty() ? VAULT_BUILD_TYPE : VAULT_BUILD_TYPE "+" VAULT_SANITIZE;
  auto version = baseline.run("SELECT split_part(current_setting('server_version'), ' ', 1)");
  if (!version) return tl::unexpected(version.error());
  machine["postgresql"] = *version;
  for (const char* name : {"fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "wal_compression",
                           "shared_buffers", "max_wal_size", "data_checksums"}) {
    auto value = baseline.run(std::string("SHOW ") + name);
    if (!value) return tl::unexpected(value.error());
    machine["postgresql_settings"][name] = *value;
  }
  return machine;
}

bool is_release_build() {
  return std::string(VAULT_BUILD_TYPE) == "Release" && std::string(VAULT_SANITIZE).empty();
}

}  // namespace vault::bench
