"""`bragglive train`, `predict --aggregate` and their bad input: a kill and a resume, a full disk, data that are none."""
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PROGRAM = sys.argv.pop(1)

CIF = """data_{name}
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {c}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_IT_number {group}
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
{name} {name} 0 0 0
"""
CRYSTALS = [("Au", 4.08, 4.08, 225), ("Al", 4.05, 4.05, 225), ("Cu", 3.61, 3.61, 225), ("In", 3.25, 4.95, 139), ("Pa", 3.93, 3.24, 139)]
TRAIN = ["--features", "polar", "--trees", 20, "--threads", 1]


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=200, **options)


class Train(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder_of_all = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.folder_of_all.name)
        cifs = cls.folder / "cifs"
        cifs.mkdir()
        for name, a, c, group in CRYSTALS:
            (cifs / f"{name}.cif").write_text(CIF.format(name=name, a=a, c=c, group=group))
        cls.data = cls.folder / "d.h5"
        made = run("simulate", cifs, "--out", cls.data, "--zone-axes", 60, "--threads", 1)
        assert made.returncode == 0, made.stderr
        # Patterns of gold as a detector would list them.
        cls.peaks = cls.folder / "peaks.csv"
        lines = ["pattern,qx,qy,intensity"]
        for pattern, zone in enumerate(["0,0,1", "1,1,0", "1,2,3"]):
            beams = cls.folder / "beams.csv"
            run("bloch", cifs / "Au.cif", "--zone", zone, "--thickness-nm", 20, "--out", beams)
            for line in beams.read_text().splitlines()[2:]:
                _, _, _, _, qx, qy, intensity = line.split(",")
                if float(intensity) > 1e-4:
                    lines.append(f"{pattern},{qx},{qy},{intensity}")
        cls.peaks.write_text("\n".join(lines) + "\n")

    @classmethod
    def tearDownClass(cls):
        cls.folder_of_all.cleanup()

    def predictions(self, model, *more):
        said = run("predict", model, self.peaks, *more)
        self.assertEqual(said.returncode, 0, said.stderr)
        return [json.loads(line) for line in said.stdout.splitlines()]

    def test_a_killed_training_goes_on_and_gives_the_same_model(self):
        whole, killed = self.folder / "whole.blm", self.folder / "killed.blm"
        self.assertEqual(run("train", self.data, "--out", whole, *TRAIN).returncode, 0)
        parts = Path(f"{killed}.parts")
        command = [PROGRAM, "train", str(self.data), "--out", str(killed), *map(str, TRAIN)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (parts / "system.forest").exists():
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertFalse(killed.exists(), "killed too late to tell anything")
        self.assertTrue((parts / "system.forest").exists())
        again = run("train", self.data, "--out", killed, *TRAIN)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertFalse(parts.exists())
        self.assertEqual(self.predictions(whole), self.predictions(killed))

    def test_a_full_disk_is_said_and_the_old_model_stays(self):
        model = self.folder / "old.blm"
        self.assertEqual(run("train", self.data, "--out", model, *TRAIN).returncode, 0)
        before = model.read_bytes()

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

        for more in ([], ["--no-resume"]):
            full = run("train", self.data, "--out", model, "--seed", 3, *TRAIN, *more, preexec_fn=small_files)
            self.assertEqual(full.returncode, 3, full.stderr)
            self.assertIn("cannot write", full.stderr)
            self.assertEqual(model.read_bytes(), before)

    def test_several_patterns_get_one_answer(self):
        model = self.folder / "group.blm"
        self.assertEqual(run("train", self.data, "--out", model, *TRAIN).returncode, 0)
        [answer] = self.predictions(model, "--aggregate")
        self.assertEqual(answer["patterns"], 3)
        self.assertEqual(answer["crystal_system"], "cubic")
        self.assertEqual(answer["rule"], "log probabilities")
        self.assertEqual(answer["difference_aggregation"]["crystal_system"], "cubic")
        self.assertAlmostEqual(sum(answer["probabilities"].values()), 1, places=2)
        self.assertLess(abs(answer["lattice_angstrom"][0] - 4.08), 0.2)

    def test_an_ablation_leaves_a_group_of_features_out(self):
        tables = {}
        for left_out in ("plane", "lattice", "cubic"):
            said = run("train", self.data, "--out", self.folder / "a.blm", "--features", "indexing", "--trees", 8, "--threads", 1, "--quality-rows", 0,
                       "--without", left_out)
            self.assertEqual(said.returncode, 0, said.stderr)
            tables[left_out] = run("inspect", self.folder / "a.blm", "--json").stdout
        self.assertIn("lattice", json.loads(tables["lattice"])["provenance.left_out"])
        wrong = run("train", self.data, "--out", self.folder / "a.blm", "--features", "indexing", "--without", "colour")
        self.assertEqual(wrong.returncode, 2, wrong.stderr)
        self.assertIn("colour", wrong.stderr)

    def test_wrong_input_says_what_to_do(self):
        for arguments, code, words in [
            ((self.peaks, "--out", self.folder / "x.blm"), 3, "not an HDF5 file"),
            ((self.folder / "nothing.h5", "--out", self.folder / "x.blm"), 3, "no such file"),
            ((self.data, "--out", self.folder / "no" / "x.blm"), 3, "folder"),
            ((self.data, "--out", self.folder / "x.blm", "--features", "wavelet"), 3, "wavelet"),
            ((self.data, "--out", self.folder / "x.blm", "--noise", "loud"), 2, "loud"),
            (("--out", self.folder / "x.blm"), 2, "data sets"),
        ]:
            said = run("train", *arguments)
            self.assertIn(words, said.stderr)
            self.assertEqual(len(said.stderr.strip().splitlines()), 1, said.stderr)
            self.assertIn(said.returncode, (2, 3))
            self.assertEqual(said.returncode, code, said.stderr)


if __name__ == "__main__":
    unittest.main()
