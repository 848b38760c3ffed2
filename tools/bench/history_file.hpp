// The benchmark's history: a file with one line of JSON per run, which tools/bench-history reads.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "ledger/result.hpp"
#include "os/file_descriptor.hpp"

namespace vault::bench {

class HistoryFile {
 public:
  // Opens it for appending, or creates it. Error: that of code_of_file_error().
  static Result<HistoryFile> open(const std::string& path);

  // Adds `run` as a line, with the time and the version of vault-bench as `measured_at` and `version`. Starts a new
  // line even if the last one was cut off. Error: that of code_of_file_error().
  Status append(nlohmann::json run);

 private:
  HistoryFile(UniqueFd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  UniqueFd file_;
  std::string path_;
};

}  // namespace vault::bench
