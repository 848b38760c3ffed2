// Reads a data bundle of an archive (docs/archive.md) record by record, without holding more than one of them.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "ledger/data_bundle.hpp"
#include "ledger/result.hpp"
#include "store/archive/files.hpp"

namespace vault {

class DataReader {
 public:
  explicit DataReader(ArchiveFile file) : file_(std::move(file)) {}

  // The view is valid until the next call. Errors: invalid_argument if the file ends or the record is malformed, and
  // that of ArchiveFile::read_more().
  Result<DataRecord> next();
  // Whether the file ends after the records that were taken. Error: that of ArchiveFile::read_more().
  Result<bool> at_end();

 private:
  ArchiveFile file_;
  std::string buffer_;
  std::string_view rest_;  // of buffer_, not taken yet
};

}  // namespace vault
