// Guesses at what was meant: verdicts and endpoints.
#include <gtest/gtest.h>

#include "tools/common/connect.hpp"
#include "tools/common/verdicts.hpp"

namespace vault::ctl {
namespace {

TEST(Words, MisspeltVerdicts) {
  for (const auto& [written, meant] : {std::pair{"seal", "SEAL"},
                                       {"Void", "VOID"},
                                       {"HOLD_888", "888_HOLD"},
                                       {"hold", "888_HOLD"},
                                       {"SUNSETT", "SUNSET"},
                                       {"888-HOLD", "888_HOLD"}})
    EXPECT_EQ(did_you_mean_verdict(written), std::string("; did you mean ") + meant + "?") << written;
  for (const char* written : {"SEAL", "888_HOLD", "approved", ""})
    EXPECT_EQ(did_you_mean_verdict(written), "") << written;
}

TEST(Words, EndpointsThatAreNone) {
  for (const auto& [endpoint, words] : {std::pair{"ipc://", "as in ipc:///run/vaultd/requests"},
                                        {"ipc:", "begins with ipc:// or tcp://"},
                                        {"ipc:/run/x", "did you mean ipc:///run/x?"},
                                        {"tcp:db1:9990", "did you mean tcp://db1:9990?"},
                                        {"tcp:", "tcp://db1:9990"},
                                        {"tcp://db1:99999", "\"99999\" is not a port"},
                                        {"tcp://db1:none", "\"none\" is not a port"},
                                        {"tcp://db1:", "ends with a port"},
                                        {"db1:9990", "did you mean tcp://db1:9990?"}}) {
    const Status checked = check_endpoint(endpoint);
    ASSERT_FALSE(checked) << endpoint;
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(checked.error().message.find(words), std::string::npos) << checked.error().message;
    if (std::string_view(endpoint) == "ipc:") {
      EXPECT_EQ(checked.error().message.find("mean"), std::string::npos);
    }
  }
  for (const char* endpoint : {"ipc:///run/vaultd/requests", "ipc://@abstract", "tcp://db1:9990", "tcp://[::1]:9990"})
    EXPECT_TRUE(check_endpoint(endpoint)) << endpoint;
}

}  // namespace
}  // namespace vault::ctl
