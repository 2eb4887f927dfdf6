#include "plugin/recorder.hpp"

#include <limits>
#include <system_error>

#include "streams/recordings/emd_layout.hpp"
#include "streams/recordings/mapped_file.hpp"

namespace bragglive {
namespace {

constexpr std::uint64_t k_look_every_bytes = std::uint64_t{16} << 20;
constexpr std::chrono::seconds k_flush_every{5};  // what a power cut may take
constexpr std::uint64_t k_label_bytes_per_position = 300;

}  // namespace

Expected<std::unique_ptr<Recorder>> Recorder::open(RecorderSettings settings, const ScanStart& scan,
                                                   CounterBoard& counters) {
  const hdf5::Handle access = raw_cube_access();
  auto writer = hdf5::Writer::create(settings.file, access.get());
  if (!writer) return tl::unexpected<Error>(writer.error());
  auto cube = RawCube::create(writer->file(), scan);
  if (!cube) return tl::unexpected<Error>(cube.error());
  const std::uint64_t labels = k_label_bytes_per_position * scan.scan.positions();
  settings.reserve_bytes +=
      std::min(labels, std::numeric_limits<std::uint64_t>::max() - settings.reserve_bytes);
  return std::unique_ptr<Recorder>(
      new Recorder(std::move(settings), std::move(*writer), std::move(*cube), counters));
}

Recorder::Recorder(RecorderSettings settings, hdf5::Writer writer, RawCube cube, CounterBoard& counters)
    : settings_(std::move(settings)),
      writer_(std::move(writer)),
      cube_(std::move(cube)),
      counters_(counters),
      unchecked_bytes_(k_look_every_bytes),
      flushed_(std::chrono::steady_clock::now()),
      thread_([this](std::stop_token stop) { run(std::move(stop)); }) {}

Payload Recorder::keep(std::uint64_t index, Payload frame) {
  if (stopped_) {
    counters_.not_recorded.fetch_add(1, std::memory_order_relaxed);
    return frame;
  }
  const std::size_t size = frame.bytes().size();
  const auto fits = [&] { return items_.empty() || bytes_ + size <= settings_.queue_bytes || stopped_; };
  std::unique_lock lock(mutex_);
  if (settings_.may_wait) changed_.wait(lock, fits);
  if (!fits() || stopped_) {
    counters_.not_recorded.fetch_add(1, std::memory_order_relaxed);
    return frame;
  }
  auto shared = std::make_shared<const Payload>(std::move(frame));
  items_.push_back({index, shared});
  bytes_ += size;
  lock.unlock();
  changed_.notify_all();
  return share(std::move(shared));
}

void Recorder::run(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !items_.empty(); }) || !items_.empty()) {
    const Item item = std::move(items_.front());
    items_.pop_front();
    lock.unlock();
    write(item);
    lock.lock();
    bytes_ -= item.frame->bytes().size();
    lock.unlock();
    changed_.notify_all();
    lock.lock();
  }
}

void Recorder::write(const Item& item) {
  if (!stopped_ && enough_room()) {
    const auto bytes = item.frame->bytes();
    const auto written = cube_.write(item.index, bytes);
    if (!written && cube_.disk_failed()) stop_recording(written.error().message);
    if (written) {
      counters_.recorded.fetch_add(1, std::memory_order_relaxed);
      unchecked_bytes_ += bytes.size();
      if (const auto now = std::chrono::steady_clock::now(); now - flushed_ > k_flush_every) {
        flushed_ = now;
        H5Fflush(writer_.file(), H5F_SCOPE_LOCAL);
      }
      return;
    }
  }
  counters_.not_recorded.fetch_add(1, std::memory_order_relaxed);
}

// Looked at before HDF5 meets a full disk: its 1.10 cannot close a file that it could not flush.
bool Recorder::enough_room() {
  if (unchecked_bytes_ < k_look_every_bytes) return true;
  unchecked_bytes_ = 0;
  std::error_code error;
  const auto space = std::filesystem::space(std::filesystem::absolute(settings_.file).parent_path(), error);
  if (error || space.available > settings_.reserve_bytes) return true;
  stop_recording(fmt::format("only {:.0f} MB are left on the disk of {}",
                             static_cast<double>(space.available) * 1e-6, settings_.file.string()));
  return false;
}

void Recorder::stop_recording(const std::string& why) {
  if (stopped_.exchange(true)) return;
  if (settings_.log)
    settings_.log(LogLevel::error, "the recording has stopped, the labelling goes on: " + why);
  changed_.notify_all();
}

Expected<void> Recorder::finish(const ScanResult& result) {
  thread_.request_stop();
  thread_.join();
  if (auto written = write_result(writer_, result); !written) return written;
  {
    const hdf5::QuietErrors quiet;
    hdf5::write_emd_calibration(writer_.file(), result.calibration.pixel_size_inv_angstrom,
                                result.calibration.scan_step_nm);
  }
  { const RawCube closed = std::move(cube_); }  // an open dataset would keep the file open
  return writer_.commit();
}

}  // namespace bragglive
