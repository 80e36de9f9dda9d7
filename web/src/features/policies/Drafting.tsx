import { Link, useNavigate } from "@tanstack/react-router";
import { Suspense, lazy, useRef, useState } from "react";
import type { Layer } from "../../api/layers";
import { Button } from "../../ui/Button";
import { Page } from "../../ui/Page";
import type { EditorHandle } from "./CodeEditor";
import { idsIn } from "./layer";
import { Outlook } from "./Outlook";
import { ReviewChange } from "./ReviewChange";
import { inText, useCheck } from "./useCheck";

const CodeEditor = lazy(() => import("./CodeEditor").then((module) => ({ default: module.CodeEditor })));
type Props = { name: string | null; start: string; known: Layer[]; isOld: boolean };

function lead(name: string | null, isOld: boolean): string {
  if (name === null) return "A new document. Nothing is stored until it is applied.";
  return isOld
    ? "An old text, to go back to: applying it makes it the newest revision. Until then nothing changes."
    : "Nothing is stored until it is applied.";
}

/** A draft: tried on the server at every pause, its findings in place, what it would do beside it. */
export function Drafting({ name, start, known, isOld }: Props) {
  const navigate = useNavigate();
  const editor = useRef<EditorHandle>(null);
  const [document, setDocument] = useState(start);
  const [reviewing, setReviewing] = useState(false);
  const [atFirst] = useState(known); // what others did since then is told before it is undone
  const check = useCheck(document);
  const ids = idsIn(document);
  return (
    <Page
      title={name === null ? "Write a document" : `Edit ${name}`}
      lead={lead(name, isOld)}
      actions={
        <>
          <Link to="/documents" className="button">
            Leave
          </Link>
          <Button
            tone="primary"
            onClick={() => {
              setReviewing(true);
            }}
          >
            Review and apply
          </Button>
        </>
      }
    >
      <div className="drafting">
        <div>
          <div className="panel flush editor-panel">
            <Suspense fallback={<p className="muted loading">Loading the editor …</p>}>
              <CodeEditor
                ref={editor}
                document={start}
                label="Policy document"
                findings={inText(check.findings)}
                notes={inText(check.notes)}
                onChange={setDocument}
              />
            </Suspense>
          </div>
          <p className="hint">
            Ctrl-Space completes, resting the pointer on a key explains it. Tab indents; press Escape and then
            Tab to leave the editor.
          </p>
        </div>
        <Outlook check={check} onGo={(finding) => editor.current?.goTo(finding)} />
      </div>
      {reviewing && (
        <ReviewChange
          document={document}
          opened={atFirst.filter((layer) => ids.includes(layer.id))}
          onClose={() => {
            setReviewing(false);
          }}
          onApplied={(id) => {
            if (id === undefined) void navigate({ to: "/documents" });
            else void navigate({ to: "/documents/$id", params: { id } });
          }}
        />
      )}
    </Page>
  );
}
