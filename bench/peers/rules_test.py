"""Tests of rules.py against published and independently computed values."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rules  # noqa: E402


class Rules(unittest.TestCase):
    def test_exact_u(self):
        # All of a below all of b: 2 / C(10, 5).
        self.assertAlmostEqual(rules.mann_whitney_p([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252)
        # Critical value tables: 9 against 9, two-sided 5 %, U <= 17 is significant, 18 is not.
        self.assertLessEqual(rules._u_exact_two_sided(17, 9, 9), 0.05)
        self.assertGreater(rules._u_exact_two_sided(18, 9, 9), 0.05)
        self.assertEqual(rules.mann_whitney_p([1, 4], [2, 3]), 1.0)

    def test_u_with_ties(self):
        self.assertEqual(rules.mann_whitney_p([1, 1, 1], [1, 1, 1]), 1.0)
        self.assertLess(rules.mann_whitney_p([1] * 9, [2] * 9), 0.001)

    def test_u_false_alarms_are_at_most_alpha(self):
        import random
        source = random.Random(5)
        draws = lambda: [source.random() for _ in range(9)]  # noqa: E731
        alarms = sum(rules.mann_whitney_p(draws(), draws()) < rules.ALPHA for _ in range(2000))
        self.assertLess(rules.clopper_pearson(alarms, 2000)[0], rules.ALPHA)
        self.assertGreater(alarms, 40)

    def test_incomplete_beta(self):
        self.assertAlmostEqual(rules.incomplete_beta(1, 1, 0.3), 0.3)
        self.assertAlmostEqual(rules.incomplete_beta(2, 3, 0.4), 0.5248)
        self.assertAlmostEqual(rules.incomplete_beta(0.5, 0.5, 0.5), 0.5)

    def test_welch(self):
        # t = 2.776 with 4 degrees of freedom is the two-sided 5 % point.
        self.assertAlmostEqual(rules.incomplete_beta(2.0, 0.5, 4 / (4 + 2.776445 ** 2)), 0.05, 6)
        # Equal sizes and variances: Welch's t is Student's. Means 1 apart, s = 1, n = 5 each.
        a = [1, 2, 3, 4, 5]
        b = [2, 3, 4, 5, 6]  # t = 1, 8 degrees of freedom: p = 0.3466
        self.assertAlmostEqual(rules.welch_p(a, b), 0.346594, 5)
        self.assertEqual(rules.welch_p([1, 1], [1, 1]), 1.0)

    def test_clopper_pearson(self):
        low, high = rules.clopper_pearson(0, 10)
        self.assertEqual(low, 0.0)
        self.assertAlmostEqual(high, 1 - 0.025 ** 0.1)
        low, high = rules.clopper_pearson(5, 10)
        self.assertAlmostEqual(low, 0.1871, 4)
        self.assertAlmostEqual(high, 0.8129, 4)
        self.assertEqual(rules.clopper_pearson(0, 0), (0.0, 1.0))

    def test_beyond(self):
        self.assertEqual(rules.beyond(1.02, 0.01), "slower")
        self.assertEqual(rules.beyond(1 / 1.02, 0.01), "faster")
        self.assertEqual(rules.beyond(1.005, 0.01), "")


if __name__ == "__main__":
    unittest.main()
