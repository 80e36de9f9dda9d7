import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { changeLayers, tryQuery } from "../../api/layers";
import { GroupChanges } from "../../app/Changes";
import { effectSentence } from "../../app/change";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Notice } from "../../ui/Notice";
import { findingText } from "./policy";

type Props = { id: string; onClose: () => void };

/** What the fleet loses with a document, before it is taken away. */
export function TakeAwayDialog({ id, onClose }: Props) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const outlook = useQuery(tryQuery({ remove: id }));
  const take = useMutation({
    mutationFn: changeLayers,
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["layers"] });
      await queryClient.invalidateQueries({ queryKey: ["policies"] });
      await navigate({ to: "/documents" });
    },
  });
  const { effect = null, findings = [] } = outlook.data ?? {};
  const error = take.error ?? outlook.error;
  return (
    <Dialog title={`Take “${id}” away?`} onClose={onClose} wide>
      {outlook.isPending && <p className="muted">Working out what would change …</p>}
      {findings.length > 0 && (
        <Notice tone="bad" title="It cannot be taken away">
          {findings.map((finding) => findingText(finding)).join("; ")}
        </Notice>
      )}
      {error !== null && (
        <Notice tone="bad" title="Not taken away">
          {error.message}
        </Notice>
      )}
      {effect !== null && (
        <div className="stack">
          <p>{effectSentence(effect)} Its revisions stay, to go back to.</p>
          <GroupChanges groups={effect.groups} />
        </div>
      )}
      <div className="actions">
        <Button onClick={onClose}>Keep it</Button>
        {effect !== null && (
          <Button
            tone="danger"
            busy={take.isPending}
            onClick={() => {
              take.mutate({ remove: id });
            }}
          >
            Take {id} away
          </Button>
        )}
      </div>
    </Dialog>
  );
}
