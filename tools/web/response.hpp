// An answer, and the bytes of its head. No HTTP library: the output is entirely our own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "ledger/result.hpp"

namespace vault::web {

struct Response {
  unsigned status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string headers;  // more of them, each with its CRLF
  std::string etag;     // in quotes; empty: none
  std::shared_ptr<const std::string> body = std::make_shared<const std::string>();
  bool gzip_worth = false;  // text that may be compressed if the client accepts it
  bool close = false;       // close the connection after it

  void header(std::string_view name, std::string_view value);
};

// An entity tag for this content.
std::string etag_of(std::string_view content);
// Whether a client that sent If-None-Match has `response` already; false without an ETag.
bool is_known_to_client(const std::string& if_none_match, const Response& response);
// 304, with the headers of `response`.
Response not_modified(const Response& response);

Response text_response(unsigned status, std::string body);
Response json_response(unsigned status, std::string body);

// The protocol's error map as body, under the status that fits its code (docs/web.md), or under `status`.
Response error_response(const Error& error);
// The same for refusals that only HTTP has, under a code of its own.
Response refusal(unsigned status, std::string_view code, std::string_view message);
unsigned status_of(ErrorCode code);

struct HeadOptions {
  bool keep_alive = true;
  bool stream = false;      // the body's length is unknown: it ends with the connection
  bool any_origin = false;  // pages of every origin may read it
};
// The status line and all headers, including the blank line.
std::string response_head(const Response& response, const HeadOptions& options);

}  // namespace vault::web
