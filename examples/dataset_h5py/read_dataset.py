"""Reads a data set of `bragglive simulate`: python3 read_dataset.py D.h5

One pattern is a row of /patterns; its spots are rows offset[i] .. offset[i + 1] of /spots.
"""
import sys

import h5py

with h5py.File(sys.argv[1]) as f:
    material, offset = f["patterns/material"][:], f["patterns/offset"][:]
    spots = slice(offset[0], offset[1])  # of the first pattern
    qx, qy, intensity = (f["spots"][name][spots] for name in ("qx", "qy", "intensity"))
    print(f["materials/id"].asstr()[material[0]], len(qx), "spots, total intensity", round(float(intensity.sum()), 3))

    # What is in the set, and how it was made.
    print(len(f["materials/id"]), "materials,", len(material), "patterns,", offset[-1], "spots")
    print("settings:", f.attrs["settings"])
