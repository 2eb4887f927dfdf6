#!/usr/bin/env python3
"""Draws a map that bragglive publishes, as it grows. Needs python3-zmq, python3-msgpack, python3-numpy and, to draw, python3-matplotlib.

    watch_map.py tcp://HOST:6000 [--save MAP.png] [--once]     --once: no window, end with the scan and print the shares
"""
import sys

import msgpack
import numpy as np
import zmq

SYSTEMS = ["none", "triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"]
COLOURS = ["#202020", "#999999", "#0072b2", "#56b4e9", "#f0e442", "#cc79a7", "#009e73", "#e69f00"]


class Map:
    """The planes of the scan that is being published."""

    def __init__(self):
        self.series, self.planes, self.header = None, {}, {}

    def update(self, parts):
        """Takes one message in; False when it is of no use (a delta of a scan whose beginning was missed)."""
        header = msgpack.unpackb(parts[1])
        if header["version"] != 1:
            sys.exit(f"the publisher speaks version {header['version']}, this program 1")
        shape = tuple(header["scan_shape"])
        if header["series_id"] != self.series:
            if not header["whole"]:
                return False
            self.series, self.planes = header["series_id"], {}
        for (name, kind), part in zip(header["planes"], parts[2:]):
            plane = self.planes.setdefault(name, np.zeros(shape, kind))
            plane[header["rows"]] = np.frombuffer(part, np.dtype(kind).newbyteorder("<")).reshape(-1, shape[1])
        self.header = header
        return True

    def text(self):
        labelled = max(1, sum(self.header["systems"]))
        shares = [f"{name} {100 * n / labelled:.1f} %" for name, n in zip(SYSTEMS, self.header["systems"]) if n]
        return f"{sum(self.header['states'][1:])} of {sum(self.header['states'])} positions: " + (", ".join(shares) or "no label yet")


def main(endpoint, save=None, once=False):
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.setsockopt(zmq.SUBSCRIBE, b"bragglive.map")
    socket.connect(endpoint)
    current = Map()
    if not once or save:
        import matplotlib
        if once:
            matplotlib.use("Agg")
        import matplotlib.pyplot as plot
        from matplotlib.colors import ListedColormap
        figure, axes = plot.subplots()
    while True:
        if not current.update(socket.recv_multipart()):
            continue
        finished = current.header["finished"]
        if not once or (save and finished):
            axes.clear()
            axes.imshow(current.planes["crystal_system"], cmap=ListedColormap(COLOURS), vmin=-0.5, vmax=7.5)
            axes.set_title(current.text(), fontsize=9)
            if save:
                figure.savefig(save, dpi=150)
            if not once:
                plot.pause(0.001)
        if finished and once:
            print(current.text())
            return


if __name__ == "__main__":
    words = sys.argv[1:]
    if not words or words[0].startswith("-"):
        sys.exit(__doc__)
    main(words[0], words[words.index("--save") + 1] if "--save" in words else None, "--once" in words)
