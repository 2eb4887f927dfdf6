// The functions behind the table of bragglive.h, which is their contract.
#pragma once
#include <bragglive/bragglive.h>

#include <cstddef>
#include <cstdint>

namespace bragglive::abi {

bragglive_status create(const char* config_json, bragglive_session** out, char* error_text,
                        std::size_t error_size);
void destroy(bragglive_session* session);
std::size_t last_error(bragglive_session* session, char* text, std::size_t size);
bragglive_status open(bragglive_session* session, const char* uri);
bragglive_status begin_scan(bragglive_session* session, const bragglive_scan* scan);
bragglive_status submit_frame(bragglive_session* session, const bragglive_frame* frame);
bragglive_status end_scan(bragglive_session* session);
bragglive_status stop(bragglive_session* session);
bragglive_status wait(bragglive_session* session, std::uint32_t timeout_ms);
bragglive_status session_info(bragglive_session* session, bragglive_session_info* info);
bragglive_status set_threshold(bragglive_session* session, double threshold);
bragglive_status save(bragglive_session* session, const char* hdf5_path);
bragglive_status take_snapshot(bragglive_session* session, bragglive_snapshot** out);
void release_snapshot(bragglive_snapshot* snapshot);
bragglive_status snapshot_info(const bragglive_snapshot* snapshot, bragglive_snapshot_info* info);
bragglive_status copy_plane(const bragglive_snapshot* snapshot, std::uint32_t number, void* buffer,
                            std::size_t size);
bragglive_status plane_info(std::uint32_t number, bragglive_plane_info* info);

}  // namespace bragglive::abi
