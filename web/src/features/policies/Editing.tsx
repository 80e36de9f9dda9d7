import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Suspense, lazy, useRef, useState } from "react";
import { ApiError, type Finding } from "../../api/client";
import { Button } from "../../ui/Button";
import { Page } from "../../ui/Page";
import type { EditorHandle } from "./CodeEditor";
import { Findings } from "./Findings";
import { applyPolicy } from "./policy";
import { ReviewDialog } from "./ReviewDialog";

const CodeEditor = lazy(() => import("./CodeEditor").then((module) => ({ default: module.CodeEditor })));
type Props = { group: string; start: string; newest: string | null; serial: number };

/** A draft: edited, reviewed against what is in force, applied; what is wrong with it is shown in place. */
export function Editing({ group, start, newest, serial }: Props) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const editor = useRef<EditorHandle>(null);
  const [document, setDocument] = useState(start);
  const [findings, setFindings] = useState<Finding[]>([]);
  const [reviewing, setReviewing] = useState(false);
  const apply = useMutation({
    mutationFn: applyPolicy,
    onSuccess: async (version) => {
      await queryClient.invalidateQueries({ queryKey: ["policies"] });
      await queryClient.invalidateQueries({ queryKey: ["policy", group, "newest"] });
      await navigate({ to: "/policies/$group/$serial", params: { group, serial: String(version.serial) } });
    },
    onError: (reason) => {
      if (!(reason instanceof ApiError) || reason.findings.length === 0) return;
      setFindings(reason.findings);
      setReviewing(false);
    },
  });
  const error =
    apply.error !== null && !(apply.error instanceof ApiError && apply.error.findings.length > 0)
      ? apply.error.message
      : null;
  const count = findings.length === 1 ? "one finding" : `${findings.length} findings`;
  return (
    <Page
      title={`Edit the policy of “${group}”`}
      lead={
        serial === 0
          ? "The group’s first policy. Nothing is enforced until it is applied."
          : `Starts a new version; serial ${serial} stays in force until then.`
      }
      actions={
        <>
          <Button onClick={() => void navigate({ to: "/policies", search: {} })}>Leave</Button>
          <Button
            tone="primary"
            onClick={() => {
              apply.reset();
              setReviewing(true);
            }}
          >
            Review and apply
          </Button>
        </>
      }
    >
      <div className="stack">
        {findings.length > 0 && (
          <Findings
            title={`Not applied: ${count}`}
            findings={findings}
            onGo={(finding) => editor.current?.goTo(finding)}
          />
        )}
        <div className="panel flush editor-panel">
          <Suspense fallback={<p className="muted loading">Loading the editor …</p>}>
            <CodeEditor
              ref={editor}
              document={start}
              label="Policy document"
              findings={findings}
              onChange={setDocument}
            />
          </Suspense>
        </div>
        <p className="hint">Tab indents; press Escape and then Tab to leave the editor.</p>
      </div>
      {reviewing && (
        <ReviewDialog
          group={group}
          before={newest}
          after={document}
          busy={apply.isPending}
          error={error}
          onApply={() => {
            apply.mutate({ group, document });
          }}
          onClose={() => {
            setReviewing(false);
          }}
        />
      )}
    </Page>
  );
}
