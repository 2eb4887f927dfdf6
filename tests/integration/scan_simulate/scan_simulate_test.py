"""`bragglive scan-simulate` writes what py4DSTEM reads, with the truth; `demo-summary` compares with it."""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

BRAGGLIVE, SOURCE = sys.argv[1], Path(sys.argv[2])

RECIPE = """
title = "small"
seed = 11
[scan]
rows = 7
cols = 9
step_nm = 3
[beam]
voltage_kv = 200
convergence_mrad = 1.2
electrons_per_pattern = 20000
[detector]
rows = 64
cols = 80
pixel_type = "PIXELS"
pixel_size_inv_angstrom = 0.03
gaps = [[20, 0, 1, 80]]
[[phase]]
name = "gold"
built_in = "Au"
[[polycrystal]]
grains = 6
thickness_nm = 15
columnar = false
shares = { gold = 1 }
"""


def run(*arguments):
    done = subprocess.run([BRAGGLIVE, *map(str, arguments)], capture_output=True, text=True, timeout=200)
    return done.returncode, done.stdout, done.stderr


class ScanSimulate(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="bragglive_test_")
        self.folder = Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def simulate(self, *options, pixels="uint16", name="s.h5", recipe=RECIPE):
        (self.folder / "r.toml").write_text(recipe.replace("PIXELS", pixels))
        code, _, error = run("scan-simulate", self.folder / "r.toml", "--out", self.folder / name, *options)
        return code, error

    def test_layout_truth_and_calibration(self):
        for pixels in ("uint8", "uint16", "uint32"):
            self.assertEqual(self.simulate(pixels=pixels)[0], 0)
            with h5py.File(self.folder / "s.h5") as f:
                self.assertEqual(f.attrs["emd_group_type"], "file")
                self.assertEqual((f.attrs["version_major"], f.attrs["version_minor"]), (1, 0))
                self.assertEqual(f["datacube_root"].attrs["emd_group_type"], "root")
                cube = f["datacube_root/datacube"]
                self.assertEqual((cube.attrs["emd_group_type"], cube.attrs["python_class"]), ("array", "DataCube"))
                data = cube["data"]
                self.assertEqual((data.shape, data.dtype), ((7, 9, 64, 80), np.dtype(pixels)))
                self.assertEqual([cube[f"dim{i}"].attrs["name"] for i in range(4)], ["Rx", "Ry", "Qx", "Qy"])
                np.testing.assert_allclose(cube["dim1"][...], [0, 3])
                calibration = f["datacube_root/metadatabundle/calibration"]
                self.assertAlmostEqual(calibration["Q_pixel_size"][()], 0.03)
                self.assertEqual(calibration["R_pixel_units"][()], b"nm")
                self.assertIn("pixel_size_inv_angstrom", data.attrs["calibration"])
                counts = data[...]
                self.assertTrue((counts[:, :, 20] == 0).all())
                if pixels != "uint8":  # a full counter loses electrons
                    self.assertTrue((counts.sum((2, 3)) > 12000).all())
                self.assertTrue((counts.sum((2, 3)) < 21000).all())
                truth = f["truth"]
                phases = json.loads(truth.attrs["phases"])
                self.assertEqual((phases[0]["system"], phases[0]["space_group"]), ("cubic", 225))
                self.assertEqual(truth.attrs["seed"], 11)
                self.assertIn("grains = 6", truth.attrs["recipe"])
                self.assertTrue((truth["system"][...] == 7).all())
                count, grain = truth["grain_count"][...], truth["grain"][...]
                np.testing.assert_array_equal(np.minimum(count, 4), (grain >= 0).sum(-1))
                self.assertGreater(count.max(), 1)
                np.testing.assert_allclose(truth["thickness_nm"][...].sum(-1)[count <= 4], 15, atol=0.7)
                np.testing.assert_allclose(truth["weight"][...].sum(-1)[count <= 4], 1, atol=1e-4)
                rotation = truth["grains/rotation"][...]
                np.testing.assert_allclose(rotation @ rotation.transpose(0, 2, 1), np.broadcast_to(np.eye(3), rotation.shape), atol=1e-5)

    def test_threads_and_compression_change_nothing(self):
        self.simulate("--threads", 1, name="a.h5")
        self.simulate("--threads", 2, "--no-compression", name="b.h5")
        self.simulate("--seed", 12, name="c.h5")
        a, b, c = (h5py.File(self.folder / f"{n}.h5") for n in "abc")
        with a, b, c:
            place = "datacube_root/datacube/data"
            np.testing.assert_array_equal(a[place][...], b[place][...])
            np.testing.assert_array_equal(a["truth/weight"][...], b["truth/weight"][...])
            self.assertIsNone(b[place].compression)
            self.assertTrue((a[place][...] != c[place][...]).any())

    def test_the_file_is_a_source(self):
        self.simulate()
        code, _, error = run("convert", self.folder / "s.h5", "--out", self.folder / "s.npy")
        self.assertEqual(code, 0, error)
        with h5py.File(self.folder / "s.h5") as f:
            np.testing.assert_array_equal(np.load(self.folder / "s.npy").reshape(63, 64, 80),
                                          f["datacube_root/datacube/data"][...].reshape(63, 64, 80))

    def test_bad_input(self):
        code, error = self.simulate(recipe=RECIPE.replace("step_nm", "stepp_nm"))
        self.assertEqual(code, 3)
        self.assertRegex(error, r"^bragglive: .*r\.toml: \[scan\].*step.*\n$")
        self.assertEqual(list(self.folder.glob("*.h5*")), [])
        code, error = self.simulate(name="nowhere/s.h5")
        self.assertEqual(code, 3)
        self.assertIn("nowhere/s.h5", error)
        code, _, error = run("scan-simulate", self.folder / "none.toml", "--out", self.folder / "s.h5")
        self.assertEqual(code, 3)
        self.assertIn("none.toml", error)
        self.assertEqual(run("scan-simulate")[0], 2)


class DemoSummary(unittest.TestCase):
    DEMO = "demo:gold?scan=20x24&seed=3"

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="bragglive_test_")
        self.folder = Path(self.temporary.name)
        (self.folder / "r.toml").write_text(RECIPE.replace("PIXELS", "uint16"))

    def tearDown(self):
        self.temporary.cleanup()

    def write_result(self, system, metadata=True, shape=(20, 24)):
        """A result in which every position was labelled with `system` and cells of 4.1 Å."""
        with h5py.File(self.folder / "r.h5", "w") as f:
            f.attrs["format"] = "bragglive-result"
            f.attrs["scan_metadata"] = json.dumps({"demo": self.DEMO} if metadata else {})
            for group in ("labels", "labels_raw"):
                f[f"{group}/crystal_system"] = np.full(shape, system, np.uint8)
                f[f"{group}/state"] = np.full(shape, 1, np.uint8)
                f[f"{group}/space_group"] = np.full(shape, 225, np.uint16)
                f[f"{group}/disk_count"] = np.full(shape, 9, np.uint16)
                f[f"{group}/lattice"] = np.full(shape + (3,), 4.1, np.float32)
        return self.folder / "r.h5"

    def test_all_right_and_all_wrong(self):
        code, out, error = run("demo-summary", self.write_result(7), "--json")
        self.assertEqual(code, 0, error)
        right = json.loads(out)
        self.assertGreater(right["crystal_positions"], 50)
        self.assertLess(right["crystal_positions"], 480)
        self.assertEqual(right["true_system"], right["crystal_positions"])
        self.assertEqual(right["labelled_without_crystal"], 480 - right["crystal_positions"])
        self.assertEqual(right["fractions"]["cubic"], 1)
        self.assertAlmostEqual(right["cubic_lattice_median_angstrom"], 4.1, places=5)
        self.assertAlmostEqual(right["true_lattice_angstrom"], 4.0786)
        wrong = json.loads(run("demo-summary", self.write_result(6), "--json")[1])
        self.assertEqual(wrong["true_system"], 0)
        self.assertIsNone(wrong["cubic_lattice_median_angstrom"])
        self.assertEqual(wrong["fractions_of_three"]["hexagonal"], 1)
        text = run("demo-summary", self.folder / "r.h5")[1]
        self.assertIn("53 %", text)

    def test_bad_input(self):
        code, _, error = run("demo-summary", self.folder / "r.toml")
        self.assertEqual(code, 3)
        self.assertRegex(error, r"^bragglive: .*r\.toml.*\n$")
        code, _, error = run("demo-summary", self.write_result(7, metadata=False))
        self.assertEqual(code, 2)
        self.assertIn("--demo", error)
        self.assertEqual(run("demo-summary", self.folder / "r.h5", "--demo", self.DEMO)[0], 0)
        self.assertEqual(run("demo-summary", self.write_result(7, shape=(20, 23)))[0], 3)
        with h5py.File(self.write_result(7), "a") as f:
            del f["labels/state"]
            f["labels/state"] = np.zeros(5, np.uint8)
        code, _, error = run("demo-summary", self.folder / "r.h5")
        self.assertEqual(code, 3)
        self.assertIn("/labels/state", error)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
