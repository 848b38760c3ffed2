// Passwords in database URLs: what is shown of a URL, and which ones are refused.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "daemon/settings/fields.hpp"
#include "tests/unit/daemon/settings/settings_fixture.hpp"

namespace vault {
namespace {

class SettingsSecretsTest : public SettingsTest {};

// A URL in the wrong place is refused, and not repeated.
TEST_F(SettingsSecretsTest, NoPasswordIsShownInTheWrongPlace) {
  const std::string url = "postgresql://u:s3cret@h/db";
  std::vector<std::string> told;
  for (const char* name : {"state_dir", "socket_group", "signing_key", "curve_server_key", "curve_clients",
                           "legacy_dir", "requests", "ingest", "events", "embedded"}) {
    told.push_back(refusal(std::string(name) + " = \"" + url + "\""));
    if (told.back() == "accepted")
      told.back() = check_settings(*load_text(std::string(name) + " = \"" + url + "\"")).error().message;
    EXPECT_NE(told.back().find(name), std::string::npos) << told.back();
  }
  told.push_back(refusal('"' + url + "\" = 1"));
  for (const char* flag : {"--config", "--state-dir", "--signing-key"}) {
    const auto settings = load({flag, url});
    ASSERT_FALSE(settings) << flag;
    EXPECT_EQ(settings.error().code, ErrorCode::invalid_argument) << flag;
    told.push_back(settings.error().message);
  }
  setenv(("VAULT_" + url).c_str(), "1", 1);
  told.push_back(fmt::format("{}", fmt::join(doubtful_variables(Settings{}), "\n")));
  unsetenv(("VAULT_" + url).c_str());
  EXPECT_NE(told.back().find("no such setting"), std::string::npos);
  for (const std::string& message : told) EXPECT_EQ(message.find("s3cret"), std::string::npos) << message;
}

// Whatever a URL looks like, no piece of the password is shown: not as a setting, not in a message.
TEST_F(SettingsSecretsTest, NoPasswordIsShownHoweverTheUrlIsWritten) {
  const char* const spellings[] = {
      "postgresql://u:s3cret@h/db",
      "postgres://u:s3cret@h1,h2:5433/db?sslmode=require",
      "postgresql://:s3cret@h/db",
      "postgresql://u:x@s3cret@h/db",
      "postgresql://u:s3cret@x@h/db",
      "postgresql://u:s3cret/x@h/db",
      "postgresql://u:12/s3cret@h/db",
      "postgresql://u:s3cret?x@h/db",
      "postgresql://u:x?s3cret@h/db",
      "postgresql://u:s3cret#x@h/db",
      "postgresql://u:x:s3cret@h/db",
      "postgresql://u:s3cret%zz@h/db",
      "postgresql://u%3As3cret@h/db",
      "postgresql://u:s3cret@h:port/db",
      "postgresql://u:s3cret@",
      "postgresql://u:s3cret",
      "postgresql://u:x@/s3cret@h/db",
      "postgresql:/u:s3cret@h/db",
      "postgresql//u:s3cret@h/db",
      "POSTGRESQL://u:s3cret@h/db",
      "PostgreSQL://u:s3cret@h/db?sslmode=require",
      "jdbc:postgresql://u:s3cret@h/db",
      "jdbc:postgresql://h/db?user=u&password=s3cret",
      " postgresql://u:s3cret@h/db",
      "\"postgresql://u:s3cret@h/db\"",
      "postgresql:///db?pass%77ord=s3cret",
      "postgresql:///db?%70%61%73%73%77%6f%72%64=s3cret",
      "postgresql:///db?password=s3cret&password=",
      "postgresql:///db?Password=s3cret",
      "postgresql:///db?sslpassword=s3cret&user=u",
      "postgresql:///db?password=s3cret&x@y",
      "postgresql://u@h/db?sslmode=require;password=s3cret",
      "host=h password=s3cret",
      "host=h password = 's3cret with blanks' dbname=db",
      "host=h password=x s3cret dbname=db",
      "host=h password='s3cret",
      "host=h password=\"x s3cret\"",
      "host=h password='it\\'s s3cret'",
      "host=h password='it''s3cret'",
      "host=h password=s3cret password=",
      "host=h;password=s3cret;dbname=db",
      "host=h port=5432;password=s3cret",
      "host=h pwd=s3cret",
      "host=h PASSWORD=s3cret",
      "host=h password:s3cret",
      "service=somewhere password=s3cret",
      "passfile=/root/.pgpass password=s3cret",
      "dbname=postgresql://u:s3cret@h/db",
      "dbname='host=h password=s3cret'",
      "u:s3cret@h/db",
      "options='-c app.password=s3cret' host=h",
  };
  for (const std::string database : spellings) {
    const auto settings = load({"--database", database, "--reader-database", database});
    ASSERT_TRUE(settings) << database;
    EXPECT_EQ(format_settings(*settings).find("s3cret"), std::string::npos) << database << "\n"
                                                                            << format_settings(*settings);
    EXPECT_EQ(format_settings(*settings).find("blanks"), std::string::npos) << database;
    EXPECT_TRUE(load_text(format_settings(*settings))) << database;
    if (const auto checked = check_databases(*settings); !checked) {
      EXPECT_EQ(checked.error().field, "database");
      EXPECT_EQ(checked.error().message.find("s3cret"), std::string::npos) << checked.error().message;
    }
    // In wrong places: after no flag, after a misspelt one, in place of another value, in a file.
    for (const auto& flags : std::vector<std::vector<std::string>>{{database},
                                                                   {"--databse", database},
                                                                   {"--databse=" + database},
                                                                   {"--readers", database},
                                                                   {"--requests", database},
                                                                   {"--log-level=" + database}}) {
      const auto refused = load(flags);
      if (refused) continue;
      EXPECT_EQ(refused.error().message.find("s3cret"), std::string::npos) << refused.error().message;
    }
    for (const std::string& line : std::vector<std::string>{"database = " + database, "readers = \"" + database + "\"",
                                                            "database = [" + database}) {
      EXPECT_EQ(refusal(line + "\n").find("s3cret"), std::string::npos) << refusal(line + "\n");
    }
  }
}

TEST_F(SettingsSecretsTest, AUrlThatCannotBeMeantIsRefused) {
  for (const char* wrong : {"postgresql://u:x@y@h/db", "postgresql://u:a/b@h/db", "postgresql://u:1/b@h/db", "x",
                            "POSTGRESQL://h/db", "postgresql://h:port/db", "host=h;dbname=x", "host=\"h\""}) {
    const auto checked = check_databases(*load({"--database", wrong}));
    ASSERT_FALSE(checked) << wrong;
    EXPECT_TRUE(checked.error().message.starts_with("database: ")) << checked.error().message;
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument);
  }
  for (const char* right : {"postgresql:///vault", "postgresql://u:a%2Fb%40@h:1,g:2/db", "host=/run/x dbname=a@b",
                            "service=x", "postgresql://[fe80::1%25eth0]:5/db", "host=b\u00fccher.example",
                            "postgresql://%2Frun%2Fx/db", "host=@abstract user=me@tenant"}) {
    const auto checked = check_databases(*load({"--database", right}));
    EXPECT_TRUE(checked) << right << checked.error().message;
  }
}

}  // namespace
}  // namespace vault
