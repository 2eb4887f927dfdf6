#include "streams/zmq/message_writer.hpp"

#include <cstring>

namespace bragglive {
namespace {

constexpr int k_socket_buffer_bytes = 4 << 20;
constexpr std::size_t k_copy_below = 4096;  // a small message is cheaper to copy than to own

// Hands `owner`, which keeps `bytes` alive, to ZeroMQ; its I/O thread ends it.
template <class Owner>
zmq::message_t lend(std::unique_ptr<Owner> owner, std::span<const std::byte> bytes) {
  if (bytes.size() < k_copy_below) return zmq::message_t(bytes.data(), bytes.size());
  Owner* raw = owner.get();
  zmq::message_t message(
      const_cast<std::byte*>(bytes.data()), bytes.size(),
      [](void*, void* hint) { std::unique_ptr<Owner> ended(static_cast<Owner*>(hint)); }, raw);
  static_cast<void>(owner.release());
  return message;
}

}  // namespace

Expected<std::unique_ptr<MessageWriter>> MessageWriter::open(const std::string& uri,
                                                             const WriterOptions& options) {
  const auto endpoint = parse_endpoint(uri);
  if (!endpoint) return tl::unexpected(endpoint.error());
  return open(*endpoint, options);
}

Expected<std::unique_ptr<MessageWriter>> MessageWriter::open(const Endpoint& endpoint,
                                                             const WriterOptions& options) {
  try {
    std::unique_ptr<MessageWriter> writer(new MessageWriter(endpoint, options));
    zmq::socket_t& socket = writer->socket_;
    const int patience_ms = static_cast<int>(options.patience.count());
    socket.set(zmq::sockopt::sndhwm, endpoint.hwm != 0 ? endpoint.hwm : options.hwm);
    socket.set(zmq::sockopt::sndbuf, k_socket_buffer_bytes);
    socket.set(zmq::sockopt::linger, patience_ms);
    socket.set(zmq::sockopt::sndtimeo, patience_ms);
    socket.set(zmq::sockopt::immediate, true);  // queue nothing for a receiver that is not there
    if (options.kind == zmq::socket_type::xpub) socket.set(zmq::sockopt::xpub_nodrop, true);
    writer->watch_peers();
    auto attached = attach_socket(socket, endpoint, false);
    if (!attached) return tl::unexpected(attached.error());
    writer->bound_ = *attached == Attach::bind;
    return writer;
  } catch (const zmq::error_t& error) {
    return fail(ErrorArea::connection, "cannot open a socket for {}: {}", endpoint.address, error.what());
  }
}

// What the last peer does is told to nobody: libzmq 4.3.4 would lose the memory of news that no one takes.
MessageWriter::~MessageWriter() {
  zmq_socket_monitor(socket_.handle(), nullptr, 0);
}

void MessageWriter::watch_peers() {
  // Inside this context, so the name need not be unique beyond it.
  constexpr const char* k_events = "inproc://peers";
  if (zmq_socket_monitor(socket_.handle(), k_events,
                         ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) != 0)
    throw zmq::error_t();
  peer_events_.set(zmq::sockopt::linger, 0);
  peer_events_.connect(k_events);
}

bool MessageWriter::somebody_listens() {
  zmq::message_t event, address;
  while (peer_events_.recv(event, zmq::recv_flags::dontwait)) {
    static_cast<void>(peer_events_.recv(address, zmq::recv_flags::dontwait));
    std::uint16_t kind = 0;
    if (event.size() >= sizeof(kind)) std::memcpy(&kind, event.data(), sizeof(kind));
    peers_ += kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? 1 : kind == ZMQ_EVENT_DISCONNECTED ? -1 : 0;
  }
  return peers_ > 0;
}

Expected<void> MessageWriter::send_farewell(std::vector<std::byte> bytes) {
  constexpr int k_look_again_ms = 200;
  const auto deadline = std::chrono::steady_clock::now() + options_.patience;
  while (zmq_send(socket_.handle(), bytes.data(), bytes.size(), ZMQ_DONTWAIT) < 0) {
    if (!somebody_listens()) return {};
    if (std::chrono::steady_clock::now() > deadline) return send(std::move(bytes), false);
    zmq_pollitem_t item{socket_.handle(), 0, ZMQ_POLLOUT, 0};
    zmq_poll(&item, 1, k_look_again_ms);
  }
  return {};
}

Expected<void> MessageWriter::wait_for_receiver() {
  const bool publishes = options_.kind == zmq::socket_type::xpub;
  if (publishes && subscribed_) return {};
  zmq_pollitem_t item{socket_.handle(), 0, static_cast<short>(publishes ? ZMQ_POLLIN : ZMQ_POLLOUT), 0};
  const double patience = std::chrono::duration<double>(options_.patience).count();
  if (zmq_poll(&item, 1, static_cast<long>(options_.patience.count())) <= 0)
    return fail(ErrorArea::connection,
                "no receiver came to {} within {} s; start it, or check the address and the socket kind",
                address_, patience);
  zmq::message_t subscription;
  if (publishes) subscribed_ = socket_.recv(subscription, zmq::recv_flags::dontwait).has_value();
  return {};
}

Expected<void> MessageWriter::send(Payload payload, bool more) {
  auto owner = std::make_unique<Payload>(std::move(payload));
  const std::span<const std::byte> bytes = owner->bytes();
  return send(lend(std::move(owner), bytes), more);
}

Expected<void> MessageWriter::send(std::vector<std::byte> bytes, bool more) {
  auto owner = std::make_unique<std::vector<std::byte>>(std::move(bytes));
  const std::span<const std::byte> view = *owner;
  return send(lend(std::move(owner), view), more);
}

Expected<void> MessageWriter::send(zmq::message_t message, bool more) {
  while (zmq_msg_send(message.handle(), socket_.handle(), more ? ZMQ_SNDMORE : 0) < 0) {
    if (zmq_errno() == EINTR) continue;
    if (zmq_errno() == EAGAIN)
      return fail(ErrorArea::connection, "the receiver at {} has taken nothing for {} s", address_,
                  std::chrono::duration<double>(options_.patience).count());
    return fail(ErrorArea::connection, "cannot send to {}: {}", address_, zmq_strerror(zmq_errno()));
  }
  return {};
}

}  // namespace bragglive
