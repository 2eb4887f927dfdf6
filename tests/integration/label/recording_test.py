"""Labelling a source that can wait: completeness, the filter by its definition, options that change something."""
import json

import h5py
import numpy as np

from bragglive_command import DEMO, SCAN, Case, main, planes, run


def filter_by_definition(system, margin):
    """One plane per system, median of the 5x5 window with zero padding, arg-max of the planes."""
    rows, cols = system.shape
    best, label = np.zeros(system.shape, np.float32), np.zeros(system.shape, np.uint8)
    for number in range(1, 8):
        plane = np.pad(np.where(system == number, margin, np.float32(0)), 2)
        windows = np.stack([plane[r:r + rows, c:c + cols] for r in range(5) for c in range(5)])
        median = np.sort(windows, axis=0)[12]
        better = median > best
        best[better], label[better] = median[better], number
    return label, best


class Recording(Case):
    def test_result_is_complete_and_filtered_by_the_definition(self):
        out = self.folder / "r.h5"
        summary = self.label(DEMO, "--out", out, "--threads", 2)
        self.assertEqual(summary["positions"], 576)
        self.assert_states_add_up(summary, 576)
        for state in ("pending", "missing", "corrupt", "late", "skipped_by_policy"):
            self.assertEqual(summary["states"][state], 0)
        self.assertGreater(summary["states"]["labelled"], 0)
        self.assertAlmostEqual(sum(summary["fractions"].values()), 1, places=6)

        raw, shown = planes(out, "labels_raw"), planes(out)
        label, margin = filter_by_definition(raw["crystal_system"], raw["difference_confidence"])
        np.testing.assert_array_equal(shown["difference_confidence"], margin)
        np.testing.assert_array_equal(shown["crystal_system"], np.where(margin >= 0.005, label, 0))
        self.assertEqual(int((shown["state"] == 1).sum()), summary["states"]["labelled"])
        few = raw["disk_count"] < 5
        np.testing.assert_array_equal(shown["state"] == 3, few)
        np.testing.assert_array_equal(raw["crystal_system"] == 0, few)
        self.assertEqual(raw["lattice"].shape, (24, 24, 3))
        for name in ("mixed", "outlier"):  # probabilities wherever there was a pattern to ask about
            values = raw[name]
            np.testing.assert_array_equal(np.isnan(values), few)
            self.assertTrue(0 <= np.nanmin(values) < np.nanmax(values) <= 1, name)
            np.testing.assert_array_equal(shown[name], values)
        with h5py.File(out) as result:
            offsets = result["peaks/offsets"][...]
            np.testing.assert_array_equal(np.diff(offsets).reshape(24, 24), raw["disk_count"])
            self.assertLess(np.abs(result["peaks/qx"][...]).max(), 3)
            self.assertEqual(sum(json.loads(result.attrs["states"]).values()), 576)
            for name in ("settings", "model_checksum", "calibration_checksum", "program", "started_utc", "finished_utc"):
                self.assertTrue(result.attrs[name])

    def test_same_result_with_any_number_of_threads(self):
        for threads in (1, 2):
            self.label(DEMO, "--out", self.folder / f"{threads}.h5", "--threads", threads)
        for group in ("labels", "labels_raw"):
            one, two = planes(self.folder / "1.h5", group), planes(self.folder / "2.h5", group)
            for name in one:
                np.testing.assert_array_equal(one[name], two[name], err_msg=name)

    def test_options_change_the_result(self):
        base = self.label(DEMO)["states"]
        self.assertLess(self.label(DEMO, "--threshold", 0.6)["states"]["labelled"], base["labelled"])
        self.assertNotEqual(self.label(DEMO, "--no-filter")["states"]["labelled"], base["labelled"])
        self.assertGreater(self.label(DEMO, "--min-disks", 12)["states"]["too_few_disks"], base["too_few_disks"])
        fractions = self.label(DEMO, "--systems", "hexagonal")["fractions"]
        self.assertEqual([name for name, share in fractions.items() if share > 0 and name != "hexagonal"], [])

    def test_a_recorded_file_gives_what_its_source_gave(self):
        self.good(run("convert", DEMO, "--out", self.folder / "frames.npy"))
        calibration = self.folder / "c.toml"
        out = self.folder / "demo.h5"
        self.label(DEMO, "--out", out)
        with h5py.File(out) as result:
            calibration.write_text(result.attrs["calibration"])
        self.label(self.folder / "frames.npy", "--scan", SCAN, "--calibration", calibration, "--out", self.folder / "npy.h5")
        demo, npy = planes(out), planes(self.folder / "npy.h5")
        for name in demo:
            np.testing.assert_array_equal(demo[name], npy[name], err_msg=name)

    def test_text_summary(self):
        self.assertIn("576 positions", self.good(run("label", DEMO)))


main()
