#include "tools/mcp/tools.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "ledger/limits.hpp"

namespace vault::mcp {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 6> names{"vault_seal",  "vault_read",   "vault_list",
                                                "vault_query", "vault_verify", "vault_proof"};

// --- Pieces of schemas -----------------------------------------------------------------------------------------------

Json described(Json schema, const char* text) {
  schema["description"] = text;
  return schema;
}

Json text(const char* description) {
  return {{"type", "string"}, {"description", description}};
}

// For input: JavaScript rounds integers beyond 2^53, so their decimal digits as a string are accepted too.
Json integer_in(std::int64_t min, const char* description) {
  return {{"type", {"integer", "string"}}, {"minimum", min}, {"pattern", "^[0-9]+$"}, {"description", description}};
}

Json name_in(const char* description) {
  return {{"type", "string"}, {"minLength", 1}, {"maxLength", limits::name_bytes_max}, {"description", description}};
}

Json integer(std::int64_t min = 0) {
  return {{"type", "integer"}, {"minimum", min}};
}

Json hex(int digits) {
  return {{"type", "string"}, {"pattern", "^[0-9a-f]{" + std::to_string(digits) + "}$"}};
}

Json or_null(Json schema) {
  schema["type"] = Json::array({schema["type"], "null"});
  return schema;
}

Json verdict() {
  return {{"type", "string"}, {"enum", {"SEAL", "PARTIAL", "SABAR", "VOID", "888_HOLD", "SUNSET"}}};
}

constexpr const char* verdicts_explained =
    "SEAL: approved; PARTIAL: approved in part; SABAR: wait, and look again; VOID: refused; 888_HOLD: held for a "
    "person to "
    "decide; SUNSET: withdrawn";

Json time_in(const char* description) {
  return {{"type", "string"},
          {"description",
           std::string(description) +
               ". 2026-11-28, 2026-11-28T14:30:00Z, 2026-11-28T15:30:00+01:00 (any ISO 8601), yesterday, -1h; "
               "without an offset UTC"}};
}

Json timestamp() {
  return {{"type", "string"}, {"pattern", R"(^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$)"}};
}

Json uuid() {
  constexpr const char* pattern = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";
  return {{"type", "string"}, {"pattern", pattern}};
}

Json object(Json properties, Json required, bool closed) {
  Json schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  if (closed) schema["additionalProperties"] = false;
  return schema;
}

Json proof_hashes() {
  return {{"type", "array"}, {"items", hex(64)}, {"description", "RFC 9162 inclusion proof, the leaf's sibling first"}};
}

// Members that receipts and entries share. Without a database (emergency mode) vaultd keeps seals as files: then
// `backend` is present, and sequence, salt and hashes are not.
Json sealed_properties() {
  return {
      {"sequence", described(integer(1), "place in the ledger; absent in the emergency mode")},
      {"backend", {{"const", "legacy"}, {"description", "only in the emergency mode: kept, but not in the chain yet"}}},
      {"seal_id", uuid()},
      {"session_id", {{"type", "string"}}},
      {"verdict", verdict()},
      {"authority", {{"type", "string"}}},
      {"timestamp", timestamp()},
      {"entry_hash", hex(64)},
      {"prev_hash", hex(64)},
      {"merkle_root", hex(64)},
      {"data_hash", hex(64)},
      {"data_salt", or_null(hex(32))},
  };
}

Json sealed_required() {
  return {"seal_id", "session_id", "verdict", "authority", "timestamp"};
}

Json entry() {
  Json properties = sealed_properties();
  properties["seal_data"] = {{"type", "object"}, {"description", "the payload"}};
  properties["created_at"] = or_null(timestamp());
  Json required = sealed_required();
  required.push_back("seal_data");
  return object(std::move(properties), std::move(required), false);
}

Json next_cursor() {
  return {{"type", {"integer", "null"}}, {"description", "cursor of the next page; null: this was the last"}};
}

Json page() {
  return object({{"entries", {{"type", "array"}, {"items", entry()}}}, {"next_cursor", next_cursor()}},
                {"entries", "next_cursor"}, false);
}

void add_paging(Json& properties, bool with_order) {
  properties["cursor"] = integer_in(0, "next_cursor of the page before");
  properties["limit"] = integer_in(1, "entries on a page, 1 to 1000, default 50; a page may hold fewer");
  properties["limit"]["maximum"] = limits::list_limit_max;
  if (!with_order) return;
  properties["order"] = {{"type", "string"},
                         {"enum", {"desc", "asc"}},
                         {"description", "desc (default): newest first; asc: oldest first"}};
}

// --- The tools -------------------------------------------------------------------------------------------------------

Json tool(Tool tool, const char* title, const char* description, Json input, Json output) {
  const bool writes = tool == Tool::seal;
  return {{"name", tool_name(tool)},
          {"title", title},
          {"description", description},
          {"inputSchema", std::move(input)},
          {"outputSchema", std::move(output)},
          {"annotations",
           {{"title", title},
            {"readOnlyHint", !writes},
            {"destructiveHint", false},
            {"idempotentHint", !writes},
            {"openWorldHint", false}}}};
}

Json seal_tool() {
  const Json input = object(
      {
          {"session_id", name_in("what the decision belongs to: a session, a release, a case; 1 to 256 bytes")},
          {"authority", name_in("who vouches for the seal; 1 to 256 bytes")},
          {"verdict", described(verdict(), (std::string("the decision. ") + verdicts_explained).c_str())},
          {"seal_data",
           {{"type", "object"},
            {"description",
             "the payload, any JSON object up to 1 MiB (unless vaultd is set up otherwise), nested at most "
             "64 deep. Integers of 64 bits are kept exactly; no name twice in an object"}}},
          {"seal_id",
           described(uuid(), "your UUID for this seal: sent again with the same content, it is sealed once")},
          {"sign",
           {{"type", "boolean"},
            {"description", "also wait for the signed checkpoint and return proof and checkpoint; default false"}}},
      },
      {"session_id", "authority", "verdict", "seal_data"}, true);
  Json properties = sealed_properties();
  properties["duplicate"] = {{"type", "boolean"}, {"description", "this seal_id had been sealed before"}};
  properties["leaf_index"] = described(integer(), "with sign only, like the three that follow");
  properties["tree_size"] = integer(1);
  properties["proof"] = proof_hashes();
  properties["checkpoint"] = text("C2SP signed note");
  Json required = sealed_required();
  required.push_back("duplicate");
  return tool(
      Tool::seal, "Seal a decision",
      "Appends a decision to the tamper-evident ledger and returns its receipt. What has a receipt is durable and "
      "cannot be changed or removed. Give a seal_id if the call might be repeated.",
      input, object(std::move(properties), std::move(required), false));
}

Json read_tool() {
  Json properties{{"sequence", integer_in(1, "the entry with this sequence")},
                  {"seal_id", described(uuid(), "the entry with this seal_id")},
                  {"session_id", name_in("all entries of this session, oldest first, in pages")}};
  add_paging(properties, false);
  Json output = page();
  output["properties"]["entry"] = described(entry(), "for sequence and seal_id");
  output.erase("required");
  output["oneOf"] = {{{"required", {"entry"}}}, {{"required", {"entries", "next_cursor"}}}};
  return tool(Tool::read, "Read an entry",
              "Reads one entry by sequence or seal_id, or a session's entries by session_id: exactly one of the three. "
              "cursor and limit go with session_id.",
              object(std::move(properties), Json::array(), true), std::move(output));
}

Json list_tool() {
  Json properties = Json::object();
  add_paging(properties, true);
  return tool(Tool::list, "List entries", "Lists the ledger's entries page by page, newest first.",
              object(std::move(properties), Json::array(), true), page());
}

Json query_tool() {
  Json properties{{"verdict", described(verdict(), (std::string("of this verdict. ") + verdicts_explained).c_str())},
                  {"session_id", name_in("of this session")},
                  {"authority", name_in("of this authority")},
                  {"from", time_in("sealed at this time or later")},
                  {"to", time_in("sealed before this time")}};
  add_paging(properties, true);
  return tool(Tool::query, "Find entries",
              "Finds entries by verdict, session, authority and time; all conditions must hold. A page may be short or "
              "empty although there is more: go on while next_cursor is not null.",
              object(std::move(properties), Json::array(), true), page());
}

Json verify_tool() {
  const Json input = object({{"from", integer_in(1, "first entry to check; default 1")},
                             {"to", integer_in(1, "last entry to check; default the last")}},
                            Json::array(), true);
  const Json output = object(
      {
          {"valid", {{"type", "boolean"}, {"description", "false: the ledger was tampered with"}}},
          {"first_invalid_sequence", or_null(integer(0))},
          {"reason", or_null({{"type", "string"}})},
          {"checked", integer()},
          {"from", integer()},
          {"to", integer()},
          {"head_hash", described(hex(64), "entry_hash of the entry `to`")},
          {"merkle_root", hex(64)},
          {"elapsed_ms", integer()},
      },
      {"valid", "first_invalid_sequence", "reason", "checked", "from", "to", "head_hash", "merkle_root", "elapsed_ms"},
      false);
  return tool(
      Tool::verify, "Verify the ledger",
      "Recomputes every hash of the ledger, or of a range, and names the first entry that does not fit. Takes a "
      "few seconds for a million entries.",
      input, output);
}

Json proof_tool() {
  const Json input =
      object({{"sequence", integer_in(1, "the entry to prove")},
              {"tree_size", integer_in(1, "size of the tree to prove it in; default that of the latest checkpoint")}},
             {"sequence"}, true);
  const Json output = object(
      {
          {"sequence", integer(1)},
          {"leaf_index", integer()},
          {"tree_size", integer(1)},
          {"entry_hash", hex(64)},
          {"merkle_root", described(hex(64), "of the tree of tree_size entries")},
          {"proof", proof_hashes()},
          {"checkpoint", or_null(text("C2SP signed note of that tree; null where none of its size is kept"))},
      },
      {"sequence", "leaf_index", "tree_size", "entry_hash", "merkle_root", "proof", "checkpoint"}, false);
  return tool(
      Tool::proof, "Prove an entry",
      "Returns the Merkle inclusion proof of an entry with the signed checkpoint that it leads to: evidence that "
      "can be checked without this ledger.",
      input, output);
}

}  // namespace

std::optional<Tool> find_tool(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Tool>(i);
  }
  return std::nullopt;
}

std::string_view tool_name(Tool tool) {
  return names[static_cast<std::size_t>(tool)];
}

const std::string& tools_json() {
  static const std::string json =
      Json::array({seal_tool(), read_tool(), list_tool(), query_tool(), verify_tool(), proof_tool()}).dump();
  return json;
}

}  // namespace vault::mcp
