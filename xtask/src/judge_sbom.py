# Reads bills of materials by the schema of CycloneDX that each one names, and nothing that the schema does not know.
import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    version = SchemaVersion.from_version(json.loads(text)["specVersion"])
    if error := JsonStrictValidator(version).validate_str(text):
        # The whole of it repeats the schema and the bill.
        sys.exit(f"{path}: {str(error).splitlines()[0]}")
