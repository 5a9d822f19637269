"""Reads ctest's JUnit report and prints the closing line of `make test`: "N passed, N failed".

Use: test_summary.py REPORT CTEST_STATUS. Exit 0 only if a test passed, none failed and ctest itself
ended with 0. A test that could not start counts as failed; one that is disabled, or
says "not possible here" (GTEST_SKIP), counts as neither and is listed with its name.
"""
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    """passed, failed or skipped. ctest writes a test it could not start as a skipped one."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.get("status") == "disabled":
        return "skipped"
    skipped = case.find("skipped")
    if skipped is None:
        return "passed" if case.get("status") == "run" else "failed"
    return "skipped" if skipped.get("message", "").startswith("SKIP_") else "failed"


def main():
    report, ctest_status = sys.argv[1], int(sys.argv[2])
    names = {"passed": [], "failed": [], "skipped": []}
    try:
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            names[outcome(case)].append(case.get("name"))
    except (OSError, ElementTree.ParseError) as error:
        print(f"ctest left no readable report in {report}: {error}", file=sys.stderr)
    if names["skipped"]:
        print(f"not run: {', '.join(names['skipped'])}")
    if names["failed"]:
        print(f"failed: {', '.join(names['failed'])}")
    if ctest_status != 0 and not names["failed"]:
        print(f"ctest ended with {ctest_status}; its own message stands above", file=sys.stderr)
    if not names["passed"] and not names["failed"]:
        print("no test ran", file=sys.stderr)
    sys.stderr.flush()
    print(f"{len(names['passed'])} passed, {len(names['failed'])} failed", flush=True)
    return 0 if names["passed"] and not names["failed"] and ctest_status == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
