"""Labelling a live stream: the whole chain over a socket, and senders that misbehave or die."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np

from bragglive_command import DEMO, SCAN, Case, finish, free_endpoint, main, planes, run


class Stream(Case):
    def label_stream(self, *send_options, label_options=()):
        """Summary of a live label run fed by `send` with these options."""
        endpoint = free_endpoint()
        label = self.start("label", endpoint + "?bind", "--json", "--out", self.folder / "live.h5", *label_options)
        run("send", DEMO, endpoint + "?connect", *send_options)
        return json.loads(self.good(finish(label)).splitlines()[-1])

    def test_a_stream_gives_what_its_source_gives_directly(self):
        summary = self.label_stream("--rate", os.environ.get("BRAGGLIVE_TEST_RATE", 400))
        self.assert_states_add_up(summary, 576)
        self.assertEqual(summary["states"]["missing"], 0)
        self.assertEqual(summary["dropped"], 0)
        self.assertLess(summary["latency_ms"]["p50"], 200)
        self.label(DEMO, "--out", self.folder / "direct.h5")
        live, direct = planes(self.folder / "live.h5"), planes(self.folder / "direct.h5")
        for name in direct:
            np.testing.assert_array_equal(live[name], direct[name], err_msg=name)

    def test_a_detector_with_rest_is_asked_what_it_dropped(self):
        endpoint, rest = free_endpoint(), free_endpoint().removeprefix("tcp://127.0.0.1:")
        for protocol in ("dectris2", "dectris1"):
            label = self.start("label", endpoint, "--protocol", protocol, "--scan", SCAN, "--rest", f"http://127.0.0.1:{rest}", "--json",
                               "--calibration", self.calibration(), "--scan-timeout", 3)
            run("send", DEMO, endpoint, "--protocol", protocol, "--rest", rest, "--rate", 200, "--fault", "drop=10")
            code, out, err = finish(label)
            self.assertEqual(code, 0, err)
            summary = json.loads(out.splitlines()[-1])
            self.assertEqual(summary["states"]["missing"], 57)
            self.assertGreater(summary["detector_dropped"], 20)
            self.assertIn("the detector has dropped", err)
        code, _, err = run("label", endpoint, "--rest", "http://127.0.0.1:1")
        self.assertEqual(code, 2)
        self.assertIn("--rest belongs to DECTRIS", err)

    def calibration(self):
        """The demo specimen's, as a file."""
        path = self.folder / "c.toml"
        if not path.exists():
            self.label(DEMO, "--out", self.folder / "demo.h5")
            with h5py.File(self.folder / "demo.h5") as result:
                path.write_text(result.attrs["calibration"])
        return path

    def test_every_encoding_and_a_reordered_stream_give_the_same_map(self):
        self.label(DEMO, "--out", self.folder / "direct.h5")
        direct = planes(self.folder / "direct.h5")
        for options in (("--encoding", "lz4"), ("--encoding", "bslz4"), ("--fault", "reorder=16"), ("--fault", "duplicate=7")):
            self.label_stream("--rate", 600, *options)
            live = planes(self.folder / "live.h5")
            for name in direct:
                np.testing.assert_array_equal(live[name], direct[name], err_msg=f"{name} with {options}")

    def test_dropped_frames_are_missing_and_truncated_ones_corrupt(self):
        states = self.label_stream("--rate", 800, "--fault", "drop=10")["states"]
        self.assertEqual(states["missing"], 57)
        states = self.label_stream("--rate", 800, "--fault", "truncate=10", "--fault", "garbage=50")["states"]
        self.assertEqual(states["corrupt"], 57)
        self.assertEqual(states["missing"], 0)
        states = self.label_stream("--rate", 800, "--fault", "out-of-range=10", "--fault", "stale=5")["states"]
        self.assertEqual(states["missing"], 57)

    def test_a_recording_made_while_labelling_is_the_scan_and_labels_the_same(self):
        self.good(run("convert", DEMO, "--out", self.folder / "frames.npy"))
        frames = np.load(self.folder / "frames.npy")
        record = self.folder / "record.h5"
        for encoding in ("none", "bslz4"):
            self.label_stream("--rate", 600, "--encoding", encoding, label_options=("--record", record))
            with h5py.File(record) as made:
                data = made["/datacube_root/datacube/data"]
                self.assertEqual((data.shape, data.dtype), (frames.shape, frames.dtype))
                self.assert_emd(made, "datacube_root", "datacube")
                if encoding == "none":  # for the others h5py needs a plugin, bragglive does not
                    np.testing.assert_array_equal(data[...], frames)
            self.good(run("convert", record, "--out", self.folder / "again.npy"))
            np.testing.assert_array_equal(np.load(self.folder / "again.npy"), frames)
            live, kept = planes(self.folder / "live.h5"), planes(record)
            for name in live:
                np.testing.assert_array_equal(live[name], kept[name], err_msg=name)
            self.label(record, "--out", self.folder / "relabelled.h5")  # its calibration is inside
            relabelled = planes(self.folder / "relabelled.h5")
            for name in live:
                np.testing.assert_array_equal(live[name], relabelled[name], err_msg=name)

    def assert_emd(self, file, root, cube):
        """What emdfile 0.0.14 and py4DSTEM 0.14 look for when they read a data cube (EMD 1.0)."""
        self.assertEqual((file.attrs["emd_group_type"], file.attrs["version_major"], file.attrs["version_minor"]), ("file", 1, 0))
        roots = [name for name in file if file[name].attrs.get("emd_group_type") == "root"]
        self.assertEqual(roots, [root])
        self.assertEqual(file[root].attrs["python_class"], "Root")
        nodes = [name for name, group in file[root].items() if group.attrs.get("emd_group_type") in ("array", "custom", "node")]
        self.assertEqual(nodes, [cube])
        group = file[root][cube]
        self.assertEqual(group.attrs["python_class"], "DataCube")
        self.assertIsInstance(group["data"].attrs["units"], str)
        for n, length in enumerate(group["data"].shape):
            dim = group[f"dim{n}"]
            self.assertIn(len(dim), (2, length))
            self.assertTrue(np.issubdtype(dim.dtype, np.number))
            self.assertIsInstance(dim.attrs["units"], str)
            self.assertNotEqual(dim.attrs["name"], "_labels_")
        calibration = file[root]["metadatabundle/calibration"]
        self.assertEqual((calibration.attrs["emd_group_type"], calibration.attrs["python_class"]), ("metadata", "Calibration"))
        values = {}
        for name, dataset in calibration.items():
            kind = dataset.attrs["type"]
            values[name] = dataset[...].item() if kind == "number" else dataset[...].item().decode("utf-8")
        self.assertEqual((values["Q_pixel_units"], values["R_pixel_units"]), ("A^-1", "nm"))
        self.assertAlmostEqual(values["Q_pixel_size"], 0.01616651)
        self.assertAlmostEqual(values["R_pixel_size"], 2.1)

    def test_frames_that_are_no_positions_are_left_out_by_their_path(self):
        self.label(DEMO, "--out", self.folder / "direct.h5")
        direct = planes(self.folder / "direct.h5")
        path = ("--lead-in", 7, "--fly-back", 2, "--line-skip", 1, "--serpentine")
        summary = self.label_stream("--rate", 600, *path, label_options=("--scan", SCAN, *path))
        self.assertEqual(summary["states"]["missing"], 0)
        live = planes(self.folder / "live.h5")
        for name in direct:
            np.testing.assert_array_equal(live[name], direct[name], err_msg=name)

    def test_a_sender_that_dies_leaves_missing_positions_and_a_saved_result(self):
        summary = self.label_stream("--rate", 800, "--fault", "die=200", label_options=("--scan-timeout", 1))
        self.assert_states_add_up(summary, 576)
        self.assertEqual(summary["states"]["missing"], 376)
        self.assertEqual(int((planes(self.folder / "live.h5")["state"] == 5).sum()), 376)

    def test_a_sender_that_dies_and_comes_back_completes_the_map(self):
        endpoint = free_endpoint()
        label = self.start("label", endpoint + "?bind", "--json", "--scan-timeout", 20)
        run("send", DEMO, endpoint + "?connect", "--rate", 800, "--series", 7, "--fault", "die=200")
        run("send", DEMO, endpoint + "?connect", "--rate", 800, "--series", 7)
        states = json.loads(self.good(finish(label)).splitlines()[-1])["states"]
        self.assertEqual(states["missing"], 0)
        self.assertEqual(sum(states.values()), 576)

    def test_interrupting_saves_what_was_labelled(self):
        endpoint = free_endpoint()
        label = self.start("label", endpoint + "?bind", "--json", "--out", self.folder / "r.h5")
        send = self.start("send", DEMO, endpoint + "?connect", "--rate", 50)
        time.sleep(4)
        label.send_signal(signal.SIGINT)
        states = json.loads(self.good(finish(label)).splitlines()[-1])["states"]
        send.kill()
        self.assertGreater(states["missing"], 100)
        self.assertGreater(576 - states["missing"], 10)
        self.assertEqual(int((planes(self.folder / "r.h5")["state"] == 5).sum()), states["missing"])

    def test_publishing_sockets_work_too(self):
        endpoint = free_endpoint()
        send = self.start("send", DEMO, endpoint + "?bind&socket=pub", "--rate", 300)
        states = json.loads(self.good(run("label", endpoint + "?connect&socket=sub", "--json")).splitlines()[-1])["states"]
        self.good(finish(send))
        self.assertEqual(sum(states.values()), 576)
        self.assertGreater(576 - states["missing"], 300)

    def test_one_scan_after_the_other(self):
        endpoint = free_endpoint()
        label = self.start("label", endpoint + "?bind", "--json", "--scans", 3, "--out", self.folder / "day.h5")
        self.good(run("send", DEMO, endpoint + "?connect", "--rate", 800, "--repeat", 3))
        summaries = [json.loads(line) for line in self.good(finish(label)).splitlines()]
        self.assertEqual(len(summaries), 3)
        for summary in summaries:
            self.assert_states_add_up(summary, 576)
            self.assertEqual(summary["states"]["missing"], 0)
        first, last = planes(self.folder / "day_0001.h5"), planes(self.folder / "day_0003.h5")
        for name in first:
            np.testing.assert_array_equal(first[name], last[name], err_msg=name)

    def test_others_can_watch_the_map(self):
        published, endpoint = free_endpoint(), free_endpoint()
        watch = self.watch(published)
        label = self.start("label", endpoint + "?bind", "--json", "--publish", published)
        run("send", DEMO, endpoint + "?connect", "--rate", 400)
        summary = json.loads(self.good(finish(label)).splitlines()[-1])
        text = self.good(finish(watch))
        self.assertIn("576 of 576 positions", text)
        for name, share in summary["fractions"].items():
            if share > 0:
                self.assertIn(f"{name} {100 * share:.1f} %", text)

    def watch(self, endpoint):
        viewer = Path(__file__).parents[3] / "examples/python_viewer/watch_map.py"
        self.processes.append(subprocess.Popen([sys.executable, str(viewer), endpoint, "--once"], stdout=subprocess.PIPE,
                                               stderr=subprocess.PIPE, text=True))
        return self.processes[-1]


main()
