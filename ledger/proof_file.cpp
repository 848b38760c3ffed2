#include "ledger/proof_file.hpp"

#include <fmt/format.h>

#include <utility>

#include "ledger/line_reader.hpp"
#include "ledger/merkle_hash.hpp"

namespace vault {
namespace {

constexpr std::string_view magic_line = "c2sp.org/tlog-proof@v1";
constexpr std::string_view extra_prefix = "extra ";
constexpr std::string_view index_prefix = "index ";
constexpr std::size_t hashes_max = 63;  // a path in a tree of fewer than 2^63 leaves

tl::unexpected<Error> refuse(const LineReader& lines, std::string_view what) {
  return fail(ErrorCode::invalid_argument, fmt::format("line {}: {}", lines.number(), what));
}

}  // namespace

std::string format_proof_file(const ProofFile& file) {
  std::string out = fmt::format("{}\n", magic_line);
  if (file.extra && !file.extra->empty()) out += fmt::format("{}{}\n", extra_prefix, to_base64(*file.extra));
  out += fmt::format("{}{}\n", index_prefix, file.index);
  for (const Hash& hash : file.proof) out += to_base64(as_view(hash)) + '\n';
  out += '\n';
  out += file.checkpoint;
  return out;
}

Result<ProofFile> parse_proof_file(std::string_view text) {
  LineReader lines(text);
  ProofFile file;
  if (lines.next() != magic_line) return refuse(lines, fmt::format("not \"{}\"", magic_line));
  auto line = lines.next();
  if (line && line->starts_with(extra_prefix)) {
    file.extra = from_base64(line->substr(extra_prefix.size()));
    if (!file.extra || file.extra->empty()) return refuse(lines, "not the base64 of some extra data");
    line = lines.next();
  }
  if (!line || !line->starts_with(index_prefix)) return refuse(lines, "not an index line");
  const auto index = parse_decimal(line->substr(index_prefix.size()));
  if (!index) return refuse(lines, "not a leaf index");
  file.index = *index;
  for (line = lines.next(); line && !line->empty(); line = lines.next()) {
    if (file.proof.size() == hashes_max) return refuse(lines, fmt::format("more than {} hashes", hashes_max));
    const auto bytes = from_base64(*line);
    const auto hash = array_from_bytes<32>(bytes.value_or(""));
    if (!hash) return refuse(lines, "not the base64 of a hash");
    file.proof.push_back(*hash);
  }
  if (!line) return refuse(lines, "no empty line ends the proof");
  if (const Result<Checkpoint> checkpoint = peek_checkpoint(lines.rest()); !checkpoint) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("checkpoint (from line {}): {}", lines.number() + 1, checkpoint.error().message));
  }
  file.checkpoint = lines.rest();
  return file;
}

Result<Checkpoint> check_proof_file(const ProofFile& file, const VerifierKey& key) {
  Result<Checkpoint> checkpoint = open_checkpoint(file.checkpoint, key);
  if (!checkpoint) return checkpoint;
  if (!file.extra) return fail(ErrorCode::invalid_argument, "the proof file has no extra line that holds the leaf");
  Status proven =
      verify_inclusion(hash_leaf(*file.extra), file.index, checkpoint->tree_size, file.proof, checkpoint->root);
  if (!proven) return tl::unexpected(std::move(proven.error()));
  return checkpoint;
}

}  // namespace vault
