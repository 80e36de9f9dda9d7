import { setDiagnostics } from "@codemirror/lint";
import { EditorView } from "@codemirror/view";
import { useEffect, useImperativeHandle, useRef, type Ref } from "react";
import type { Finding } from "../../api/client";
import { diagnosticsOf, makeState, positionOf } from "./editor-state";

export type EditorHandle = { goTo: (finding: Finding) => void };
type Props = {
  document: string;
  label: string;
  readOnly?: boolean;
  findings?: Finding[];
  notes?: Finding[];
  onChange?: (text: string) => void;
  ref?: Ref<EditorHandle>;
};

const none: Finding[] = [];

/** The editor of a policy. It lives in a shadow root: there CodeMirror adopts its style sheets, and needs no
 *  inline style, which the content policy forbids. */
export function CodeEditor({
  document: initial,
  label,
  readOnly = false,
  findings = none,
  notes = none,
  onChange,
  ref,
}: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const changed = useRef(onChange);
  useEffect(() => {
    changed.current = onChange;
  }, [onChange]);
  useEffect(() => {
    if (host.current === null) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    const editor = new EditorView({
      root,
      parent: root,
      state: makeState(initial, label, readOnly, (text) => changed.current?.(text)),
    });
    view.current = editor;
    return () => {
      editor.destroy();
    };
  }, [initial, label, readOnly]);
  useEffect(() => {
    const editor = view.current;
    editor?.dispatch(setDiagnostics(editor.state, diagnosticsOf(editor.state.doc, findings, notes)));
  }, [findings, notes, initial]);
  useImperativeHandle(ref, () => ({
    goTo: (finding) => {
      const editor = view.current;
      if (editor === null) return;
      editor.dispatch({
        selection: { anchor: positionOf(editor.state.doc, finding).from },
        scrollIntoView: true,
      });
      editor.focus();
    },
  }));
  return <div ref={host} className="code-editor" />;
}
