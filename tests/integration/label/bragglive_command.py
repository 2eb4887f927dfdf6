"""Runs the bragglive command for tests and reads what it leaves."""
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py

BRAGGLIVE = sys.argv[1]
SCAN = "24x24"
DEMO = f"demo:gold?scan={SCAN}&seed=5"
STATES = ["pending", "labelled", "low_confidence", "too_few_disks", "skipped_by_policy", "missing", "corrupt", "late"]


def free_endpoint():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def start(*arguments, **options):
    return subprocess.Popen([BRAGGLIVE, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def finish(process, timeout=120):
    """Exit code, stdout, stderr of a process that is expected to end by itself."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def run(*arguments, **options):
    return finish(start(*arguments, **options))


class Case(unittest.TestCase):
    """A test case with a folder of its own and every process it started gone at the end."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="bragglive_test_"))
        self.processes = []

    def tearDown(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *arguments, **options):
        self.processes.append(start(*arguments, **options))
        return self.processes[-1]

    def good(self, result):
        code, out, err = result
        self.assertEqual(code, 0, err)
        return out

    def label(self, *arguments):
        """The JSON object of a label run that must succeed."""
        return json.loads(self.good(run("label", *arguments, "--json")).splitlines()[-1])

    def assert_states_add_up(self, summary, positions):
        self.assertEqual(sorted(summary["states"]), sorted(STATES))
        self.assertEqual(sum(summary["states"].values()), positions)


def planes(path, group="labels"):
    with h5py.File(path) as result:
        return {name: dataset[...] for name, dataset in result[group].items()}


def main():
    unittest.main(argv=[sys.argv[0]], verbosity=2)
