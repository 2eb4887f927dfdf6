/* bragglive: live crystal-structure labelling of 4D-STEM scans, for programs that load it as a library.
 *
 * C99. One exported symbol, bragglive_get_api(), hands out a table of functions. Minor versions only append to structs and to the
 * table; a struct's first field is its size as the host compiled it, so old hosts and new libraries understand each other.
 *
 * Threads: create, destroy, open, begin_scan, end_scan and stop of one session are called from one thread at a time. Everything else
 * may be called from any thread at any time. The library calls back only through `release` of a frame, from a thread of its
 * own or, for frames that were still waiting, from inside stop(), begin_scan() or destroy().
 * No function throws. No thread runs before create() or after destroy() of the last session.
 * Text is UTF-8, numbers are in the machine's byte order.
 */
#ifndef BRAGGLIVE_H
#define BRAGGLIVE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BRAGGLIVE_EXPORT __attribute__((visibility("default")))
#else
#define BRAGGLIVE_EXPORT
#endif

#define BRAGGLIVE_ABI_MAJOR 1u
#define BRAGGLIVE_ABI_MINOR 0u

/* Status codes. */
typedef int32_t bragglive_status;
enum {
  BRAGGLIVE_OK = 0,
  BRAGGLIVE_BAD_ARGUMENT = 1,  /* null pointer, struct_size too small, number out of range */
  BRAGGLIVE_BAD_CONFIG = 2,    /* configuration text, model or calibration: see last_error() */
  BRAGGLIVE_BAD_STATE = 3,     /* not now: for example no scan has begun */
  BRAGGLIVE_QUEUE_FULL = 4,    /* the frame was not taken; try again or go on without it */
  BRAGGLIVE_BAD_FRAME = 5,     /* size or position does not fit the scan */
  BRAGGLIVE_TIMEOUT = 6,
  BRAGGLIVE_NO_SNAPSHOT = 7,   /* no scan yet */
  BRAGGLIVE_BUFFER_TOO_SMALL = 8,
  BRAGGLIVE_IO_ERROR = 9,      /* file or connection: see last_error() */
  BRAGGLIVE_INTERNAL = 10
};

/* Pixel types and the element types of planes. */
enum { BRAGGLIVE_U8 = 1, BRAGGLIVE_U16 = 2, BRAGGLIVE_U32 = 3, BRAGGLIVE_F32 = 4 };

/* Session states. */
enum {
  BRAGGLIVE_IDLE = 0,
  BRAGGLIVE_WAITING = 1,
  BRAGGLIVE_SCANNING = 2,
  BRAGGLIVE_FINISHED = 3,
  BRAGGLIVE_STOPPED = 4,
  BRAGGLIVE_FAILED = 5
};

/* Position states, as in the plane BRAGGLIVE_PLANE_STATE. */
enum {
  BRAGGLIVE_PENDING = 0,
  BRAGGLIVE_LABELLED = 1,
  BRAGGLIVE_LOW_CONFIDENCE = 2,
  BRAGGLIVE_TOO_FEW_DISKS = 3,
  BRAGGLIVE_SKIPPED_BY_POLICY = 4,
  BRAGGLIVE_MISSING = 5,
  BRAGGLIVE_CORRUPT = 6,
  BRAGGLIVE_LATE = 7
};

/* Planes of a snapshot; rows x columns elements, row-major. Crystal systems: 0 none, 1 triclinic, 2 monoclinic, 3 orthorhombic,
 * 4 tetragonal, 5 trigonal, 6 hexagonal, 7 cubic. */
enum {
  BRAGGLIVE_PLANE_STATE = 0,                 /* u8, position states */
  BRAGGLIVE_PLANE_CRYSTAL_SYSTEM = 1,        /* u8, after filter and threshold; 0 unless labelled */
  BRAGGLIVE_PLANE_MARGIN = 2,                /* f32, filtered difference confidence */
  BRAGGLIVE_PLANE_RAW_CRYSTAL_SYSTEM = 3,    /* u8, as predicted */
  BRAGGLIVE_PLANE_CONFIDENCE = 4,            /* f32, share of the trees, as predicted */
  BRAGGLIVE_PLANE_DIFFERENCE_CONFIDENCE = 5, /* f32, (top - second) / trees, as predicted */
  BRAGGLIVE_PLANE_SPACE_GROUP = 6,           /* u16, 0 = none */
  BRAGGLIVE_PLANE_LATTICE_A = 7,             /* f32, angstrom; NaN = none */
  BRAGGLIVE_PLANE_LATTICE_B = 8,
  BRAGGLIVE_PLANE_LATTICE_C = 9,
  BRAGGLIVE_PLANE_DISK_COUNT = 10,           /* u16 */
  BRAGGLIVE_PLANE_BRIGHT_FIELD = 11,         /* f32, counts; NaN = no frame */
  BRAGGLIVE_PLANE_DARK_FIELD = 12,           /* f32, counts; NaN = no frame */
  BRAGGLIVE_PLANE_COUNT = 13
};

typedef struct bragglive_session bragglive_session;   /* opaque */
typedef struct bragglive_snapshot bragglive_snapshot; /* opaque; immutable */

typedef struct bragglive_plane_info {
  uint32_t struct_size;
  uint32_t element_type; /* BRAGGLIVE_U8 ... */
  uint32_t element_bytes;
  const char* name; /* static */
  const char* unit; /* static; "" = none */
} bragglive_plane_info;

/* A scan whose frames the host pushes. */
typedef struct bragglive_scan {
  uint32_t struct_size;
  uint32_t scan_rows, scan_cols;
  uint32_t frame_rows, frame_cols;
  uint32_t pixel_type; /* BRAGGLIVE_U8 ... BRAGGLIVE_F32 */
  uint64_t series_id;
} bragglive_scan;

typedef struct bragglive_frame {
  uint32_t struct_size;
  uint32_t reserved;      /* 0 */
  uint64_t scan_index;    /* row * scan_cols + col */
  const void* pixels;     /* frame_rows x frame_cols, row-major, any alignment */
  uint64_t size_in_bytes; /* of pixels */
  /* With a release function the pixels are not copied: they stay the library's until it calls release(release_context), once. Without
   * one they are copied before submit_frame() returns. A frame that is not accepted is never released. */
  void (*release)(void* release_context);
  void* release_context;
} bragglive_frame;

typedef struct bragglive_session_info {
  uint32_t struct_size;
  uint32_t state; /* BRAGGLIVE_IDLE ... */
  uint64_t frames_received, frames_stored;
  uint64_t skipped, corrupt, late, duplicates, out_of_range, stale_series, bad_messages;
  double frames_per_second;
  double latency_p50_ms, latency_p99_ms, latency_max_ms;
} bragglive_session_info;

typedef struct bragglive_snapshot_info {
  uint32_t struct_size;
  uint32_t rows, cols;
  uint32_t finished;      /* 1: no position is pending */
  uint64_t generation;    /* grows with every publication */
  uint64_t series_id;
  double threshold;
  uint64_t states[8];     /* positions by position state; they add up to rows * cols */
  uint64_t systems[8];    /* labelled positions by crystal system */
} bragglive_snapshot_info;

typedef struct bragglive_api {
  uint32_t struct_size;
  uint32_t abi_major, abi_minor;
  uint32_t reserved;
  const char* version; /* of the library, static */

  /* config_json: {"model": "default" or a path, "calibration": path of a TOML file, or its text, "threads": 0 (all; oneTBB is
   * limited to one more than these in the whole process while a scan is open), "threshold": 0.005,
   * "filter": true, "min_disks": 5}. All but the calibration have defaults, and a stream may bring its own calibration. On failure
   * *session is NULL and error_text (may be NULL) holds the reason, cut to error_size bytes with its NUL. */
  bragglive_status (*create)(const char* config_json, bragglive_session** session, char* error_text, size_t error_size);
  /* Stops, joins and frees. NULL is allowed. */
  void (*destroy)(bragglive_session* session);
  /* Copies the last failure's text with its NUL, cut to size; returns the bytes it needs. Empty text: no failure. */
  size_t (*last_error)(bragglive_session* session, char* text, size_t size);

  /* The library receives by itself: an endpoint of the native protocol (tcp://..., ipc://...) or a recording's path. */
  bragglive_status (*open)(bragglive_session* session, const char* uri);
  /* The host pushes frames: begin, submit from any thread in any order, end. A new begin ends the scan before it. */
  bragglive_status (*begin_scan)(bragglive_session* session, const bragglive_scan* scan);
  bragglive_status (*submit_frame)(bragglive_session* session, const bragglive_frame* frame);
  bragglive_status (*end_scan)(bragglive_session* session);
  /* Ends what runs; what was labelled stays readable. */
  bragglive_status (*stop)(bragglive_session* session);
  /* Waits until the scan is finished, stopped or failed. BRAGGLIVE_TIMEOUT when it is not by then. */
  bragglive_status (*wait)(bragglive_session* session, uint32_t timeout_ms);
  bragglive_status (*session_info)(bragglive_session* session, bragglive_session_info* info);
  /* Acts on the stored planes at once. */
  bragglive_status (*set_threshold)(bragglive_session* session, double threshold);
  bragglive_status (*save_result)(bragglive_session* session, const char* hdf5_path);

  /* A snapshot stays valid and unchanged until it is released, also after destroy(). */
  bragglive_status (*take_snapshot)(bragglive_session* session, bragglive_snapshot** snapshot);
  void (*release_snapshot)(bragglive_snapshot* snapshot);
  bragglive_status (*snapshot_info)(const bragglive_snapshot* snapshot, bragglive_snapshot_info* info);
  bragglive_status (*copy_plane)(const bragglive_snapshot* snapshot, uint32_t plane, void* buffer, size_t size_in_bytes);
  bragglive_status (*plane_info)(uint32_t plane, bragglive_plane_info* info);
} bragglive_api;

/* NULL when the library does not offer this major version, or not this many minor additions. */
BRAGGLIVE_EXPORT const bragglive_api* bragglive_get_api(uint32_t abi_major, uint32_t oldest_abi_minor);

#ifdef __cplusplus
}
#endif

#endif /* BRAGGLIVE_H */
