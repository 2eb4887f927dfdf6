// The dead pixels that a scan's metadata name ("masked_pixels": flat indices, separated by commas).
#pragma once
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/frame/frame_view.hpp"

namespace bragglive {

// Adds them to `masked` without repeating one. What is no pixel of the frame is left out.
inline void add_masked_pixels(std::string_view text, FrameShape frame, std::vector<std::uint32_t>& masked) {
  const std::size_t before = masked.size();
  while (!text.empty()) {
    std::uint32_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error == std::errc{} && index < frame.pixels()) masked.push_back(index);
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (masked.size() == before) return;
  std::sort(masked.begin(), masked.end());
  masked.erase(std::unique(masked.begin(), masked.end()), masked.end());
}

}  // namespace bragglive
