#include <gtest/gtest.h>

#include <sstream>

#include "tools/common/display_width.hpp"
#include "tools/common/verdicts.hpp"
#include "tools/vaultctl/findings.hpp"
#include "tools/vaultctl/top_screen.hpp"

#include "ledger/verifier.hpp"

namespace vault::ctl {
namespace {

using Json = nlohmann::ordered_json;

TopSample sample(int second, std::int64_t sequence, Json alerts = Json::array()) {
  return {std::chrono::steady_clock::time_point(std::chrono::seconds(second)),
          Json{{"role", "writer"},
               {"ready", alerts.empty()},
               {"uptime_s", 90},
               {"sequence", sequence},
               {"queue_depth", 7},
               {"in_flight", 3},
               {"alerts", std::move(alerts)},
               {"counters", {{"sealed", 100}, {"commits", 10}}}},
          std::chrono::microseconds(1'234)};
}

TEST(TopScreen, RateAndState) {
  TopScreen screen("ipc:///run/vaultd/requests");
  screen.add(sample(0, 1'000));
  screen.add(sample(2, 25'000));
  const std::string text = screen.text(80, false);
  for (const char* part : {"writer, ready", "25,000", "12,000 entries/s", "7 waiting, 3 at the writer", "1.2 ms",
                           "10.0 entries each", "refused   none"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_NE(screen.line().find("12,000"), std::string::npos);
}

TEST(TopScreen, AlertsComeFirstInBothOfTheirForms) {
  TopScreen screen("e");
  screen.add(sample(0, 1, Json::array({"tamper"})));
  EXPECT_EQ(screen.text(80, false).find("ALERT     tamper"), screen.text(80, false).find('\n') + 1);
  screen.add(sample(1, 1, Json::array({Json{{"kind", "tamper"}, {"severity", "critical"}, {"message", "entry 7"}}})));
  EXPECT_NE(screen.text(80, false).find("tamper  critical: entry 7"), std::string::npos);
  EXPECT_NE(screen.line().find("not ready, ALERT tamper"), std::string::npos);
}

TEST(TopScreen, AVaultdThatIsAwayAndAnother) {
  TopScreen screen("e");
  screen.add(sample(0, 1'000));
  screen.add({std::chrono::steady_clock::time_point(std::chrono::seconds(1)), {}, {}, "nobody\x1b[31m there"});
  EXPECT_NE(screen.text(80, false).find("nobody\\u001b[31m there"), std::string::npos);
  EXPECT_NE(screen.line().find("nobody"), std::string::npos);
  screen.add(sample(2, 10));  // another ledger: no rate below zero
  EXPECT_NE(screen.text(80, false).find("- entries/s"), std::string::npos);
}

TEST(TopScreen, FitsTheTerminal) {
  TopScreen screen("tcp://a-very-long-host-name.in-some-domain.example.org:9990");
  for (int i = 0; i < 300; ++i) screen.add(sample(i, i * 100));
  for (const std::size_t columns : {40U, 60U, 80U, 200U}) {
    std::istringstream lines(screen.text(columns, false));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), columns) << line;
  }
}

TEST(Words, EveryFindingAndVerdictIsExplained) {
  for (int i = 0; i <= static_cast<int>(FindingReason::truncated); ++i) {
    const auto name = finding_name(static_cast<FindingReason>(i));
    EXPECT_GT(explain_finding(name).size(), 40U) << name;
  }
  EXPECT_EQ(explain_finding("something new"), "");
  EXPECT_NE(verdicts_explained().find("888_HOLD held for a person\n"), std::string::npos);
}

}  // namespace
}  // namespace vault::ctl
