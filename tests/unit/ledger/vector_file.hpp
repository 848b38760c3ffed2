// Test vectors, read from tests/vectors.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "ledger/bytes.hpp"
#include "ledger/proof.hpp"

namespace vault {

inline nlohmann::json load_vectors(const std::string& name) {
  std::ifstream file(std::string(VAULT_VECTORS_DIR) + "/" + name);
  if (!file) throw std::runtime_error("no vectors: " + name);
  return nlohmann::json::parse(file);
}

inline Hash hex_hash(const nlohmann::json& text) {
  return hash_from_hex(text.get<std::string>()).value();
}

inline Hash base64_hash(const nlohmann::json& text) {
  return array_from_bytes<32>(from_base64(text.get<std::string>()).value()).value();
}

inline Proof base64_proof(const nlohmann::json& list) {
  Proof proof;
  for (const auto& hash : list) proof.push_back(base64_hash(hash));
  return proof;
}

}  // namespace vault
