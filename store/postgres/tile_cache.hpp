// A cache of the most recently used tiles. A tile's first hashes never change, so a cached partial tile stays true; it
// only becomes too short in time.
#pragma once

#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/tile.hpp"

namespace vault {

class TileCache {
 public:
  // Holds at most `tiles_max` tiles of up to 8 KiB each.
  explicit TileCache(std::size_t tiles_max) : tiles_max_(tiles_max) {}

  // The first `bytes` of a tile, if that many are cached.
  std::optional<std::string> find(const TileId& id, std::size_t bytes) {
    const auto found = places_.find(id);
    if (found == places_.end() || found->second->hashes.size() < bytes) return std::nullopt;
    tiles_.splice(tiles_.begin(), tiles_, found->second);
    return tiles_.front().hashes.substr(0, bytes);
  }

  void put(const TileId& id, std::string_view hashes) {
    const auto found = places_.find(id);
    if (found != places_.end()) {
      if (found->second->hashes.size() < hashes.size()) found->second->hashes = hashes;
      return;
    }
    tiles_.push_front({id, std::string(hashes)});
    places_[id] = tiles_.begin();
    if (tiles_.size() <= tiles_max_) return;
    places_.erase(tiles_.back().id);
    tiles_.pop_back();
  }

 private:
  struct Kept {
    TileId id;
    std::string hashes;
  };
  std::size_t tiles_max_;
  std::list<Kept> tiles_;  // most recently used first
  std::map<TileId, std::list<Kept>::iterator> places_;
};

}  // namespace vault
