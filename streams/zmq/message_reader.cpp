#include "streams/zmq/message_reader.hpp"

#include <algorithm>

namespace bragglive {
namespace {
// Find a peer that was unplugged. Not ZeroMQ's heartbeat: to ask a sender that has left in good order resets
// the connection, and what still lies in its buffers is lost.
constexpr int k_keep_alive_s = 2, k_keep_alive_probes = 4;
constexpr int k_socket_buffer_bytes = 4 << 20;  // frames while the machine does something else
constexpr int k_reconnect_ms = 50, k_reconnect_max_ms = 1000;
}  // namespace

Expected<std::unique_ptr<MessageReader>> MessageReader::open(const Endpoint& endpoint,
                                                             const ReaderOptions& options) {
  try {
    std::unique_ptr<MessageReader> reader(new MessageReader(options.kind));
    zmq::socket_t& socket = reader->socket_;
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvhwm, endpoint.hwm != 0 ? endpoint.hwm : options.hwm);
    socket.set(zmq::sockopt::rcvbuf, k_socket_buffer_bytes);
    socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(k_max_part_bytes));
    socket.set(zmq::sockopt::tcp_keepalive, 1);
    socket.set(zmq::sockopt::tcp_keepalive_idle, k_keep_alive_s);
    socket.set(zmq::sockopt::tcp_keepalive_intvl, k_keep_alive_s);
    socket.set(zmq::sockopt::tcp_keepalive_cnt, k_keep_alive_probes);
    socket.set(zmq::sockopt::reconnect_ivl, k_reconnect_ms);
    socket.set(zmq::sockopt::reconnect_ivl_max, k_reconnect_max_ms);
    if (options.kind == zmq::socket_type::sub) socket.set(zmq::sockopt::subscribe, "");
    if (options.kind == zmq::socket_type::req) socket.set(zmq::sockopt::req_relaxed, true);
    if (auto attached = attach_socket(socket, endpoint, true); !attached)
      return tl::unexpected(attached.error());
    return reader;
  } catch (const zmq::error_t& error) {
    return fail(ErrorArea::connection, "cannot open a socket for {}: {}", endpoint.address, error.what());
  }
}

Expected<void> MessageReader::add(const Endpoint& endpoint) {
  if (auto attached = attach_socket(socket_, endpoint, true); !attached)
    return tl::unexpected(attached.error());
  return {};
}

bool MessageReader::receive(zmq::message_t& message) {
  return zmq_msg_recv(message.handle(), socket_.handle(), ZMQ_DONTWAIT) >= 0;
}

bool MessageReader::request(std::string_view what) {
  return zmq_send(socket_.handle(), what.data(), what.size(), ZMQ_DONTWAIT) >= 0;
}

bool MessageReader::read(std::chrono::milliseconds timeout) {
  parts_ = 0;
  if (!receive(messages_[0])) {
    zmq_pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
    const long wait = static_cast<long>(std::max<std::chrono::milliseconds::rep>(timeout.count(), 0));
    if (zmq_poll(&item, 1, wait) <= 0 || !receive(messages_[0])) return false;
  }
  parts_ = 1;
  bool more = messages_[0].more();
  zmq::message_t surplus;
  while (more) {  // the parts of one message arrive together or not at all
    zmq::message_t& into = parts_ < k_max_parts ? messages_[parts_] : surplus;
    if (!receive(into)) break;
    more = into.more();
    ++parts_;
  }
  return true;
}

std::span<const std::byte> MessageReader::part(std::size_t index) const {
  if (index >= std::min(parts_, k_max_parts)) return {};
  return {static_cast<const std::byte*>(messages_[index].data()), messages_[index].size()};
}

Payload MessageReader::take(std::size_t index) {
  return take(index, 0, messages_[index].size());
}

Payload MessageReader::take(std::size_t index, std::size_t offset, std::size_t size) {
  struct Piece {
    zmq::message_t message;
    std::uint32_t offset, size;  // of a part, which is bounded by k_max_part_bytes
  };
  return Payload(
      Piece{std::move(messages_[index]), static_cast<std::uint32_t>(offset),
            static_cast<std::uint32_t>(size)},
      +[](const Piece& piece) {
        return std::span(static_cast<const std::byte*>(piece.message.data()) + piece.offset, piece.size);
      });
}

}  // namespace bragglive
