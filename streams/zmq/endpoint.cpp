#include "streams/zmq/endpoint.hpp"

#include <array>
#include <charconv>

namespace bragglive {
namespace {

constexpr std::array<std::string_view, 3> k_schemes = {"tcp://", "ipc://", "inproc://"};
constexpr int k_max_hwm = 1'000'000;

bool names_every_interface(std::string_view address) {
  for (std::string_view host : {"tcp://*:", "tcp://0.0.0.0:", "tcp://[::]:"})
    if (address.starts_with(host)) return true;
  return false;
}

Expected<void> apply_option(Endpoint& endpoint, std::string_view option) {
  const std::size_t equals = option.find('=');
  const std::string_view key = option.substr(0, equals);
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view{} : option.substr(equals + 1);
  if (option == "bind") {
    endpoint.attach = Attach::bind;
  } else if (option == "connect") {
    endpoint.attach = Attach::connect;
  } else if (key == "socket" && !value.empty()) {
    endpoint.socket = value;
  } else if (key == "hwm") {
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), endpoint.hwm);
    if (error != std::errc{} || end != value.data() + value.size() || endpoint.hwm < 1 ||
        endpoint.hwm > k_max_hwm)
      return fail(ErrorArea::usage, "endpoint option hwm={} is not a number from 1 to {}", value, k_max_hwm);
  } else {
    return fail(ErrorArea::usage, "unknown endpoint option '{}' (bind, connect, socket=KIND, hwm=N)", option);
  }
  return {};
}

// `reason` receives ZeroMQ's error number.
Expected<void> bind_socket(zmq::socket_t& socket, const Endpoint& endpoint, int& reason) {
  try {
    socket.bind(endpoint.address);
    return {};
  } catch (const zmq::error_t& error) {
    reason = error.num();
    const char* advice =
        error.num() == EADDRINUSE      ? "another program listens there: choose another port or end it"
        : error.num() == EADDRNOTAVAIL ? "this machine has no such address: name one of its own, or *"
        : error.num() == EACCES        ? "no permission: choose a port above 1023"
                                       : "write it as tcp://*:5555 or tcp://host:5555";
    return fail(ErrorArea::connection, "cannot bind {}: {}; {}", endpoint.address, error.what(), advice);
  }
}

Expected<void> connect_socket(zmq::socket_t& socket, const Endpoint& endpoint) {
  try {
    socket.connect(endpoint.address);
    return {};
  } catch (const zmq::error_t& error) {
    return fail(ErrorArea::connection, "cannot connect to {}: {}; write it as tcp://host:5555",
                endpoint.address, error.what());
  }
}

}  // namespace

bool is_endpoint(std::string_view uri) {
  for (std::string_view scheme : k_schemes)
    if (uri.starts_with(scheme)) return true;
  return false;
}

Expected<Endpoint> parse_endpoint(std::string_view uri) {
  if (!is_endpoint(uri))
    return fail(ErrorArea::usage, "'{}' is not an endpoint: write tcp://host:port or ipc://path", uri);
  if (uri.starts_with("inproc://"))
    return fail(ErrorArea::usage,
                "'{}': inproc:// ends cannot meet here, each has a ZeroMQ context of its own; "
                "use ipc://path, or push frames through the library",
                uri);
  const std::size_t question = uri.find('?');
  Endpoint endpoint;
  endpoint.address = uri.substr(0, question);
  std::string_view options =
      question == std::string_view::npos ? std::string_view{} : uri.substr(question + 1);
  while (!options.empty()) {
    const std::size_t end = std::min(options.find('&'), options.size());
    if (auto applied = apply_option(endpoint, options.substr(0, end)); !applied)
      return tl::unexpected(applied.error());
    options.remove_prefix(std::min(end + 1, options.size()));
  }
  return endpoint;
}

Expected<Attach> attach_socket(zmq::socket_t& socket, const Endpoint& endpoint, bool receiver) {
  Attach attach = endpoint.attach;
  if (attach == Attach::automatic && receiver)
    attach = names_every_interface(endpoint.address) ? Attach::bind : Attach::connect;
  if (attach != Attach::connect) {
    int reason = 0;
    auto bound = bind_socket(socket, endpoint, reason);
    if (bound) return Attach::bind;
    const bool elsewhere = reason == EADDRINUSE || reason == EADDRNOTAVAIL || reason == ENODEV;
    if (attach == Attach::bind || !elsewhere || names_every_interface(endpoint.address))
      return tl::unexpected(bound.error());
  }
  if (auto connected = connect_socket(socket, endpoint); !connected) return tl::unexpected(connected.error());
  return Attach::connect;
}

}  // namespace bragglive
