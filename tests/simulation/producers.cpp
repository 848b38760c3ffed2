#include "tests/simulation/producers.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace vault::sim {
namespace {

const Verdict verdicts[] = {Verdict::seal,  Verdict::partial, Verdict::sabar,
                            Verdict::void_, Verdict::hold,    Verdict::sunset};

}  // namespace

void Producers::tick(bool producing) {
  if (producing && next_request_at_ <= world_.now) {
    next_request_at_ = world_.now + world_.random.between(0, 160 * millisecond);
    const std::size_t burst = world_.random.chance(60) ? 1 + world_.random.below(12) : 1;
    for (std::size_t i = 0; i < burst; ++i) {
      const std::size_t dice = world_.random.below(100);
      if (dice < 80) {
        make_request();
      } else if (dice < 97) {
        send_query(static_cast<int>(world_.random.below(8)), static_cast<int>(world_.random.below(fleet_.size())));
      } else {
        send_malformed();
      }
    }
  }
  std::vector<std::uint64_t> due;
  for (const auto& [number, send_at] : open_) {
    if (send_at <= world_.now) due.push_back(number);
  }
  for (const std::uint64_t number : due) send_request(number);
}

Micros Producers::next_at(bool producing) const {
  Micros next = producing ? next_request_at_ : std::numeric_limits<Micros>::max();
  for (const auto& [number, send_at] : open_) next = std::min(next, send_at);
  return next;
}

// --- Asking ----------------------------------------------------------------------------------------------------------

// A new seal_id, a legitimate reuse (the same content), or a wrong one (other content).
std::optional<Uuid> Producers::make_seal_id(Seal& seal) {
  if (!used_.empty() && world_.random.chance(150)) {
    const LogicalRequest& other = requests_.at(used_[world_.random.below(used_.size())]);
    const Seal& old = other.seal.seals[world_.random.below(other.seal.seals.size())];
    if (!other.poisoned) {
      const Seal fresh = seal;
      seal = old;
      if (world_.random.chance(300)) {
        ++world_.coverage["producer.wrong_reuse"];
        seal.seal_data = fresh.seal_data;
      } else {
        ++world_.coverage["producer.right_reuse"];
      }
      return old.seal_id;
    }
  }
  Uuid id;
  if (!world_.random.chance(5)) world_.random.fill(id.bytes);  // the nil UUID is one like any other
  return id;
}

Seal Producers::make_seal(bool with_id) {
  Seal seal;
  seal.session_id = "session-" + std::to_string(world_.random.below(4));
  seal.authority = "authority";
  seal.verdict = verdicts[world_.random.below(std::size(verdicts))];
  seal.seal_data = "{\"n\":" + std::to_string(world_.random.next() >> 12) + "}";
  if (with_id) seal.seal_id = make_seal_id(seal);
  return seal;
}

void Producers::make_request() {
  LogicalRequest request;
  request.peer = world_.random.below(SimulatedVaultd::peers);
  request.ingest = world_.random.chance(250);
  request.seal.batch = world_.random.chance(250);
  request.seal.sign = !request.ingest && world_.random.chance(100);
  request.repeatable = !world_.random.chance(150);
  request.poisoned = world_.random.chance(15);
  const std::size_t count = request.seal.batch ? 1 + world_.random.below(6) : 1;
  for (std::size_t i = 0; i < count; ++i) {
    // Some batches hold seals with and without seal_id.
    const bool with_id = request.repeatable || world_.random.chance(300);
    if (i > 0 && with_id && !request.poisoned && request.seal.seals.front().seal_id && world_.random.chance(100)) {
      ++world_.coverage["producer.twice_in_a_batch"];
      request.seal.seals.push_back(request.seal.seals.front());
      continue;
    }
    Seal seal = make_seal(with_id && !request.poisoned);
    if (request.poisoned) {
      seal.seal_data = "{\"poison\":" + std::to_string(world_.random.next() >> 12) + "}";
      seal.seal_id.emplace();
      world_.random.fill(seal.seal_id->bytes);
    }
    request.seal.seals.push_back(std::move(seal));
  }
  if (request.poisoned) request.repeatable = true;
  if (request.ingest && request.repeatable) ++world_.coverage["producer.ingest"];
  const std::uint64_t number = next_number_++;
  for (const Seal& seal : request.seal.seals) world_.invariants.submitted(seal, number);
  if (request.repeatable) used_.push_back(number);
  const bool ingest = request.ingest;
  requests_.emplace(number, std::move(request));
  if (ingest) {
    send_request(number);
  } else {
    open_[number] = world_.now;
  }
}

std::uint64_t Producers::send_probe(int vaultd, bool sign) {
  LogicalRequest request;
  request.seal.sign = sign;
  request.seal.seals.push_back(make_seal(false));
  request.seal.seals.front().seal_id.emplace();
  world_.random.fill(request.seal.seals.front().seal_id->bytes);
  request.repeatable = true;
  request.vaultd = vaultd;
  const std::uint64_t number = next_number_++;
  world_.invariants.submitted(request.seal.seals.front(), number);
  requests_.emplace(number, std::move(request));
  open_[number] = world_.now;
  return number;
}

void Producers::send_request(std::uint64_t number) {
  LogicalRequest& request = requests_.at(number);
  const int vaultd = request.vaultd.value_or(static_cast<int>(world_.random.below(fleet_.size())));
  if (!request.ingest) open_[number] = world_.now + patience_ + world_.random.between(0, second);
  const std::uint64_t wire_id = next_wire_id_++;
  const bool connected = transmit(vaultd, request.peer, request.ingest ? SocketKind::ingest : SocketKind::requests,
                                  encode_request(wire_id, request.seal), std::to_string(number));
  if (connected && !request.ingest) {
    attempts_[wire_id] = {vaultd, fleet_[static_cast<std::size_t>(vaultd)]->incarnation(), number, {}, 0};
  }
  if (!request.ingest && !request.repeatable) {
    // It cannot be sent again: this attempt decides its outcome.
    request.state = State::given_up;
    open_.erase(number);
  }
}

void Producers::send_round(int vaultd) {
  for (int kind = 0; kind < 8; ++kind) send_query(kind, vaultd);
  for (int i = 0; i < 3; ++i) send_probe(vaultd, true);
}

void Producers::send_query(int kind, int vaultd) {
  const auto head = static_cast<std::int64_t>(world_.invariants.size());
  Operation query = HeadRequest{};
  const std::int64_t some = world_.random.between(0, head + 2);
  switch (kind) {
    case 0:
      query = ReadRequest{std::max<std::int64_t>(some, 1), {}, {}};
      break;
    case 1:
      query = ListRequest{};
      break;
    case 2:
      query = VerifyRangeRequest{{}, {}, world_.random.chance(500)};
      break;
    case 3:
      query = ProofRequest{std::max<std::int64_t>(some, 1), {}};
      break;
    case 4:
      query = ConsistencyRequest{some, {}};
      break;
    case 5:
      query = CheckpointRequest{};
      break;
    case 6:
      query = StatusRequest{};
      break;
    default:
      break;
  }
  const std::uint64_t wire_id = next_wire_id_++;
  const bool connected = transmit(vaultd, world_.random.below(SimulatedVaultd::peers), SocketKind::requests,
                                  encode_request(wire_id, query), "");
  if (connected) attempts_[wire_id] = {vaultd, fleet_[static_cast<std::size_t>(vaultd)]->incarnation(), {}, query, 0};
}

void Producers::send_malformed() {
  ++world_.coverage["producer.malformed"];
  const bool ingest = world_.random.chance(300);
  transmit(static_cast<int>(world_.random.below(fleet_.size())), 0, ingest ? SocketKind::ingest : SocketKind::requests,
           "\x83\xa1v", ingest ? "0" : "malformed");
}

// False if no vaultd is connected. ZeroMQ keeps the message for a peer that may come back, or drops it: the producer
// cannot tell the difference.
bool Producers::transmit(int vaultd, std::size_t peer, SocketKind socket, std::string body, const std::string& name) {
  PeerMessage message;
  message.socket = socket;
  message.body = std::move(body);
  if (socket == SocketKind::ingest) {
    message.envelope = {name};  // never answered: only names the message for the simulation
  } else {
    message.envelope = {name == "malformed" ? "malformed" : "peer-" + std::to_string(peer)};
  }
  SimulatedVaultd& to = *fleet_[static_cast<std::size_t>(vaultd)];
  if (!to.running() || to.stopping()) return false;
  to.receive(peer, std::move(message));
  return true;
}

// --- State -----------------------------------------------------------------------------------------------------------

void Producers::on_ingest_taken(int vaultd, const std::string& name) {
  const std::uint64_t number = std::stoull(name);
  if (number == 0) return;
  ingest_taken_[{vaultd, fleet_[static_cast<std::size_t>(vaultd)]->incarnation()}].insert(number);
  ++world_.coverage["ingest.taken"];
}

bool Producers::ingest_is_stored(int vaultd, int incarnation, bool wait) const {
  const auto taken = ingest_taken_.find({vaultd, incarnation});
  if (taken == ingest_taken_.end()) return true;
  for (const std::uint64_t number : taken->second) {
    const LogicalRequest& request = requests_.at(number);
    const bool open = std::any_of(request.seal.seals.begin(), request.seal.seals.end(),
                                  [&](const Seal& seal) { return world_.invariants.contested(seal); });
    if (open || request.poisoned) continue;
    for (const Seal& seal : request.seal.seals) {
      if (world_.invariants.times_stored(seal) == 1) continue;
      require(wait, "a seal taken on ingest is " + std::to_string(world_.invariants.times_stored(seal)) +
                        " times in the ledger: " + content_of(seal) + " of request " + std::to_string(number));
      return false;
    }
  }
  return true;
}

bool Producers::all_answered() const {
  if (!open_.empty()) return false;
  return std::all_of(attempts_.begin(), attempts_.end(), [&](const auto& item) {
    const Attempt& attempt = item.second;
    const SimulatedVaultd& vaultd = *fleet_[static_cast<std::size_t>(attempt.vaultd)];
    return attempt.replies == 1 || !vaultd.running() || vaultd.incarnation() != attempt.incarnation;
  });
}

std::string Producers::describe_open() const {
  std::string out;
  for (const auto& [number, send_at] : open_) {
    out += " request " + std::to_string(number) + (requests_.at(number).seal.sign ? " (signed)" : "") + ";";
  }
  for (const auto& [wire_id, attempt] : attempts_) {
    const SimulatedVaultd& vaultd = *fleet_[static_cast<std::size_t>(attempt.vaultd)];
    if (attempt.replies == 1 || !vaultd.running() || vaultd.incarnation() != attempt.incarnation) continue;
    out += " attempt " + std::to_string(wire_id) + " at vaultd-" + std::to_string(attempt.vaultd) + " has " +
           std::to_string(attempt.replies) + " replies";
    out += attempt.request ? ";" : " (query " + std::to_string(attempt.query.index()) + ");";
  }
  return out;
}

}  // namespace vault::sim
