import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { Suspense, lazy, useEffect, useRef, useState } from "react";
import { layerQuery, type Layer } from "../../api/layers";
import { Badge } from "../../ui/Badge";
import { Button } from "../../ui/Button";
import { Failure } from "../../ui/Failure";
import { Page } from "../../ui/Page";
import type { EditorHandle } from "./CodeEditor";
import { Revisions } from "./Revisions";
import { TakeAwayDialog } from "./TakeAwayDialog";
import { kinds } from "./layer";
import "./policies.css";

const CodeEditor = lazy(() => import("./CodeEditor").then((module) => ({ default: module.CodeEditor })));
const route = getRouteApi("/documents/$id");

function Text({ document, line }: { document: string; line: number }) {
  const editor = useRef<EditorHandle>(null);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (shown && line > 0) editor.current?.goTo({ line, column: 1, path: "", text: "" });
  }, [shown, line]);
  return (
    <div className="panel flush editor-panel">
      <Suspense fallback={<p className="muted loading">Loading the document …</p>}>
        <CodeEditor
          ref={(handle) => {
            editor.current = handle;
            setShown(handle !== null);
          }}
          document={document}
          label="Policy document, to read"
          readOnly
        />
      </Suspense>
    </div>
  );
}

function lead(newest: Layer): string {
  const what = `Revision ${newest.revision}, ${kinds[newest.kind]}.`;
  return newest.managed === "git" ? `${what} It is kept in git: change it there.` : what;
}

/** One document: its text, every revision of it, any two compared. */
export function DocumentPage() {
  const { id } = route.useParams();
  const { line, from, to } = route.useSearch();
  const history = useQuery(layerQuery(id));
  const [taking, setTaking] = useState(false);
  const newest = history.data?.layers[0];
  if (newest === undefined)
    return (
      <Page title="Document">
        {history.error === null ? (
          <p className="muted">Loading …</p>
        ) : (
          <Failure error={history.error} onRetry={() => void history.refetch()} />
        )}
      </Page>
    );
  const gone = newest.document === null;
  return (
    <Page
      title={id}
      heading={
        <>
          {id} <Badge>{newest.kind}</Badge> {gone && <Badge tone="bad">taken away</Badge>}
        </>
      }
      lead={lead(newest)}
      actions={
        !gone &&
        newest.managed === "none" && (
          <>
            <Button
              tone="danger"
              onClick={() => {
                setTaking(true);
              }}
            >
              Take away
            </Button>
            <Link to="/draft" search={{ id }} className="button primary">
              Edit
            </Link>
          </>
        )
      }
    >
      <div className="stack">
        {newest.document !== null && <Text document={newest.document} line={Number(line ?? 0)} />}
        <Revisions revisions={history.data?.layers ?? []} from={from} to={to} />
      </div>
      {taking && (
        <TakeAwayDialog
          id={id}
          onClose={() => {
            setTaking(false);
          }}
        />
      )}
    </Page>
  );
}
