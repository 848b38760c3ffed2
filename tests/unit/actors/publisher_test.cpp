#include "actors/publisher.hpp"

#include <gtest/gtest.h>

#include <msgpack.hpp>

#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

std::vector<std::uint64_t> seqs(const RecordedEffects& effects) {
  std::vector<std::uint64_t> found;
  for (const auto& [socket, parts] : effects.frames) {
    const auto handle = msgpack::unpack(parts.back().data(), parts.back().size());
    for (const auto& [name, value] : handle.get().as<std::map<std::string, msgpack::object>>()) {
      if (name == "seq") found.push_back(value.as<std::uint64_t>());
    }
  }
  return found;
}

Committed committed(std::int64_t first, std::int64_t last) {
  auto entries = std::make_shared<std::vector<Entry>>();
  for (std::int64_t sequence = first; sequence <= last; ++sequence) {
    entries->emplace_back();
    entries->back().sequence = sequence;
  }
  Committed message;
  message.entries = std::move(entries);
  return message;
}

TEST(PublisherTest, EntriesThatWereNeverToldOfAreAHoleInSeq) {
  RecordedEffects effects;
  Publisher publisher(false);
  publisher.handle(committed(334, 335), effects);  // events before this run leave no gap
  publisher.handle(committed(336, 336), effects);
  publisher.handle(committed(340, 341), effects);  // 337 to 339 became durable without the publisher
  EXPECT_EQ(seqs(effects), (std::vector<std::uint64_t>{1, 2, 3, 7, 8}));
}

}  // namespace
}  // namespace vault
