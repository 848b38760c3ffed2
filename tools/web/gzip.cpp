#include "tools/web/gzip.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>
#include <boost/crc.hpp>
#include <cstdint>

#include "ledger/check.hpp"

namespace vault::web {

namespace zlib = boost::beast::zlib;

bool accepts_gzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const std::size_t comma = accept_encoding.find(',');
    std::string_view one = accept_encoding.substr(0, comma);
    accept_encoding = comma == std::string_view::npos ? std::string_view() : accept_encoding.substr(comma + 1);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    if (!one.starts_with("gzip")) continue;
    one.remove_prefix(4);
    const std::size_t weight = one.find("q=");
    if (weight == std::string_view::npos) return one.find_first_not_of(" ;") == std::string_view::npos;
    return one.find_first_of("123456789", weight) != std::string_view::npos;
  }
  return false;
}

std::string gzip(std::string_view text) {
  std::string out("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", 10);
  zlib::deflate_stream stream;
  stream.reset(6, 15, 8, zlib::Strategy::normal);
  const std::size_t head = out.size();
  out.resize(head + stream.upper_bound(text.size()) + 64);
  zlib::z_params params;
  params.next_in = text.data();
  params.avail_in = text.size();
  params.next_out = out.data() + head;
  params.avail_out = out.size() - head;
  boost::system::error_code error;
  stream.write(params, zlib::Flush::finish, error);
  VAULT_CHECK(error == zlib::error::end_of_stream);
  out.resize(head + params.total_out);
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  const auto append = [&out](std::uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift);
  };
  append(crc.checksum());
  append(static_cast<std::uint32_t>(text.size()));
  return out;
}

}  // namespace vault::web
