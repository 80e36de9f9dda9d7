import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { imageKeysQuery } from "../../api/queries";
import { Button } from "../../ui/Button";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Field } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { Panel } from "../../ui/Panel";
import { Time } from "../../ui/Time";
import { visible } from "../../ui/visible";
import { trustKey } from "./image";

/** The public keys whose images devices start, and a form to add one. */
export function Builders() {
  const queryClient = useQueryClient();
  const keys = useQuery(imageKeysQuery);
  const [key, setKey] = useState("");
  const [note, setNote] = useState("");
  const trust = useMutation({
    mutationFn: trustKey,
    onSuccess: async () => {
      setKey("");
      setNote("");
      await queryClient.invalidateQueries({ queryKey: imageKeysQuery.queryKey });
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    trust.mutate({ key: key.trim().toLowerCase(), note });
  };
  return (
    <Panel title="Trusted builders" flush>
      <DataTable
        label="Trusted builders"
        columns={[
          { header: "Public key", cell: ({ row }) => <code className="guest">{row.original.key}</code> },
          { header: "Note", cell: ({ row }) => visible(row.original.note) },
          { header: "Since", cell: ({ row }) => <Time at={row.original.added_at} /> },
        ]}
        rows={keys.data?.keys}
        rowKey={(one) => one.key}
        error={keys.error}
        onRetry={() => void keys.refetch()}
        empty={
          <Empty title="No builder is trusted yet">
            Its public key is in the file builder.pub beside the images it makes.
          </Empty>
        }
      />
      <form className="filters" onSubmit={submit}>
        {trust.error !== null && (
          <Notice tone="bad" title="Not trusted">
            {trust.error.message}
          </Notice>
        )}
        <Field label="Public key (Ed25519, 64 hex digits)">
          {(attributes) => (
            <input
              {...attributes}
              className="mono"
              required
              pattern="\s*[0-9a-fA-F]{64}\s*"
              title="64 hex digits"
              value={key}
              onChange={(event) => {
                setKey(event.target.value);
              }}
            />
          )}
        </Field>
        <Field label="Note">
          {(attributes) => (
            <input
              {...attributes}
              maxLength={200}
              value={note}
              onChange={(event) => {
                setNote(event.target.value);
              }}
            />
          )}
        </Field>
        <Button type="submit" busy={trust.isPending}>
          Trust this builder
        </Button>
      </form>
    </Panel>
  );
}
