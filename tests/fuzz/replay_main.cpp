// Replays a fuzz target's corpus where libFuzzer is not available: every file as it is, and near misses of it
// (truncated, one byte changed), which is where parsers go wrong. Deterministic.
//
//   <name>_fuzz FILE-OR-DIRECTORY...
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t near_misses_max = 512;  // of each kind and file, spread evenly over it

// A buffer of exactly the right size each time, so that AddressSanitizer notices a read one byte too far.
void run(const std::string& input, std::size_t size) {
  const std::vector<std::uint8_t> exact(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

std::size_t replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string input{std::istreambuf_iterator<char>(file), {}};
  run(input, input.size());
  std::size_t runs = 1;
  const std::size_t step = std::max<std::size_t>(1, input.size() / near_misses_max);
  for (std::size_t at = 0; at < input.size(); at += step) {
    run(input, at);
    const char kept = input[at];
    for (const unsigned mask : {0x01U, 0x80U, 0xffU}) {
      input[at] = static_cast<char>(static_cast<unsigned char>(kept) ^ mask);
      run(input, input.size());
    }
    input[at] = kept;
    runs += 4;
  }
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::size_t runs = 0;
  for (const auto& file : files) runs += replay(file);
  std::printf("%zu files, %zu inputs\n", files.size(), runs);
  if (files.empty()) std::fprintf(stderr, "no corpus: nothing was tested\n");
  return files.empty() ? 1 : 0;
}
