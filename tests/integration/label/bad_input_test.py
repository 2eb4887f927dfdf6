"""Whatever is wrong gets one clear line on stderr, exit code 2 or 3, and nothing half written."""
import resource
import signal
import socket

import numpy as np

from bragglive_command import DEMO, Case, main, run


class BadInput(Case):
    def refused(self, result, code, *words):
        got, out, err = result
        self.assertEqual(got, code, err)
        self.assertEqual(out, "")
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        for word in words:
            self.assertIn(str(word), err)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def test_command_line(self):
        self.refused(run("label"), 2, "SOURCE")
        self.refused(run("nonsense"), 2)
        self.refused(run("label", DEMO, "--scan", "12"), 2, "--scan", "12")
        self.refused(run("label", DEMO, "--threshold", "7"), 2, "threshold")
        self.refused(run("label", DEMO, "--systems", "cubical"), 2, "cubical")

    def test_missing_and_damaged_models(self):
        self.refused(run("label", DEMO, "--model", "/nowhere/m.blm"), 3, "/nowhere/m.blm")
        garbage = self.write("garbage.blm", b"not a model" * 100)
        self.refused(run("label", DEMO, "--model", garbage), 3, garbage)
        empty = self.write("empty.blm", b"")
        self.refused(run("label", DEMO, "--model", empty), 3, empty)

    def test_missing_and_damaged_calibrations(self):
        self.refused(run("label", DEMO, "--calibration", "/nowhere/c.toml"), 3, "/nowhere/c.toml")
        broken = self.write("broken.toml", b"detector = [192, 192\n")
        self.refused(run("label", DEMO, "--calibration", broken), 3, broken)
        other = self.write("other.toml", b"detector = [64, 64]\npixel_size_inv_angstrom = 0.01\norigin_row = [32.0, 0.0, 0.0]\n"
                                         b"origin_col = [32.0, 0.0, 0.0]\nprobe_radius_px = 2.0\n")
        self.refused(run("label", DEMO, "--calibration", other), 3, "64 x 64", "192 x 192")
        wrong = self.write("wrong.toml", other.read_bytes().replace(b"0.01", b"-0.01"))
        self.refused(run("label", DEMO, "--calibration", wrong), 3, "pixel_size_inv_angstrom")

    def test_missing_and_damaged_recordings(self):
        self.refused(run("label", "/nowhere/scan.npy"), 3, "/nowhere/scan.npy")
        for name, content in (("a.npy", b"\x93NUMPY\x01\x00garbage"), ("b.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 50), ("c.mib", b"MQ1,xx"),
                              ("d.unknown", b"?")):
            path = self.write(name, content)
            self.refused(run("label", path), 3, path)
        np.save(self.folder / "cut.npy", np.zeros((4, 4, 64, 64), np.uint16))
        cut = self.write("cut.npy", (self.folder / "cut.npy").read_bytes()[:5000])
        self.refused(run("label", cut), 3, cut)

    def test_a_recording_without_calibration(self):
        np.save(self.folder / "plain.npy", np.zeros((2, 2, 64, 64), np.uint16))
        self.refused(run("label", self.folder / "plain.npy"), 3, "calibration")

    def test_endpoints(self):
        self.refused(run("label", "tcp://nonsense"), 3, "tcp://nonsense")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"tcp://127.0.0.1:{taken.getsockname()[1]}?bind"
            self.refused(run("label", address), 3, address.removesuffix("?bind"))

    def test_results_that_cannot_be_written(self):
        self.refused(run("label", DEMO, "--out", "/nowhere/r.h5"), 3, "/nowhere/r.h5")

        def little_room():  # writing beyond fails as on a full disk
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

        out = self.folder / "r.h5"
        code, summary, err = run("label", DEMO, "--out", out, preexec_fn=little_room)
        self.assertEqual(code, 3)
        self.assertIn(str(out), err)
        self.assertIn("576 positions", summary)  # what was labelled is at least said
        self.assertEqual(list(self.folder.iterdir()), [])


main()
