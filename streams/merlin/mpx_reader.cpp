#include "streams/merlin/mpx_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>
#include <thread>

namespace bragglive::merlin {
namespace {

constexpr std::string_view k_mark = "MPX,";
constexpr std::size_t k_max_message = std::size_t{80} << 20;
constexpr std::chrono::milliseconds k_reconnect{200};

}  // namespace

bool MpxReader::connect(Deadline deadline) {
  if (auto socket = TcpSocket::connect(address_, deadline)) {
    socket_ = std::move(*socket);
    return true;
  }
  std::this_thread::sleep_until(std::min(deadline, std::chrono::steady_clock::now() + k_reconnect));
  return false;
}

// The length behind a prefix that has come whole; nullopt when it is none.
std::optional<std::size_t> MpxReader::stated_length() const {
  const auto* text = reinterpret_cast<const char*>(buffer_.data());
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(text + k_mark.size(), text + k_prefix - 1, length);
  if (std::string_view(text, k_mark.size()) != k_mark || error != std::errc{} || end != text + k_prefix - 1 ||
      text[k_prefix - 1] != ',')
    return std::nullopt;
  if (length < 2 || length > k_max_message) return std::nullopt;
  return length - 1;  // the comma is counted
}

// Drops bytes until the buffer begins with the mark, or with as much of it as is there.
void MpxReader::find_prefix() {
  const std::string_view text(reinterpret_cast<const char*>(buffer_.data()), filled_);
  std::size_t at = text.find(k_mark, 1);
  for (std::size_t part = k_mark.size() - 1; at == std::string_view::npos && part > 0; --part)
    if (text.size() > part && text.ends_with(k_mark.substr(0, part))) at = text.size() - part;
  if (at == std::string_view::npos) at = filled_;
  std::memmove(buffer_.data(), buffer_.data() + at, filled_ - at);
  filled_ -= at;
  garbage_ += at;
}

bool MpxReader::read(Deadline deadline) {
  if (std::exchange(whole_, false)) filled_ = 0;
  buffer_.resize(std::max(buffer_.size(), k_prefix));
  for (;;) {
    std::size_t wanted = k_prefix;
    if (filled_ >= k_prefix) {
      const auto length = stated_length();
      if (!length) {
        find_prefix();
        continue;
      }
      length_ = *length;
      wanted = k_prefix + length_;
      if (filled_ >= wanted) return whole_ = true;
      if (buffer_.size() < wanted) buffer_.resize(wanted);
    }
    if (!socket_.open() && !connect(deadline)) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      continue;
    }
    const auto got = socket_.receive(std::span(buffer_).subspan(filled_, wanted - filled_), deadline);
    if (!got) {
      socket_.close();
      garbage_ += filled_;  // half a message is worth nothing
      filled_ = 0;
      ++losses_;
      continue;
    }
    if (*got == 0) return false;
    filled_ += *got;
    // A flood of garbage must not hold the caller; what has come is kept.
    if (filled_ < k_prefix + length_ && std::chrono::steady_clock::now() > deadline) return false;
  }
}

}  // namespace bragglive::merlin
