#!/usr/bin/env python3
"""Writes corpus.json: documents as people and tools write them, and what kubectl makes of each.

The trees are PyYAML's (its safe loader is libyaml's grammar), with plain scalars resolved as kubectl's YAML library does:
YAML 1.1 with `y` and `n`, integers by their prefix, and neither times nor numbers to the base 60. A tree is null where a
document is to be refused.

    python3 -m pip install pyyaml && tests/manifests/yaml/make.py
"""

import json
import pathlib
import re

import yaml

TRUE = {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"}
FALSE = {"n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"}
FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")


class Kubectl(yaml.SafeLoader):
    """The safe loader with the resolver of kubectl's library."""

    def compose_scalar_node(self, anchor):
        """Keeps whether the document says itself what the scalar is."""
        said = self.peek_event().tag
        node = super().compose_scalar_node(anchor)
        node.is_tagged = said is not None
        return node


Kubectl.yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", re.compile("^<<$"))]}


class Number(str):
    """A number that is no integer, as it is written."""


def integer(text):
    """An integer as Go's strconv.ParseInt reads it with base 0."""
    sign, digits = (text[0], text[1:]) if text[:1] in "+-" else ("", text)
    for prefix, base in [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8)]:
        if digits.lower().startswith(prefix) and len(digits) > len(prefix):
            value = int(digits[len(prefix):], base)
            break
    else:
        value = int(digits, 10)
    return -value if sign == "-" else value


def text(loader, node):
    return node.value if node.is_tagged else scalar(loader, node)


def scalar(_, node):
    text = node.value
    if node.style is not None and not node.is_tagged:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in TRUE or text in FALSE:
        return text in TRUE
    if text[:1].isdigit() or text[:1] in "+-.":
        plain = text.replace("_", "")
        try:
            return integer(plain)
        except ValueError:
            pass
        if FLOAT.match(plain):
            return Number(text)
    return text


Kubectl.add_constructor("tag:yaml.org,2002:str", text)
for tag in ["null", "bool", "int", "float"]:
    Kubectl.add_constructor(f"tag:yaml.org,2002:{tag}", scalar)


def key(value):
    """Kubernetes' maps have texts for keys."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def texts(tree):
    if isinstance(tree, dict):
        return {key(k): texts(v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [texts(v) for v in tree]
    return {"number": str(tree)} if isinstance(tree, Number) else tree


SCRIPT = "#!/bin/sh\nset -e\nif [ -f /etc/x ]; then\n  echo \"yes: no\"\nfi\n\n# not a comment\nexec app --port=8080\n"

OBJECTS = {
    "service": {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": {"app": "web", "tier": "frontend"}},
                "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}},
    "dual-stack": {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "dual", "namespace": "prod"},
                   "spec": {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "PreferDualStack", "clusterIP": "fd00::10",
                            "clusterIPs": ["fd00::10", "10.96.0.10"], "ports": [{"port": 443, "targetPort": "https"}]}},
    "node-port": {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "np"},
                  "spec": {"type": "NodePort", "externalTrafficPolicy": "Local", "sessionAffinity": "ClientIP",
                           "ports": [{"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30053},
                                     {"name": "dns-tcp", "port": 53, "protocol": "TCP", "nodePort": 30053}]}},
    "load-balancer": {"apiVersion": "v1", "kind": "Service",
                      "metadata": {"name": "lb", "annotations": {"example.com/note": "a: b # c", "empty": "", "long": "word " * 40}},
                      "spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24", "2001:db8::/32"],
                               "allocateLoadBalancerNodePorts": False, "ports": [{"port": 25}]}},
    "headless": {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"},
                 "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": {"on": "yes", "n": "0120"}}},
    "external-name": {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ext"},
                      "spec": {"type": "ExternalName", "externalName": "db.example.com."}},
    "endpoints": {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "db"},
                  "subsets": [{"addresses": [{"ip": "192.0.2.42"}], "notReadyAddresses": [], "ports": [{"name": "smtp", "port": 25}]}]},
    "slice": {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
              "metadata": {"name": "db-1", "labels": {"kubernetes.io/service-name": "db"}},
              "endpoints": [{"addresses": ["192.0.2.7"], "conditions": {"ready": True, "serving": None}}], "ports": [{"port": 5432}]},
    "config-map": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "files"},
                   "data": {"run.sh": SCRIPT, "empty": "", "tabs": "a\tb\n\tc\n", "unicode": "Größe 10 µs → 日本\n",
                            "trailing": "x  \n\n\n", "lead": "  two blanks\n", "colon": ":", "dash": "- a", "quote": "'\"\\"}},
    "deployment": {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
                   "spec": {"replicas": 3, "template": {"spec": {"containers": [
                       {"name": "app", "image": "registry.example.com/web:1.10", "args": ["--level", "5", "--ratio", "0.5", "--off"],
                        "env": [{"name": "A", "value": "1e3"}, {"name": "B", "value": "null"}, {"name": "C", "value": "~"}]}]}}}},
    "daemon-set": {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "creationTimestamp": None},
                   "spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "10%"}}, "minReadySeconds": 0}},
    "crd": {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "a.b.c"},
            "spec": {"versions": [{"name": "v1", "served": True, "schema": {"properties": {"x": {"pattern": "^[a-z]([-a-z0-9]*)?$", "default": {}}}}}]}},
    "list": {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in "abc"]},
    "namespace": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"y": "y", "no": "no", "1": "one", "1.5": "x"}}},
}

STYLES = {
    "block": dict(),
    "indented": dict(indent=4),
    "flow": dict(default_flow_style=True, width=4000),
    "wrapped-flow": dict(default_flow_style=True, width=30),
    "folded": dict(width=20),
    "double": dict(default_style='"'),
    "wrapped-double": dict(default_style='"', width=25),
    "single": dict(default_style="'"),
    "literal": dict(default_style="|"),
    "greater": dict(default_style=">", width=30),
    "unicode": dict(allow_unicode=True, explicit_start=True, explicit_end=True),
    "canonical": dict(canonical=True),
}


def indented_lists(text):
    """Lists one step deeper than their key, as editors leave them."""
    out, deeper = [], False
    for line in text.splitlines():
        deeper = deeper or line.startswith("- ")
        out.append("  " + line if deeper and line[:1] in "- " else line)
        if not line.startswith(("- ", "  ", " ")):
            deeper = False
    return "\n".join(out) + "\n"


WRITTEN = {
    "bracket at the margin": "a: [\n]\n",
    "braces at the margin": "a: {\nb: 1\n}\n",
    "list at the margin": "a: [\n1,\n2\n]\nb: 3\n",
    "folded at the key's column": "a: \"x\ny\"\nb: 1\n",
    "single folded at the key's column": "a: 'x\n\ny'\nb: 1\n",
    "plain folded": "a: one\n  two\n  three\nb: 1\n",
    "indentless list": "a:\n- 1\n- 2\nb: 3\n",
    "indented list": "a:\n    - 1\n    - 2\nb: 3\n",
    "nested lists": "- - 1\n  - 2\n- - 3\n",
    "map in list": "- a: 1\n  b: 2\n-   a: 3\n    b: 4\n",
    "comments everywhere": "# top\na: 1 # behind\n  # odd\nb: # nothing\n  c: 2\n# end\n",
    "hash in a word": "a: b#c\nd: '#e'\n",
    "merge": "x: &x {a: 1, b: 1}\ny:\n  <<: *x\n  b: 2\n",
    "merge of two": "x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz:\n  <<: [*x, *y]\n  c: 3\n",
    "merge behind": "x: &x\n  a: 1\nz:\n  a: 0\n  <<: *x\n",
    "merge of merged": "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, z: 3}\n",
    "quoted merge key": "'<<': 1\n",
    "alias of a text": "a: &t web\nb: *t\nc: [*t, *t]\n",
    "alias of a list": "a: &l [1, 2]\nb: *l\n",
    "anchor on a key": "&k a: 1\nb: *k\n",
    "booleans": "a: [yes, No, ON, off, true, False, y, N, yEs, Ja]\n",
    "octal": "mode: 0120\nother: 0o17\nnone: 08\nneg: -0120\n",
    "numbers": "a: [1, -1, +1, 1_000, 0x1F, 0b11, 1.5, .5, 5., 1e3, 1.e+2, 0, 00, -0]\n",
    "no numbers": "a: [1.2.3, 10.96.0.1, 1:30, 2026-01-31, 0x, 0b2, _1, 1__, ., -, +, e3, 12e03x]\n",
    "special numbers": "a: [9223372036854775807, -9223372036854775808]\n",
    "nulls": "a: ~\nb: null\nc:\nd: Null\ne: ''\nf: [~, ]\n",
    "literal": "a: |\n  one\n   two\n\n  three\nb: 1\n",
    "literal kept": "a: |+\n  one\n\n\nb: 1\n",
    "literal stripped": "a: |-\n  one\n\n\nb: 1\n",
    "literal with indent": "a: |2\n    deep\n  flat\n",
    "literal in list": "- |\n  one\n- |-\n  two\n",
    "literal with marker inside": "a: |\n  x\n  --- y\n  ...z\nb: 1\n",
    "greater": "a: >\n  one\n  two\n\n  three\n   four\nb: 1\n",
    "greater stripped": "a: >-\n  one\n  two\n",
    "empty literal": "a: |\nb: >\nc: 1\n",
    "double escapes": "a: \"\\t\\n\\x41\\u00e4\\U0001F600\\\\\\\"\\/\\e\\0\"\n",
    "double with line breaks": "a: \"one \\\n  two\n\n  three\"\n",
    "single with quotes": "a: 'it''s'\n",
    "colons": "a: b:c\nurl: http://x.example:80/y?z=1\n'k: 1': 2\nd: ':'\n",
    "dashes": "a: -b\nc: --\nd: ---e\n",
    "questions": "? a\n: 1\n? b\n: - 2\n",
    "question without value": "? a\n? b\n",
    "empty flow": "a: []\nb: {}\nc: [ ]\n",
    "flow without blanks": "{\"a\":1,\"b\":[2,{\"c\":null}]}\n",
    "flow pairs": "a: [b: 1, c: 2]\n",
    "flow trailing comma": "a: [1, 2, ]\nb: {c: 1, }\n",
    "flow keys alone": "a: {b, c: 1}\n",
    "flow comments": "a: [ # one\n  1, # two\n  2\n]\n",
    "tags": "a: !!str 80\nb: !!str yes\nc: !!int '80'\nd: !!bool \"yes\"\n",
    "document markers": "---\na: 1\n...\n",
    "directive": "%YAML 1.1\n---\na: 1\n",
    "text behind the marker": "--- {a: 1}\n",
    "byte order mark": "\ufeffa: 1\n",
    "windows": "a: 1\r\nb:\r\n- 2\r\nc: |\r\n  x\r\n  y\r\n",
    "no line break at the end": "a: 1",
    "blanks at the end": "a: 1   \nb: x   \n",
    "long key": "k" * 900 + ": 1\n",
    "keys of all kinds": "3: a\ntrue: b\nno: c\n1.5: d\n~: e\n'2': f\n",
    "unicode": "größe: 日本\n\"\\u00e4\": ü\n",
    "emoji": "a: \U0001F600\n",
    "next line": "a: x\u0085b: 1\n",
    "json": json.dumps(OBJECTS["service"]) + "\n",
    "pretty json": json.dumps(OBJECTS["load-balancer"], indent=2) + "\n",
    "json with tabs": json.dumps(OBJECTS["node-port"], indent="\t") + "\n",
    "json with escapes": json.dumps({"a": "ä\u2028\n"}) + "\n",
    "helm's leftovers": "# Source: web/templates/service.yaml\n\n\napiVersion: v1\nkind: Service\n\nmetadata:\n\n  name: web\n\n",
    "managed fields": "metadata:\n  managedFields:\n  - fieldsV1:\n      f:spec:\n        f:ports:\n          .: {}\n          k:{\"port\":80,\"protocol\":\"TCP\"}:\n            .: {}\n            f:port: {}\n",
}

REFUSED = {
    "tab as indent": "a:\n\tb: 1\n",
    "unclosed list": "a: [1\n",
    "unclosed quote": "a: 'x\n",
    "two values": "a: b: c\n",
    "bad indent": "a:\n    b: 1\n  c: 2\n",
    "unknown alias": "a: *x\n",
    "at sign": "a: @x\n",
    "backquote": "a: `x`\n",
    "twice": "a: 1\na: 2\n",
    "map as key": "? {a: 1}\n: 2\n",
    "control character": "a: \x01\n",
    "bad escape": "a: \"\\q\"\n",
    "alias of itself": "a: &x [*x]\n",
}


def entries():
    for name, tree in OBJECTS.items():
        for style, options in STYLES.items():
            yield f"{name}, {style}", yaml.safe_dump(tree, sort_keys=False, **options)
        block = yaml.safe_dump(tree, sort_keys=False)
        yield f"{name}, deeper lists", indented_lists(block)
        yield f"{name}, windows", block.replace("\n", "\r\n")
    yield from WRITTEN.items()


def read(text):
    """What kubectl makes of a text: it tries JSON first."""
    try:
        return json.loads(text)
    except ValueError:
        return texts(yaml.load(text, Kubectl))


def main():
    corpus = []
    for name, text in entries():
        corpus.append({"name": name, "text": text, "tree": read(text)})
    corpus.extend({"name": name, "text": text, "tree": None} for name, text in REFUSED.items())
    path = pathlib.Path(__file__).with_name("corpus.json")
    path.write_text(json.dumps(corpus, ensure_ascii=True, indent=0) + "\n")
    print(len(corpus), "documents")


main()
