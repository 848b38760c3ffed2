#include "tools/web/tile_cache.hpp"

namespace vault::web {

const Response* TileCache::find(const std::string& path) {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found->second);
  return &found->second->response;
}

void TileCache::put(const std::string& path, const Response& response) {
  if (response.body->size() > bytes_max_ / 8 || by_path_.contains(path)) return;
  kept_.push_front({path, response});
  by_path_[path] = kept_.begin();
  bytes_ += size_of(kept_.front());
  while (bytes_ > bytes_max_) {
    bytes_ -= size_of(kept_.back());
    by_path_.erase(kept_.back().path);
    kept_.pop_back();
  }
}

}  // namespace vault::web
