#include "wire/endpoint_form.hpp"

#include "ledger/passwords.hpp"

namespace vault {

Status check_endpoint(const std::string& endpoint) {
  if (endpoint.starts_with("ipc://")) return {};
  if (endpoint.starts_with("tcp://") && endpoint.find('@') == std::string::npos) return {};
  return fail(ErrorCode::invalid_argument,
              "an endpoint is ipc://PATH or tcp://HOST:PORT, not " + quoted_unless_secret(endpoint), "endpoint");
}

}  // namespace vault
