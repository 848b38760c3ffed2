// External producers and readers: they seal, resend unanswered requests, reuse seal_ids legitimately and wrongly, ask
// for proofs, and check every reply.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/simulated_vaultd.hpp"
#include "wire/codec.hpp"

namespace vault::sim {

using Fleet = std::vector<std::unique_ptr<SimulatedVaultd>>;

class Producers {
 public:
  Producers(World& world, Fleet& fleet, Micros request_timeout)
      : world_(world), fleet_(fleet), patience_(request_timeout + 3 * second) {}

  // Sends whatever is due: new requests while `producing`, and resends.
  void tick(bool producing);
  Micros next_at(bool producing) const;

  void on_reply(int vaultd, const std::vector<std::string>& frames);
  void on_ingest_taken(int vaultd, const std::string& name);

  // A seal that must be acknowledged soon, sent to `vaultd`.
  std::uint64_t send_probe(int vaultd, bool sign = false);
  void give_up_all() { open_.clear(); }
  void give_up(std::uint64_t request) { open_.erase(request); }
  void allow_anywhere(std::uint64_t request) { requests_.at(request).vaultd.reset(); }
  bool acknowledged(std::uint64_t request) const { return requests_.at(request).state == State::sealed; }

  // From now on, nothing may miss its deadline.
  void expect_no_deadlines(bool expected) { no_deadlines_ = expected; }
  // One of everything, to `vaultd`.
  void send_round(int vaultd);

  // True if every request that must be resent until it is decided has been decided, and everything sent to a vaultd
  // that is still alive has its one reply.
  bool all_answered() const;
  // Throws unless every ingest seal that this incarnation of `vaultd` has accepted is in the ledger, once. With `wait`
  // it only reports that.
  bool ingest_is_stored(int vaultd, int incarnation, bool wait) const;
  std::string describe_open() const;

 private:
  enum class State : std::uint8_t { open, sealed, refused, given_up };
  // A producer's request, over as many attempts as it takes.
  struct LogicalRequest {
    std::size_t peer = 0;
    SealRequest seal;
    bool ingest = false;
    bool repeatable = false;  // every seal has a seal_id
    bool poisoned = false;
    State state = State::open;
    std::optional<int> vaultd;  // required destination; otherwise anywhere
  };
  struct Attempt {
    int vaultd = 0;
    int incarnation = 0;
    std::optional<std::uint64_t> request;  // of a seal; else a query
    Operation query;
    int replies = 0;
  };

  void make_request();
  Seal make_seal(bool with_id);
  std::optional<Uuid> make_seal_id(Seal& seal);
  void send_request(std::uint64_t number);
  void send_query(int kind, int vaultd);
  void send_malformed();
  bool transmit(int vaultd, std::size_t peer, SocketKind socket, std::string body, const std::string& name);

  void on_seal_reply(int vaultd, std::uint64_t number, const Reply& reply);
  void on_seal_refused(LogicalRequest& request, std::uint64_t number, const Error& error);
  void check_receipts(int vaultd, const LogicalRequest& request, const std::vector<Receipt>& receipts);
  void check_signature(const Receipt& receipt, const Seal& seal);
  void on_query_reply(const Operation& query, const Reply& reply);
  void check_proof(const ProofResult& result);

  World& world_;
  Fleet& fleet_;
  Micros patience_;
  Micros next_request_at_ = 0;
  std::map<std::uint64_t, LogicalRequest> requests_;
  std::map<std::uint64_t, Micros> open_;       // undecided requests, except ingest: when to send them (again)
  std::map<std::uint64_t, Attempt> attempts_;  // by wire id
  std::vector<std::uint64_t> used_;            // requests with seal_ids, to reuse them
  std::map<std::pair<int, int>, std::set<std::uint64_t>> ingest_taken_;  // by vaultd and incarnation
  std::uint64_t next_number_ = 1;
  std::uint64_t next_wire_id_ = 1;
  bool no_deadlines_ = false;
};

}  // namespace vault::sim
