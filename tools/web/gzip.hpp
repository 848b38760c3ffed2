// gzip (RFC 1952), for text whose recipient accepts it.
#pragma once

#include <string>
#include <string_view>

namespace vault::web {

// True if an Accept-Encoding header accepts gzip, with a non-zero weight.
bool accepts_gzip(std::string_view accept_encoding);

std::string gzip(std::string_view text);

}  // namespace vault::web
