"""Lints the chart as Helm does, renders it in several ways, and has `dinh` judge the configuration that comes
of each: check.py DINH. Helm's own library comes as a package of Python's registry (.ci/helm.txt)."""

import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from helm_python import Chart, lint

CHART = Path(__file__).parent / "dinh"

CASES = {
    "as it is": {},
    "behind a load balancer": {
        "media": {"hostNetwork": False, "threads": 3},
        "config": {"media": {"advertise": ["192.0.2.1"]}},
    },
    "everything": {
        "admin": {"expose": True},
        "secretName": "keys",
        "ingress": {"enabled": True, "className": "nginx", "tlsSecretName": "tls"},
        "podMonitor": {"enabled": True},
        "persistence": {"storageClassName": "local"},
        "nodeSelector": {"dinh": "yes"},
        "tolerations": [{"key": "dinh", "operator": "Exists"}],
        "config": {"conferences": {"organiser": "113"}},
    },
}


def fail(text):
    sys.exit(f"{CHART}: {text}")


def documents(values):
    with Chart.load(str(CHART)) as chart:
        rendered = chart.render(values, name="hop", namespace="dinh", is_install=True)
    for name, text in sorted(rendered.items()):
        for document in yaml.safe_load_all(text):
            if document is not None:
                yield name, document


def check(case, values, dinh):
    kinds, ports = {}, set()
    for name, document in documents(values):
        for key in ("apiVersion", "kind", "metadata"):
            if key not in document:
                fail(f"{case}: {name} has no {key}")
        kinds.setdefault(document["kind"], []).append(document)
        if document["kind"] == "Service":
            ports |= {port["name"] for port in document["spec"]["ports"]}
    (pod,) = kinds["StatefulSet"]
    container = pod["spec"]["template"]["spec"]["containers"][0]
    named = {port["name"] for port in container["ports"]}
    if not ports <= named:
        fail(f"{case}: services lead to {ports - named}, which the pod does not have")
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(kinds["ConfigMap"][0]["data"]["dinh.toml"])
        config.flush()
        checked = subprocess.run([dinh, "--config", config.name, "config", "check"], capture_output=True, text=True)
    if checked.returncode != 0:
        fail(f"{case}: {checked.stderr}")
    print(f"{case}: {', '.join(sorted(kinds))}")


def main():
    dinh = sys.argv[1]
    for case, values in CASES.items():
        report = lint(str(CHART), values, strict=True)
        problems = [message["error"] for message in report["messages"]] + report["errors"]
        if problems:
            fail(f"{case}: {problems}")
    for case, values in CASES.items():
        check(case, values, dinh)


main()
