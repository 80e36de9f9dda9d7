// From docs/openapi.yaml: the types of the API (openapi-typescript) and a parser for each schema (valibot).
// The parsers are typed by the types, so that the two hold each other to account at every type check.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import { parse } from "yaml";

const spec = new URL("../../docs/openapi.yaml", import.meta.url);
const out = new URL("../src/api/generated/", import.meta.url);

const quoted = (text) => JSON.stringify(text);

function parser(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  const plain = types.filter((type) => type !== "null");
  if (plain.length === 0 && types.includes("null")) return "v.null()";
  const inner = schema.oneOf ?? schema.anyOf;
  const one = inner ? `v.union([${inner.map(parser).join(", ")}])` : ofType(plain, schema);
  return types.includes("null") ? `v.nullable(${one})` : one;
}

function ofType(types, schema) {
  if (types.length > 1) return `v.union([${types.map((type) => ofType([type], schema)).join(", ")}])`;
  if (schema.enum) return `v.picklist([${schema.enum.map(quoted).join(", ")}])`;
  if (schema.const !== undefined) return `v.literal(${quoted(schema.const)})`;
  switch (types[0]) {
    case "string":
      return "v.string()";
    case "integer":
    case "number":
      return "v.number()";
    case "boolean":
      return "v.boolean()";
    case "array":
      return `v.array(${parser(schema.items)})`;
    case "object":
      return object(schema);
    default:
      return "v.unknown()";
  }
}

function object(schema) {
  if (!schema.properties)
    return typeof schema.additionalProperties === "object"
      ? `v.record(v.string(), ${parser(schema.additionalProperties)})`
      : "v.looseObject({})";
  const required = new Set(schema.required);
  const fields = Object.entries(schema.properties).map(([name, field]) => {
    const one = parser(field);
    return `  ${quoted(name)}: ${required.has(name) ? one : `v.exactOptional(${one})`},`;
  });
  return `v.object({\n${fields.join("\n")}\n})`;
}

// A schema comes after those it refers to.
function ordered(schemas) {
  const done = new Map();
  const visit = (name) => {
    if (done.has(name)) return;
    done.set(name, null);
    for (const [, ref] of JSON.stringify(schemas[name]).matchAll(/"#\/components\/schemas\/(\w+)"/g))
      visit(ref);
    done.delete(name);
    done.set(name, schemas[name]);
  };
  Object.keys(schemas).forEach(visit);
  return done;
}

const text = await readFile(spec, "utf8");
const schemas = ordered(parse(text).components.schemas);
const lines = [...schemas].map(
  ([name, schema]) => `export const ${name}: v.GenericSchema<unknown, S["${name}"]> = ${parser(schema)};`,
);
const made = "// Made from docs/openapi.yaml by build/generate.mjs.\n";
await mkdir(out, { recursive: true });
await writeFile(
  new URL("types.ts", out),
  made + astToString(await openapiTS(spec, { emptyObjectsUnknown: true, defaultNonNullable: false })),
);
await writeFile(
  new URL("parsers.ts", out),
  `${made}import * as v from "valibot";\nimport type { components } from "./types";\n\n` +
    `type S = components["schemas"];\n\n${lines.join("\n")}\n`,
);
