#include "wire/endpoint_family.hpp"

#include <gtest/gtest.h>

namespace vault {
namespace {

TEST(EndpointFamily, Ipv6OnlyForItsAddressesAndForNamesWithoutAnother) {
  for (const char* v6 : {"tcp://[::1]:9990", "tcp://[::]:*", "tcp://[fe80::1%eth0]:1", "tcp://::1:9990"}) {
    EXPECT_TRUE(needs_ipv6(v6)) << v6;
  }
  for (const char* v4 : {"tcp://127.0.0.1:9990", "tcp://*:9990", "tcp://lo:9990", "tcp://localhost:9990",
                         "tcp://0.0.0.0:*", "ipc:///run/[::1]:x", "inproc://x", "tcp://", "tcp://x", ""}) {
    EXPECT_FALSE(needs_ipv6(v4)) << v4;
  }
}

}  // namespace
}  // namespace vault
