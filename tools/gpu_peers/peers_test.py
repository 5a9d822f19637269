#!/usr/bin/env python3
"""What of the comparison with PyTorch needs neither PyTorch nor a GPU: the scripts' syntax, the
order of samples, the interval, the arguments, and the choice of rotation."""
import ast
import os
import unittest

import peers

HERE = os.path.dirname(os.path.abspath(__file__))


class PeersTest(unittest.TestCase):
    def test_scripts_parse(self):
        for name in sorted(os.listdir(HERE)):
            if name.endswith(".py"):
                with open(os.path.join(HERE, name), encoding="utf-8") as file:
                    ast.parse(file.read(), name)

    def test_blocks_balance_and_vary(self):
        orders = peers.block_orders(40)
        self.assertEqual({sum(order) for order in orders}, {2})
        self.assertEqual({order[0] for order in orders}, {0, 1})
        for order in orders:  # a linear drift meets both alike
            self.assertEqual(sum(i for i, w in enumerate(order) if w), 3)

    def test_interval_is_the_sign_tests(self):
        # n = 15: P(fewer than 4 of 15 below the median) = 0.0176, twice that is under 5 %.
        self.assertEqual(peers.sign_interval(range(1, 16)), (4, 12))
        self.assertEqual(peers.sign_interval(range(1, 7)), (1, 6))
        self.assertEqual(peers.sign_interval([5.0]), (5.0, 5.0))

    def test_rotation_exceeds_the_cache(self):
        self.assertEqual(peers.rotation(200e6), 1)
        self.assertGreaterEqual(peers.rotation(10e6) * 10e6, peers.COLD_BYTES)
        self.assertEqual(peers.rotation(1), 64)

    def test_arguments(self):
        options = peers.arguments("", ["--blocks", "3", "--only", "x"])
        self.assertEqual((options.blocks, options.only), (3, "x"))
        for wrong in (["--blocks", "0"], ["--unknown"], ["--sample-ms", "-1"]):
            with self.assertRaises(SystemExit), open(os.devnull, "w") as quiet:
                import contextlib
                with contextlib.redirect_stderr(quiet):
                    peers.arguments("", wrong)


if __name__ == "__main__":
    unittest.main()
