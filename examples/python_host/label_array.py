#!/usr/bin/env python3
"""A host program in Python: hands the frames of a NumPy array to libbragglive and reads the labels back. Needs NumPy, nothing to build.

    label_array.py LIBBRAGGLIVE.so FRAMES.npy CALIBRATION.toml     FRAMES: (scan rows, scan columns, rows, columns)
"""
import ctypes as c
import sys
import time

import numpy as np

OK, QUEUE_FULL = 0, 4
PIXEL_TYPES = {"uint8": 1, "uint16": 2, "uint32": 3, "float32": 4}
SYSTEMS = ["none", "triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"]
PLANE_CRYSTAL_SYSTEM, PLANE_LATTICE_A = 1, 7


class Scan(c.Structure):
    _fields_ = [("struct_size", c.c_uint32)] + [(name, c.c_uint32) for name in (
        "scan_rows", "scan_cols", "frame_rows", "frame_cols", "pixel_type")] + [("series_id", c.c_uint64)]


class Frame(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("scan_index", c.c_uint64), ("pixels", c.c_void_p),
                ("size_in_bytes", c.c_uint64), ("release", c.c_void_p), ("release_context", c.c_void_p)]


P, I = c.c_void_p, c.c_int32
FUNCTIONS = [("create", I, c.c_char_p, c.POINTER(P), c.c_char_p, c.c_size_t), ("destroy", None, P),
             ("last_error", c.c_size_t, P, c.c_char_p, c.c_size_t), ("open", I, P, c.c_char_p),
             ("begin_scan", I, P, c.POINTER(Scan)), ("submit_frame", I, P, c.POINTER(Frame)), ("end_scan", I, P),
             ("stop", I, P), ("wait", I, P, c.c_uint32), ("session_info", I, P, P), ("set_threshold", I, P, c.c_double),
             ("save_result", I, P, c.c_char_p), ("take_snapshot", I, P, c.POINTER(P)), ("release_snapshot", None, P),
             ("snapshot_info", I, P, P), ("copy_plane", I, P, c.c_uint32, P, c.c_size_t)]


class Api(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("abi_major", c.c_uint32), ("abi_minor", c.c_uint32), ("reserved", c.c_uint32),
                ("version", c.c_char_p)] + [(name, c.CFUNCTYPE(*types)) for name, *types in FUNCTIONS]


def main(library, frames_path, calibration):
    get_api = c.CDLL(library).bragglive_get_api
    get_api.restype = c.POINTER(Api)
    api = get_api(1, 0).contents
    frames = np.ascontiguousarray(np.load(frames_path))
    session, error = P(), c.create_string_buffer(512)
    config = '{"model": "default", "calibration": "%s"}' % calibration
    if api.create(config.encode(), c.byref(session), error, len(error)) != OK:
        sys.exit("label_array.py: " + error.value.decode())
    scan = Scan(c.sizeof(Scan), *frames.shape, PIXEL_TYPES[frames.dtype.name], 1)
    assert api.begin_scan(session, c.byref(scan)) == OK
    for index, pixels in enumerate(frames.reshape(-1, *frames.shape[2:])):
        frame = Frame(c.sizeof(Frame), 0, index, pixels.ctypes.data, pixels.nbytes, None, None)
        while (status := api.submit_frame(session, c.byref(frame))) == QUEUE_FULL:
            time.sleep(0.001)  # this host can wait; one that cannot would go on without the frame
        assert status == OK, status
    api.end_scan(session)
    if api.wait(session, 120000) != OK or (status := api.take_snapshot(session, c.byref(snapshot := P()))) != OK:
        api.last_error(session, error, len(error))
        sys.exit("label_array.py: " + error.value.decode())
    systems, lattice_a = np.zeros(frames.shape[:2], np.uint8), np.zeros(frames.shape[:2], np.float32)
    for plane, array in ((PLANE_CRYSTAL_SYSTEM, systems), (PLANE_LATTICE_A, lattice_a)):
        assert api.copy_plane(snapshot, plane, array.ctypes.data, array.nbytes) == OK
    api.release_snapshot(snapshot)
    api.destroy(session)
    for number, name in enumerate(SYSTEMS):
        here = systems == number
        if here.any():
            print(f"{name:13s} {here.sum():7d} positions" + (f"   a {np.median(lattice_a[here]):.2f} Å" if number else ""))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
