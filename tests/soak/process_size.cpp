#include "tests/soak/process_size.hpp"

#include <malloc.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace bragglive::soak {
namespace {

std::size_t entries_in(const char* folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

}  // namespace

ProcessSize process_size() {
  ::malloc_trim(0);  // what is freed but kept is no leak
  ProcessSize size;
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  size.resident_bytes = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto heap = ::mallinfo2();
  size.allocated_bytes = heap.uordblks + heap.hblkhd;
  size.file_descriptors = entries_in("/proc/self/fd");
  size.threads = entries_in("/proc/self/task");
  return size;
}

}  // namespace bragglive::soak
