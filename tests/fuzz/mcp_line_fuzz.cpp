// Lines of an MCP client from hostile bytes: no crash; every reply is one line of JSON; a payload that would be sealed
// is in canonical text; and a call is answered under its id whatever vaultd answers. The first byte chooses vaultd's
// answer.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ledger/canonical_json.hpp"
#include "ledger/check.hpp"
#include "ledger/raw_json.hpp"
#include "tests/unit/tools/mcp/fake_vault.hpp"
#include "tools/mcp/content.hpp"
#include "tools/mcp/lines.hpp"

namespace {

using namespace vault;
using namespace vault::mcp;

constexpr std::size_t bytes_max = 1 << 16;  // of a line

void check_line(const std::string& line) {
  VAULT_CHECK(line.find('\n') == std::string::npos);
  VAULT_CHECK(RawJson::parse(line).has_value());
}

Entry entry() {
  Entry entry;
  entry.sequence = 1;
  entry.session_id = entry.authority = "s";
  entry.seal_data = "{}";
  return entry;
}

Result<std::string> vaultd_answers(std::uint8_t choice) {
  switch (choice % 6) {
    case 0:
      return result_map(entry());
    case 1:
      return result_map(Page{{entry()}, 1});
    case 2:
      return result_map(Receipt{entry(), false, {}});
    case 3:
      return result_map(VerifyResult{});
    case 4:
      return result_map(ProofResult{});
    default:
      return fail(ErrorCode::not_found, "there is none");
  }
}

void carry_out(const ToolCall& call, std::uint8_t choice) {
  if (const auto* request = std::get_if<SealRequest>(&call.operation)) {
    const Seal& seal = request->seals.front();
    VAULT_CHECK(seal.seal_id && check_name(seal.session_id, "") && check_name(seal.authority, ""));
    VAULT_CHECK(canonicalize(seal.seal_data, {.bytes_max = limits::seal_bytes_max}) == seal.seal_data);
  }
  FakeVault vault([choice](const Operation&, const Client::Progress&) { return vaultd_answers(choice); });
  const std::string line = run_call(call, vault, deaf);
  VAULT_CHECK(line.starts_with(R"({"jsonrpc":"2.0","id":)" + call.id + ","));
  VAULT_CHECK(line.size() <= reply_bytes_max);
  check_line(line);
}

void take(Dispatcher& dispatcher, const LineSplitter::Line& line, std::uint8_t choice) {
  VAULT_CHECK(line.text.size() <= bytes_max && (!line.too_long || line.text.empty()));
  const Outcome outcome = dispatcher.dispatch(line.text);
  VAULT_CHECK(outcome.reply.empty() || !outcome.call);
  if (!outcome.reply.empty()) check_line(outcome.reply);
  if (outcome.call) carry_out(*outcome.call, choice);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  Dispatcher dispatcher;
  if ((choice & 0x80) == 0) dispatcher.dispatch(initialize_line);
  LineSplitter lines(bytes_max);
  lines.feed({reinterpret_cast<const char*>(data) + 1, size - 1});
  while (const auto line = lines.next()) take(dispatcher, *line, choice);
  if (const auto line = lines.rest()) take(dispatcher, *line, choice);
  return 0;
}
