"""The commands `bloch` and `simulate`: results, bad input, kills, job arrays, ranks."""
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import h5py
import numpy as np

PROGRAM, SOURCE = sys.argv.pop(1), Path(sys.argv.pop(1))
SHARED = Path(os.environ.get("BRAGGLIVE_SHARED", SOURCE / ".." / "shared"))

CIF = """data_{name}
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_IT_number 225
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
{name} {name} 0 0 0
"""


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=200, **options)


def read_beams(file):
    with open(file) as lines:
        settings = next(lines)
        assert settings.startswith("#"), settings
        return {(float(r["thickness_nm"]), int(r["h"]), int(r["k"]), int(r["l"])): r for r in csv.DictReader(lines)}


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="bragglive-simulate-"))
        self.cifs = self.folder / "cif"
        self.cifs.mkdir()
        for name, a in {"Au": 4.0786, "Cu": 3.6149, "Al": 4.0496, "Ni": 3.524, "Ag": 4.0862, "Pt": 3.92}.items():
            (self.cifs / f"{name}.cif").write_text(CIF.format(name=name, a=a))

    def tearDown(self):
        shutil.rmtree(self.folder)

    def refused(self, code, text, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stderr.strip().count("\n"), 0, done.stderr)


class Bloch(Case):
    def test_reference_case(self):
        case = SHARED / "reference/bloch/Cu_Fm-3m__112_foil_tilted.json"
        if not case.exists():
            self.skipTest(f"SKIPPED: {case} is not here")
        expected = json.loads(case.read_text())
        matrix = ",".join(str(x) for row in expected["orientation_matrix_columns_xyz"] for x in row)
        normal = ",".join(map(str, expected["foil_normal_cartesian"]))
        for method, options, tolerance in (("Lobato", [], 2e-8), ("WK-CP-corrected", ["--factors", "weickenmeier-kohl"], 1e-7)):
            out = self.folder / "beams.csv"
            done = run("bloch", self.cifs / "Cu.cif", "--orientation", matrix, "--foil-normal", normal, "--thickness-nm",
                       ",".join(str(t / 10) for t in expected["thickness_A"]), "--out", out, *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            beams = read_beams(out)
            self.assertEqual(len(beams), len(expected["hkl"]) * len(expected["thickness_A"]))
            for t, thickness in enumerate(expected["thickness_A"]):
                for i, hkl in enumerate(expected["hkl"]):
                    beam = beams[(thickness / 10, *hkl)]
                    self.assertAlmostEqual(float(beam["qx"]), expected["qx"][i], delta=1e-7)
                    self.assertAlmostEqual(float(beam["intensity"]), expected["intensity"][method][t][i], delta=tolerance)

    def test_options_change_the_result(self):
        def total(*options):
            out = self.folder / "beams.csv"
            done = run("bloch", self.cifs / "Au.cif", "--zone", "1,1,2", "--thickness-nm", "20", "--out", out, *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            return sum(float(b["intensity"]) * (1 + abs(float(b["qx"]))) for b in read_beams(out).values())

        plain = total()
        for options in (["--voltage-kv", "200"], ["--k-max", "1"], ["--sg-max", "0.03"], ["--absorption", "on"], ["--foil-normal", "1,1,3"],
                        ["--factors", "weickenmeier-kohl"], ["--thermal-displacement", "0.1"], ["--bethe", "20"]):
            self.assertNotAlmostEqual(plain, total(*options), places=9, msg=options)
        self.assertAlmostEqual(plain, total("--solver", "eigen"), places=9)
        self.assertAlmostEqual(plain, total("--precision", "single"), places=4)

    def test_bad_input(self):
        good = ["--thickness-nm", "20", "--out", self.folder / "b.csv"]
        au = self.cifs / "Au.cif"
        self.refused(2, "no direction", "bloch", au, "--zone", "0,0,0", *good)
        self.refused(2, "3 numbers", "bloch", au, "--zone", "1,0", *good)
        self.refused(2, "not a number", "bloch", au, "--zone", "1,0,x", *good)
        self.refused(2, "give either --zone", "bloch", au, *good)
        self.refused(2, "rotation matrix", "bloch", au, "--orientation", "1,0,0,0,1,0,0,0,2", *good)
        self.refused(2, "positive", "bloch", au, "--zone", "0,0,1", "--thickness-nm", "0", "--out", self.folder / "b.csv")
        self.refused(2, "positive", "bloch", au, "--zone", "0,0,1", "--thickness-nm=-3", "--out", self.folder / "b.csv")
        self.refused(2, "k_max", "bloch", au, "--zone", "0,0,1", "--k-max", "100", *good)
        self.refused(3, "cannot be opened", "bloch", self.folder / "none.cif", "--zone", "0,0,1", *good)
        self.refused(3, "cannot be written", "bloch", au, "--zone", "0,0,1", "--thickness-nm", "20", "--out", self.folder / "no/b.csv")
        self.refused(3, "disk full", "bloch", au, "--zone", "0,0,1", "--thickness-nm", "20", "--out", "/dev/full")
        (self.folder / "big.cif").write_text(CIF.format(name="Au", a=90))
        self.refused(3, "GB", "bloch", self.folder / "big.cif", "--zone", "0,0,1", "--k-max", "8", *good)


class Simulate(Case):
    def simulate(self, out, *options):
        zones = [] if "--zone-axes" in options else ["--zone-axes", "6"]
        done = run("simulate", self.cifs, "--out", self.folder / out, *zones, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.folder / out

    def test_field_preset_and_the_example(self):
        out = self.simulate("field.h5")
        with h5py.File(out) as f:
            self.assertEqual(f.attrs["format"], "bragglive-dataset")
            self.assertEqual(f.attrs["version"], 1)
            self.assertEqual(json.loads(f.attrs["settings"])["preset"], "field")
            self.assertEqual(list(f["materials/formula"].asstr()), ["Ag", "Al", "Au", "Cu", "Ni", "Pt"])
            self.assertTrue((f["materials/system"][:] == 7).all())
            self.assertTrue((f["materials/space_group"][:] == 225).all())
            offset, hkl = f["patterns/offset"][:], f["spots/hkl"][:]
            self.assertEqual(len(offset), 6 * 6 + 1)
            self.assertEqual((hkl == 0).all(axis=1).sum(), 36)  # every pattern has its direct beam
            diffracted = f["spots/intensity"][:][~(hkl == 0).all(axis=1)]
            self.assertGreaterEqual(diffracted.min(), np.float32(5e-4))
            # Positions are those of the reflections up to the noise.
            a = f["materials/lattice"][:][f["patterns/material"][:]][:, 0]
            length = np.hypot(f["spots/qx"][:], f["spots/qy"][:])
            expected = np.sqrt((hkl.astype(float) ** 2).sum(axis=1)) / np.repeat(a, np.diff(offset).astype(int))
            self.assertLess(np.abs(length - expected)[expected < 0.6].max(), 0.03)
        example = subprocess.run([sys.executable, SOURCE / "examples/dataset_h5py/read_dataset.py", out], capture_output=True, text=True)
        self.assertEqual(example.returncode, 0, example.stderr)
        self.assertIn("6 materials, 36 patterns", example.stdout)

    def test_inspect_verifies(self):
        out = self.simulate("set.h5")
        done = run("inspect", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("checksums are right", done.stdout)
        self.assertIn("36", done.stdout)
        with h5py.File(out, "r+") as f:
            f["spots/qx"][0] += 1
        self.refused(3, "checksum", "inspect", out)
        with h5py.File(out, "r+") as f:
            f.attrs["version"] = 2
        self.refused(3, "version 2", "inspect", out)

    def test_paper_preset_and_thicknesses(self):
        out = self.simulate("paper.h5", "--preset", "paper", "--thickness-nm", "10:30:10")
        with h5py.File(out) as f:
            self.assertEqual(f["patterns/thickness_nm"][:3].tolist(), [10, 20, 30])
            zones = f["patterns/zone"][:].reshape(6, 6, 3, 3)
            self.assertTrue((zones == zones[:1]).all())  # one grid for all crystals of the class
            self.assertEqual(zones[0, 0, 0].tolist(), [0, 0, 1])
            self.assertTrue((f["patterns/rotation"][:] == 0).all())

    def test_options_change_the_set(self):
        plain = self.simulate("plain.h5").read_bytes()
        for i, options in enumerate((["--seed", "2"], ["--zones", "grid"], ["--rotations", "fixed"], ["--noise", "none"],
                                     ["--sg-max", "0.03"], ["--thickness-nm", "10"], ["--position-noise", "0.01"],
                                     ["--intensity-noise", "0.3"], ["--min-intensity", "0.01"], ["--absorption", "on"],
                                     ["--thermal-displacement", "0.12"], ["--limit", "3"])):
            self.assertNotEqual(plain, self.simulate(f"other{i}.h5", *options).read_bytes(), options)
        self.assertEqual(plain, self.simulate("threads.h5", "--threads", "2").read_bytes())

    def test_kill_and_continue(self):
        whole = self.simulate("whole.h5", "--zone-axes", "200").read_bytes()
        out = self.folder / "killed.h5"
        command = [PROGRAM, "simulate", str(self.cifs), "--out", str(out), "--zone-axes", "200"]
        for wait in (0.02, 0.05, 0.1):
            child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            time.sleep(wait)
            child.send_signal(signal.SIGKILL)
            child.wait()
        self.assertEqual(subprocess.run(command, capture_output=True).returncode, 0)
        self.assertEqual(whole, out.read_bytes())

    def test_shards_and_ranks(self):
        whole = self.simulate("whole.h5")
        ids = []
        for shard in ("1/2", "2/2"):
            with h5py.File(self.simulate(f"shard{shard[0]}.h5", "--shard", shard)) as f:
                ids += list(f["materials/id"].asstr())
        with h5py.File(whole) as f:
            self.assertEqual(sorted(ids), sorted(f["materials/id"].asstr()))
        out = self.folder / "ranks.h5"
        mpirun = shutil.which("mpirun")
        if not mpirun:
            self.skipTest("SKIPPED: no mpirun")
        environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        done = subprocess.run([mpirun, "--oversubscribe", "-n", "2", PROGRAM, "simulate", str(self.cifs), "--out", str(out),
                               "--zone-axes", "6", "--threads", "1"], capture_output=True, text=True, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(whole.read_bytes(), out.read_bytes())

    def test_bad_input(self):
        out = self.folder / "x.h5"
        self.refused(2, "not I/N", "simulate", self.cifs, "--out", out, "--shard", "1")
        self.refused(2, "shard 0/2", "simulate", self.cifs, "--out", out, "--shard", "0/2")
        self.refused(2, "positive", "simulate", self.cifs, "--out", out, "--thickness-nm", "0")
        self.refused(2, "crystal system", "simulate", self.cifs, "--out", out, "--systems", "cubical")
        self.refused(2, "no crystal is left", "simulate", self.cifs, "--out", out, "--systems", "monoclinic")
        self.refused(3, "cannot be opened", "simulate", self.folder / "none.jsonl", "--out", out)
        empty = self.folder / "empty"
        empty.mkdir()
        self.refused(3, "no crystals", "simulate", empty, "--out", out)
        (self.cifs / "bad.cif").write_text("data_x\n")
        done = run("simulate", self.cifs, "--out", out, "--zone-axes", "2")
        self.assertEqual(done.returncode, 0)
        self.assertIn("left out: bad.cif: no unit cell", done.stderr)
        self.refused(2, "exists", "simulate", self.cifs, "--out", out, "--zone-axes", "3")


if __name__ == "__main__":
    unittest.main()
