// Files that are no evidence are recognised, and damaged evidence is not taken for one of them.
#include "tools/vaultctl/foreign_file.hpp"

#include <gtest/gtest.h>

#include "ledger/signed_note.hpp"

namespace vault::ctl {
namespace {

using namespace std::string_literals;

TEST(ForeignFile, KeysAndPackedFiles) {
  const std::string vkey = SigningKey::from_seed("example.org/log", Hash{7})->verifier().format();
  EXPECT_NE(describe_foreign(vkey).find("--vkey"), std::string::npos);
  EXPECT_NE(describe_foreign(vkey + "\n").find("--vkey"), std::string::npos);
  EXPECT_NE(describe_foreign("-----BEGIN PRIVATE KEY-----\nMC4\n").find("PEM"), std::string::npos);
  for (const std::string& packed :
       {"\x1f\x8b\x08"s, "PK\x03\x04"s, "\x28\xb5\x2f\xfd"s, std::string(257, '\0') + "ustar"})
    EXPECT_NE(describe_foreign(packed).find("unpack"), std::string::npos);
}

TEST(ForeignFile, WhateverMayBeEvidence) {
  for (const std::string& text : {""s, "{}"s, "c2sp.org/tlog-proof@v1\nextra\n"s, "example.org/log\n5\n"s,
                                  "example.org/log+0123+broken"s, "\x1f"s})
    EXPECT_EQ(describe_foreign(text), "") << text;
}

}  // namespace
}  // namespace vault::ctl
