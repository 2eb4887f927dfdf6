// What this process holds: memory, file descriptors, threads.
#pragma once
#include <cstddef>

namespace bragglive::soak {

struct ProcessSize {
  std::size_t resident_bytes = 0;
  std::size_t allocated_bytes = 0;  // of these, what the program asked for and has not given back
  std::size_t file_descriptors = 0, threads = 0;
};
ProcessSize process_size();

}  // namespace bragglive::soak
