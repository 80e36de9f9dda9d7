// CodeMirror, put together for policies: YAML, its findings in place, the console's colours.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, type Diagnostic } from "@codemirror/lint";
import { EditorState, type Text } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Finding } from "../../api/client";

const colours = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--accent)" },
  { tag: [tags.string, tags.attributeValue], color: "var(--info)" },
  { tag: tags.comment, color: "var(--ink-2)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.bracket], color: "var(--ink-2)" },
]);

const theme = EditorView.theme({
  "&": { fontSize: "13px", color: "var(--ink)", backgroundColor: "var(--panel)", height: "100%" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6" },
  ".cm-content": { caretColor: "var(--ink)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--ink-2)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": {
    backgroundColor: "color-mix(in srgb, var(--sunken) 70%, transparent)",
  },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--accent-soft) !important",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--panel)",
    color: "var(--ink)",
    border: "1px solid var(--line-strong)",
    borderRadius: "5px",
  },
  // Its own marks are pictures with data: addresses, which the content policy forbids.
  ".cm-lint-marker-error": {
    content: "normal",
    width: "9px",
    height: "9px",
    margin: "5px 2px",
    borderRadius: "2px",
    backgroundColor: "var(--bad)",
  },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--bad)",
    textDecorationSkipInk: "none",
  },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
});

export function makeState(
  document: string,
  label: string,
  readOnly: boolean,
  onChange: (text: string) => void,
): EditorState {
  return EditorState.create({
    doc: document,
    extensions: [
      lineNumbers(),
      history(),
      bracketMatching(),
      yaml(),
      indentUnit.of("  "),
      syntaxHighlighting(colours),
      theme,
      EditorView.contentAttributes.of({ "aria-label": label, "aria-multiline": "true" }),
      EditorView.lineWrapping,
      readOnly ? [EditorState.readOnly.of(true)] : [lintGutter(), highlightActiveLine()],
      // Tab indents; Escape and then Tab leaves the editor, as its hint says.
      keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap, indentWithTab]),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) onChange(update.state.doc.toString());
      }),
    ],
  });
}

/** Where a finding is: its column's word, or the whole line when the column says nothing. */
export function positionOf(doc: Text, finding: Finding): { from: number; to: number } {
  if (finding.line < 1 || finding.line > doc.lines) return { from: 0, to: 0 };
  const line = doc.line(finding.line);
  const from = Math.min(line.to, line.from + Math.max(0, finding.column - 1));
  const word = /^[^\s,\]}]+/.exec(line.text.slice(from - line.from));
  return { from, to: Math.min(line.to, from + Math.max(1, word?.[0].length ?? 1)) };
}

export function diagnosticsOf(doc: Text, findings: Finding[]): Diagnostic[] {
  return findings.map((finding) => ({
    ...positionOf(doc, finding),
    severity: "error",
    message: finding.path === "" ? finding.text : `${finding.path}: ${finding.text}`,
  }));
}
