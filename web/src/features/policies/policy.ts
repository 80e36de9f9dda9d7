import { send, type Finding } from "../../api/client";
import { PolicyVersion } from "../../api/generated/parsers";
import type { Schemas } from "../../api/queries";

export type Draft = { group: string; document: string };

export const applyPolicy = (draft: Draft): Promise<Schemas["PolicyVersion"]> =>
  send(PolicyVersion, "POST", "/policies", draft);

/** What a new group's first policy starts from: the least there can be, which refuses everything. */
export const blank = `ampoule: 1
kind: base
id: office
trust_levels: [trusted, untrusted]
default_task: refuse
tasks:
  - id: pdf
    match: { program: [/usr/bin/mutool], file: ["*.pdf"] }
    run: { image: debian-docs, level: untrusted, memory: 256Mi }
    file:
      - { id: document, path: ["{file}"], do: read }
`;

/** A finding as one line: where, of what, what. */
export function findingText({ line, path, text, document }: Finding): string {
  const where = `${document === undefined ? "" : `${document}, `}${line > 0 ? `line ${line}: ` : ""}`;
  return `${where}${path === "" ? "" : `${path}: `}${text}`;
}
