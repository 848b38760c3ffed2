#include "tools/mcp/dispatch.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "ledger/bytes.hpp"
#include "tools/mcp/arguments.hpp"
#include "tools/mcp/content.hpp"
#include "version.hpp"

namespace vault::mcp {
namespace {

using Json = nlohmann::ordered_json;
using Kind = RawJson::Kind;

constexpr std::string_view modern_version = "2026-07-28";
constexpr std::array<std::string_view, 3> handshake_versions{"2025-11-25", "2025-06-18", "2024-11-05"};  // newest first
constexpr std::string_view version_key = "io.modelcontextprotocol/protocolVersion";
constexpr std::string_view capabilities_key = "io.modelcontextprotocol/clientCapabilities";

Json server_info() {
  return {{"name", "vault-mcp"}, {"title", "VAULT999 ledger"}, {"version", version_text}};
}

Json capabilities() {
  return {{"tools", Json::object()}};
}

Outcome refuse(std::string_view id, RpcCode code, std::string_view message) {
  return {error_line(id, code, message), {}};
}

// States what a client may cache, and for how long: nothing changes while this server runs, but the next one may
// differ.
void make_modern(Json& result, bool cacheable) {
  result["resultType"] = "complete";
  if (!cacheable) return;
  result["ttlMs"] = 0;
  result["cacheScope"] = "public";
}

std::string discover_result() {
  Json result;
  make_modern(result, false);
  result["supportedVersions"] = {modern_version};
  result["capabilities"] = capabilities();
  make_modern(result, true);
  result["_meta"] = {{"io.modelcontextprotocol/serverInfo", server_info()}};
  return result.dump();
}

Outcome list_tools(std::string_view id, const std::optional<Members>& params, bool modern) {
  if (params && params->find("cursor") != nullptr) {
    return refuse(id, invalid_params,
                  "Invalid params: there is only one page of tools, and this cursor does not belong to it");
  }
  std::string result = R"({"tools":)" + tools_json();
  if (modern) result += R"(,"resultType":"complete","ttlMs":0,"cacheScope":"public")";
  return {result_line(id, result + "}"), {}};
}

Outcome call_tool(std::string_view id, const std::optional<Members>& params, const std::optional<Members>& meta,
                  bool modern) {
  const auto name = params ? params->string("name") : std::nullopt;
  if (!name) return refuse(id, invalid_params, "Invalid params: name must be a string");
  const auto tool = find_tool(*name);
  if (!tool) return refuse(id, invalid_params, "Unknown tool: tools/list lists them");
  ToolCall call{.id = std::string(id), .modern = modern, .tool = *tool, .operation = {}, .progress_token = {}};
  if (const auto* token = meta ? meta->find("progressToken") : nullptr; token != nullptr) {
    const auto text = read_token(meta->json(), *token);
    if (!text) return refuse(id, invalid_params, "Invalid params: progressToken must be a string or an integer");
    call.progress_token = *text;
  }
  static const auto no_arguments = RawJson::parse("{}");
  const auto given = params->object("arguments");
  if (!given && params->find("arguments") != nullptr) {
    return refuse(id, invalid_params, "Invalid params: arguments must be an object");
  }
  auto operation = read_arguments(*tool, given ? *given : Members(*no_arguments, no_arguments->root()));
  if (!operation) return {result_line(id, refusal_result(describe(operation.error()), modern)), {}};
  call.operation = std::move(*operation);
  return {{}, std::move(call)};
}

}  // namespace

Outcome Dispatcher::dispatch(std::string_view line) {
  if (line.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};
  try {
    if (!is_valid_utf8(line)) return refuse({}, parse_error, "Parse error: not UTF-8");
    const auto json = RawJson::parse(line);
    if (!json) {
      const auto& fault = json.error();
      return refuse({}, parse_error, "Parse error at byte " + std::to_string(fault.at) + ": " + fault.what);
    }
    return dispatch_message(*json);
  } catch (const std::exception&) {  // no memory
    return refuse({}, internal_error, "Internal error");
  }
}

Outcome Dispatcher::dispatch_message(const RawJson& json) {
  if (json.root().kind != Kind::object) {
    return refuse({}, invalid_request, "Invalid Request: a message is one JSON object; there are no batches");
  }
  const Members message(json, json.root());
  const auto* id = message.find("id");
  const auto* method = message.find("method");
  if (method == nullptr && (message.find("result") != nullptr || message.find("error") != nullptr)) return {};
  const auto token = id == nullptr ? std::nullopt : read_token(json, *id);
  if (const auto twice = message.twice(); !twice.empty()) {
    return refuse(token && twice != R"("id")" ? *token : "", invalid_request,
                  "Invalid Request: " + excerpt(twice) + " occurs twice");
  }
  if (id != nullptr && !token) {
    return refuse({}, invalid_request, "Invalid Request: id must be a string or an integer, of at most 1024 bytes");
  }
  if (message.string("jsonrpc") != "2.0") {
    return refuse(token.value_or(""), invalid_request, R"(Invalid Request: jsonrpc must be "2.0")");
  }
  Request request;
  if (method == nullptr || method->kind != Kind::string) {
    return refuse(token.value_or(""), invalid_request, "Invalid Request: method must be a string");
  }
  if (!token) return {};  // a notification
  request.id = *token;
  request.method = json.characters(*method);
  request.params = message.object("params");
  if (!request.params && message.find("params") != nullptr) {
    return refuse(request.id, invalid_params, "Invalid params: params must be an object");
  }
  return dispatch_request(std::move(request));
}

Outcome Dispatcher::dispatch_request(Request request) {
  if (!request.params) return dispatch_handshake(request);
  request.meta = request.params->object("_meta");
  if (!request.meta && request.params->find("_meta") != nullptr) {
    return refuse(request.id, invalid_params, "Invalid params: _meta must be an object");
  }
  for (const auto* members : {&request.params, &request.meta}) {
    if (*members && !(*members)->twice().empty()) {
      return refuse(request.id, invalid_params, "Invalid params: " + excerpt((*members)->twice()) + " occurs twice");
    }
  }
  request.modern = request.meta && request.meta->find(version_key) != nullptr;
  return request.modern ? dispatch_modern(request) : dispatch_handshake(request);
}

Outcome Dispatcher::dispatch_modern(const Request& request) {
  if (!request.meta->object(capabilities_key)) {
    return refuse(request.id, invalid_params,
                  "Invalid params: _meta needs " + std::string(capabilities_key) + ", an object");
  }
  const auto version = request.meta->string(version_key);
  if (!version || !is_valid_utf8(*version)) {
    return refuse(request.id, invalid_params, "Invalid params: " + std::string(version_key) + " must be a string");
  }
  if (*version != modern_version) {
    const Json data{{"supported", {modern_version}}, {"requested", excerpt(*version, token_bytes_max)}};
    return {error_line(request.id, unsupported_protocol_version, "Unsupported protocol version", data.dump()), {}};
  }
  if (request.method == "server/discover") return {result_line(request.id, discover_result()), {}};
  if (request.method == "tools/list") return list_tools(request.id, request.params, true);
  if (request.method == "tools/call") return call_tool(request.id, request.params, request.meta, true);
  return refuse(request.id, method_not_found, "Method not found");
}

Outcome Dispatcher::dispatch_handshake(const Request& request) {
  if (request.method == "initialize") return initialize(request);
  if (request.method == "ping") return {result_line(request.id, "{}"), {}};
  if (request.method == "server/discover") {
    return refuse(request.id, invalid_params, "Invalid params: _meta needs " + std::string(version_key));
  }
  const bool call = request.method == "tools/call";
  if (!call && request.method != "tools/list") return refuse(request.id, method_not_found, "Method not found");
  if (!initialized_) {
    return refuse(request.id, invalid_params,
                  "Invalid params: call initialize first, or send the protocol version in _meta");
  }
  return call ? call_tool(request.id, request.params, request.meta, false)
              : list_tools(request.id, request.params, false);
}

Outcome Dispatcher::initialize(const Request& request) {
  const auto wanted = request.params ? request.params->string("protocolVersion") : std::nullopt;
  if (!wanted) return refuse(request.id, invalid_params, "Invalid params: protocolVersion must be a string");
  const bool known =
      std::find(handshake_versions.begin(), handshake_versions.end(), *wanted) != handshake_versions.end();
  initialized_ = true;
  const Json result{{"protocolVersion", known ? std::string_view(*wanted) : handshake_versions.front()},
                    {"capabilities", capabilities()},
                    {"serverInfo", server_info()}};
  return {result_line(request.id, result.dump()), {}};
}

std::string too_long_line(std::size_t bytes_max) {
  return error_line({}, invalid_request,
                    "Invalid Request: a line may have at most " + std::to_string(bytes_max) + " bytes");
}

}  // namespace vault::mcp
