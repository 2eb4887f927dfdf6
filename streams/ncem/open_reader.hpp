// One socket for all ports of the camera's receivers.
#pragma once
#include <memory>
#include <string>

#include "streams/zmq/message_reader.hpp"

namespace bragglive::ncem {

// "tcp://host:6001,tcp://host:6002,…".
Expected<std::unique_ptr<MessageReader>> open_reader(const std::string& uri);

}  // namespace bragglive::ncem
