#include "tools/mcp/json_rpc.hpp"

#include <algorithm>

#include "ledger/canonical_json.hpp"

namespace vault::mcp {

Members::Members(const RawJson& json, const Node& object) : json_(&json) {
  for (const Node* member : json.children(object)) members_.emplace_back(json.name(*member), member);
  const auto by_name = [](const auto& left, const auto& right) { return left.first < right.first; };
  std::stable_sort(members_.begin(), members_.end(), by_name);
  const auto same = std::adjacent_find(members_.begin(), members_.end(),
                                       [](const auto& left, const auto& right) { return left.first == right.first; });
  if (same != members_.end()) twice_ = written_name(*same->second);
}

std::string_view Members::written_name(const Node& member) const {
  return json_->source().substr(member.name_begin, member.name_end - member.name_begin);
}

const Members::Node* Members::find(std::string_view name) const {
  const auto found =
      std::lower_bound(members_.begin(), members_.end(), name,
                       [](const auto& member, std::string_view wanted) { return member.first < wanted; });
  return found == members_.end() || found->first != name ? nullptr : found->second;
}

std::optional<Members> Members::object(std::string_view name) const {
  const Node* node = find(name);
  if (node == nullptr || node->kind != RawJson::Kind::object) return std::nullopt;
  return Members(*json_, *node);
}

std::optional<std::string> Members::string(std::string_view name) const {
  const Node* node = find(name);
  if (node == nullptr || node->kind != RawJson::Kind::string) return std::nullopt;
  return json_->characters(*node);
}

std::string_view Members::other_than(const std::vector<std::string_view>& known) const {
  for (const auto& [name, node] : members_) {
    if (std::find(known.begin(), known.end(), name) == known.end()) return written_name(*node);
  }
  return {};
}

std::optional<std::string_view> read_token(const RawJson& json, const RawJson::Node& node) {
  const std::string_view text = json.text(node);
  const bool string = node.kind == RawJson::Kind::string;
  const bool integer = node.kind == RawJson::Kind::number && text.find_first_of(".eE") == std::string_view::npos;
  if ((!string && !integer) || text.size() > token_bytes_max) return std::nullopt;
  return text;
}

std::string result_line(std::string_view id, std::string_view result) {
  std::string line = R"({"jsonrpc":"2.0","id":)";
  line.reserve(line.size() + id.size() + result.size() + 16);
  line.append(id).append(R"(,"result":)").append(result).append("}");
  return line;
}

std::string error_line(std::string_view id, RpcCode code, std::string_view message, std::string_view data) {
  std::string line = R"({"jsonrpc":"2.0",)";
  if (!id.empty()) line.append(R"("id":)").append(id).append(",");
  line.append(R"("error":{"code":)").append(std::to_string(code)).append(R"(,"message":)");
  append_string(message, line);
  if (!data.empty()) line.append(R"(,"data":)").append(data);
  line.append("}}");
  return line;
}

std::string notification_line(std::string_view method, std::string_view params) {
  std::string line = R"({"jsonrpc":"2.0","method":)";
  append_string(method, line);
  line.append(R"(,"params":)").append(params).append("}");
  return line;
}

std::string excerpt(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)).append("…");
}

}  // namespace vault::mcp
