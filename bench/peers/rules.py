"""The rules by which other tools call two programs different, and the exact bounds of a rate.

Written from the definitions, standard library only, so that the comparison needs no SciPy.
Sources: Mann and Whitney (1947); Welch (1947); Clopper and Pearson (1934); Lentz's method for the
continued fraction of the incomplete beta function, DLMF 8.17.22.
"""

import math

ALPHA = 0.05  # both google-benchmark's compare.py and hyperfine's welch_ttest.py


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if not ordered:
        return math.nan
    return ordered[middle] if len(ordered) % 2 else 0.5 * (ordered[middle - 1] + ordered[middle])


def mean(values):
    return math.fsum(values) / len(values)


def variance(values):
    """Of the population the values are a sample of."""
    centre = mean(values)
    return math.fsum((v - centre) ** 2 for v in values) / (len(values) - 1)


def u_statistic(a, b):
    """Pairs (x of a, y of b) with x > y; ties count one half."""
    return sum((x > y) + 0.5 * (x == y) for x in a for y in b)


def _u_exact_two_sided(u, m, n):
    # counts[k]: ways to interleave m and n samples with statistic k, built from the recurrence on
    # the largest sample belonging to a or to b.
    table = [[1] for _ in range(n + 1)]
    for i in range(1, m + 1):
        row = [[1]]
        for j in range(1, n + 1):
            counts = [0] * (i * j + 1)
            for k, ways in enumerate(table[j]):
                counts[k + j] += ways
            for k, ways in enumerate(row[j - 1]):
                counts[k] += ways
            row.append(counts)
        table = row
    counts = table[n]
    least = int(min(u, m * n - u))
    return min(1.0, 2.0 * sum(counts[:least + 1]) / math.comb(m + n, m))


def mann_whitney_p(a, b):
    """Two-sided p-value: exact without ties, else the normal approximation with tie correction and
    continuity correction."""
    m, n = len(a), len(b)
    u = u_statistic(a, b)
    if len(set(a) | set(b)) == m + n:
        return _u_exact_two_sided(u, m, n)
    total = m + n
    both = sorted(list(a) + list(b))
    ties = sum(both.count(v) ** 3 - both.count(v) for v in set(both))
    spread = math.sqrt(m * n / 12.0 * (total + 1 - ties / (total * (total - 1))))
    if spread == 0.0:
        return 1.0
    z = (abs(u - m * n / 2.0) - 0.5) / spread
    return min(1.0, math.erfc(z / math.sqrt(2.0)))


def incomplete_beta(a, b, x):
    """Regularised, 0 <= x <= 1."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
                     + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    fraction, c, d = 1.0, 1.0, 0.0
    for step in range(500):
        m = step // 2
        if step == 0:
            term = 1.0
        elif step % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 / (1.0 + term * d or tiny)
        c = 1.0 + term / c or tiny
        fraction *= c * d
        if abs(1.0 - c * d) < 1e-14:
            break
    return front * (fraction - 1.0)


def welch_p(a, b):
    """Two-sided p-value of Welch's t-test: means differ, variances may."""
    va, vb = variance(a) / len(a), variance(b) / len(b)
    if va + vb == 0.0:
        return 1.0 if mean(a) == mean(b) else 0.0
    t = (mean(a) - mean(b)) / math.sqrt(va + vb)
    freedom = (va + vb) ** 2 / (va ** 2 / (len(a) - 1) + vb ** 2 / (len(b) - 1))
    return incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t))


def _beta_quantile(p, a, b):
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        if incomplete_beta(a, b, middle) < p:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def clopper_pearson(successes, trials, level=0.95):
    """(low, high) of the rate."""
    tail = (1.0 - level) / 2.0
    if trials == 0:
        return 0.0, 1.0
    low = _beta_quantile(tail, successes, trials - successes + 1) if successes else 0.0
    high = _beta_quantile(1.0 - tail, successes + 1, trials - successes) \
        if successes < trials else 1.0
    return low, high


def beyond(ratio, margin):
    """'slower', 'faster' or '' as aisp's own verdict names them."""
    if ratio > 1.0 + margin:
        return "slower"
    return "faster" if ratio < 1.0 / (1.0 + margin) else ""


def direction(ratio):
    return "slower" if ratio > 1.0 else "faster"
