#include "tools/mcp/lines.hpp"

namespace vault::mcp {

void LineSplitter::feed(std::string_view bytes) {
  buffer_.erase(0, start_);
  scanned_ -= start_;
  start_ = 0;
  buffer_.append(bytes);
}

std::optional<LineSplitter::Line> LineSplitter::next() {
  const std::size_t end = buffer_.find('\n', scanned_);
  if (end == std::string::npos) {
    scanned_ = buffer_.size();
    if (buffer_.size() - start_ > bytes_max_) {
      skipping_ = true;
      buffer_.clear();
      start_ = scanned_ = 0;
    }
    return std::nullopt;
  }
  Line line = take(end - start_);
  start_ = scanned_ = end + 1;
  return line;
}

std::optional<LineSplitter::Line> LineSplitter::rest() {
  if (start_ == buffer_.size() && !skipping_) return std::nullopt;
  Line line = take(buffer_.size() - start_);
  start_ = scanned_ = buffer_.size();
  return line;
}

LineSplitter::Line LineSplitter::take(std::size_t size) {
  const bool too_long = skipping_ || size > bytes_max_;
  skipping_ = false;
  return {too_long ? std::string() : buffer_.substr(start_, size), too_long};
}

}  // namespace vault::mcp
