// Holds custom resources against the schemas that their projects publish. Reads a JSON array of objects,
// prints what is wrong with them, and fails if anything is. A field that no schema asks for is wrong too.

import { readFileSync } from "node:fs";
import * as gateway from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/index";
import * as monitoring from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/index";

const KNOWN = {
  "gateway.networking.k8s.io/v1": gateway,
  "monitoring.coreos.com/v1": monitoring,
};

// What every object has, whatever its schema asks.
const ALWAYS = new Set([".apiVersion", ".kind", ".metadata"]);

/** The value, noting in `seen` which of its fields are looked at. */
function watched(value, path, seen) {
  if (value === null || typeof value !== "object") return value;
  return new Proxy(value, {
    get(target, name, receiver) {
      const found = Reflect.get(target, name, receiver);
      if (typeof name !== "string" || !Object.hasOwn(target, name)) return found;
      seen.add(`${path}.${name}`);
      return watched(found, `${path}.${name}`, seen);
    },
  });
}

/** The paths of all fields of objects. */
function* fields(value, path = "") {
  if (value === null || typeof value !== "object") return;
  for (const [name, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) yield `${path}.${name}`;
    yield* fields(inner, `${path}.${name}`);
  }
}

function complaints(object) {
  const Kind = KNOWN[object.apiVersion]?.[object.kind];
  if (!Kind) return ["no schema is known"];
  const found = [];
  const seen = new Set();
  const model = Object.create(Kind.prototype);
  try {
    // Validated by the model's own function, on an object that tells what it was asked for.
    Kind.prototype.validate.call(watched(Object.assign(model, object), "", seen));
  } catch (error) {
    found.push(String(error.message));
  }
  for (const path of fields(object)) {
    if (path.startsWith(".metadata.") || ALWAYS.has(path) || seen.has(path)) continue;
    found.push(`${path} is not asked for by the schema`);
  }
  return found;
}

let failed = false;
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  for (const complaint of complaints(object)) {
    failed = true;
    console.log(`${object.apiVersion} ${object.kind} ${object.metadata?.name}: ${complaint}`);
  }
}
process.exit(failed ? 1 : 0);
