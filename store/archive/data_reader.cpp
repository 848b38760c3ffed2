#include "store/archive/data_reader.hpp"

namespace vault {

Result<DataRecord> DataReader::next() {
  while (true) {
    auto record = take_data_record(rest_);
    if (!record) return tl::unexpected(record.error());
    if (*record) return **record;
    buffer_.erase(0, buffer_.size() - rest_.size());
    const auto more = file_.read_more(buffer_);
    rest_ = buffer_;
    if (!more) return tl::unexpected(more.error());
    if (!*more) return fail(ErrorCode::invalid_argument, "the bundle ends before its last record");
  }
}

Result<bool> DataReader::at_end() {
  if (!rest_.empty()) return false;
  std::string more;
  return file_.read_more(more).map([](bool found) { return !found; });
}

}  // namespace vault
