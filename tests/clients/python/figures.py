"""Reads a scrape as Prometheus' own client does: figures.py (openmetrics|plain) < scrape

Prints every sample as a line of JSON. The OpenMetrics parser is strict: what it takes is well formed.
"""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

families = list({"openmetrics": openmetrics, "plain": plain}[sys.argv[1]](sys.stdin.read()))
for family in families:
    if not family.documentation or family.type in ("unknown", "untyped"):
        sys.exit(f"{family.name} is not described")
    for sample in family.samples:
        line = {"name": sample.name, "labels": sample.labels, "value": sample.value, "type": family.type}
        print(json.dumps(line, allow_nan=False))
