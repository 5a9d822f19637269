"""Runs compare.py for a few seconds against a build folder (the argument) and checks that every
tool was really run and counted, that a missing tool is a row and not a failure, and that a wrong
call ends with one clear line. No assertion on any timing."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = "build"


def compare(*arguments):
    return subprocess.run([sys.executable, os.path.join(HERE, "compare.py"), *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


def busy_children():
    listing = subprocess.run(["ps", "-eo", "args"], stdout=subprocess.PIPE, text=True, check=True)
    own = os.path.join(os.path.abspath(BUILD), "peer_workload") + " busy"
    return [line for line in listing.stdout.splitlines() if line.startswith(own)]


class Compare(unittest.TestCase):
    def test_every_tool_is_run_and_counted(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "record.json")
            done = compare("--build", BUILD, "--seconds", "8", "--trials", "1", "--load", "1",
                           "--json", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(path, encoding="utf-8") as text:
                record = json.load(text)
        self.assertEqual(record["absent"], [])
        trials = {}
        for row in record["rows"]:
            self.assertLessEqual(row["right"]["count"], row["trials"])
            self.assertLessEqual(row["alarms"]["count"], row["trials"])
            trials[row["tool"]] = trials.get(row["tool"], 0) + row["trials"]
        self.assertEqual(len(trials), 4)
        for tool, count in trials.items():
            self.assertGreater(count, 0, tool)
            self.assertIn(tool, done.stdout)
        self.assertEqual(busy_children(), [])

    def test_a_missing_tool_is_a_row(self):
        with tempfile.TemporaryDirectory() as folder:
            for program in ("aisp", "peer_workload"):
                os.symlink(os.path.join(os.path.abspath(BUILD), program),
                           os.path.join(folder, program))
            done = compare("--build", folder, "--seconds", "2", "--trials", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("google-benchmark 9 x 10 ms: absent; install libbenchmark-dev", done.stdout)

    def test_a_wrong_folder_is_one_line(self):
        done = compare("--build", "/nonexistent")
        self.assertEqual(done.returncode, 4)
        self.assertIn("build it with `ninja", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_a_wrong_option_is_refused(self):
        self.assertEqual(compare("--load", "-1").returncode, 2)
        self.assertEqual(compare("--loads", "1").returncode, 2)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        BUILD = sys.argv.pop(1)
    unittest.main()
