// A sender that has said everything leaves; a receiver that is behind still gets it all.
#include <thread>
#include <zmq.hpp>

#include "streams/zmq/message_reader.hpp"
#include "streams/zmq/message_writer.hpp"
#include "tests/catch.hpp"

using namespace bragglive;
using namespace std::chrono_literals;

namespace {

std::string free_tcp_address() {
  zmq::context_t context;
  zmq::socket_t probe(context, zmq::socket_type::pull);
  probe.bind("tcp://127.0.0.1:*");
  return probe.get(zmq::sockopt::last_endpoint);
}

}  // namespace

TEST_CASE("what lies in the sockets' buffers survives the sender's leaving") {
  constexpr std::size_t k_messages = 600, k_bytes = 4096;  // less than the buffers hold
  const std::string address = free_tcp_address();
  ReaderOptions reader_options;
  reader_options.hwm = 2;  // this receiver does not follow
  auto reader = MessageReader::open(*parse_endpoint(address + "?bind"), reader_options);
  REQUIRE(reader);
  {
    WriterOptions writer_options;
    writer_options.hwm = 2;
    writer_options.patience = 5s;
    auto writer = MessageWriter::open(address + "?connect", writer_options);
    REQUIRE(writer);
    REQUIRE((*writer)->wait_for_receiver());
    for (std::size_t i = 0; i < k_messages; ++i)
      REQUIRE((*writer)->send(std::vector<std::byte>(k_bytes, std::byte{7}), false));
  }
  std::this_thread::sleep_for(3s);  // longer than a receiver would wait to ask whether the sender still lives
  std::size_t came = 0;
  while ((*reader)->read(500ms)) ++came;
  CHECK(came == k_messages);
}
