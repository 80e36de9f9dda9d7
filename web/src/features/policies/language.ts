// The policy language as docs/policy.schema.json has it: which keys and words may stand somewhere, and what they mean.
import * as v from "valibot";
import schema from "../../../../docs/policy.schema.json";
import type { Where } from "./where";

type Node = {
  description?: string | undefined;
  type?: string | undefined;
  $ref?: string | undefined;
  enum?: string[] | undefined;
  const?: string | undefined;
  properties?: Record<string, Node> | undefined;
  required?: string[] | undefined;
  items?: Node | undefined;
  additionalProperties?: boolean | Node | undefined;
};
const Node: v.GenericSchema<unknown, Node> = v.object({
  description: v.optional(v.string()),
  type: v.optional(v.string()),
  $ref: v.optional(v.string()),
  enum: v.optional(v.array(v.string())),
  const: v.optional(v.string()),
  properties: v.optional(
    v.record(
      v.string(),
      v.lazy(() => Node),
    ),
  ),
  required: v.optional(v.array(v.string())),
  items: v.optional(v.lazy(() => Node)),
  additionalProperties: v.optional(v.union([v.boolean(), v.lazy(() => Node)])),
});
const { $defs: nodes } = v.parse(v.object({ $defs: v.record(v.string(), Node) }), schema);

export type Word = { name: string; about: string; required: boolean };

function resolved(node: Node | undefined): Node | undefined {
  const name = node?.$ref?.replace("#/$defs/", "");
  return name === undefined ? node : { ...nodes[name], description: node?.description };
}

/** A list stands for its items: rules of a list are completed as one rule is. */
function inner(node: Node | undefined): Node | undefined {
  const found = resolved(node);
  return found?.items === undefined ? found : inner(found.items);
}

function child(node: Node | undefined, key: string): Node | undefined {
  const map = inner(node);
  const free = map?.additionalProperties;
  return map?.properties?.[key] ?? (typeof free === "object" ? free : undefined);
}

function nodeAt({ kind, path }: Pick<Where, "kind" | "path">): Node | undefined {
  // Before the document says what it is, it is taken for a base.
  return path.reduce<Node | undefined>(child, nodes[kind] ?? nodes["base"]);
}

export function keysAt(where: Where): Word[] {
  if (where.path.length === 0 && where.kind === "" && !where.siblings.includes("kind"))
    return [{ name: "kind", about: "what the document is: base, delta or exception", required: true }];
  const map = inner(nodeAt(where));
  return Object.entries(map?.properties ?? {})
    .filter(([name]) => !where.siblings.includes(name))
    .map(([name, node]) => ({
      name,
      about: node.description ?? "",
      required: map?.required?.includes(name) ?? false,
    }));
}

export function valuesAt({ kind, path, key }: Where): Word[] {
  if (key === null) return [];
  if (path.length === 0 && key === "kind")
    return ["base", "delta", "exception"].map((name) => ({ name, about: "", required: false }));
  const node = nodeAt({ kind, path: [...path, key] });
  const value = inner(node);
  const words =
    value?.type === "boolean" ? ["true", "false"] : (value?.enum ?? (value?.const ? [value.const] : []));
  return words.map((name) => ({ name, about: node?.description ?? "", required: false }));
}

/** What a key means; with the words that its value may be. */
export function aboutKey(kind: string, path: string[]): string | null {
  const node = resolved(nodeAt({ kind, path }));
  if (node?.description === undefined) return null;
  const words = inner(node)?.enum;
  return words === undefined ? node.description : `${node.description} (${words.join(", ")})`;
}
