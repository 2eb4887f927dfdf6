// Frames that a host pushes through the C ABI.
#include <utility>
#include <vector>

#include "plugin/abi/calls.hpp"
#include "plugin/abi/handles.hpp"

namespace bragglive::abi {
namespace {

constexpr std::size_t k_queued_frames = 256;

// The host's pixels, given back when the frame is done.
struct Borrowed {
  std::span<const std::byte> pixels;
  void (*release)(void*);
  void* context;
  Borrowed(std::span<const std::byte> p, void (*r)(void*), void* c) : pixels(p), release(r), context(c) {}
  Borrowed(Borrowed&& other) noexcept
      : pixels(other.pixels), release(std::exchange(other.release, nullptr)), context(other.context) {}
  ~Borrowed() {
    if (release) release(context);
  }
};

Payload payload_of(const bragglive_frame& frame) {
  const std::span pixels(static_cast<const std::byte*>(frame.pixels), frame.size_in_bytes);
  if (frame.release)
    return Payload(
        Borrowed(pixels, frame.release, frame.release_context),
        +[](const Borrowed& held) { return held.pixels; });
  return Payload(
      std::vector<std::byte>(pixels.begin(), pixels.end()),
      +[](const std::vector<std::byte>& held) { return std::span<const std::byte>(held); });
}

}  // namespace

bragglive_status begin_scan(bragglive_session* session, const bragglive_scan* scan) {
  if (!session || !scan || scan->struct_size < sizeof(bragglive_scan)) return BRAGGLIVE_BAD_ARGUMENT;
  if (scan->pixel_type < BRAGGLIVE_U8 || scan->pixel_type > BRAGGLIVE_F32) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    ScanStart start;
    start.series_id = scan->series_id;
    start.scan = {scan->scan_rows, scan->scan_cols};
    start.frame = {scan->frame_rows, scan->frame_cols};
    start.pixel = static_cast<PixelType>(scan->pixel_type);
    start.expected_frames = start.scan.positions();
    const bool receiving = session->session->is_receiving();
    std::shared_ptr<PushQueue> queue;
    {
      const std::lock_guard lock(session->mutex);
      if (receiving && !session->queue) return BRAGGLIVE_BAD_STATE;  // open() is at work: stop() it first
      session->pushed_scan = start;
      if (!receiving) session->queue = std::make_shared<PushQueue>(k_queued_frames);
      queue = session->queue;
    }
    queue->push(start);
    if (receiving) return BRAGGLIVE_OK;
    if (auto started = session->session->start(std::make_unique<PushSource>(queue)); !started)
      return keep_error(*session, status_of(started.error()), started.error().message);
    return BRAGGLIVE_OK;
  });
}

bragglive_status submit_frame(bragglive_session* session, const bragglive_frame* frame) {
  if (!session || !frame || frame->struct_size < sizeof(bragglive_frame) || !frame->pixels)
    return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    std::shared_ptr<PushQueue> queue;
    FrameMessage message;
    {
      const std::lock_guard lock(session->mutex);
      if (!session->pushed_scan) return BRAGGLIVE_BAD_STATE;
      const ScanStart& scan = *session->pushed_scan;
      const std::uint64_t frame_bytes = scan.frame.pixels() * bytes_per_pixel(scan.pixel);
      if (frame->scan_index >= scan.scan.positions() || frame->size_in_bytes != frame_bytes)
        return BRAGGLIVE_BAD_FRAME;
      message.series_id = scan.series_id;
      queue = session->queue;
    }
    // After a refused scan nobody takes frames any more; last_error() says why it was refused.
    if (!session->session->is_receiving()) return BRAGGLIVE_BAD_STATE;
    if (!queue->reserve_frame()) return BRAGGLIVE_QUEUE_FULL;
    message.frame_number = message.scan_index = frame->scan_index;
    message.payload = payload_of(*frame);
    queue->push(std::move(message));
    return BRAGGLIVE_OK;
  });
}

bragglive_status end_scan(bragglive_session* session) {
  if (!session) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    const std::lock_guard lock(session->mutex);
    if (!session->pushed_scan) return BRAGGLIVE_BAD_STATE;
    session->queue->push(ScanEnd{session->pushed_scan->series_id, 0});
    session->pushed_scan.reset();
    return BRAGGLIVE_OK;
  });
}

}  // namespace bragglive::abi
