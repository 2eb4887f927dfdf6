// The one exported symbol.
#include "plugin/abi/calls.hpp"
#include "plugin/version.hpp"

namespace bragglive::abi {
namespace {

constexpr bragglive_api k_api = {sizeof(bragglive_api),
                                 BRAGGLIVE_ABI_MAJOR,
                                 BRAGGLIVE_ABI_MINOR,
                                 0,
                                 k_version,
                                 create,
                                 destroy,
                                 last_error,
                                 open,
                                 begin_scan,
                                 submit_frame,
                                 end_scan,
                                 stop,
                                 wait,
                                 session_info,
                                 set_threshold,
                                 save,
                                 take_snapshot,
                                 release_snapshot,
                                 snapshot_info,
                                 copy_plane,
                                 plane_info};

}  // namespace
}  // namespace bragglive::abi

extern "C" const bragglive_api* bragglive_get_api(std::uint32_t abi_major, std::uint32_t oldest_abi_minor) {
  return abi_major == BRAGGLIVE_ABI_MAJOR && oldest_abi_minor <= BRAGGLIVE_ABI_MINOR ? &bragglive::abi::k_api
                                                                                     : nullptr;
}
