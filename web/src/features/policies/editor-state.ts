// CodeMirror, put together for policies: YAML, its findings in place, the console's colours.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, type Diagnostic } from "@codemirror/lint";
import { EditorState, type Text } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Finding } from "../../api/client";
import { assistance } from "./assist";

const colours = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--accent)" },
  { tag: [tags.string, tags.attributeValue], color: "var(--info)" },
  { tag: tags.comment, color: "var(--ink-2)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.bracket], color: "var(--ink-2)" },
]);

const theme = EditorView.theme({
  "&": { fontSize: "13px", color: "var(--ink)", backgroundColor: "var(--panel)", height: "100%" },
  "&.cm-focused": { outline: "none" }, // its panel shows the focus, around the line numbers too
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
  ".cm-lint-marker-warning": {
    content: "normal",
    width: "9px",
    height: "9px",
    margin: "5px 2px",
    borderRadius: "50%",
    backgroundColor: "var(--warn)",
  },
  ".cm-lintRange-warning": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--warn)",
    textDecorationSkipInk: "none",
  },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
  ".cm-diagnostic": { fontFamily: "var(--sans)" },
  ".cm-help": { padding: "4px 8px", maxWidth: "46ch", fontFamily: "var(--sans)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "16em" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px 8px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    background: "var(--accent-soft)",
    color: "var(--accent)",
  },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": { color: "var(--ink-2)", fontStyle: "normal", fontFamily: "var(--sans)" },
  ".cm-tooltip.cm-completionInfo": { padding: "4px 8px", maxWidth: "40ch", fontFamily: "var(--sans)" },
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
      highlightActiveLine(),
      readOnly ? [EditorState.readOnly.of(true)] : [lintGutter(), assistance],
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
  if (finding.line < 1) return { from: 0, to: 0 };
  // What is missing at the end of the text is said of the line behind it.
  if (finding.line > doc.lines) return { from: doc.length, to: doc.length };
  const line = doc.line(finding.line);
  const from = Math.min(line.to, line.from + Math.max(0, finding.column - 1));
  const word = /^[^\s,\]}]+/.exec(line.text.slice(from - line.from));
  return { from, to: Math.min(line.to, from + Math.max(1, word?.[0].length ?? 1)) };
}

export function diagnosticsOf(doc: Text, findings: Finding[], notes: Finding[] = []): Diagnostic[] {
  const mark = (severity: "error" | "warning") => (finding: Finding) => ({
    ...positionOf(doc, finding),
    severity,
    message: finding.path === "" ? finding.text : `${finding.path}: ${finding.text}`,
  });
  return [...findings.map(mark("error")), ...notes.map(mark("warning"))];
}
