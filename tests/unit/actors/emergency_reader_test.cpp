#include "actors/emergency_reader.hpp"

#include <gtest/gtest.h>

#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

class DamagedDirectory final : public EmergencyReaderStore {
 public:
  Result<std::optional<KeptSeal>> find(const Uuid&) override { return std::nullopt; }
  Result<KeptPage> page(const PageRequest&) override { return KeptPage{}; }
  std::vector<std::string> take_problems() override { return std::exchange(problems, {}); }

  std::vector<std::string> problems{"a.json: not JSON"};
};

TEST(EmergencyReader, FileThatCannotBeReadIsToldByNameAndTheOthersAreShown) {
  DamagedDirectory directory;
  RecordedEffects effects;
  EmergencyReader reader(reader_id(0), directory);
  for (int times = 0; times < 2; ++times) {
    ReadTask task;
    task.task = ListRequest{};
    reader.handle(std::move(task), effects);
  }
  EXPECT_EQ(effects.messages<ReadAnswer>(ActorId::gateway).size(), 2U);
  const auto alerts = effects.messages<AlertMessage>(ActorId::publisher);
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].alert.kind, "emergency_damage");
  EXPECT_EQ(alerts[0].alert.message, "a.json: not JSON");
}

}  // namespace
}  // namespace vault
