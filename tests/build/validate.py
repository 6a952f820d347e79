# SPDX-License-Identifier: GPL-2.0-or-later
"""validate.py SCHEMA FILE...: is the schema one, and is each file (as its name says: bad-*) valid or not?"""

import json
import os
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as f:
    schema = json.load(f)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
status = 0
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as f:
        errors = [e.message for e in validator.iter_errors(json.load(f))]
    if bool(errors) != os.path.basename(path).startswith("bad-"):
        print(f"{path}: {errors or 'valid, but it should not be'}", file=sys.stderr)
        status = 1
sys.exit(status)
