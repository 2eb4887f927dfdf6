// Which side binds and which connects, read from the endpoint's text.
//
// "tcp://host:port[?option[&option]]", "ipc://path". Options: bind, connect (this side does
// so), socket=KIND, hwm=N (messages queued). Without bind or connect a receiver binds where the host is "*",
// "0.0.0.0" or "[::]" and connects elsewhere; a sender binds where it can, and connects where the address is
// another machine's or already taken. So the same text given to both sides makes them meet, whoever starts
// first.
#pragma once
#include <string>
#include <string_view>
#include <zmq.hpp>

#include "core/frame/error.hpp"

namespace bragglive {

enum class Attach { automatic, bind, connect };

struct Endpoint {
  std::string address;  // what ZeroMQ gets
  Attach attach = Attach::automatic;
  std::string socket;  // "" = the protocol's default
  int hwm = 0;         // 0 = the protocol's default
};

bool is_endpoint(std::string_view uri);
Expected<Endpoint> parse_endpoint(std::string_view uri);

// Binds or connects; `receiver` chooses the automatic rule. Returns what was done.
Expected<Attach> attach_socket(zmq::socket_t& socket, const Endpoint& endpoint, bool receiver);

}  // namespace bragglive
