"""The example hosts: both must find in the demo scan what the command finds."""
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py

BRAGGLIVE, C_HOST, LIBRARY, PYTHON_HOST = sys.argv[1:5]
DEMO = "demo:gold?scan=16x16&seed=5"


def run(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr
    return result.stdout


class Hosts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = Path(cls.folder.name)
        cls.frames, cls.calibration, result = folder / "frames.npy", folder / "c.toml", folder / "r.h5"
        cls.summary = json.loads(run(BRAGGLIVE, "label", DEMO, "--json", "--out", result))
        with h5py.File(result) as file:
            cls.calibration.write_text(file.attrs["calibration"])
        run(BRAGGLIVE, "convert", DEMO, "--out", cls.frames)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_c_host_reads_a_recording(self):
        # A path with a colon-free name is a recording; its scan shape stands in the file.
        out = run(C_HOST, self.frames, self.calibration)
        self.assertIn(f"16 x 16 positions, {self.summary['states']['labelled']} labelled", out)
        for name, share in self.summary["fractions"].items():
            if share > 0:
                self.assertRegex(out, rf"{name}\s+{100 * share:.1f} %")

    def test_python_host_pushes_frames(self):
        out = run(sys.executable, PYTHON_HOST, LIBRARY, self.frames, self.calibration)
        found = {name: int(count) for name, count in re.findall(r"(\w+)\s+(\d+) positions", out)}
        self.assertEqual(sum(found.values()), 256)
        self.assertEqual(256 - found.get("none", 0), self.summary["states"]["labelled"])


unittest.main(argv=[sys.argv[0]], verbosity=2)
