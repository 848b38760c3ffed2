// The file that -o names: opened before anything is asked of vaultd, so that nothing is sealed whose receipt cannot be
// kept, and never put over a file that is there already.
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
  bool force = false;  // replace a file that is there
};

// -o,--output and --force. `help` says what is written.
void add_output(CLI::App& command, OutputOptions& options, const std::string& help);

class OutputFile {
 public:
  // Makes the file, empty; with `force` a new one beside it, which takes its place at write(). What is no regular file
  // (a pipe, /dev/stdout) is opened and written to as it is; "-" is stdout, "" writes nothing.
  // Error: invalid_argument where the file exists (without `force`), or cannot be made there: field "output".
  static Result<OutputFile> open(const OutputOptions& options, mode_t mode);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  // Removes what open() made where write() has not succeeded.
  ~OutputFile();

  // Once. Returns when the content is durable: fsynced, and renamed where it replaces another.
  // Error: internal, naming path and cause; the file is then not there, or the old one still is.
  Status write(std::string_view content);

 private:
  enum class Kind { none, standard_output, device, created, replacing };
  OutputFile(Kind kind, std::string path) : kind_(kind), path_(std::move(path)) {}

  Kind kind_;
  std::string path_;
  std::string made_;  // what is to be removed: path_, or the file beside it
  int fd_ = -1;
};

}  // namespace vault::ctl
