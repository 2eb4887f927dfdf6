// What a fuzz target consists of: the entry that libFuzzer knows, and seeds that are made, not stored.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

using Bytes = std::vector<std::byte>;

// Honest inputs from which mutations start.
std::vector<Bytes> fuzz_seeds();
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}
