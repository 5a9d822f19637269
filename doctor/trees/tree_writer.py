"""Writes one recorded tree (doctor/evidence.h has the format). Used by make_gpu_trees.py.

Files that are in the tree already and not written again are left alone.
"""
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))


class Tree:
    def __init__(self, name, bad):
        self.folder, self.bad = os.path.join(HERE, name), bad
        self.commands, self.env = {}, {}

    def put(self, path, text, part="root"):
        path = os.path.join(self.folder, part, path.lstrip("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(str(text) + "\n")

    def link(self, path, target):
        at = os.path.join(self.folder, "root", path.lstrip("/"))
        os.makedirs(os.path.dirname(at), exist_ok=True)
        if os.path.lexists(at):
            os.remove(at)
        os.symlink(target, at)

    def either(self, good, bad):
        return bad if self.bad else good

    def command(self, line, output, status=0):
        self.commands[line] = {"status": status, "output": output}

    def save(self, name, value):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(json_lines(value))


def json_lines(value):
    """One line for each field, or for each element of a list field: long lists stay readable."""
    lines = []
    for key, field in value.items():
        if isinstance(field, list) and field and isinstance(field[0], dict):
            inner = ",\n  ".join(json.dumps(one) for one in field)
            lines.append(f' {json.dumps(key)}: [\n  {inner}\n ]')
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(field)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
