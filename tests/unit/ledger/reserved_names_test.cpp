#include "ledger/reserved_names.hpp"

#include <gtest/gtest.h>

#include <string>

#include "ledger/announcement.hpp"

namespace vault {
namespace {

TEST(ReservedNames, AuthorityVaultdIsReservedToTheByte) {
  EXPECT_TRUE(is_reserved_authority("vaultd"));
  // Names that merely look alike: a Cyrillic а, a space, another case, a trailing NUL.
  for (const std::string_view other : {"", "vault", "vaultd2", "Vaultd", "VAULTD", " vaultd", "vaultd ", "vaultd/",
                                       "vaultd/rollback", "v\u0430ultd"}) {
    EXPECT_FALSE(is_reserved_authority(other)) << other;
  }
  EXPECT_FALSE(is_reserved_authority(std::string_view("vaultd\0", 7)));
}

TEST(ReservedNames, SessionVaultdAndAllBelowItAreReserved) {
  for (const std::string_view own : {"vaultd", "vaultd/", "vaultd/rollback", "vaultd/x/y"}) {
    EXPECT_TRUE(is_reserved_session(own)) << own;
  }
  for (const std::string_view other : {"", "vaultd-1", "vaultdx/rollback", "Vaultd/rollback", " vaultd/rollback",
                                       "/vaultd/rollback", "vaultd\\rollback", "vaultd\u2215rollback", "s/vaultd"}) {
    EXPECT_FALSE(is_reserved_session(other)) << other;
  }
}

TEST(ReservedNames, SealIdsOfAnnouncementsAreReserved) {
  const Uuid own = announcement_id("vault.example/next");
  EXPECT_EQ(format_uuid(own).substr(0, 15), "7661756c-7464-8");
  EXPECT_TRUE(is_reserved_seal_id(own));
  EXPECT_EQ(own, announcement_id("vault.example/next"));
  EXPECT_NE(own, announcement_id("vault.example/other"));
  for (const char* other : {"7661756c-7464-4f3b-8f61-2e47d59033c8", "7661756c-7463-8f3b-8f61-2e47d59033c8",
                            "00000000-0000-0000-0000-000000000000", "01890a5d-ac96-774b-bcce-b302099a8057"}) {
    EXPECT_FALSE(is_reserved_seal_id(*parse_uuid(other))) << other;
  }
  const Status taken = check_not_reserved("s-1", "deploy-bot", "seal", own);
  EXPECT_EQ(taken.error().code, ErrorCode::forbidden);
  EXPECT_EQ(taken.error().field, "seal.seal_id");
}

TEST(ReservedNames, TheRefusalNamesTheMember) {
  EXPECT_TRUE(check_not_reserved("s-1", "deploy-bot", "seal"));
  const auto field = [](std::string_view session, std::string_view authority, std::string_view owner) {
    const Status status = check_not_reserved(session, authority, owner);
    EXPECT_EQ(status.error().code, ErrorCode::forbidden);
    return status.error().field;
  };
  EXPECT_EQ(field("s-1", "vaultd", "seal"), "seal.authority");
  EXPECT_EQ(field("vaultd/rollback", "a", "seals[3]"), "seals[3].session_id");
  EXPECT_EQ(field("vaultd", "vaultd", ""), "authority");
}

}  // namespace
}  // namespace vault
