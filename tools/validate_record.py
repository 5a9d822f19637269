#!/usr/bin/env python3
"""Checks run folders against docs/record.schema.json: validate_record.py FOLDER|FILE...

Of a folder reads run.json and every whole line of results.jsonl, and checks beyond the schema that
raw samples and techniques belong together. A FILE holds one document (aisp report --json).
Prints one line a problem; exits with 1 when there is one.
"""

import json
import pathlib
import sys

import jsonschema

SCHEMA = pathlib.Path(__file__).resolve().parent.parent / "docs" / "record.schema.json"


def load(text):
    def no_constant(name):
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, parse_constant=no_constant)


def schema_problems(validator, document, expected):
    """Problems of one document whose schema field must begin with `expected`."""
    if isinstance(document, dict) and not str(document.get("schema")).startswith(expected):
        yield f"schema: not {expected}"
    for problem in validator.iter_errors(document):
        place = "/".join(str(part) for part in problem.absolute_path)
        yield f"{place or 'document'}: {problem.message[:300]}"


def sample_problems(result):
    """What a schema cannot say: names that must agree within one line."""
    techniques = result.get("techniques", [])
    names = [technique.get("name") for technique in techniques]
    if len(set(names)) != len(names):
        yield "techniques: a name occurs twice"
    timed = {t.get("name") for t in techniques if t.get("outcome") in ("ok", "noisy")}
    measured = set()
    for process in result.get("processes", []):
        for name, series in process.get("series", {}).items():
            measured.add(name)
            if len(series.get("wall_ns", [])) != len(series.get("cpu_ns", [])):
                yield f"processes: {name} has not one CPU time for each wall time"
    for name in sorted(timed - measured):
        yield f"processes: no raw samples of {name}"
    for name in sorted(measured - set(names)):
        yield f"processes: samples of {name}, which is no technique of this case"


def folder_problems(validator, folder):
    header = load((folder / "run.json").read_text())
    for problem in schema_problems(validator, header, "aisp.run/"):
        yield f"{folder}/run.json: {problem}"
    lines = (folder / "results.jsonl").read_text().split("\n")
    for number, line in enumerate(lines[:-1], 1):
        result = load(line)
        problems = list(schema_problems(validator, result, "aisp.result/"))
        for problem in problems or sample_problems(result):
            yield f"{folder}/results.jsonl:{number}: {problem}"


def file_problems(validator, path):
    for problem in schema_problems(validator, load(path.read_text()), "aisp."):
        yield f"{path}: {problem}"


def main(arguments):
    if not arguments:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 4
    schema = load(SCHEMA.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    found = 0
    for argument in arguments:
        path = pathlib.Path(argument)
        problems = folder_problems if path.is_dir() else file_problems
        try:
            for problem in problems(validator, path):
                print(problem)
                found += 1
        except (OSError, ValueError) as problem:
            print(f"{path}: {problem}")
            found += 1
    if found == 0:
        print(f"{len(arguments)} valid")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
