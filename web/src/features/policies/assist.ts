// Completion and hover help in the editor, from the language's schema.
import {
  autocompletion,
  completionKeymap,
  type Completion,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import type { Extension } from "@codemirror/state";
import { hoverTooltip, keymap } from "@codemirror/view";
import { aboutKey, keysAt, valuesAt, type Word } from "./language";
import { whereIs } from "./where";

/** In the order of the language, what must be there first. */
function offer({ name, about, required }: Word, isKey: boolean, nth: number): Completion {
  return {
    label: name,
    type: isKey ? "property" : "enum",
    apply: isKey ? `${name}: ` : name,
    boost: (required ? 50 : 0) - Math.min(nth, 49),
    ...(required ? { detail: "required" } : {}),
    ...(about === "" ? {} : { info: about }),
  };
}

function complete(context: CompletionContext): CompletionResult | null {
  const word = context.matchBefore(/[\w-]*/);
  const from = word?.from ?? context.pos;
  const where = whereIs(context.state.doc.toString(), from);
  const isKey = where.key === null;
  const options = (isKey ? keysAt(where) : valuesAt(where)).map((one, nth) => offer(one, isKey, nth));
  if (options.length === 0 || (from === context.pos && !context.explicit && isKey)) return null;
  return { from, options, validFor: /^[\w-]*$/ };
}

const help = hoverTooltip((view, position) => {
  const line = view.state.doc.lineAt(position);
  for (const word of line.text.matchAll(/([A-Za-z0-9_-]+):(?=\s|$)/g)) {
    const from = line.from + word.index;
    const key = word[1] ?? "";
    if (position < from || position > from + key.length) continue;
    const { kind, path, key: value } = whereIs(view.state.doc.toString(), from);
    const about = value === null ? aboutKey(kind, [...path, key]) : null;
    if (about === null) return null;
    return {
      pos: from,
      end: from + key.length,
      above: true,
      create: () => {
        const dom = document.createElement("div");
        dom.className = "cm-help";
        dom.textContent = about;
        return { dom };
      },
    };
  }
  return null;
});

export const assistance: Extension = [
  autocompletion({ override: [complete], icons: false }),
  keymap.of(completionKeymap),
  help,
];
