// The output file named by -o: opened before vaultd is asked anything, so that nothing is sealed whose receipt cannot
// be kept. Never overwrites an existing file.
#pragma once

#include <sys/types.h>
#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <string_view>

#include "ledger/result.hpp"
#include "os/durable_file.hpp"

namespace vault::ctl {

struct OutputOptions {
  std::string path;    // "": no -o was given; "-": stdout
  bool force = false;  // replace an existing file
};

// Adds -o,--output and --force. `help` describes the output.
void add_output(CLI::App& command, OutputOptions& options, const std::string& help);

class OutputFile {
 public:
  // Makes a file beside it, which gets its name in write() and is removed if it does not come to that. Anything but a
  // regular file (a pipe, /dev/stdout) is opened and written to directly; "-" is stdout, "" writes nothing. Error:
  // invalid_argument if the file exists (without `force`), or cannot be created there: field "output".
  static Result<OutputFile> open(const OutputOptions& options, mode_t mode);

  // Call once. Returns when the content is durable, under its name. Without `force` no file is replaced, even one that
  // was made since open(). Error: internal, naming path and cause; the file is then missing, or the old one still
  // there.
  Status write(std::string_view content);

 private:
  enum class Kind { none, standard_output, device, file };
  OutputFile(Kind kind, const OutputOptions& options) : kind_(kind), path_(options.path), force_(options.force) {}
  Status write_to_device(std::string_view content);

  Kind kind_;
  std::string path_;
  bool force_;
  UniqueFd device_;
  std::optional<PendingFile> file_;
};

}  // namespace vault::ctl
