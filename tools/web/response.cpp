#include "tools/web/response.hpp"

#include <fmt/format.h>

#include <cctype>
#include <chrono>
#include <ctime>

#include "ledger/bytes.hpp"
#include "ledger/sha256.hpp"
#include "tools/common/json_output.hpp"
#include "wire/error.hpp"

namespace vault::web {
namespace {

std::string_view reason(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Internal Server Error";
  }
}

// The Date header for the current second; renewed once a second.
const std::string& date_header() {
  thread_local std::time_t made = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != made) {
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char buffer[64];
    const std::size_t size = std::strftime(buffer, sizeof buffer, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    text.assign(buffer, size);
    made = now;
  }
  return text;
}

constexpr std::string_view every_answer =
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";

}  // namespace

void Response::header(std::string_view name, std::string_view value) {
  headers.append(name).append(": ").append(value).append("\r\n");
}

std::string etag_of(std::string_view content) {
  return "\"" + to_hex(sha256(content)).substr(0, 32) + "\"";
}

bool is_known_to_client(const std::string& if_none_match, const Response& response) {
  return !response.etag.empty() && (if_none_match == "*" || if_none_match.find(response.etag) != std::string::npos);
}

Response not_modified(const Response& response) {
  Response out;
  out.status = 304;
  out.headers = response.headers;
  out.etag = response.etag;
  return out;
}

Response text_response(unsigned status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::make_shared<const std::string>(std::move(body));
  return response;
}

Response json_response(unsigned status, std::string body) {
  Response response = text_response(status, std::move(body));
  response.content_type = "application/json";
  response.gzip_worth = true;
  response.header("Cache-Control", "no-store");
  return response;
}

unsigned status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_message:
    case ErrorCode::unsupported_version:
    case ErrorCode::unknown_op:
    case ErrorCode::invalid_argument:
      return 400;
    case ErrorCode::too_large:
      return 413;
    case ErrorCode::seal_id_conflict:
      return 409;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::forbidden:
      return 403;
    case ErrorCode::busy:
      return 429;
    case ErrorCode::unavailable:
      return 503;
    case ErrorCode::deadline_exceeded:
      return 504;
    case ErrorCode::internal:
      break;
  }
  return 500;
}

Response error_response(const Error& error) {
  std::string body = fmt::format("{{\"code\":{},\"message\":{}", ctl::json_string(error_name(error.code)),
                                 ctl::json_string(error.message));
  if (!error.field.empty()) body += ",\"field\":" + ctl::json_string(error.field);
  body += fmt::format(",\"retryable\":{}}}", is_retryable(error.code));
  Response response = json_response(status_of(error.code), std::move(body));
  if (response.status == 429 || response.status == 503) response.header("Retry-After", "1");
  return response;
}

Response refusal(unsigned status, std::string_view code, std::string_view message) {
  const bool retryable = status == 429 || status == 503;
  Response response = json_response(status, fmt::format("{{\"code\":{},\"message\":{},\"retryable\":{}}}",
                                                        ctl::json_string(code), ctl::json_string(message), retryable));
  if (status == 401) response.header("WWW-Authenticate", "Bearer realm=\"vault-web\"");
  if (retryable) response.header("Retry-After", "1");
  return response;
}

std::string response_head(const Response& response, const HeadOptions& options) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
  head.reserve(768);
  head += date_header();
  if (response.status != 304) head.append("Content-Type: ").append(response.content_type).append("\r\n");
  if (!options.stream && response.status != 304) head += fmt::format("Content-Length: {}\r\n", response.body->size());
  if (!options.keep_alive) head += "Connection: close\r\n";
  if (options.any_origin) head += "Access-Control-Allow-Origin: *\r\n";
  if (!response.etag.empty()) head.append("ETag: ").append(response.etag).append("\r\n");
  head.append(every_answer).append(response.headers).append("\r\n");
  return head;
}

}  // namespace vault::web
