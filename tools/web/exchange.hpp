// One request as those see it who answer it: plain data, and a way back. No HTTP library. Everything here is on the
// server's one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "tools/web/response.hpp"

namespace vault::web {

// Of a request's head what anybody here looks at; a header that is missing is empty.
struct RequestHead {
  std::string method, target;
  std::string host, authorization, origin, sec_fetch_site, content_type, idempotency_key, if_none_match, last_event_id;
  bool gzip = false;  // the client takes it
  bool has_body = false;
};

// Where it came in.
struct ListenerPlace {
  bool loopback = true;
  std::string address;  // as inet_ntop prints it
};

class Exchange {
 public:
  virtual ~Exchange() = default;

  // The answer. Once, and not after begin_stream().
  virtual void answer(Response response) = 0;

  // An answer without end instead. `closed` is called once, when the client has gone or is too slow (it then has taken
  // nothing for a while), or the server stops; never from inside a call to this.
  virtual void begin_stream(Response head, std::function<void()> closed) = 0;
  // Sends a block; nothing after `closed`.
  virtual void write(std::shared_ptr<const std::string> block) = 0;
  // Bytes of blocks that the client has not taken yet.
  virtual std::size_t unsent() const = 0;
  // Called whenever unsent() has come down to nothing.
  virtual void when_drained(std::function<void()> drained) = 0;
  // No more blocks: the connection ends once all are sent.
  virtual void end_stream() = 0;
};

}  // namespace vault::web
