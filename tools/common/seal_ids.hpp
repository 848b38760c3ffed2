// seal_ids drawn by vaultctl, so that sending again after a lost reply seals nothing twice.
#pragma once

#include <cstddef>
#include <string>

#include "ledger/result.hpp"
#include "ledger/uuid.hpp"

namespace vault::ctl {

// A UUIDv7 for the current time.
Uuid draw_seal_id();

// seal_ids that are the same in every run, for `seal --batch --resume`: UUIDv5 of a file's absolute path, symbolic
// links resolved, and the number of a line (docs/operating.md, "Many seals from a file").
class FileSealIds {
 public:
  // Error: invalid_argument if the path leads to no file.
  static Result<FileSealIds> open(const std::string& path);
  Uuid of_line(std::size_t number) const;  // from 1

 private:
  explicit FileSealIds(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace vault::ctl
