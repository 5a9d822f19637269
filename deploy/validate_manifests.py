#!/usr/bin/env python3
"""Checks Kubernetes manifests against the API types as Kubernetes publishes them (its OpenAPI
description, in the form of the generated Python client): unknown fields, missing ones, wrong types.
    validate_manifests.py FILE.yaml ...          exit status 0: all valid
    validate_manifests.py --self-test FILE.yaml  also: planted faults in it must be found
"""
import copy
import re
import sys

import kubernetes.client as api
import yaml

PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}


def model_of(document):
    version, kind = document.get("apiVersion", ""), document.get("kind", "")
    name = version.split("/")[-1].capitalize() + kind
    model = getattr(api, name, None)
    if model is None:
        raise ValueError(f"no such kind: {version} {kind}")
    return name


def check(value, kind, where):
    """Yields one line for each fault of `value`, which should be of the API type `kind`."""
    inner = re.fullmatch(r"(list|dict)\((?:str, )?(.+)\)|list\[(.+)\]", kind)
    if inner:
        wanted = list if kind.startswith("list") else dict
        if not isinstance(value, wanted):
            yield f"{where}: should be a {wanted.__name__}"
            return
        items = enumerate(value) if wanted is list else value.items()
        for key, item in items:
            yield from check(item, inner.group(2) or inner.group(3), f"{where}.{key}")
    elif kind in PLAIN:
        wrong = not isinstance(value, PLAIN[kind]) or (kind == "int" and isinstance(value, bool))
        # IntOrString is published as an object: both are right.
        if wrong:
            yield f"{where}: should be {kind}, is {type(value).__name__}"
    elif kind == "datetime":
        return
    else:
        yield from check_model(value, getattr(api, kind), where)


def check_model(value, model, where):
    if not isinstance(value, dict):
        yield f"{where}: should be a mapping ({model.__name__})"
        return
    names = {published: ours for ours, published in model.attribute_map.items()}
    for key, item in value.items():
        if key not in names:
            yield f"{where}.{key}: {model.__name__} has no such field"
        else:
            yield from check(item, model.openapi_types[names[key]], f"{where}.{key}")
    # The client refuses to make a model without its required fields.
    given = {names[key]: item for key, item in value.items() if key in names}
    try:
        model(**given)
    except ValueError as problem:
        yield f"{where}: {problem}"


def faults_of(documents):
    faults = []
    for number, document in enumerate(documents):
        where = f"document {number + 1}"
        try:
            name = model_of(document)
        except ValueError as problem:
            faults.append(f"{where}: {problem}")
            continue
        faults += check_model(document, getattr(api, name), f"{where} {name}")
    return faults


def self_test(documents):
    """Plants a fault of each kind; returns those that were not found."""
    def plant(change):
        planted = copy.deepcopy(documents)
        change(planted[0])
        return not faults_of(planted)

    pod = lambda d: d["spec"].get("template", d)["spec"]
    missed = {
        "unknown field": plant(lambda d: pod(d).update(hostPid=True)),
        "wrong type": plant(lambda d: pod(d)["containers"][0].update(args="doctor")),
        "missing field": plant(lambda d: pod(d)["containers"][0].pop("name")),
        "unknown kind": plant(lambda d: d.update(kind="DaemonSets")),
        "no mapping": plant(lambda d: pod(d).update(containers=["doctor"])),
    }
    return [name for name, was_missed in missed.items() if was_missed]


def main(arguments):
    testing = "--self-test" in arguments
    files = [word for word in arguments if word != "--self-test"]
    if not files:
        print(__doc__, file=sys.stderr)
        return 4
    status = 0
    for file in files:
        with open(file, encoding="utf-8") as stream:
            documents = [one for one in yaml.safe_load_all(stream) if one]
        faults = faults_of(documents)
        if testing:
            faults += [f"a planted fault was not found: {name}" for name in self_test(documents)]
        for fault in faults:
            print(f"{file}: {fault}")
            status = 1
        if not faults:
            print(f"{file}: {len(documents)} valid")
    return status


sys.exit(main(sys.argv[1:]))
