"""Whether the names in manifests of Kubernetes lead somewhere: what a schema cannot tell.

usage: references.py FILE…

All files are of one installation.
"""

import sys

import yaml


def read(paths):
    for path in paths:
        with open(path) as file:
            yield from (resource for resource in yaml.safe_load_all(file) if resource)


def keys(resource):
    return {**resource.get("stringData", {}), **resource.get("data", {})}


def check_pod(owner, pod, resources, claims):
    """Volumes, and the secrets and settings that containers name."""
    volumes = {volume["name"] for volume in pod.get("volumes", [])} | claims
    for volume in pod.get("volumes", []):
        if secret := volume.get("secret"):
            there = keys(resources["Secret", secret["secretName"]])
            yield from (f"{owner}: no key {item['key']}" for item in secret["items"] if item["key"] not in there)
        if settings := volume.get("configMap"):
            resources["ConfigMap", settings["name"]]  # A KeyError says that it is missing.
    for container in pod["containers"]:
        mounts = container.get("volumeMounts", [])
        yield from (f"{owner}: no volume {mount['name']}" for mount in mounts if mount["name"] not in volumes)
        for variable in container.get("env", []):
            source = variable["valueFrom"]["secretKeyRef"]
            if source["key"] not in keys(resources["Secret", source["name"]]):
                yield f"{owner}: no key {source['key']}"
        for source in container.get("envFrom", []):
            resources["ConfigMap", source["configMapRef"]["name"]]


def check(everything):
    resources = {(resource["kind"], resource["metadata"]["name"]): resource for resource in everything}
    owners = [resource for resource in everything if "template" in resource.get("spec", {})]
    labels = [owner["spec"]["template"]["metadata"]["labels"] for owner in owners]
    for owner in owners:
        name, spec = owner["metadata"]["name"], owner["spec"]
        claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
        yield from check_pod(name, spec["template"]["spec"], resources, claims)
    for (kind, name), resource in resources.items():
        spec = resource.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector") or {}
        wanted = selector.get("matchLabels", selector)
        if wanted and not any(wanted.items() <= own.items() for own in labels):
            yield f"{kind} {name}: chooses no pod"
        if kind == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]
            resources[target["kind"], target["name"]]
        for rule in spec.get("rules", []):
            for path in rule["http"]["paths"]:
                resources["Service", path["backend"]["service"]["name"]]


try:
    findings = list(check(list(read(sys.argv[1:]))))
except KeyError as missing:
    findings = [f"there is no {missing}"]
sys.exit("\n".join(findings) or 0)
