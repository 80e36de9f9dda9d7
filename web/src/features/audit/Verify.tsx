import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "../../ui/Button";
import { Copy } from "../../ui/Copy";
import { Field } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { Panel } from "../../ui/Panel";
import { visible } from "../../ui/visible";
import { reportSentence, verify } from "./audit";

/** Walks the log's chain; with a head that was kept, a log that was cut off shows too. */
export function Verify() {
  const [kept, setKept] = useState("");
  const check = useMutation({ mutationFn: verify });
  const [, sequence = "", mac = ""] = /^\s*(\d+)[\s:]+([0-9a-f]{64})\s*$/.exec(kept) ?? [];
  const wrong = kept.trim() !== "" && mac === "";
  const report = check.data;
  return (
    <Panel title="Is the log whole?">
      <div className="stack">
        <form
          className="choices"
          onSubmit={(event) => {
            event.preventDefault();
            if (!wrong) check.mutate({ sequence, mac });
          }}
        >
          <Field
            label="A head you kept (may be empty)"
            hint="With it, rows that were cut off at the end show too."
            error={wrong ? "A number, then 64 hex digits, as an earlier answer had it." : undefined}
          >
            {(attributes) => (
              <input
                {...attributes}
                value={kept}
                onChange={(event) => {
                  setKept(event.target.value);
                }}
              />
            )}
          </Field>
          <Button type="submit" busy={check.isPending}>
            Check every row
          </Button>
        </form>
        {check.error !== null && (
          <Notice tone="bad" title="It could not be checked">
            {check.error.message}
          </Notice>
        )}
        {report !== undefined && (
          <Notice
            tone={report.intact ? "good" : "bad"}
            title={report.intact ? "The log is whole" : "The log is not whole"}
          >
            <p>{visible(reportSentence(report))}</p>
            {report.intact && (
              <div className="secret">
                <code aria-label="Head">
                  {report.head.sequence} {report.head.mac}
                </code>
                <Copy text={`${report.head.sequence} ${report.head.mac}`} label="Copy the head" />
              </div>
            )}
          </Notice>
        )}
      </div>
    </Panel>
  );
}
