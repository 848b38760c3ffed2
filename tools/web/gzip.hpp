// gzip (RFC 1952), for text that is sent to whoever asks for it so.
#pragma once

#include <string>
#include <string_view>

namespace vault::web {

// Does an Accept-Encoding header ask for gzip, with a weight that is not zero?
bool accepts_gzip(std::string_view accept_encoding);

std::string gzip(std::string_view text);

}  // namespace vault::web
