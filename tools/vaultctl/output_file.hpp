// The output file named by -o: opened before vaultd is asked anything, so that nothing is sealed whose receipt cannot
// be kept. Never overwrites an existing file.
#pragma once

#include <sys/types.h>
#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <string_view>

#include "ledger/result.hpp"

namespace vault::ctl {

struct OutputOptions {
  std::string path;    // "": no -o was given; "-": stdout
  bool force = false;  // replace an existing file
};

// Adds -o,--output and --force. `help` describes the output.
void add_output(CLI::App& command, OutputOptions& options, const std::string& help);

class OutputFile {
 public:
  // Creates the file, empty; with `force`, a new one beside it, which replaces it in write(). Anything but a regular
  // file (a pipe, /dev/stdout) is opened and written to directly; "-" is stdout, "" writes nothing. Error:
  // invalid_argument if the file exists (without `force`), or cannot be created there: field "output".
  static Result<OutputFile> open(const OutputOptions& options, mode_t mode);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  // Removes the file made by open() unless write() has succeeded.
  ~OutputFile();

  // Call once. Returns when the content is durable: fsynced, and renamed if it replaces another file. Error: internal,
  // naming path and cause; the file is then missing, or the old one still there.
  Status write(std::string_view content);

 private:
  enum class Kind { none, standard_output, device, created, replacing };
  OutputFile(Kind kind, std::string path) : kind_(kind), path_(std::move(path)) {}

  Kind kind_;
  std::string path_;
  std::string made_;  // the file to be removed: path_, or the one beside it
  int fd_ = -1;
};

}  // namespace vault::ctl
