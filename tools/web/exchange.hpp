// One request as its handlers see it: plain data, and a way to answer. No HTTP library. Everything here runs on the
// server's one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "tools/web/response.hpp"

namespace vault::web {

// The parts of a request's head that are used here; a missing header is empty.
struct RequestHead {
  std::string method, target;
  std::string host, authorization, origin, sec_fetch_site, content_type, idempotency_key, if_none_match, last_event_id;
  bool gzip = false;  // the client accepts it
  bool has_body = false;
  bool forwarded = false;  // by a proxy, as it says: Forwarded, X-Forwarded-…, X-Real-IP or Via is there
};

// The listener that received it.
struct ListenerPlace {
  bool loopback = true;
  std::string address;  // as inet_ntop prints it
};

class Exchange {
 public:
  virtual ~Exchange() = default;

  // Sends the answer. Only once, and not after begin_stream().
  virtual void answer(Response response) = 0;

  // Begins an endless answer instead. `closed` is called once, when the client has gone or is too slow (has accepted
  // nothing for a while), or the server stops; never from inside a call to this.
  virtual void begin_stream(Response head, std::function<void()> closed) = 0;
  // Sends a block; does nothing after `closed`.
  virtual void write(std::shared_ptr<const std::string> block) = 0;
  // Bytes of blocks that the client has not accepted yet.
  virtual std::size_t unsent() const = 0;
  // Called whenever unsent() has dropped to zero.
  virtual void when_drained(std::function<void()> drained) = 0;
  // No more blocks: the connection ends once all are sent.
  virtual void end_stream() = 0;
};

}  // namespace vault::web
