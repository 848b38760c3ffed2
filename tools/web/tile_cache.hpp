// A cache of answers that never change, most recently used first: full tiles and entry bundles. Belongs to one thread.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tools/web/response.hpp"

namespace vault::web {

class TileCache {
 public:
  // `bytes_max`: for bodies and their metadata. An answer over an eighth of it is not kept.
  explicit TileCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  const Response* find(const std::string& path);
  void put(const std::string& path, const Response& response);
  std::size_t bytes() const { return bytes_; }

 private:
  struct Kept {
    std::string path;
    Response response;
  };
  static std::size_t size_of(const Kept& kept) {
    return kept.response.body->size() + 2 * kept.path.size() + kept.response.headers.size() + 256;
  }

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::list<Kept> kept_;  // most recently used first
  std::unordered_map<std::string, std::list<Kept>::iterator> by_path_;
};

}  // namespace vault::web
