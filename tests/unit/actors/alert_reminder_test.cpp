#include "actors/alert_reminder.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace vault {
namespace {

using std::chrono::seconds;

// The seconds after which it was due, asked once a second.
std::vector<int> due_in(AlertReminder& reminder, int from, int to, bool any_raised) {
  std::vector<int> out;
  for (int second = from; second <= to; ++second) {
    if (reminder.due(any_raised, AlertReminder::Instant{seconds(second)})) out.push_back(second);
  }
  return out;
}

TEST(AlertReminder, RemindsAtGrowingIntervals) {
  AlertReminder reminder;
  EXPECT_EQ(due_in(reminder, 0, 2'700, true), (std::vector<int>{60, 180, 420, 900, 1'500, 2'100, 2'700}));
}

TEST(AlertReminder, BeginsAgainAfterAllWereCleared) {
  AlertReminder reminder;
  EXPECT_EQ(due_in(reminder, 0, 200, true), (std::vector<int>{60, 180}));
  EXPECT_TRUE(due_in(reminder, 201, 1'000, false).empty());
  EXPECT_EQ(due_in(reminder, 1'001, 1'100, true), (std::vector<int>{1'061}));
}

}  // namespace
}  // namespace vault
