"""Recordings that are still being written: every frame comes, bit for bit, as it is written."""
import threading
import time

import h5py
import numpy as np

from bragglive_command import Case, finish, main, run

FRAMES, SIDE = 24, 32
DATA = np.random.default_rng(3).integers(0, 900, (FRAMES, SIDE, SIDE), dtype=np.uint16)
PAUSE = 0.04


def mib_frame(number, pixels):
    header = f"MQ1,{number + 1:06},00384,01,{SIDE:04},{SIDE:04},U16,   1x1,01,2026-01-01 00:00:00.000000,0.0001,0,0,0,"
    return header.encode().ljust(384, b"\0") + pixels.astype(">u2").tobytes()


class Follow(Case):
    def follow(self, path, write, *options, shape=(4, 6), quiet=3):
        """What convert makes of a file that `write` writes meanwhile."""
        out = self.folder / "out.npy"
        writer = threading.Thread(target=write)
        writer.start()
        process = self.start("convert", path, "--follow", "--follow-quiet", quiet, "--scan", f"{shape[0]}x{shape[1]}", "--out", out, *options)
        code, _, err = finish(process)
        writer.join()
        self.assertEqual(code, 0, err)
        return np.load(out).reshape(-1, SIDE, SIDE), err

    def assert_followed(self, path, write, *options):
        frames, err = self.follow(path, write, *options)
        np.testing.assert_array_equal(frames, DATA)
        self.assertEqual(err, "")

    def append(self, path, pieces):
        with open(path, "wb") as file:
            for piece in pieces:
                half = len(piece) // 2  # the reader must not take half a frame
                for part in (piece[:half], piece[half:]):
                    file.write(part)
                    file.flush()
                    time.sleep(PAUSE / 2)

    def test_npy(self):
        path = self.folder / "a.npy"
        np.save(self.folder / "whole.npy", DATA)
        whole = (self.folder / "whole.npy").read_bytes()
        size = SIDE * SIDE * 2
        start = len(whole) - FRAMES * size
        self.assert_followed(path, lambda: self.append(path, [whole[:start]] + [whole[start + i * size:start + (i + 1) * size] for i in range(FRAMES)]))

    def test_mib(self):
        path = self.folder / "a.mib"
        self.assert_followed(path, lambda: self.append(path, [mib_frame(i, frame) for i, frame in enumerate(DATA)]))

    def test_empad_raw(self):
        path = self.folder / "scan_x6_y4.raw"
        frames = np.random.default_rng(4).random((FRAMES, 130, 128), dtype=np.float32)
        out = self.folder / "e.npy"
        writer = threading.Thread(target=lambda: self.append(path, [frame.tobytes() for frame in frames]))
        writer.start()
        code, _, err = run("convert", path, "--follow", "--follow-quiet", 3, "--out", out)
        writer.join()
        self.assertEqual(code, 0, err)
        np.testing.assert_array_equal(np.load(out).reshape(FRAMES, 128, 128), frames[:, :128])

    def write_swmr(self, path, grows, **layout):
        def write():
            with h5py.File(path, "w", libver="latest") as file:
                first = 0 if grows else FRAMES
                data = file.create_dataset("data", (first, SIDE, SIDE), "u2", maxshape=(None if grows else FRAMES, SIDE, SIDE), **layout)
                file.swmr_mode = True
                for i in range(FRAMES):
                    if grows:
                        data.resize(i + 1, 0)
                    data[i] = DATA[i]
                    data.flush()
                    time.sleep(PAUSE)
        return write

    def test_hdf5_that_grows(self):
        path = self.folder / "a.h5"
        self.assert_followed(path, self.write_swmr(path, True, chunks=(1, SIDE, SIDE)))

    def test_hdf5_that_is_filled(self):
        path = self.folder / "a.h5"
        self.assert_followed(path, self.write_swmr(path, False, chunks=(1, SIDE, SIDE)))

    def test_hdf5_whose_chunks_hold_several_compressed_frames(self):
        path = self.folder / "a.h5"
        self.assert_followed(path, self.write_swmr(path, True, chunks=(5, SIDE, SIDE), compression="gzip"))

    def test_hdf5_written_for_readers_is_followed_without_being_asked_to(self):
        path, out = self.folder / "a.h5", self.folder / "out.npy"
        writer = threading.Thread(target=self.write_swmr(path, False, chunks=(1, SIDE, SIDE)))
        writer.start()
        time.sleep(5 * PAUSE)
        code, _, err = run("convert", path, "--scan", "4x6", "--out", out)
        writer.join()
        self.assertEqual(code, 0, err)
        self.assertIn("still being written", err)
        np.testing.assert_array_equal(np.load(out).reshape(-1, SIDE, SIDE), DATA)

    def test_a_file_that_stops_growing_ends_after_the_quiet_time(self):
        path = self.folder / "a.mib"
        frames, err = self.follow(path, lambda: self.append(path, [mib_frame(i, frame) for i, frame in enumerate(DATA[:10])]), quiet=0.5)
        self.assertIn("10 of 24 frames came", err)
        np.testing.assert_array_equal(frames[:10], DATA[:10])
        self.assertFalse(frames[10:].any())

    def test_a_file_that_does_not_say_how_long_it_will_be(self):
        path = self.folder / "a.mib"
        path.write_bytes(mib_frame(0, DATA[0]))
        code, _, err = run("convert", path, "--follow", "--out", self.folder / "out.npy")
        self.assertEqual(code, 2)
        self.assertIn("give --scan", err)
        self.assertEqual(err.count("\n"), 1)

    def test_without_follow_the_file_is_what_it_is(self):
        path = self.folder / "a.mib"
        path.write_bytes(b"".join(mib_frame(i, frame) for i, frame in enumerate(DATA[:3])))
        code, _, err = run("convert", path, "--out", self.folder / "out.npy")
        self.assertEqual(code, 0, err)
        self.assertEqual(np.load(self.folder / "out.npy").shape[0], 3)


main()
