"""Experimental scans through `send` -> `label`, with calibrations written down from their description and from the patterns.

    real_scans_test.py BRAGGLIVE SHARED [--table]      --table: also print what every scan became
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

BRAGGLIVE, SHARED = sys.argv[1], Path(os.environ.get("BRAGGLIVE_SHARED", sys.argv[2]))
REAL = SHARED / "data" / "real"
RATE = os.environ.get("BRAGGLIVE_TEST_RATE", "1000")
# source: detector side, pixel size 1/Å, origin row and column, probe radius px, voltage kV, scan step nm
SCANS = {
    "mgo_sped.h5:/strip/data": (144, 0.03246, 71.8, 72.2, 3.1, 300, 3.03),
    "mgo_sped.h5:/block/data": (144, 0.03246, 71.7, 72.2, 3.0, 300, 3.03),
    "merlin_scan_16x16_200kV.hdf5": (256, 0.0033, 125.4, 127.5, 2.1, 200, 0),
    "si110_200kV_CL380mm.mib": (256, 0.00498, 123.9, 121.0, 16.5, 200, 0),  # {111} at 64 px
    "si110_80kV_CL300mm.mib": (256, 0.00607, 120.3, 120.9, 11.0, 80, 0),    # {111} at 52.5 px
    "sped_2x3.blo": (144, 0.03, 72.1, 73.2, 3.5, 200, 12.8),                # the scale is not stated: any number
    "au_xgrating_20cm.tif": (256, 0.0099, 127.6, 127.5, 4.4, 200, 0),
}


def calibration_text(side, pixel, row, col, radius, kv, step):
    return (f"detector = [{side}, {side}]\npixel_size_inv_angstrom = {pixel}\norigin_row = [{row}, 0.0, 0.0]\n"
            f"origin_col = [{col}, 0.0, 0.0]\nprobe_radius_px = {radius}\nvoltage_kv = {float(kv)}\nscan_step_nm = {float(step)}\n")


def free_endpoint():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


class RealScans(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.results = {name: cls.label(name, numbers) for name, numbers in SCANS.items()}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def label(cls, name, numbers):
        """(JSON summary, planes) of a scan that was sent over a socket."""
        folder = Path(cls.folder.name)
        calibration, out, endpoint = folder / "c.toml", folder / "r.h5", free_endpoint()
        calibration.write_text(calibration_text(*numbers))
        label = subprocess.Popen([BRAGGLIVE, "label", endpoint + "?bind", "--calibration", calibration, "--json", "--out", out],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        subprocess.run([BRAGGLIVE, "send", str(REAL / name), endpoint + "?connect", "--rate", RATE], check=True, capture_output=True)
        stdout, stderr = label.communicate(timeout=60)
        assert label.returncode == 0, f"{name}: {stderr}"
        with h5py.File(out) as file:
            planes = {key: value[...] for key, value in file["labels_raw"].items()}
        summary = json.loads(stdout)
        if "--table" in sys.argv:
            systems = {int(s): int((planes["crystal_system"] == s).sum()) for s in np.unique(planes["crystal_system"])}
            print(f"{name}: disks {np.median(planes['disk_count'])}, raw systems {systems}, {summary['states']},"
                  f" {summary['lattice_median_angstrom']}")
        return summary, planes

    def test_every_position_ends_in_one_state(self):
        for name, (summary, planes) in self.results.items():
            self.assertEqual(sum(summary["states"].values()), summary["positions"], name)
            for state in ("pending", "missing", "corrupt", "late", "skipped_by_policy"):
                self.assertEqual(summary["states"][state], 0, name)

    def test_the_mgo_cube_shows_its_disks_and_the_empty_film_does_not(self):
        disks = self.results["mgo_sped.h5:/strip/data"][1]["disk_count"]
        self.assertGreater(np.median(disks[:, 8:29]), 10)
        self.assertLess(np.median(disks[:, 80:]), 5)

    def test_convergent_beam_disks_of_silicon_are_found(self):
        self.assertGreaterEqual(self.results["si110_200kV_CL380mm.mib"][1]["disk_count"].max(), 6)
        self.assertGreaterEqual(self.results["si110_80kV_CL300mm.mib"][1]["disk_count"].max(), 6)

    def test_the_blockfile_has_spots_in_all_six_frames(self):
        disks = self.results["sped_2x3.blo"][1]["disk_count"]
        self.assertEqual(disks.shape, (3, 2))
        self.assertGreater(disks.min(), 5)

    def test_a_few_electrons_a_pattern_give_no_disks(self):
        disks = self.results["merlin_scan_16x16_200kV.hdf5"][1]["disk_count"]
        self.assertLess(np.median(disks), 5)


if not REAL.is_dir():
    print(f"SKIPPED: {REAL} is not here (set BRAGGLIVE_SHARED)")
    sys.exit(77)
unittest.main(argv=[sys.argv[0]], verbosity=2)
