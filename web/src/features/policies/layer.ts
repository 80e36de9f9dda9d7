// What the pages of documents need beside the API: templates, where findings belong, words for kinds.
import type { Finding } from "../../api/client";
import type { Layer } from "../../api/layers";
import { blank } from "./policy";

export const kinds: Record<Layer["kind"], string> = {
  base: "the whole policy, for everybody",
  delta: "what is different in a group",
  exception: "more rules for some users or devices, until a time",
};

/** What a new document starts from: the least that says something. */
export function template(kind: Layer["kind"], base: string, now: Date): string {
  const until = new Date(now.getTime() + 7 * 86_400_000).toISOString().slice(0, 19);
  switch (kind) {
    case "base":
      return blank;
    case "delta":
      return `ampoule: 1
kind: delta
id: default-rules
extends: ${base}
group: default
tasks:
  - id: pdf
    file:
      - { id: work-files, path: ["~/work/"], do: read }
`;
    case "exception":
      return `ampoule: 1
kind: exception
id: exception-1
extends: ${base}
for: { users: [all], devices: [all] }
until: ${until}Z
reason: "why, for those who read it later"
tasks:
  - id: pdf
    file:
      - { id: exception-1-file, path: ["~/report.pdf"], do: read }
`;
  }
}

/** The ids of the documents that a text holds. */
export function idsIn(text: string): string[] {
  return [...text.matchAll(/^id:[ \t]*["']?([a-z0-9-]+)/gm)].map(([, id]) => id ?? "");
}

// A failed test says its document and line in its text: "office: line 12: task pdf: ...".
const ofTest = /^([a-z0-9-]+): line (\d+): (.*)$/s;

/** A finding with the line that it is about, as far as that is in the text; else its document's name. */
export function placed(finding: Finding, ids: readonly string[]): Finding {
  const test = finding.path === "tests" ? ofTest.exec(finding.text) : null;
  if (test !== null) {
    const [, document = "", line = "0", text = ""] = test;
    const here = ids.includes(document);
    return { ...finding, line: Number(line), column: 1, text, document: here ? undefined : document };
  }
  const { document } = finding;
  return document !== undefined && ids.includes(document) ? { ...finding, document: undefined } : finding;
}

export const isHere = (finding: Finding) => finding.document === undefined;

export function isEnded({ until }: Pick<Layer, "until">, now: number): boolean {
  return until !== null && Date.parse(until) <= now;
}

/** Documents whose newest revision is not the one that a draft began with. */
export function changedMeanwhile(
  opened: readonly Layer[],
  now: readonly Layer[],
): { before: Layer; after: Layer }[] {
  return opened.flatMap((before) => {
    const after = now.find(({ id }) => id === before.id);
    return after === undefined || after.revision === before.revision ? [] : [{ before, after }];
  });
}
