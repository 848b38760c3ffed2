#include "tools/vaultctl/schema_argument.hpp"

#include "store/postgres/place.hpp"

namespace vault::ctl {

CLI::Option* add_schema(CLI::App& command, std::string& out) {
  return command
      .add_option_function<std::string>(
          "--schema",
          [&out](const std::string& name) {
            if (const char* wanted = wants_schema(name))
              throw CLI::ValidationError("--schema", std::string("must be ") + wanted);
            out = name;
          },
          "The schema that holds the ledger, where it is not \"public\"")
      ->type_name("NAME");
}

}  // namespace vault::ctl
