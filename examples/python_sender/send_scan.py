#!/usr/bin/env python3
"""Streams a 4D-STEM scan to bragglive over its native protocol (streams/native/PROTOCOL.md).

    send_scan.py SCAN.npy tcp://127.0.0.1:5555        an array (rows, cols, detector rows, detector cols)
    send_scan.py --test 16x16 tcp://127.0.0.1:5555    made-up frames

The script binds, so a receiver connects:  bragglive label tcp://127.0.0.1:5555 ...
Needs python3-zmq, python3-msgpack and python3-numpy.
"""
import argparse
import time

import msgpack
import numpy as np
import zmq


def made_up_scan(shape):
    """Frames with a bright disk that wanders with the position."""
    rows, cols = shape
    y, x = np.mgrid[0:128, 0:128]
    scan = np.zeros((rows, cols, 128, 128), np.uint16)
    for r, c in np.ndindex(rows, cols):
        scan[r, c][(y - 64 - r % 7) ** 2 + (x - 64 - c % 5) ** 2 < 49] = 500 + r + c
    return scan


def send(scan, endpoint, connect, rate, calibration):
    socket = zmq.Context().socket(zmq.PUSH)
    socket.set(zmq.IMMEDIATE, 1)  # wait for a receiver instead of queueing
    socket.connect(endpoint) if connect else socket.bind(endpoint)
    series = int(time.time() * 1000)

    def message(kind, more_fields, *pixels):
        header = {"version": 1, "type": kind, "series_id": series, **more_fields}
        socket.send_multipart([msgpack.packb(header), *pixels], copy=False)

    rows, cols = scan.shape[:2]
    metadata = {"sender": "send_scan.py"}
    if calibration:
        metadata["calibration"] = open(calibration, encoding="utf-8").read()
    message("scan_start", {"scan_shape": [rows, cols], "detector_shape": list(scan.shape[2:]),
                           "pixel_type": str(scan.dtype), "encoding": "none", "metadata": metadata})
    begin = time.monotonic()
    for index in range(rows * cols):
        if rate:
            time.sleep(max(0.0, begin + index / rate - time.monotonic()))
        frame = np.ascontiguousarray(scan[divmod(index, cols)])
        message("frame", {"frame_number": index, "scan_index": index, "timestamp_ns": time.time_ns()}, frame)
    message("scan_end", {"frames_sent": rows * cols})
    socket.close(linger=30000)  # ms, for what is still queued
    print(f"sent {rows * cols} frames in {time.monotonic() - begin:.2f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", nargs="?", help="a .npy file of uint8, uint16, uint32 or float32")
    parser.add_argument("endpoint", help="tcp://host:port")
    parser.add_argument("--test", metavar="ROWSxCOLS", help="made-up frames instead of a file")
    parser.add_argument("--connect", action="store_true", help="connect instead of binding")
    parser.add_argument("--rate", type=float, default=0, help="frames per second; default: as fast as they are taken")
    parser.add_argument("--calibration", help="a calibration file to send along")
    options = parser.parse_args()
    if options.test:
        data = made_up_scan(tuple(map(int, options.test.split("x"))))
    elif options.scan:
        data = np.load(options.scan, mmap_mode="r")
    else:
        parser.error("name a SCAN.npy or --test ROWSxCOLS")
    send(data, options.endpoint, options.connect, options.rate, options.calibration)
