// Multipart messages to one ZeroMQ socket, without losing any in silence.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/frame/error.hpp"
#include "streams/payload.hpp"
#include "streams/zmq/endpoint.hpp"

namespace bragglive {

struct WriterOptions {
  zmq::socket_type kind = zmq::socket_type::push;  // or xpub, which is PUB that knows its subscribers
  int hwm = 256;                                   // message parts queued for each receiver
  std::chrono::milliseconds patience{30000};
};

// Used by one thread. On destruction what was sent is delivered, for as long as `patience` lasts.
class MessageWriter {
 public:
  static Expected<std::unique_ptr<MessageWriter>> open(const Endpoint& endpoint,
                                                       const WriterOptions& options);
  static Expected<std::unique_ptr<MessageWriter>> open(const std::string& uri, const WriterOptions& options);
  ~MessageWriter();
  MessageWriter(const MessageWriter&) = delete;
  MessageWriter& operator=(const MessageWriter&) = delete;

  const std::string& address() const { return address_; }
  bool bound() const { return bound_; }
  // Until somebody listens; at once when somebody does already.
  Expected<void> wait_for_receiver();
  // The bytes are handed over, not copied. Blocks while the receiver's queue is full.
  Expected<void> send(Payload payload, bool more);
  Expected<void> send(std::vector<std::byte> bytes, bool more);
  // The last word of a scan: no failure when the receiver has left, as one does that had all frames.
  Expected<void> send_farewell(std::vector<std::byte> bytes);

 private:
  MessageWriter(const Endpoint& endpoint, const WriterOptions& options)
      : socket_(context_, options.kind), address_(endpoint.address), options_(options) {}
  Expected<void> send(zmq::message_t message, bool more);
  void watch_peers();
  bool somebody_listens();

  zmq::context_t context_{1};
  zmq::socket_t socket_;
  zmq::socket_t peer_events_{context_, zmq::socket_type::pair};
  int peers_ = 0;
  const std::string address_;
  const WriterOptions options_;
  bool bound_ = false;
  bool subscribed_ = false;
};

}  // namespace bragglive
